"""Static files: styles and scripts, at paths that change with their content, so that browsers keep them forever."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding", "Cross-Origin-Resource-Policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file, its compressed form, and the hash in its path."""

    content: bytes
    compressed: bytes
    kind: str
    hash: str


@cache
def files() -> dict[str, StaticFile]:
    """The files that are served, by name."""
    found: dict[str, StaticFile] = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in KINDS:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:12]
            found[path.name] = StaticFile(content, gzip.compress(content, 9), KINDS[path.suffix], digest)
    return found


def url(name: str) -> str:
    """The path of a file. KeyError for one that is not there."""
    return f"/console/static/{files()[name].hash}/{name}"


async def serve(request: Request) -> Response:
    """One file. A path with an older hash gets the file of now, which browsers then ask for again each time."""
    file = files().get(request.path_params["name"])
    if file is None:
        return Response("There is no such file.", 404, media_type="text/plain")
    headers = dict(HEADERS)
    if request.path_params["hash"] != file.hash:
        headers["Cache-Control"] = "no-cache"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.kind)
    return Response(file.content, headers=headers, media_type=file.kind)
