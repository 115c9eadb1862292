-- A: id. Forgets a batch that has ended; answers what it was.
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
if not VERBS.delete[b.state] then return fail('CONFLICT', b.state) end
for _, name in ipairs({'batch', 'ranges', 'events'}) do redis.call('DEL', K[name](A.id)) end
redis.call('ZREM', K.index, A.id)
return cjson.encode(view(b))
