"""Decode and render in a process of its own, that can be lost without harm.

Codecs are libraries in C and C++, and what they are fed came from anywhere: a picture may ask for
all memory, never end, or bring its decoder down. Here it does so in a child with an address space
of `MEMORY` bytes, none of our secrets, and `SECONDS` for each frame; then the child is ended and
the frame is refused. The child is trusted with nothing: it answers with a length and bytes.
"""

import json
import os
import queue
import resource
import select
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO

from confrere.imaging.elements import encoding_of
from confrere.imaging.pixels import PixelMap, read_frame
from confrere.imaging.syntaxes import is_video
from confrere.kernel.errors import Invalid, Unavailable

MEMORY = 3 << 30  # of the child's address space; a frame of 2**28 samples is refused before
SECONDS = 20.0
WAIT_SECONDS = 20.0  # for a child that is free
CHILDREN = 2
LARGEST_ANSWER = 2 << 30
LARGEST_HEAD = 64 << 20
PIECE = 1 << 20
PICTURE, NATIVE_FRAME, WHOLE, LETTERS = "picture", "native", "whole", "letters"
BYTES_PER_SECOND = 20e6  # more time for what is longer
FINE, REFUSED = b"+", b"-"
# libraries start threads by the number of cores, each with its own stack and arena
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Job:
    """One frame to decode: the data set up to its pixels, and the frame's bytes.

    Of a WHOLE object there is no head, and `content` is the data set.
    """

    act: str
    head: bytes
    content: bytes
    syntax: str
    number: int = 1
    look: dict[str, Any] | None = None


class Fence:
    """A few children, each doing one frame at a time. Safe to share among threads."""

    def __init__(
        self, children: int = CHILDREN, seconds: float = SECONDS, memory: int = MEMORY
    ) -> None:
        self._seconds, self._memory = seconds, memory
        self._free: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(children):
            self._free.put(None)  # started when it is first needed

    def run(self, job: Job) -> bytes:
        """Do a job; raises Invalid when it can't be done, Unavailable when all are busy."""
        try:
            child = self._free.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            raise Unavailable("too many pictures are being made; try again soon") from None
        try:
            if child is not None and not child.lives:
                child.end()
                child = None
            child = child or _Child(self._memory)
            seconds = self._seconds + len(job.content) / BYTES_PER_SECOND
            return child.run(job, time.monotonic() + seconds)
        finally:
            self._free.put(child if child is not None and child.lives else None)

    def close(self) -> None:
        """End the children that are free."""
        ended = [self._free.get_nowait() for _ in range(self._free.qsize())]
        for child in ended:
            if child is not None:
                child.end()
            self._free.put(None)


SHARED = Fence()  # of this process; its children start when they are first needed


class _Child:
    def __init__(self, memory: int) -> None:
        root = str(Path(__file__).resolve().parents[2])
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "confrere.imaging.fenced", str(memory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            cwd="/", env={"PYTHONPATH": root, "PATH": os.defpath} | _ONE_THREAD,
        )  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101 - PIPE
        assert self._process.stdout is not None  # noqa: S101 - PIPE
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def run(self, job: Job, until: float) -> bytes:
        try:
            for piece in _written(job):
                self._send(piece, until)
            mark = self._receive(1, until)
            length = int.from_bytes(self._receive(8, until), "little")
            answer = self._receive(min(length, LARGEST_ANSWER), until)
        except (_Lost, OSError):
            self.end()
            raise Invalid(
                "this frame can't be decoded: it takes too long or too much memory, or breaks "
                "its decoder; view it in a workstation"
            ) from None
        if mark != FINE:
            raise Invalid(answer.decode("utf-8", "replace")[:400])
        return answer

    def _send(self, piece: bytes, until: float) -> None:
        view = memoryview(piece)
        while view:
            self._wait(until, writing=True)
            try:
                view = view[os.write(self._in, view[:PIECE]) :]
            except BlockingIOError:
                continue

    def _receive(self, length: int, until: float) -> bytes:
        got = bytearray()
        while len(got) < length:
            self._wait(until, writing=False)
            piece = os.read(self._out, min(PIECE, length - len(got)))
            if not piece:
                raise _Lost
            got += piece
        return bytes(got)

    def _wait(self, until: float, *, writing: bool) -> None:
        poll = select.poll()
        poll.register(self._in if writing else self._out,
                      select.POLLOUT if writing else select.POLLIN)  # fmt: skip
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise _Lost

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class _Lost(Exception):
    """The child is gone, silent or out of its mind."""


def _written(job: Job) -> tuple[bytes, ...]:
    said = {"act": job.act, "syntax": job.syntax, "number": job.number, "look": job.look,
            "head": len(job.head), "content": len(job.content)}  # fmt: skip
    line = json.dumps(said).encode()
    return len(line).to_bytes(8, "little"), line, job.head, job.content


def job_of(
    act: str, stream: BinaryIO, pixels: PixelMap, syntax: str, number: int, look: Any = None
) -> Job:
    """Read a job from a data set; `look` is a `rendering.Look`. Raises Invalid, NotFound."""
    if is_video(syntax):
        raise Invalid("video has no single frames; play the object itself")
    if pixels.at > LARGEST_HEAD:
        raise Invalid("too much stands before the pixels; view it in a workstation")
    content = read_frame(stream, pixels, number)
    stream.seek(0)
    head = stream.read(pixels.at)
    return Job(act, head, content, syntax, number, asdict(look) if look else None)


def do(job: Job) -> bytes:
    """Decode, here and now; raises Invalid."""
    # what the child alone needs takes half a second to load
    from confrere.imaging.datasets import read_head  # noqa: PLC0415
    from confrere.imaging.rendering import Look, decode, render  # noqa: PLC0415

    if job.act == WHOLE:
        from confrere.imaging.transcoding import undone  # noqa: PLC0415

        return undone(job.content, job.syntax)
    head = read_head(BytesIO(job.head), encoding_of(job.syntax), loaded=True)
    if job.act == PICTURE:
        told = dict(job.look or {})
        for name in ("window", "viewport"):
            told[name] = tuple(told[name]) if told.get(name) else None
        return render(head, job.syntax, job.content, job.number, Look(**told))
    frame, _ = decode(head, job.syntax, job.content)
    if job.act == LETTERS:
        from confrere.imaging.lettering import text_boxes  # noqa: PLC0415

        return json.dumps(text_boxes(frame)).encode()
    return frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def main() -> None:
    """Serve jobs from standard input until it ends."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while length := source.read(8):
        mark, answer = _answer(_read(source, int.from_bytes(length, "little")))
        _write(target, mark, answer)


def _read(source: BinaryIO, length: int) -> Job:
    said = json.loads(source.read(length))
    head, content = source.read(said.pop("head")), source.read(said.pop("content"))
    return Job(head=head, content=content, **said)


def _answer(job: Job) -> tuple[bytes, bytes]:
    try:
        return FINE, do(job)
    except Invalid as error:
        return REFUSED, str(error).encode()
    except MemoryError:
        return REFUSED, b"this frame takes too much memory; view it in a workstation"
    except Exception:  # noqa: BLE001 - whatever hostile pixels bring about
        return REFUSED, b"this frame can't be decoded; view it in a workstation"


def _write(target: IO[bytes], mark: bytes, answer: bytes) -> None:
    target.write(mark + len(answer).to_bytes(8, "little"))
    target.write(answer)
    target.flush()


if __name__ == "__main__":
    main()
