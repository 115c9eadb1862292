#!lua flags=allow-oom
-- A: leader, slots, most, lease_ms, floor_ms, cap_ms. Takes chunks off the queue, each under a lease.
-- The batch with the least virtual time comes first; time used counts 2^-priority.
local held = string.match(redis.call('GET', K.leader) or '', '|(%d+)$')
if held ~= whole(A.leader) then return fail('NOT_LEADER', held or 'nobody leads') end

-- The twin of lease.Pace.size; the contract suite holds the two together.
local function size(waiting, item_ms)
  if not item_ms then return 1 end
  local guided = math.ceil(waiting / (4 * math.max(A.slots, 1)))
  local floor = math.floor(A.floor_ms / math.max(item_ms, 0.001))
  local cap = math.floor(A.cap_ms / math.max(item_ms, 0.001))
  return math.max(1, math.min(math.max(guided, floor), cap, waiting))
end

local leases = {}
while #leases < A.most do
  local top = redis.call('ZRANGE', K.queue, 0, 0, 'WITHSCORES')
  if #top == 0 then break end
  local id, used = top[1], tonumber(top[2])
  local raw = redis.call('LPOP', K.ranges(id))
  if not raw then
    redis.call('ZREM', K.queue, id)
  else
    local b = load(id)
    local item_ms = tonumber(b.item_ms)
    local first, count, attempt = string.match(raw, '(%d+):(%d+):(%d+)')
    first, count = tonumber(first), tonumber(count)
    local n = math.min(size(b.pending, item_ms), count)
    if n < count then redis.call('LPUSH', K.ranges(id), whole(first + n) .. ':' .. whole(count - n) .. ':' .. attempt) end
    local lease = {token = next_token(), batch = id, run = RUN, first = first, count = n, attempt = tonumber(attempt)}
    lease.token = whole(lease.token)
    redis.call('HSET', K.leases, lease.token, cjson.encode(lease))
    redis.call('ZADD', K.expiry, whole(NOW + A.lease_ms), lease.token)
    redis.call('HINCRBY', K.batch(id), 'running', n)
    if not b.started_ms then redis.call('HSET', K.batch(id), 'started_ms', whole(NOW)) end
    if b.state == 'queued' then move(b, 'running', 'claimed') end
    used = used + n * (item_ms or 100) / 2 ^ tonumber(b.priority)
    redis.call('HSET', K.batch(id), 'vtime', string.format('%.3f', used))
    redis.call('SET', K.clock, top[2])
    if n < count or redis.call('LLEN', K.ranges(id)) > 0 then
      redis.call('ZADD', K.queue, string.format('%.3f', used), id)
    else
      redis.call('ZREM', K.queue, id)
    end
    leases[#leases + 1] = lease
  end
end
return cjson.encode(leases)
