-- A: id, ranges [[first, count, attempt]], errors {code: items}. Failed items go back into the queue.
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
local allowed = false
for _, state in ipairs(FOLLOWS[b.state]) do allowed = allowed or state == 'queued' end
if not allowed or not b.finished_ms then return fail('CONFLICT', b.state) end
local items = 0
for _, r in ipairs(A.ranges) do
  items = items + r[2]
  redis.call('RPUSH', K.ranges(A.id), whole(r[1]) .. ':' .. whole(r[2]) .. ':' .. whole(r[3]))
end
local key = K.batch(A.id)
redis.call('HINCRBY', key, 'failed', -items)
for code, n in pairs(A.errors) do redis.call('HINCRBY', key, 'error:' .. code, -n) end
redis.call('HDEL', key, 'finished_ms', 'rate', 'rate_at', 'started_ms')
for _, name in ipairs({'batch', 'ranges', 'events'}) do redis.call('PERSIST', K[name](A.id)) end
redis.call('SADD', K.open, A.id)
b = load(A.id)
move(b, 'queued')
enqueue(A.id)
progress(b, true)
return cjson.encode(view(b))
