#!lua flags=allow-oom
-- A: leave (an id or nil). Answers the workers whose heartbeat has not run out, without the one that leaves.
if A.leave then
  redis.call('DEL', K.worker(A.leave))
  redis.call('ZREM', K.workers, A.leave)
end
redis.call('ZREMRANGEBYSCORE', K.workers, '-inf', whole(NOW))
local found = {}
for _, id in ipairs(redis.call('ZRANGE', K.workers, 0, -1, 'WITHSCORES')) do found[#found + 1] = id end
local answer = {}
for i = 1, #found, 2 do
  local worker = redis.call('GET', K.worker(found[i]))
  if worker then answer[#answer + 1] = {worker = worker, left_ms = tonumber(found[i + 1]) - NOW} end
end
return cjson.encode({now_ms = NOW, workers = answer})
