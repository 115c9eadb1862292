"""What a batch's record keeps of its request."""

from rayjobs.request.spec import parse_request

_FORM, _WORK = parse_request({"source": {"type": "samples", "count": 12}, "pipeline": []})
DOCUMENT = _FORM.document(_WORK)
