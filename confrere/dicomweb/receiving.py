"""One part of a store request on its way into the blob store."""

from confrere.dicomweb import answers
from confrere.dicomweb.answers import Stored
from confrere.files.folder import BlobStore
from confrere.files.incoming import Incoming
from confrere.imaging.examining import examine
from confrere.imaging.head import Head, NeedMore, read_whole
from confrere.imaging.part10 import FileMeta, split_part10
from confrere.imaging.syntaxes import UNDONE
from confrere.kernel.errors import Invalid

LARGEST_PART = 4 << 30
LARGEST_META = 256 << 10
STANDARD = "1.2.840.10008."  # all of PS3.5's
# services, media directories and worklists have UIDs too, but no objects to keep (PS3.6 table A-1)
NO_OBJECTS = tuple(
    f"1.2.840.10008.{one}."
    for one in ("1", "3.1", "5.1.1", "5.1.4.1.2", "5.1.4.31", "5.1.4.32", "5.1.4.33")
)


class Rejected(Exception):
    """One part can't be filed; the others may be."""

    def __init__(self, reason: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field


class Part:
    """Takes a file (PS3.10) in pieces; the data set goes to the blob store as it is."""

    def __init__(self, blobs: BlobStore, content_type: str) -> None:
        self._blobs = blobs
        self._held = bytearray()
        self._incoming: Incoming | None = None
        self.failed: Rejected | None = None
        self.meta = FileMeta("", "", "", "")
        self.digest = b""
        self.mark = 0
        self._examined: Head | Invalid | None = None
        self.size = 0
        kind = content_type.split(";", maxsplit=1)[0].strip().lower()
        if kind not in ("", "application/dicom"):
            message = "parts must be application/dicom"
            self._fail(Rejected(answers.CANNOT_UNDERSTAND, message, "Content-Type"))

    def write(self, data: bytes) -> None:
        """Take the next bytes; after a failure the rest is let go by."""
        if self.failed:
            return
        try:
            self._take(data)
        except Rejected as rejected:
            self._fail(rejected)
        except Invalid as error:
            self._fail(Rejected(answers.CANNOT_UNDERSTAND, str(error), error.field))
        except OSError:
            self._fail(Rejected(answers.OUT_OF_RESOURCES, "the blob store is full"))

    def keep(self) -> None:
        """Take the bytes as whole; a failure is in `failed` then.

        They are durable only after the blob store is synced up to `mark`.
        """
        if self.failed:
            return
        if self._incoming is None:
            message = "the file ends before its data set: send it again"
            self._fail(Rejected(answers.CANNOT_UNDERSTAND, message))
            return
        self.size = self._incoming.size
        incoming, self._incoming = self._incoming, None
        content = incoming.memory
        if content is not None and self.meta.transfer_syntax not in UNDONE:
            self._examined = _examined(content, self.meta.transfer_syntax)
        try:
            self.digest = incoming.keep(sync=False)
            self.mark = incoming.mark
        except OSError:
            self.failed = Rejected(answers.OUT_OF_RESOURCES, "the blob store is full")

    def discard(self) -> None:
        """Forget what is not kept."""
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None

    def head(self, study_uid: str) -> Head:
        """Check the kept bytes and read their head; raises Rejected."""
        try:
            if isinstance(self._examined, Invalid):
                raise self._examined
            head = self._examined or examine(
                self._blobs, self.digest, self.meta.transfer_syntax
            )
        except Invalid as error:
            raise Rejected(answers.CANNOT_UNDERSTAND, str(error), error.field) from None
        if self.meta.sop_class not in ("", head.sop_class):
            message = "the file's meta names another SOP class than its data set"
            raise Rejected(answers.NOT_ITS_CLASS, message, "SOPClassUID")
        if f"{head.sop_class}.".startswith(NO_OBJECTS):
            message = "SOPClassUID names no class of objects that can be stored"
            raise Rejected(answers.CLASS_NOT_SUPPORTED, message, "SOPClassUID")
        if self.meta.sop_instance not in ("", head.sop_instance):
            message = "the file's meta names another SOP instance than its data set"
            raise Rejected(answers.NOT_ITS_CLASS, message, "SOPInstanceUID")
        if study_uid not in ("", head.study_instance):
            message = "the data set is of another study than the address names"
            raise Rejected(answers.NOT_ITS_CLASS, message, "StudyInstanceUID")
        return head

    def stored(self, why: Rejected) -> Stored:
        """Report a failure of this part by what its meta says."""
        meta = self.meta
        return Stored(meta.sop_class, meta.sop_instance, failure=why.reason, because=str(why))

    def _take(self, data: bytes) -> None:
        if self._incoming is not None:
            self._put(self._incoming, data)
            return
        self._held += data
        try:
            self.meta, start = split_part10(bytes(self._held[: LARGEST_META + 1]))
        except NeedMore:
            if len(self._held) > LARGEST_META:
                raise Invalid("the file meta information is too long") from None
            return
        if not self.meta.transfer_syntax.startswith(STANDARD):
            message = "a private transfer syntax: send it in one of PS3.5"
            raise Rejected(answers.SYNTAX_NOT_SUPPORTED, message, "TransferSyntaxUID")
        if len(self._held) > start:
            self._incoming = self._blobs.begin()
            held, self._held = self._held, bytearray()
            self._put(self._incoming, memoryview(held)[start:])

    def _put(self, incoming: Incoming, data: bytes | memoryview) -> None:
        if incoming.size + len(data) > LARGEST_PART:
            raise Rejected(answers.OUT_OF_RESOURCES, "an object can have at most 4 GiB")
        incoming.write(data)

    def _fail(self, why: Rejected) -> None:
        self.discard()
        self._held = bytearray()
        self.failed = why


def _examined(content: memoryview, syntax: str) -> Head | Invalid:
    """Look at a small object while it is in memory; what is wrong with it is told later."""
    try:
        return read_whole(content, syntax)
    except Invalid as error:
        return error
