-- A: id. Removes a batch that the record has closed, or never had.
forget(A.id)
redis.call('DEL', K.events(A.id))
redis.call('ZREM', K.index, A.id)
return cjson.encode(true)
