"""Pages for people: plain HTML without scripts, which no other site may frame and which leaks no address."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import Response

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:40rem;margin:0 auto;padding:2rem 1rem}
pre{overflow:auto;padding:.8rem;background:#8882;border-radius:4px;white-space:pre-wrap;word-break:break-all}
button{font:inherit;padding:.5rem 1rem}
"""
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}


def page(title: str, body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A page; `body` is HTML whose texts are escaped already."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return Response(html.encode("utf-8", "backslashreplace"), status, HEADERS | (headers or {}), media_type="text/html; charset=utf-8")
