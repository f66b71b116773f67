"""What tests that drive pynetdicom's associations by hand need."""

import threading

from pynetdicom.association import Association


class Gate(threading.Event):
    """An event that tells when somebody really waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self.reached.set()
        return super().wait(timeout)


def hold_off(link: Association) -> Gate:
    """Keep pynetdicom's own reader from taking answers; `set()` the gate to let it go on.

    Its own flag flickers while it runs, and does not tell that it is held off.
    """
    before, gate = link._reactor_checkpoint, Gate()
    link._reactor_checkpoint = gate
    before.set()
    assert gate.reached.wait(10)
    return gate
