"""Pictures are made where they can do no harm: hostile ones cost a child, never the server."""

import io
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from confrere.imaging import fenced
from confrere.imaging.elements import encoding_of
from confrere.imaging.fenced import NATIVE_FRAME, PICTURE, Fence, Job, job_of
from confrere.imaging.pixels import map_pixels
from confrere.imaging.rendering import Look
from confrere.kernel.errors import Invalid
from tests.dicomweb import image


@pytest.fixture(scope="module")
def fence() -> Iterator[Fence]:
    made = Fence(seconds=30)
    yield made
    made.close()


def job(act: str = PICTURE, look: Look | None = None) -> Job:
    one = image(1, "1.2.3", Rows=64, Columns=64)
    one.PixelData = (np.arange(4096) % 1000).astype("<u2").tobytes()
    out = io.BytesIO()
    pydicom.dcmwrite(out, one, implicit_vr=False, little_endian=True)
    syntax = str(ExplicitVRLittleEndian)
    where = map_pixels(out, encoding_of(syntax))
    return job_of(act, out, where, syntax, 1, look or Look("image/png"))


def test_a_child_makes_the_same_picture_and_the_same_values(fence: Fence) -> None:
    for act, look in ((PICTURE, Look("image/png", (40, 400), (32, 32))), (NATIVE_FRAME, None)):
        assert fence.run(job(act, look)) == fenced.do(job(act, look))
    assert Image.open(io.BytesIO(fence.run(job()))).size == (64, 64)


def test_what_cannot_be_decoded_is_refused_and_the_next_is_made(fence: Fence) -> None:
    fine = job()
    torn = Job(PICTURE, fine.head, fine.content[:100], fine.syntax, 1, fine.look)
    with pytest.raises(Invalid, match="can't be decoded"):
        fence.run(torn)
    with pytest.raises(Invalid, match="can't be"):
        fence.run(Job(PICTURE, b"\x08\x00" * 9000, b"", fine.syntax, 1, fine.look))
    assert fence.run(fine) == fenced.do(fine)


def test_what_takes_too_much_memory_costs_a_refusal() -> None:
    small = Fence(1, seconds=30, memory=700 << 20)
    one = pydicom.Dataset()
    one.Rows = one.Columns = 16_000  # 256 MB as stored, four times that in the making
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated = one.BitsStored = 8
    one.HighBit, one.PixelRepresentation = 7, 0
    out = io.BytesIO()
    pydicom.dcmwrite(out, one, implicit_vr=False, little_endian=True)
    flood = Job(
        PICTURE, out.getvalue(), b"\x07" * 256_000_000, str(ExplicitVRLittleEndian), 1,
        job().look,
    )  # fmt: skip
    with pytest.raises(Invalid, match="memory"):
        small.run(flood)
    assert small.run(job()) == fenced.do(job())
    small.close()


def test_what_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Fence(1, seconds=30)
    slow.run(job())
    child = slow._free.get()
    assert child is not None
    os.kill(child._process.pid, signal.SIGSTOP)
    slow._free.put(child)
    monkeypatch.setattr(slow, "_seconds", 0.3)
    began = time.monotonic()
    with pytest.raises(Invalid, match="too long"):
        slow.run(job())
    assert time.monotonic() - began < 3
    monkeypatch.setattr(slow, "_seconds", 30)
    assert slow.run(job()) == fenced.do(job())
    slow.close()


def test_a_child_that_crashes_is_replaced_and_many_ask_at_once(fence: Fence) -> None:
    fence.run(job())
    child = fence._free.get()
    assert child is not None
    child._process.kill()
    child._process.wait()
    fence._free.put(child)
    expected = fenced.do(job())
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: fence.run(job()), range(12)))
    assert answers == [expected] * 12


def test_a_child_has_none_of_our_secrets(fence: Fence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    other = Fence(1)
    other.run(job())
    child = other._free.get()
    assert child is not None
    assert b"secret" not in Path(f"/proc/{child._process.pid}/environ").read_bytes()
    other._free.put(child)
    other.close()
