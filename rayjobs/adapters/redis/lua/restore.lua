-- A: batch {id, total, exact, priority, document, created_ms, deadline_s}, cut (bool), started_ms, finished_ms, ran_ms, counts {name: items}, errors,
-- waiting [[first, count, attempt]], running [lease], error, remarks, closed (a state), fence, key, body_hash, lease_ms,
-- key_ttl_s, ttl_s, reopened (a token), add (bool). Makes a batch stand as its record tells. A repeat changes nothing.
local id = A.batch.id
if redis.call('EXISTS', K.gone(id)) == 1 then return fail('NOT_FOUND', id) end
local known = load(id)
if known then
  -- What the record told before the retry that this registry has taken since is over.
  if tonumber(known.reopened or 0) > A.reopened then return cjson.encode(false) end
  if A.add and (A.closed or redis.call('SISMEMBER', K.open, id) == 1) then return cjson.encode(false) end
end
local ttl_s = A.key_ttl_s - math.floor((NOW - (A.batch.created_ms or NOW)) / 1000)
if A.key and ttl_s > 0 then
  -- A restore is no submission: it takes the key from nobody.
  local holder = string.match(redis.call('GET', K.idempotency(A.key)) or '', '^(.-)|')
  if not holder or redis.call('EXISTS', K.batch(holder)) == 0 then
    redis.call('SET', K.idempotency(A.key), id .. '|' .. A.body_hash, 'EX', ttl_s)
  end
end
forget(id)

local running = 0
for _, lease in ipairs(A.running) do
  running, lease.run = running + lease.count, RUN
  redis.call('HSET', K.leases, lease.token, cjson.encode(lease))
  redis.call('ZADD', K.expiry, whole(NOW + A.lease_ms), lease.token)
end
local key = K.batch(id)
redis.call('HSET', key, 'total', whole(A.batch.total), 'exact', A.batch.exact and '1' or '0',
  'priority', whole(A.batch.priority), 'document', A.batch.document, 'created_ms', whole(A.batch.created_ms or NOW),
  'reopened', whole(A.reopened), 'running', running, 'succeeded', 0, 'cached', 0, 'skipped', 0, 'failed', 0, 'cancelled', 0)
for _, name in ipairs({'started_ms', 'finished_ms', 'ran_ms'}) do
  if A[name] then redis.call('HSET', key, name, whole(A[name])) end
end
if A.cut then redis.call('HSET', key, 'cut', '1') end
if A.batch.deadline_s then redis.call('HSET', key, 'deadline_ms', deadline(A.batch)) end
if A.error then redis.call('HSET', key, 'error', A.error) end
if A.remarks then redis.call('HSET', key, 'remarks', A.remarks) end
for name, n in pairs(A.counts) do redis.call('HSET', key, name, n) end
for code, n in pairs(A.errors) do redis.call('HSET', key, 'error:' .. code, n) end
for _, r in ipairs(A.waiting) do
  redis.call('RPUSH', K.ranges(id), whole(r[1]) .. ':' .. whole(r[2]) .. ':' .. whole(r[3]))
end
redis.call('SET', K.fence, whole(math.max(tonumber(redis.call('GET', K.fence) or 0), A.fence)))
redis.call('ZADD', K.index, 0, id)
local b = load(id)
enter(b, A.closed or standing(b), 'restored', 'dispatcher')
local waiting = 0
for _, r in ipairs(A.waiting) do waiting = waiting + r[2] end
if b.pending ~= waiting then error('ILLEGAL ' .. waiting .. ' items wait of ' .. b.pending) end
if A.closed then
  event(id, 'end', {state = A.closed, counts = view(b).counts})
  retain(id, A.ttl_s)
else
  redis.call('SADD', K.open, id)
  progress(b, true)
  if #A.waiting > 0 then enqueue(b) end
  judge(b)
  finish(b)
end
return cjson.encode(true)
