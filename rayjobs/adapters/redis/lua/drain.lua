#!lua flags=allow-oom
-- A: id, ask (bool), ttl_s. Answers whether a worker is asked to drain; with `ask`, asks it first.
if A.ask then
  if redis.call('EXISTS', K.worker(A.id)) == 0 then return fail('NO_WORKER', A.id) end
  redis.call('SET', K.drain(A.id), '1', 'EX', A.ttl_s)
end
return cjson.encode(redis.call('EXISTS', K.drain(A.id)) == 1)
