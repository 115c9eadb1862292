-- A: ids, last (bool). Adds batches to the listing; with the last ones, the run is restored on this server.
-- Answers whether it is.
if A.ids then
  for _, id in ipairs(A.ids) do redis.call('ZADD', K.index, 0, id) end
  if A.last then redis.call('SET', K.restored, server()) end
end
return cjson.encode(restored())
