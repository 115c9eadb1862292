-- A: id, whole (bool). Answers one batch; of a `whole` run alone where that is asked.
if A.whole and not restored() then return behind() end
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
return cjson.encode(view(b))
