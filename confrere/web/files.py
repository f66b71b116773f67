"""Own and third-party files: right types, validators, and caching that fits the name."""

import re
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

# the system's table differs from machine to machine
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
}
HASHED = re.compile(r"(^|[.-])[0-9a-f]{8,}\.")
A_YEAR = "max-age=31536000, immutable"


class Files(StaticFiles):
    """A folder of files. `only` names the subfolders that are served; empty: all.

    A file whose name or version (`?v=`) comes from its content is kept for a year; any other
    is asked for again each time, and answered with 304 where it did not change.
    """

    def __init__(
        self, folder: Path, *, shared: bool, only: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(directory=folder, check_dir=False)
        self.config_checked = True  # a folder that is absent answers 404, not 500
        self.audience = "public" if shared else "private"
        self.only = only

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve one file; raises HTTPException 404."""
        if (self.only and path.split("/", 1)[0] not in self.only) or _is_hidden(path):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        response = await super().get_response(path, scope)
        versioned = b"v" in parse_qs(scope.get("query_string", b""))
        name = path.rsplit("/", 1)[-1]
        keep = A_YEAR if versioned or HASHED.search(name) else "no-cache"
        response.headers["cache-control"] = f"{self.audience}, {keep}"
        known = TYPES.get(Path(name).suffix.lower())
        if known and response.status_code != HTTPStatus.NOT_MODIFIED:
            response.headers["content-type"] = known
        return response


class Viewer(Files):
    """OHIF's files; every address without a file name is a page of the viewer."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve a file, or the viewer's page."""
        is_page = "." not in path.rsplit("/", 1)[-1] or path in {".", "index.html"}
        return await super().get_response("index.html" if is_page else path, scope)


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))
