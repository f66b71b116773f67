"""Memory of the door under large and slow peers: what 100 trickling 512 MB objects and 4 whole ones add.

    python bench/imaging/memory.py [--trickling 100] [--sent 16] [--whole 4] [--megabytes 512]
        [--folder /on/a/disk/with/room]

Each of the trickling associations sends `--sent` MB of its object, then a few bytes now and then;
meanwhile whole objects go through. Prints the resident memory of the doors process before, at its
highest, and after. Beyond the cap it exits with 1.
"""

# ruff: noqa: E402 - runs standalone, so it must find the package first
import argparse
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from sender import CLASSES, associate, instance, receive
from servers import confrere

from confrere.dimse import command, pdu

MEGABYTE = 1 << 20
CAP = 300  # MB
PER_ADDRESS = 14


def resident(process: int) -> float:
    """Resident memory in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


class Large:
    """One object of many MB on an association of its own, sent in steps."""

    def __init__(self, port: int, number: int, size: int) -> None:
        source = f"127.0.0.{2 + number // PER_ADDRESS}"
        self.sock, _ = associate(port, "ct", source)
        uid, small = instance("ct", 7_000_000 + number, 0)
        at = small.index(b"\xe0\x7f\x10\x00OW\0\0")
        head = small[: at + 8] + size.to_bytes(4, "little")
        asked = command.encode({
            command.COMMAND_FIELD: command.C_STORE_RQ, command.MESSAGE_ID: 1,
            command.PRIORITY: 0, command.AFFECTED_CLASS: CLASSES["ct"],
            command.AFFECTED_INSTANCE: uid, command.DATA_SET_TYPE: 1,
        })  # fmt: skip
        self.sock.sendall(pdu.p_data(1, asked, command=True, max_pdu=131072))
        self.left = size
        self._part(head, last=False)

    def send(self, count: int) -> None:
        """Send the next bytes of its pixels; the last ones end it."""
        while count:
            part = os.urandom(16) * (min(count, 128_000, self.left) // 16)
            count, self.left = count - len(part), self.left - len(part)
            self._part(part, last=self.left == 0)
            if not self.left:
                return

    def answered(self) -> int:
        """The status of its answer."""
        return command.parse(receive(self.sock)[1][6:]).number(command.STATUS)

    def _part(self, part: bytes, *, last: bool) -> None:
        kind = pdu.LAST if last else 0
        header = pdu.HEADER.pack(pdu.P_DATA, len(part) + 6)
        self.sock.sendall(header + pdu.FRAGMENT.pack(len(part) + 2, 1, kind) + part)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--trickling", type=int, default=100)
    options.add_argument("--sent", type=int, default=16)
    options.add_argument("--whole", type=int, default=4)
    options.add_argument("--megabytes", type=int, default=512)
    options.add_argument("--cap", type=int, default=CAP)
    options.add_argument("--folder", type=Path)
    chosen = options.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=chosen.folder) as folder,
        confrere(Path(folder)) as server,
    ):
        before = highest = resident(server.process)
        size = chosen.megabytes * MEGABYTE
        slow = [Large(server.dicom, n, size) for n in range(chosen.trickling)]
        for one in slow:
            one.send(chosen.sent * MEGABYTE)
            highest = max(highest, resident(server.process))
        fast = [Large(server.dicom, chosen.trickling + n, size) for n in range(chosen.whole)]
        threads = [threading.Thread(target=one.send, args=(size,)) for one in fast]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            for one in slow:
                one.send(16)
            highest = max(highest, resident(server.process))
            time.sleep(0.2)
        statuses = [one.answered() for one in fast]
        highest = max(highest, resident(server.process))
        for one in [*slow, *fast]:
            one.sock.shutdown(socket.SHUT_RDWR)
            one.sock.close()
        time.sleep(2)
        after = resident(server.process)
    added = highest - before
    print(f"{chosen.trickling} trickling, {chosen.whole} whole of {chosen.megabytes} MB")
    print(f"before {before:.0f} MB, highest {highest:.0f} MB, after {after:.0f} MB")
    print(
        f"added {added:.0f} MB (cap {chosen.cap}); answers {[f'{status:04X}' for status in statuses]}"
    )
    if added > chosen.cap or any(statuses):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
