#!lua flags=allow-oom
-- A: holder, ttl_ms, resign (bool). One dispatcher leads; its token fences what it claims. Answers the token or null.
local holder, token = string.match(redis.call('GET', K.leader) or '', '^(.*)|(%d+)$')
if holder and holder ~= A.holder then return cjson.encode(cjson.null) end
if A.resign then
  if holder then redis.call('DEL', K.leader) end
  return cjson.encode(cjson.null)
end
token = token or whole(next_token())
redis.call('SET', K.leader, A.holder .. '|' .. token, 'PX', A.ttl_ms)
return cjson.encode(token)
