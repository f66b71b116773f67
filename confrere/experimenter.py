"""A replay that somebody asked for, in a process of its own: `python -m confrere.experimenter ID`.

Started by the worker; it ends with the worker.
"""

import ctypes
import os
import signal
import sys
from uuid import UUID

from confrere.logs import set_up
from confrere.settings import load
from confrere.wiring.house import open_house
from confrere.wiring.simulating import experiment

PR_SET_PDEATHSIG = 1
NICE = 5  # reading goes before reckoning


def main() -> None:
    """Run one, kept under the id that is given."""
    set_up()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.nice(NICE)
    house = open_house(load(), pool=1, system_pool=2)
    try:
        experiment(house, UUID(sys.argv[1]))
    finally:
        house.close()


if __name__ == "__main__":
    main()
