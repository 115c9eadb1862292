#!lua flags=allow-oom
-- A: id, error (JSON text or nil), remarks (JSON text or nil). Ends the listing. A repeat changes nothing.
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
if b.exact == '1' then return cjson.encode(finish(b)) end
redis.call('HSET', K.batch(A.id), 'exact', '1')
b.exact = '1'
if A.error then redis.call('HSET', K.batch(A.id), 'error', A.error) end
if A.remarks then redis.call('HSET', K.batch(A.id), 'remarks', A.remarks) end
if b.pending + b.running > 0 and b.state == 'expanding' then move(b, standing(b), 'listed') end
judge(b)
return cjson.encode(finish(b))
