"""Foreign programs that tests talk to: present, or the test is skipped and counted.

Mark a test, or a whole file through `pytestmark`, with `needs("storescu")`; a fixture calls
`require("storescu")`. With `CI=true` an absent peer is a failure: nothing is lost unseen.
`needs_shared()` is for reference material beside the checkout, which nothing can install: its
absence is counted too, but fails only where CONFRERE_SHARED says that it should be there.
"""

import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest

from confrere.assets import default_folder

ABSENT = "peer is absent: "
SHARED = "shared folder"
PAGE_ASSETS = "page assets"
# not only on PATH, and the interpreter's own folder left out: pynetdicom puts programs there
# that bear DCMTK's names
_PLACES = {
    "chromium": ("/usr/bin/chromium", "/usr/bin/chromium-browser"),
    "orthanc": ("/usr/sbin/Orthanc",),
    "orthanc-dicomweb": ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so",),
}


def needs(*peers: str) -> pytest.MarkDecorator:
    """Mark a test that talks to these programs."""
    return pytest.mark.needs(*peers)


def needs_shared() -> pytest.MarkDecorator:
    """Mark a test that reads the folder of reference material."""
    return pytest.mark.needs(SHARED)


def find(peer: str) -> Path | None:
    """Find a peer's program (or plug-in, or folder), or None."""
    if peer == SHARED:
        folder = shared_folder()
        return folder if folder.is_dir() else None
    if peer == PAGE_ASSETS:
        viewer = default_folder() / "ohif" / "index.html"
        return viewer if viewer.exists() else None
    if peer in _PLACES:
        return next((path for path in map(Path, _PLACES[peer]) if path.exists()), None)
    own = Path(sys.executable).parent
    folders = [name for name in os.get_exec_path() if name and Path(name) != own]
    found = shutil.which(peer, path=os.pathsep.join([*folders, "/usr/sbin"]))
    return Path(found) if found else None


def shared_folder() -> Path:
    """Say where reference material is looked for: CONFRERE_SHARED, else beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("CONFRERE_SHARED", beside))


def require(peer: str) -> Path:
    """Give a peer's path; skip the test that asks, or under CI fail it, when it is absent."""
    found = find(peer)
    if found is None:
        absent(peer)
    return found


def absent(peer: str) -> NoReturn:
    """Skip the test that found a peer absent; fail it where the peer was promised."""
    promised = "CONFRERE_SHARED" in os.environ if peer == SHARED else in_ci()
    if promised:
        pytest.fail(f"{ABSENT}{peer}", pytrace=False)
    pytest.skip(f"{ABSENT}{peer}")


def in_ci() -> bool:
    """Whether an absent peer is a failure."""
    return os.environ.get("CI", "").lower() in {"true", "1"}


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "needs(*peers): foreign programs this test talks to")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for a marked test's peers before its fixtures start anything."""
    for mark in item.iter_markers("needs"):
        for peer in mark.args:
            require(peer)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was not tried."""
    counts = Counter(
        str(report.longrepr[2]).partition(ABSENT)[2]
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and ABSENT in str(report.longrepr[2])
    )
    if counts:
        each = ", ".join(f"{peer} {count}" for peer, count in sorted(counts.items()))
        total = sum(counts.values())
        terminalreporter.write_line(f"{total} skipped because a peer is absent: {each}")
