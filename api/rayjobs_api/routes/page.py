"""The pages that people open in a browser, and the OpenAPI document that one of them shows."""

import html
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from rayjobs_api.requests.dependencies import TheCore, answer

STATIC = Path(__file__).resolve().parents[1] / "static"
_POLICY = (
    # A page loads everything from this API, and has no inline script or style.
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_IMAGES = {
    "status": "'self'",
    # Swagger UI's style sheet contains its icons (data:), and the page shows a preview from memory (blob:).
    "docs": "'self' data: blob:",
}
_HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
_PAGES = {name: Template((STATIC / f"{name}.html").read_text("utf-8")) for name in ("status", "docs")}

router = APIRouter(include_in_schema=False)


@router.get("/")
def status(core: TheCore) -> Response:
    return _page("status", dashboard=core.settings.dashboard_url or "")


@router.get("/docs")
def docs() -> Response:
    return _page("docs")


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    return answer(request.app.openapi())


def _page(name: str, **values: str) -> Response:
    escaped = {key: html.escape(value) for key, value in values.items()}
    headers = _HEADERS | {"Content-Security-Policy": _POLICY.format(images=_IMAGES[name])}
    return HTMLResponse(_PAGES[name].substitute(escaped), headers=headers)
