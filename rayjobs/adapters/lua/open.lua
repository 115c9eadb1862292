-- A: expanding (bool). Answers the open batches whose source is to be listed, or those that only need closing.
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', K.open)) do
  local b = redis.call('HMGET', K.batch(id), 'state', 'running')
  if A.expanding and b[1] == 'expanding' then found[#found + 1] = id end
  if not A.expanding and b[1] == 'finalizing' and b[2] == '0' then found[#found + 1] = id end
end
return cjson.encode(found)
