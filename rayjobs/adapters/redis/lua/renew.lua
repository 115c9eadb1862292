#!lua flags=allow-oom
-- A: tokens, lease_ms. Prolongs the leases that are still held; answers the tokens of the others; none
-- before this run is restored, for they may be among what is to come back.
local lost = {}
local whole_run = restored()
for _, token in ipairs(A.tokens) do
  if redis.call('HEXISTS', K.leases, token) == 1 then
    redis.call('ZADD', K.expiry, whole(NOW + A.lease_ms), token)
  elseif whole_run then
    lost[#lost + 1] = token
  end
end
return cjson.encode(lost)
