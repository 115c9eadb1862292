-- A: id, after (an event's id or nil). Answers the events behind it, oldest first.
if redis.call('EXISTS', K.batch(A.id)) == 0 then return fail('NOT_FOUND', A.id) end
local found = {}
for _, entry in ipairs(redis.call('XRANGE', K.events(A.id), A.after and '(' .. A.after or '-', '+')) do
  found[#found + 1] = {id = entry[1], kind = entry[2][2], data = entry[2][4]}
end
return cjson.encode(found)
