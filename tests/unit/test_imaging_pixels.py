"""Frames, legacy syntaxes, metadata and pictures, against pydicom and its test files."""

import functools
import io
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate_extended, generate_frames
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from confrere.imaging import datasets, fenced, pixels, plain, rendering
from confrere.imaging.elements import encoding_of
from confrere.imaging.part10 import split_part10
from confrere.imaging.syntaxes import NATIVE, UNDONE, served
from confrere.imaging.whole import check_whole
from confrere.kernel.errors import Invalid, NotFound

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FOLDER = Path(str(get_testdata_file("CT_small.dcm"))).parent
# cut short, without UIDs, or not in the transfer syntax they name: refused at every door
LYING = {"MR_truncated.dcm", "rtplan_truncated.dcm", "UN_sequence.dcm", "SC_rgb_jpeg.dcm"}


def read_file(path: Path) -> tuple[bytes, str] | None:
    raw = path.read_bytes()
    try:
        meta, start = split_part10(raw)
    except Exception:  # noqa: BLE001 - not a DICOM file
        return None
    return raw[start:], meta.transfer_syntax


@functools.cache
def files() -> dict[str, tuple[bytes, str]]:
    found = {path.name: read_file(path) for path in sorted(FOLDER.glob("*.dcm"))}
    return {name: one for name, one in found.items() if one and name not in LYING}


def opened(name: str) -> tuple[BinaryIO, str]:
    """Return the data set of a test file as the archive reads it, and its syntax there."""
    content, syntax = files()[name]
    stream: BinaryIO = io.BytesIO(content)
    if syntax in UNDONE:
        with plain.undone(stream, syntax) as undone:
            stream = io.BytesIO(undone.read())
    return stream, served(syntax)


def oracle(name: str) -> Any:
    return pydicom.dcmread(FOLDER / name)


def with_pixels() -> list[str]:
    return [
        name
        for name in files()
        if {"PixelData", "Rows"} <= set(oracle(name).dir()) and name != "badVR.dcm"
    ]


@pytest.mark.parametrize("name", with_pixels())
def test_every_frame_is_found_where_pydicom_finds_it(name: str) -> None:
    stream, syntax = opened(name)
    image = oracle(name)
    where = pixels.map_pixels(stream, encoding_of(syntax))
    count = int(image.get("NumberOfFrames") or 1)
    assert where.count == count
    ours = [pixels.read_frame(stream, where, n + 1) for n in range(count)]
    if syntax in NATIVE:
        if files()[name][1] != "1.2.840.10008.1.2.2":
            assert b"".join(ours) == image.PixelData[: len(b"".join(ours))]
    else:
        assert ours == list(generate_frames(image.PixelData, number_of_frames=count))
    with pytest.raises(NotFound):
        where.ranges(count + 1)
    with pytest.raises(NotFound):
        where.ranges(0)


@pytest.mark.parametrize("name", [n for n, (_, s) in files().items() if s in UNDONE])
def test_undone_syntaxes_say_the_same_as_pydicom_reads(name: str) -> None:
    stream, syntax = opened(name)
    assert syntax == ExplicitVRLittleEndian
    check_whole(stream, syntax)
    stream.seek(0)
    ours = pydicom.filereader.read_dataset(stream, False, True)
    ours.file_meta = pydicom.dataset.FileMetaDataset()
    ours.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    theirs = oracle(name)
    for element in theirs:
        if element.keyword != "PixelData" and element.VR not in {"OW", "OB or OW", "UN"}:
            assert ours[element.tag].value == element.value, element.tag
    assert np.array_equal(ours.pixel_array, theirs.pixel_array)


def test_a_deflate_bomb_is_stopped_small() -> None:
    pack = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = b"".join(pack.compress(bytes(1 << 20)) for _ in range(200)) + pack.flush()
    with (
        pytest.raises(Invalid, match="too large"),
        plain.undone(io.BytesIO(bomb), "1.2.840.10008.1.2.1.99"),
    ):
        pass


def test_a_cut_deflated_object_is_refused() -> None:
    content, syntax = files()["image_dfl.dcm"]
    with (
        pytest.raises(Invalid, match="ends early"),
        plain.undone(io.BytesIO(content[:-100]), syntax),
    ):
        pass


@pytest.mark.parametrize("name", list(files()))
def test_metadata_reads_back_to_the_same_values(name: str) -> None:
    stream, syntax = opened(name)
    answer = datasets.metadata(stream, encoding_of(syntax), "/u")
    asked: list[str] = []
    back = pydicom.Dataset.from_json(
        answer,
        lambda *args: asked.append(args[-1]) or b"",  # type: ignore[func-returns-value]
    )
    theirs = oracle(name)
    assert {int(tag, 16) for tag in answer} >= {
        int(tag) for tag in theirs._dict if tag < 0x7FE00000 and tag.element
    }
    for keyword in ("SOPInstanceUID", "PatientName", "Rows", "StudyDate", "WindowCenter"):
        if keyword in theirs and theirs[keyword].VM:
            assert back[keyword].value == theirs[keyword].value, keyword
    if "PixelData" in theirs:
        assert answer["7FE00010"]["BulkDataURI"] == "/u/bulkdata/7FE00010"


def test_long_binary_values_are_reached_by_their_path() -> None:
    stream, syntax = opened("waveform_ecg.dcm")
    encoding = encoding_of(syntax)
    answer = datasets.metadata(stream, encoding, "/u")
    uri = answer["54000100"]["Value"][0]["54001010"]["BulkDataURI"]
    assert uri == "/u/bulkdata/54000100/0/54001010"
    value = datasets.bulk_value(stream, encoding, uri.removeprefix("/u/bulkdata/"))
    assert value == oracle("waveform_ecg.dcm").WaveformSequence[0].WaveformData
    for wrong in ("54000100/9/54001010", "zz", "00100010", "", "54000100/0"):
        with pytest.raises(NotFound):
            datasets.bulk_value(stream, encoding, wrong)


def test_a_long_value_at_the_top_is_a_byte_range() -> None:
    stream, syntax = opened("examples_overlay.dcm")
    overlay = oracle("examples_overlay.dcm")[0x6000, 0x3000]
    assert len(overlay.value) > datasets.INLINE
    found = datasets.bulk_value(stream, encoding_of(syntax), "60003000")
    assert isinstance(found, tuple)
    stream.seek(found[0])
    assert stream.read(found[1]) == overlay.value


def test_the_extended_offset_table_finds_frames() -> None:
    frames = [bytes([n]) * (10 + 2 * n) for n in range(1, 6)]
    image = pydicom.Dataset()
    image.NumberOfFrames = 5
    image.Rows = image.Columns = 4
    packed, offsets, lengths = encapsulate_extended(frames)
    image.ExtendedOffsetTable, image.ExtendedOffsetTableLengths = offsets, lengths
    image.PixelData = packed
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    pydicom.dcmwrite(out, image, implicit_vr=False, little_endian=True)
    where = pixels.map_pixels(out, encoding_of("1.2.840.10008.1.2.4.80"))
    assert [pixels.read_frame(out, where, n) for n in range(1, 6)] == frames


def test_single_bit_frames_that_share_a_byte_are_cut_apart() -> None:
    bits = np.random.default_rng(1).integers(0, 2, (3, 3, 5), dtype=np.uint8)
    image = pydicom.Dataset()
    image.NumberOfFrames, image.Rows, image.Columns = 3, 3, 5
    image.SamplesPerPixel = image.BitsAllocated = 1
    image.PixelData = np.packbits(bits.ravel(), bitorder="little").tobytes()
    image["PixelData"].VR = "OB"
    out = io.BytesIO()
    pydicom.dcmwrite(out, image, implicit_vr=False, little_endian=True)
    where = pixels.map_pixels(out, encoding_of(ExplicitVRLittleEndian))
    for number in range(3):
        frame = np.frombuffer(pixels.read_frame(out, where, number + 1), np.uint8)
        cut = np.unpackbits(frame, bitorder="little")[:15]
        assert np.array_equal(cut, bits[number].ravel())


def shown(
    stream: io.BytesIO, syntax: str, where: pixels.PixelMap, look: rendering.Look
) -> bytes:
    return fenced.do(fenced.job_of(fenced.PICTURE, stream, where, syntax, 1, look))


@pytest.mark.parametrize("name", with_pixels())
def test_every_first_frame_becomes_a_picture(name: str) -> None:
    stream, syntax = opened(name)
    image = oracle(name)
    where = pixels.map_pixels(stream, encoding_of(syntax))
    look = rendering.Look("image/png", viewport=(64, 64))
    try:
        image.pixel_array  # noqa: B018 - what the oracle can't decode we need not
    except Exception:  # noqa: BLE001
        with pytest.raises(Invalid, match="can't be decoded"):
            shown(stream, syntax, where, look)
        return
    out = shown(stream, syntax, where, look)
    picture = Image.open(io.BytesIO(out))
    assert max(picture.size) <= 64
    assert picture.mode == ("RGB" if image.PhotometricInterpretation[:4] != "MONO" else "L")


def test_a_long_palette_colours_the_picture() -> None:
    image = pydicom.Dataset()
    image.Rows = image.Columns = 2
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "PALETTE COLOR"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    ramps = {
        "Red": np.arange(4096) * 16,
        "Green": np.zeros(4096),
        "Blue": np.arange(4096)[::-1] * 16,
    }
    for colour, ramp in ramps.items():
        setattr(image, f"{colour}PaletteColorLookupTableDescriptor", [4096, 0, 16])
        setattr(image, f"{colour}PaletteColorLookupTableData", ramp.astype("<u2").tobytes())
    image.PixelData = np.array([0, 1024, 2048, 4095], "<u2").tobytes()
    image["PixelData"].VR = "OW"
    out = io.BytesIO()
    pydicom.dcmwrite(out, image, implicit_vr=False, little_endian=True)
    encoding = encoding_of(ExplicitVRLittleEndian)
    where = pixels.map_pixels(out, encoding)
    look = rendering.Look("image/png")
    picture_of = shown(out, ExplicitVRLittleEndian, where, look)
    picture = np.asarray(Image.open(io.BytesIO(picture_of))).reshape(4, 3).tolist()
    assert picture == [[0, 0, 254], [63, 0, 191], [127, 0, 127], [254, 0, 0]]


def test_a_window_is_applied_as_the_standard_says() -> None:
    stream, syntax = opened("CT_small.dcm")
    where = pixels.map_pixels(stream, encoding_of(syntax))
    look = rendering.Look("image/png", window=(40, 400))
    out = shown(stream, syntax, where, look)
    ours = np.asarray(Image.open(io.BytesIO(out))).astype(int)
    image = oracle("CT_small.dcm")
    units = image.pixel_array * image.RescaleSlope + image.RescaleIntercept
    expected = np.clip((units - 39.5) / 399 + 0.5, 0, 1) * 255
    assert np.abs(ours - expected).max() <= 1


def test_a_pixel_flood_is_refused_before_decoding() -> None:
    stream, syntax = opened("MR_small_jpeg_ls_lossless.dcm")
    where = pixels.map_pixels(stream, encoding_of(syntax))
    head = datasets.read_head(stream, encoding_of(syntax))
    head.Rows = head.Columns = 65535
    with pytest.raises(Invalid, match="too large"):
        rendering.decode(head, syntax, pixels.read_frame(stream, where, 1))


def test_big_endian_is_never_compressed() -> None:
    head = b"\x7f\xe0\x00\x10OB\0\0\xff\xff\xff\xff"
    with pytest.raises(Invalid), plain.undone(io.BytesIO(head), ExplicitVRBigEndian):
        pass
