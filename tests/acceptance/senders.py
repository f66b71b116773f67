"""What machines send to the house: instances by a foreign toolkit, and HL7 messages."""

import itertools
import os
from datetime import timedelta
from pathlib import Path

import pydicom

from confrere.hl7.acknowledge import Acknowledgement
from confrere.hl7.sender import Sender
from confrere.kernel.errors import Unavailable
from tests.acceptance.house import House

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CT = "1.2.840.10008.5.1.4.1.1.2"
SECOND = timedelta(seconds=1)
controls = itertools.count(1)
RUN = os.urandom(3).hex()


def control_id() -> str:
    """A message control id that nothing else of this run has."""
    return f"{RUN}{next(controls)}"


def adt(control: str = "", mrn: str = "M77", sender: str = "RIS|LMH") -> bytes:
    """A patient update of the sender."""
    return "\r".join(
        [
            f"MSH|^~\\&|{sender}|CONFRERE|LMH|20261124||ADT^A08|{control or control_id()}|P|2.5.1",
            "EVN|A08|20261124",
            f"PID|1||{mrn}^^^LMH-MRN^MR||DOE^JANE||19620412|F",
            "PV1|1|O",
            "",
        ]
    ).encode()


def send_hl7(house: House, raw: bytes) -> Acknowledgement:
    """Send one message to the house and return its answer."""
    return Sender().send("127.0.0.1", house.ports["mllp"], raw, 10 * SECOND)


def acknowledged(house: House) -> str:
    """The code that an ordinary message gets; empty when nobody answers."""
    try:
        return str(send_hl7(house, adt()).code)
    except Unavailable:
        return ""
