"""Labelled places where a test lets the process die, as a power cut or a kill -9 would.

In production the variable is not set and a place costs one comparison.
"""

import os
import signal

_WHERE, _, _AFTER = os.environ.get("CONFRERE_CRASH_AT", "").partition(":")
_left = int(_AFTER or 1)


def crash_point(place: str) -> None:
    """Die here, by SIGKILL, when CONFRERE_CRASH_AT names this place, at the n-th time for `place:n`."""
    if place != _WHERE:
        return
    global _left  # noqa: PLW0603 - a counter for tests, set once from the environment
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
