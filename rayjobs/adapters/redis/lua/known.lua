-- A: key. Answers what the idempotency key stands for, or null; null too once its batch was deleted.
local known = redis.call('GET', K.idempotency(A.key))
local id = string.match(known or '', '^(.-)|')
if not id or redis.call('EXISTS', K.batch(id)) == 0 then known = nil end
return cjson.encode(known or cjson.null)
