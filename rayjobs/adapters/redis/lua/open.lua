-- A: wanted ('any', 'expanding', 'closable' or 'overdue'). Answers the open batches: all of them, those whose source is
-- to be listed, those that only need closing, or those whose deadline is over and that nothing has ended so far.
local wanted = {
  any = function() return true end,
  expanding = function(b) return b.exact == '0' end,
  closable = function(b) return b.state == 'finalizing' and b.running == '0' end,
  overdue = function(b) return b.deadline_ms and tonumber(b.deadline_ms) <= NOW and b.state ~= 'finalizing' end,
}
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', K.open)) do
  local b = redis.call('HMGET', K.batch(id), 'state', 'running', 'exact', 'deadline_ms')
  if wanted[A.wanted]({state = b[1], running = b[2], exact = b[3], deadline_ms = b[4]}) then found[#found + 1] = id end
end
return cjson.encode(found)
