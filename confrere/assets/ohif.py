"""OHIF's ready `dist`, trimmed to what a reading needs and moved under `/ohif/`. Pure."""

import re

BASE = "/ohif/"
MOVED_SCRIPTS = 8
"""How many scripts of version 3.13.2 name their public path; another count means that a new
version is laid out differently and would load from the wrong place."""

_DIST = "dist/"
_LICENCE = "LICENSE"
_LEFT_OUT = frozenset(
    {
        "_headers",
        "_redirects",
        "app-config.js",  # the product serves its own
        "es6-shim.min.js",
        "google.js",
        "init-service-worker.js",
        "oidc-client.min.js",
        "polyfill.min.js",
        "serve.json",
        "silent-refresh.html",
        "sw.js",  # a service worker would keep old viewers and answer for pages beside it
    }
)
_LEFT_OUT_PREFIXES = ("ort/", "dicom-microscopy-viewer/", "assets/apple-touch-startup")
_PUBLIC_PATH = b'__webpack_require__.p = "/"'


def keep(path: str) -> str | None:
    """Say under which name a file of the package is kept; None: left out."""
    if path == _LICENCE:
        return _LICENCE
    name = path.removeprefix(_DIST)
    if name == path or name in _LEFT_OUT or name.endswith(".map"):
        return None
    return None if name.startswith(_LEFT_OUT_PREFIXES) else name


def moved(name: str, content: bytes) -> bytes:
    """Rewrite the absolute paths in one kept file so that it works under `BASE`."""
    if name == "index.html":
        return _moved_page(content.decode()).encode()
    if name == "manifest.json":
        return content.replace(b'"/', b'"' + BASE.encode())
    if name.endswith(".css"):
        return content.replace(b"url(/", b"url(" + BASE.encode())
    if name.endswith(".js"):
        return content.replace(_PUBLIC_PATH, f'__webpack_require__.p = "{BASE}"'.encode())
    return content


def names_public_path(name: str, content: bytes) -> bool:
    """Whether `moved` changes this script's public path."""
    return name.endswith(".js") and _PUBLIC_PATH in content


def _moved_page(page: str) -> str:
    page = page.replace('window.PUBLIC_URL="/"', f'window.PUBLIC_URL="{BASE}"')
    page = re.sub(r'(href|src|content)="/(?!/)', rf'\1="{BASE}', page)
    page = re.sub(r"<script[^>]*init-service-worker[^>]*></script>", "", page)
    return re.sub(r'<link rel="apple-touch-startup-image"[^>]*>', "", page)
