"""WADO-RS and STOW-RS together: what goes in comes out, byte for byte."""

import functools
import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from confrere.imaging.head import NeedMore
from confrere.imaging.part10 import part10_prefix, split_part10
from confrere.imaging.syntaxes import UNDONE, media_of
from confrere.kernel.errors import Invalid
from tests.database import clone, drop
from tests.dicomweb import EXPLICIT, Service, as_file, image, parts_of, serve

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FOLDER = Path(str(get_testdata_file("CT_small.dcm"))).parent
STORED = "multipart/related; type=application/octet-stream; transfer-syntax=*"
WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
# cut short, not in the syntax they name, or with a NumberOfFrames that is no number
BROKEN = {"MR_truncated.dcm", "SC_rgb_jpeg.dcm", "badVR.dcm", "rtplan_truncated.dcm"}


@functools.cache
def files() -> dict[str, bytes]:
    """Return pydicom's test files that have the four UIDs; shared SOP UIDs are made unique.

    Some name other UIDs in their meta than in their data set: the meta is made anew.
    """
    found: dict[str, bytes] = {}
    seen: set[str] = set()
    for number, path in enumerate(sorted(FOLDER.glob("*.dcm"))):
        if path.name in BROKEN:
            continue
        content = path.read_bytes()
        try:
            made = pydicom.dcmread(BytesIO(content), stop_before_pixels=True)
            split_part10(content)
        except (pydicom.errors.InvalidDicomError, NeedMore, Invalid):
            continue
        if "StudyInstanceUID" not in made:
            continue
        uid = made.SOPInstanceUID
        meta, start = split_part10(content)
        data = content[start:]
        if uid in seen:
            unique = f"{uid[:-3]}{number + 100}"
            data = data.replace(uid.encode(), unique.encode())
            uid = unique
        seen.add(uid)
        found[path.name] = part10_prefix(made.SOPClassUID, uid, meta.transfer_syntax, "") + data
    return found


@pytest.fixture(scope="module")
def archive(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    made = clone(postgres_socket, template)
    with serve(made, tmp_path_factory.mktemp("archive")) as service:
        answer = service.store(*files().values())
        assert answer.status_code == 200, answer.text
        yield service
    drop(made)


GOOD = list(files())


def oracle(name: str) -> Any:
    return pydicom.dcmread(BytesIO(files()[name]))


def url_of(made: Any) -> str:
    return (
        f"/studies/{made.StudyInstanceUID}/series/{made.SeriesInstanceUID}"
        f"/instances/{made.SOPInstanceUID}"
    )


def pixels_of(made: Any) -> Any:
    """Return the pixels; None where pydicom itself can't decode them."""
    try:
        return made.pixel_array
    except Exception:  # noqa: BLE001
        return None


def test_the_sample_covers_every_kind_of_syntax() -> None:
    syntaxes = {split_part10(files()[name])[0].transfer_syntax for name in GOOD}
    assert len(syntaxes) >= 11
    assert syntaxes >= UNDONE


@pytest.mark.parametrize("name", GOOD)
def test_an_object_comes_back_as_it_went_in(archive: Service, name: str) -> None:
    theirs = oracle(name)
    answer = archive.get(url_of(theirs), accept=WHOLE)
    ((headers, content),) = parts_of(answer)
    meta, start = split_part10(content)
    sent, sent_start = split_part10(files()[name])
    if sent.transfer_syntax in UNDONE:
        assert meta.transfer_syntax == EXPLICIT
    else:
        assert meta.transfer_syntax == sent.transfer_syntax
        ours = hashlib.sha256(content[start:]).digest()
        assert ours == hashlib.sha256(files()[name][sent_start:]).digest()
    kind = f"application/dicom; transfer-syntax={meta.transfer_syntax}"
    assert headers["Content-Type"] == kind
    back = pydicom.dcmread(BytesIO(content))
    assert back.file_meta.MediaStorageSOPInstanceUID == theirs.SOPInstanceUID
    if (expected := pixels_of(theirs)) is not None:
        assert np.array_equal(back.pixel_array, expected)


@pytest.mark.parametrize("name", [n for n in GOOD if "PixelData" in oracle(n)])
def test_frames_are_served_as_the_viewer_asks(archive: Service, name: str) -> None:
    theirs = oracle(name)
    count = int(theirs.get("NumberOfFrames") or 1)
    expected = pixels_of(theirs)
    answer = archive.get(f"{url_of(theirs)}/frames/{count}", accept=STORED)
    ((headers, content),) = parts_of(answer)
    syntax = headers["Content-Type"].split("transfer-syntax=")[1]
    assert headers["Content-Type"].startswith("application/octet-stream; ")
    assert "octet-stream" in answer.headers["content-type"]
    head = pydicom.Dataset({e.tag: e for e in theirs if e.tag < 0x7FE00000})
    head.NumberOfFrames = 1
    head.file_meta = FileMetaDataset()
    head.file_meta.TransferSyntaxUID = UID(syntax)
    compressed = UID(syntax).is_compressed
    head.PixelData = (
        pydicom.encaps.encapsulate([content])
        if compressed
        else content + b"\0" * (len(content) % 2)
    )
    head["PixelData"].VR = "OB" if theirs.BitsAllocated <= 8 else "OW"
    head["PixelData"].is_undefined_length = compressed
    if expected is not None:
        assert np.array_equal(head.pixel_array, expected[-1] if count > 1 else expected)


COMPRESSED = ("MR_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm")


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_ones_are_unpacked_for_who_asks(archive: Service, name: str) -> None:
    theirs = oracle(name)
    plain = pydicom.dcmread(FOLDER / "MR_small.dcm").pixel_array
    url = url_of(theirs)
    octets = archive.get(f"{url}/frames/1", accept="application/octet-stream")
    assert np.array_equal(np.frombuffer(octets.content, "<i2").reshape(64, 64), plain)
    assert octets.headers["content-type"].endswith(EXPLICIT)
    wish = f"application/dicom; transfer-syntax={EXPLICIT}"
    back = pydicom.dcmread(BytesIO(archive.get(url, accept=wish).content))
    assert back.file_meta.TransferSyntaxUID == EXPLICIT
    assert np.array_equal(back.pixel_array, plain)
    own = media_of(theirs.file_meta.TransferSyntaxUID)
    as_image = archive.get(f"{url}/frames/1", accept=f'multipart/related; type="{own}"')
    assert f'type="{own}"' in as_image.headers["content-type"]
    wrong = archive.get(f"{url}/frames/1", accept='multipart/related; type="image/jphc"')
    assert wrong.status_code == 406


def test_several_frames_come_as_parts_in_their_order(archive: Service) -> None:
    theirs = oracle("rtdose.dcm")
    answer = archive.get(f"{url_of(theirs)}/frames/3,1,15", accept=STORED)
    frames = [np.frombuffer(content, "<u4") for _, content in parts_of(answer)]
    expected = theirs.pixel_array
    assert [
        np.array_equal(f, expected[n].ravel()) for f, n in zip(frames, (2, 0, 14), strict=True)
    ] == [True] * 3
    for wrong, status in (("0", 404), ("16", 404), ("x", 400), ("1,,2", 400), ("-1", 400)):
        got = archive.get(f"{url_of(theirs)}/frames/{wrong}", accept=STORED)
        assert got.status_code == status, wrong


def test_metadata_at_three_levels_points_at_bulk_data_that_is_there(archive: Service) -> None:
    theirs = oracle("waveform_ecg.dcm")
    base = f"/studies/{theirs.StudyInstanceUID}"
    whole = archive.get(f"{base}/metadata")
    assert whole.headers["content-type"] == "application/dicom+json"
    series = archive.get(f"{base}/series/{theirs.SeriesInstanceUID}/metadata").json()
    (one,) = archive.get(f"{url_of(theirs)}/metadata").json()
    assert one in series
    assert one in whole.json()
    assert archive.get(f"{base}/series/{theirs.SeriesInstanceUID}/metadata").json() == series
    uri = one["54000100"]["Value"][0]["54001010"]["BulkDataURI"]
    value = archive.get(uri.removeprefix("/dicom-web"), accept="application/octet-stream")
    assert value.content == theirs.WaveformSequence[0].WaveformData


def test_pixel_data_is_reachable_as_bulk_data(archive: Service) -> None:
    theirs = oracle("CT_small.dcm")
    (one,) = archive.get(f"{url_of(theirs)}/metadata").json()
    uri = one["7FE00010"]["BulkDataURI"].removeprefix("/dicom-web")
    assert archive.get(uri, accept="application/octet-stream").content == theirs.PixelData
    assert archive.get(uri.replace("7FE00010", "00100010")).status_code == 404


def test_metadata_follows_when_a_series_grows(service: Service) -> None:
    service.store(as_file(image(1)))
    url = "/studies/1.2.3/series/1.2.3.1/metadata"
    assert len(service.get(url).json()) == 1
    service.store(as_file(image(2)))
    assert len(service.get(url).json()) == 2


def test_pictures_are_made(archive: Service) -> None:
    url = url_of(oracle("examples_ybr_color.dcm"))
    jpeg = archive.get(f"{url}/frames/5/rendered", accept="image/jpeg")
    assert Image.open(BytesIO(jpeg.content)).size == (320, 240)
    png = archive.get(f"{url}/rendered?viewport=100,100", accept="image/png")
    assert png.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(png.content)).size == (100, 75)
    study = url.split("/series")[0]
    thumb = archive.get(f"{study}/thumbnail", accept="image/*")
    assert Image.open(BytesIO(thumb.content)).width == 256
    assert archive.get(f"{url}/rendered", accept="text/html").status_code == 406
    for wrong in ("window=1", "window=1,x", "viewport=0,5", "viewport=9999,9", "quality=0"):
        assert archive.get(f"{url}/rendered?{wrong}").status_code == 400
    report = url_of(oracle("test-SR.dcm"))
    assert archive.get(f"{report}/rendered").status_code == 404


def test_what_never_changes_is_not_sent_twice(archive: Service) -> None:
    url = f"{url_of(oracle('CT_small.dcm'))}/frames/1"
    first = archive.get(url, accept=STORED)
    assert first.headers["cache-control"] == "private, max-age=3600"
    again = archive.client.get(
        f"/dicom-web{url}",
        headers={"x-user": "a", "accept": STORED, "if-none-match": first.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    stranger = archive.client.get(
        f"/dicom-web{url}",
        headers={"x-user": "b", "accept": STORED, "if-none-match": first.headers["etag"]},
    )
    assert stranger.status_code == 404


def test_native_frames_together_are_one_bulk_value(archive: Service) -> None:
    theirs = oracle("rtdose.dcm")
    url = f"{url_of(theirs)}/bulkdata/7FE00010"
    assert archive.get(url, accept="application/octet-stream").content == theirs.PixelData
    ((_, content),) = parts_of(archive.get(url))
    assert content == theirs.PixelData


@pytest.mark.parametrize(
    ("syntax", "media"),
    [
        ("1.2.840.10008.1.2.4.201", "image/jphc"),
        ("1.2.840.10008.1.2.4.202", "image/jphc"),
        ("1.2.840.10008.1.2.4.80", "image/jls"),
    ],
)
@pytest.mark.parametrize("signed", [0, 1])
def test_a_native_frame_comes_smaller_without_loss_for_who_asks(
    service: Service, syntax: str, media: str, signed: int
) -> None:
    made = image(1, Rows=64, Columns=48, PixelRepresentation=signed)
    kind = "<i2" if signed else "<u2"
    values = (np.arange(64 * 48).reshape(64, 48) % 1500 - 700 * signed).astype(kind)
    made.PixelData = values.tobytes()
    service.store(as_file(made))
    url = f"{url_of(made)}/frames/1"
    wish = f"multipart/related; type={media}; transfer-syntax={syntax}"
    other = "multipart/related; type=application/octet-stream; transfer-syntax=*;q=0.5"
    for _ in range(2):  # made, then as kept
        answer = service.get(url, accept=f"{other}, {wish}")
        assert answer.status_code == 200, answer.text
        ((headers, content),) = parts_of(answer)
        assert headers["Content-Type"] == f"{media}; transfer-syntax={syntax}"
        decoded = (imagecodecs.jpegls_decode if "jls" in media else imagecodecs.htj2k_decode)(
            content
        )
        assert decoded.astype(kind).tobytes() == values.tobytes()
    single = service.get(url, accept=media)
    assert single.headers["content-type"].startswith(media)


def test_colours_are_sent_as_stored_to_who_would_have_them_smaller(archive: Service) -> None:
    made = image(1, "7.1", SamplesPerPixel=3, PhotometricInterpretation="RGB")
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PlanarConfiguration = 8, 8, 7, 0
    made.PixelData = bytes(48)
    archive.store(as_file(made))
    smaller = "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.201"
    any_other = "multipart/related; type=application/octet-stream; transfer-syntax=*; q=0.1"
    url = f"{url_of(made)}/frames/1"
    assert archive.get(url, accept=smaller).status_code == 406
    ((headers, content),) = parts_of(archive.get(url, accept=f"{smaller}, {any_other}"))
    assert (headers["Content-Type"].split("; ")[0], len(content)) == (
        "application/octet-stream",
        48,
    )
