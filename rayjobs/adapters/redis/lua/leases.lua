-- A: expired (bool), id (or nil). Answers leases, all or those that ran out, of all batches or one.
local tokens = redis.call('ZRANGEBYSCORE', K.expiry, '-inf', A.expired and whole(NOW) or '+inf')
local found = {}
for _, token in ipairs(tokens) do
  local lease = cjson.decode(redis.call('HGET', K.leases, token))
  if not A.id or lease.batch == A.id then found[#found + 1] = lease end
end
return cjson.encode(found)
