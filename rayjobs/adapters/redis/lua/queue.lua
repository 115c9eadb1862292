-- Answers the queue's figures over all open batches, and whether these are all that the record tells.
local q = {run_id = RUN, pending = 0, in_flight = 0, images_per_s = 0, oldest_age_s = 0, batches_by_state = {}, complete = restored()}
q.leases = redis.call('HLEN', K.leases)
q.stale_settlements = tonumber(redis.call('GET', K.stale) or 0)
for _, id in ipairs(redis.call('SMEMBERS', K.open)) do
  local b = load(id)
  q.pending = q.pending + b.pending
  q.in_flight = q.in_flight + b.running
  q.images_per_s = q.images_per_s + pace(b)
  q.batches_by_state[b.state] = (q.batches_by_state[b.state] or 0) + 1
  if b.pending > 0 then q.oldest_age_s = math.max(q.oldest_age_s, (NOW - b.created_ms) / 1000) end
end
return cjson.encode(q)
