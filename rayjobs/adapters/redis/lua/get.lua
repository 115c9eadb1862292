-- A: id. Answers one batch.
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
return cjson.encode(view(b))
