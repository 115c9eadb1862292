-- A: key. Answers what the idempotency key stands for, or null.
return cjson.encode(redis.call('GET', K.idempotency(A.key)) or cjson.null)
