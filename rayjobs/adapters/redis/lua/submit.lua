-- A: batch {id, total, exact, priority, document, deadline_s, created_ms (or nil)}, actor, key, body_hash, key_ttl_s,
-- most_open.
-- Enters a batch, its index and its first range, all or none. A key that came before answers its batch.
if A.key then
  local before = redis.call('GET', K.idempotency(A.key))
  local id, hash = string.match(before or '', '^(.-)|(.*)$')
  if id and redis.call('EXISTS', K.batch(id)) == 1 then
    if hash ~= A.body_hash then return fail('IDEMPOTENCY', id) end
    return cjson.encode({id = id, created = false})
  end
end
local waiting = redis.call('SCARD', K.open)
if waiting >= A.most_open then return fail('QUEUE_FULL', whole(waiting)) end
local id = A.batch.id
if redis.call('EXISTS', K.batch(id)) == 1 then return cjson.encode({id = id, created = false}) end
redis.call('HSET', K.batch(id), 'total', whole(A.batch.total),
  'exact', A.batch.exact and '1' or '0', 'priority', whole(A.batch.priority), 'document', A.batch.document,
  'created_ms', whole(A.batch.created_ms or NOW), 'running', 0, 'succeeded', 0, 'cached', 0, 'skipped', 0, 'failed', 0,
  'cancelled', 0)
redis.call('ZADD', K.index, 0, id)
redis.call('SADD', K.open, id)
if A.batch.deadline_s then redis.call('HSET', K.batch(id), 'deadline_ms', deadline(A.batch)) end
local b = {id = id}
enter(b, A.batch.exact and 'queued' or 'expanding', 'submit', A.actor)
if A.key then redis.call('SET', K.idempotency(A.key), id .. '|' .. A.body_hash, 'EX', A.key_ttl_s) end
if A.batch.total > 0 then
  redis.call('RPUSH', K.ranges(id), '0:' .. whole(A.batch.total) .. ':1')
  enqueue(b)
else
  redis.call('PUBLISH', NS .. ':wake', id)
end
return cjson.encode({id = id, created = true})
