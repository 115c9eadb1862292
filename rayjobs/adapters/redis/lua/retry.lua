-- A: id, actor, ranges [[first, count, attempt]], errors {code: items}, cancelled (items), token (of `reserve`, or nil).
-- Failed items, and those that an early end kept from running, go back into the queue.
if not restored() then return behind() end
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
if not VERBS.retry[b.state] then return fail('CONFLICT', b.state) end
if A.token and tonumber(b.reserved or 0) ~= A.token then return fail('RESERVED', A.id) end
if not A.token and reserved(b) then return fail('RESERVED', A.id) end
local items = 0
for _, r in ipairs(A.ranges) do
  items = items + r[2]
  redis.call('RPUSH', K.ranges(A.id), whole(r[1]) .. ':' .. whole(r[2]) .. ':' .. whole(r[3]))
end
local key = K.batch(A.id)
redis.call('HINCRBY', key, 'failed', A.cancelled - items)
redis.call('HINCRBY', key, 'cancelled', -A.cancelled)
for code, n in pairs(A.errors) do redis.call('HINCRBY', key, 'error:' .. code, -n) end
if b.started_ms and b.finished_ms then redis.call('HINCRBY', key, 'ran_ms', whole(b.finished_ms - b.started_ms)) end
if b.cut then redis.call('HSET', key, 'exact', '0') end
redis.call('HSET', key, 'reopened', whole(A.token or next_token()))
redis.call('HDEL', key, 'reserved', 'reserved_until', 'cut', 'ending', 'error', 'finished_ms', 'rate', 'rate_at', 'started_ms')
for _, name in ipairs({'batch', 'ranges', 'events'}) do redis.call('PERSIST', K[name](A.id)) end
redis.call('SADD', K.open, A.id)
b = load(A.id)
move(b, standing(b), 'retry', A.actor)
enqueue(b)
progress(b, true)
return cjson.encode(view(b))
