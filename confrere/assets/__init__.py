"""Third-party files for the pages: installed at set-up, checked, never committed.

`install` brings each package of the catalogue through the npm client, refuses any whose
SHA-512 differs from the one pinned here, and keeps only the files that pages load:

    ohif/       the image viewer, made to live under /ohif/ (without its app-config.js: the
                product serves its own)
    htmx/       htmx.min.js, sse.min.js
    echarts/    echarts.min.js
    inter/      inter-latin.woff2, inter-latin-ext.woff2
    axe/        axe.min.js (accessibility tests only)
    VERSIONS.json

with each package's licence beside its files.
"""

from confrere.assets.installation import AssetsError, default_folder, install

__all__ = ["AssetsError", "default_folder", "install"]
