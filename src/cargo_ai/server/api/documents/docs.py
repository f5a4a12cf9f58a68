"""The page /docs: every operation by domain, without external scripts, fonts or hosts."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any

from starlette.responses import Response

_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:0 auto;padding:1rem}
input{font:inherit;width:100%;padding:.5rem;box-sizing:border-box;position:sticky;top:.5rem}
details{border-top:1px solid #8884;padding:.4rem 0}
summary{cursor:pointer}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{overflow:auto;padding:.6rem;background:#8881;border-radius:4px}
.verb{display:inline-block;min-width:4.5em;font-weight:600}
"""

_SCRIPT = """
const box = document.querySelector('input');
box.addEventListener('input', () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const section of document.querySelectorAll('section')) {
    let shown = 0;
    for (const operation of section.querySelectorAll('details.operation')) {
      const text = operation.dataset.text;
      operation.hidden = !words.every(word => text.includes(word));
      shown += operation.hidden ? 0 : 1;
    }
    section.hidden = shown === 0;
  }
});
"""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page(openapi: dict[str, Any]) -> Response:
    """The page for one OpenAPI document."""
    domains: dict[str, list[str]] = {}
    for path, verbs in openapi["paths"].items():
        for verb, operation in verbs.items():
            domains.setdefault(operation["tags"][0], []).append(_operation(verb.upper(), path, operation))
    sections = "".join(f"<section><h2>{escape(domain)}</h2>{''.join(rows)}</section>" for domain, rows in domains.items())
    schemas = "".join(
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_code(schema)}</details>'
        for name, schema in sorted(openapi["components"]["schemas"].items())
    )
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>cargo-ai {escape(openapi['info']['version'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>cargo-ai {escape(openapi['info']['version'])}</h1>"
        "<p>Every path is under <code>/v1</code>; send <code>Authorization: Bearer &lt;token&gt;</code>. "
        'The same as a document: <a href="/openapi.json">openapi.json</a>.</p>'
        '<input type="search" placeholder="Search operations" aria-label="Search operations" autofocus>'
        f"{sections}<h2>Schemas</h2>{schemas}<script>{_SCRIPT}</script></body></html>"
    )
    return Response(html.encode(), 200, HEADERS, media_type="text/html; charset=utf-8")


def _operation(verb: str, path: str, operation: dict[str, Any]) -> str:
    text = escape(" ".join([verb, path, operation["operationId"], operation["x-command"], operation["summary"]]).lower(), quote=True)
    parts = [f"<p><code>{escape(operation['x-command'])}</code></p>"]
    if operation["x-permission"]:
        parts.append(f"<p>Needs <code>{escape(operation['x-permission'])}</code></p>")
    parameters = [parameter for parameter in operation["parameters"] if parameter["in"] in {"path", "query"}]
    if parameters:
        parts.append("<h4>Path and query</h4>" + _code({parameter["name"]: parameter["schema"] for parameter in parameters}))
    if body := operation.get("requestBody"):
        parts.append("<h4>Body</h4>" + _code(body["content"]["application/json"]["schema"]))
    parts.append("<h4>Reply</h4>" + _code(next(iter(operation["responses"]["200"]["content"].values()))["schema"]))
    if errors := operation["x-errors"]:
        rows = "".join(
            f"<li><code>{refusal['status']} {escape(reason)}</code> {escape(refusal['sentence'])}</li>"
            for reason, refusal in errors.items()
        )
        parts.append(f"<h4>Refusals</h4><ul>{rows}</ul>")
    title = f'<span class="verb">{verb}</span> <code>{escape(path)}</code> {escape(operation["summary"])}'
    return f'<details class="operation" data-text="{text}"><summary>{title}</summary>{"".join(parts)}</details>'


def _code(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
