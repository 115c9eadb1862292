#!lua flags=allow-oom
-- A: id, state, finished_ms (or nil), ttl_s. Gives a batch its terminal state. A repeat changes nothing.
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
if b.state == 'finalizing' and b.running == 0 then
  redis.call('HSET', K.batch(A.id), 'finished_ms', whole(A.finished_ms or NOW))
  move(b, A.state, 'closed')
  event(A.id, 'end', {state = A.state, counts = view(b).counts})
  retain(A.id, A.ttl_s)
  b = load(A.id)
end
return cjson.encode(view(b))
