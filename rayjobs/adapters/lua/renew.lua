-- A: tokens, lease_ms. Prolongs the leases that are still held; answers the tokens of the others.
local lost = {}
for _, token in ipairs(A.tokens) do
  if redis.call('HEXISTS', K.leases, token) == 1 then
    redis.call('ZADD', K.expiry, whole(NOW + A.lease_ms), token)
  else
    lost[#lost + 1] = token
  end
end
return cjson.encode(lost)
