-- A: id, total. Queues the items between the batch's total and the new one; false once it takes no more.
-- A repeat with the same total changes nothing.
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
if b.exact == '1' then return cjson.encode(false) end
if A.total > b.total then
  redis.call('RPUSH', K.ranges(A.id), whole(b.total) .. ':' .. whole(A.total - b.total) .. ':1')
  redis.call('HSET', K.batch(A.id), 'total', whole(A.total))
  enqueue(b)
end
return cjson.encode(true)
