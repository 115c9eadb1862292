#!lua flags=allow-oom
-- A: id, gone_s. Forgets a batch that has ended; answers what it was. For a while nobody restores it.
if not restored() then return behind() end
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
if not VERBS.delete[b.state] then return fail('CONFLICT', b.state) end
if reserved(b) then return fail('RESERVED', A.id) end
redis.call('SET', K.gone(A.id), '1', 'EX', A.gone_s)
for _, name in ipairs({'batch', 'ranges', 'events'}) do redis.call('DEL', K[name](A.id)) end
redis.call('ZREM', K.index, A.id)
return cjson.encode(view(b))
