#!lua flags=allow-oom
-- A: token, counts {name: items}, errors {code: items}, again [[first, count, attempt]], busy_ms.
-- Ends a lease: adds what ended to the counts and puts the rest back. A token that is not held is refused.
local raw = redis.call('HGET', K.leases, A.token)
if not raw then
  if restored() then redis.call('INCR', K.stale) end -- else it may be among those that come back
  return fail('LEASE_LOST', A.token)
end
local lease = cjson.decode(raw)
local b = load(lease.batch)
local ended, back = 0, 0
for _, n in pairs(A.counts) do ended = ended + n end
for _, range in ipairs(A.again) do back = back + range[2] end
if ended + back ~= lease.count then error('ILLEGAL tally of ' .. ended + back .. ' items for ' .. lease.count) end
redis.call('HDEL', K.leases, A.token)
redis.call('ZREM', K.expiry, A.token)
local key = K.batch(lease.batch)
b.running = redis.call('HINCRBY', key, 'running', -lease.count)
for name, n in pairs(A.counts) do b[name] = redis.call('HINCRBY', key, name, n) end
for code, n in pairs(A.errors) do b['error:' .. code] = redis.call('HINCRBY', key, 'error:' .. code, n) end
if back > 0 and b.ending then
  b.cancelled = redis.call('HINCRBY', key, 'cancelled', back)
  ended = ended + back
elseif back > 0 then
  for _, r in ipairs(A.again) do
    redis.call('RPUSH', K.ranges(lease.batch), whole(r[1]) .. ':' .. whole(r[2]) .. ':' .. whole(r[3]))
  end
  enqueue(b)
end
if ended > 0 then
  local rate = (tonumber(b.rate or 0)) * math.exp(((b.rate_at or NOW) - NOW) / 10000) + ended / 10
  b.rate, b.rate_at = rate, NOW
  redis.call('HSET', key, 'rate', string.format('%.6f', rate), 'rate_at', whole(NOW))
  if A.busy_ms > 0 then
    local item_ms = A.busy_ms / ended
    if b.item_ms then item_ms = (item_ms + tonumber(b.item_ms)) / 2 end
    redis.call('HSET', key, 'item_ms', string.format('%.4f', item_ms))
  end
end
b = load(lease.batch)
judge(b)
progress(b, b.pending + b.running == 0)
return cjson.encode(finish(b))
