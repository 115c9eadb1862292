#!lua flags=allow-oom
-- A: written (ids of moves), id (of a batch, or nil). Forgets the moves that the record has; answers the oldest 1000
-- others of all batches, or of the one.
if #A.written > 0 then redis.call('XDEL', K.moves, unpack(A.written)) end
local found, from = {}, '-'
repeat
  local entries = redis.call('XRANGE', K.moves, from, '+', 'COUNT', 1000)
  for _, entry in ipairs(entries) do
    from = '(' .. entry[1]
    if (not A.id or entry[2][2] == A.id) and #found < 1000 then
      local move = cjson.decode(entry[2][4])
      move.id, move.batch_id = entry[1], entry[2][2]
      found[#found + 1] = move
    end
  end
until #entries < 1000 or #found == 1000
return cjson.encode(found)
