#!lua flags=allow-oom
-- A: written (ids of moves), id (of a batch, or nil). Forgets the moves that the record has; answers the oldest 1000 others.
if #A.written > 0 then redis.call('XDEL', K.moves, unpack(A.written)) end
local found = {}
for _, entry in ipairs(redis.call('XRANGE', K.moves, '-', '+', 'COUNT', 1000)) do
  local move = cjson.decode(entry[2][4])
  move.id, move.batch_id = entry[1], entry[2][2]
  if not A.id or move.batch_id == A.id then found[#found + 1] = move end
end
return cjson.encode(found)
