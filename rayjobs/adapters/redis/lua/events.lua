-- A: id, after (an event's id or nil). Answers the events behind it, oldest first, and how the batch has ended.
if not restored() then return behind() end
local state = redis.call('HGET', K.batch(A.id), 'state')
if not state then return fail('NOT_FOUND', A.id) end
local found = {}
for _, entry in ipairs(redis.call('XRANGE', K.events(A.id), A.after and '(' .. A.after or '-', '+')) do
  found[#found + 1] = {id = entry[1], kind = entry[2][2], data = entry[2][4]}
end
local ended = VERBS.delete[state] and {state = state, counts = view(load(A.id)).counts}
return cjson.encode({events = found, ended = ended or cjson.null})
