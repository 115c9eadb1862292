-- A: id. What waits is cancelled; what runs may finish, and is then closed. A repeat changes nothing.
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
if b.state == 'finalizing' and b.closing == 'cancelled' then return cjson.encode(view(b)) end
if #FOLLOWS[b.state] == 0 or b.finished_ms or b.state == 'finalizing' then return fail('CONFLICT', b.state) end
redis.call('DEL', K.ranges(A.id))
redis.call('ZREM', K.queue, A.id)
redis.call('HINCRBY', K.batch(A.id), 'cancelled', b.pending)
redis.call('HSET', K.batch(A.id), 'closing', 'cancelled', 'exact', '1')
b = load(A.id)
move(b, 'finalizing')
progress(b, true)
finish(b)
return cjson.encode(view(b))
