"""A foreign client, `dicomweb-client`, stores, searches and retrieves."""

import warnings
from io import BytesIO

import httpx
import imagecodecs
import numpy as np
import pydicom
from dicomweb_client.api import DICOMwebClient

from tests.acceptance.house import House
from tests.acceptance.processes import wait_for
from tests.dicomweb import EXPLICIT, as_file, image

STUDY = "1.2.826.0.1.77"
SERIES = f"{STUDY}.1"
JPEG_LS = "1.2.840.10008.1.2.4.80"


def test_a_foreign_client_stores_searches_and_retrieves(house: House) -> None:
    values = (np.arange(4096).reshape(64, 64) % 1000).astype("<u2")
    made = []
    for number in (1, 2):
        one = image(number, STUDY, Rows=64, Columns=64, PatientName="Client^Foreign")
        one.SOPInstanceUID, one.PixelData = f"{SERIES}.{number}", values.tobytes()
        made.append(pydicom.dcmread(BytesIO(as_file(one))))
    client = foreign(house)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client's own
        stored = client.store_instances(made)
        assert len(stored.ReferencedSOPSequence) == 2

        (study,) = client.search_for_studies(
            search_filters={"PatientName": "client*", "StudyDate": "20260101-20261231"}
        )
        assert study["0020000D"]["Value"] == [STUDY]
        (series,) = client.search_for_series(STUDY, fields=["SeriesDescription"])
        assert series["00201209"]["Value"] == [2]
        found = client.search_for_instances(STUDY, SERIES, limit=1, offset=1)
        assert found[0]["00080018"]["Value"] == [f"{SERIES}.2"]

        back = client.retrieve_series(STUDY, SERIES)
        assert [one.pixel_array.tolist() for one in back] == [values.tolist()] * 2
        assert len(client.retrieve_series_metadata(STUDY, SERIES)) == 2
        (frame,) = client.retrieve_instance_frames(STUDY, SERIES, f"{SERIES}.1", [1])
        assert frame == values.tobytes()
        (smaller,) = client.retrieve_instance_frames(
            STUDY, SERIES, f"{SERIES}.1", [1], media_types=(("image/jls", JPEG_LS),)
        )
        assert imagecodecs.jpegls_decode(smaller).astype("<u2").tobytes() == values.tobytes()
        assert len(smaller) < len(frame)
        picture = client.retrieve_instance_rendered(
            STUDY, SERIES, f"{SERIES}.1", media_types=("image/png",)
        )
        assert picture.startswith(b"\x89PNG")
    assert back[0].file_meta.TransferSyntaxUID == EXPLICIT


def test_a_foreign_client_walks_all_levels_frames_and_bulk_data(house: House) -> None:
    study, series = "1.2.826.0.1.78", "1.2.826.0.1.78.1"
    values = (np.arange(3 * 4096).reshape(3, 64, 64) % 4000).astype("<u2")
    one = image(1, study, Rows=64, Columns=64, PatientName="Levels^All", NumberOfFrames=3,
                PatientID="LEVELS1")  # fmt: skip
    one.SOPInstanceUID, one.PixelData = f"{series}.1", values.tobytes()
    # a value that is too long to stand in the metadata
    one.add_new(0x00282000, "OB", bytes(range(256)) * 16)
    client = foreign(house)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client's own
        client.store_instances([pydicom.dcmread(BytesIO(as_file(one)))])
        (whole,) = client.retrieve_study(study)
        alone = client.retrieve_instance(study, series, f"{series}.1")
        assert whole.PixelData == alone.PixelData == values.tobytes()
        for told in (
            client.retrieve_study_metadata(study),
            client.retrieve_series_metadata(study, series),
            [client.retrieve_instance_metadata(study, series, f"{series}.1")],
        ):
            assert told[0]["00080018"]["Value"] == [f"{series}.1"]
        uri = told[0]["7FE00010"]["BulkDataURI"]
        uri = uri if uri.startswith("http") else house.url + uri
        assert b"".join(client.retrieve_bulkdata(uri)) == values.tobytes()
        second, third = client.retrieve_instance_frames(study, series, f"{series}.1", [2, 3])
        assert (second, third) == (values[1].tobytes(), values[2].tobytes())
        shown = client.retrieve_instance_frames_rendered(
            study, series, f"{series}.1", [2], media_types=("image/png",)
        )
        assert shown.startswith(b"\x89PNG")

        def heard() -> bool:
            rows = client.search_for_studies(
                fuzzymatching=True, search_filters={"PatientName": "Lebels^Al"}
            )
            return study in [row["0020000D"]["Value"][0] for row in rows]

        wait_for(heard, 90, house.said)  # a job says whose study it is


def test_a_reading_task_is_found_and_refused_by_plain_http(house: House) -> None:
    """No foreign UPS-RS client exists in Python: what one would send, by hand."""
    headers = {"authorization": f"Bearer {house.tokens['lakeshore radiologist']}"}
    base = f"{house.url}/dicom-web/workitems"
    accepts = {"accept": "application/dicom+json"}
    listed = httpx.get(base, headers=headers | accepts, timeout=30)
    assert listed.status_code in (200, 204)
    rows = listed.json() if listed.status_code == 200 else []
    assert all("00741000" in row for row in rows)  # Procedure Step State
    unknown = f"{base}/2.25.1"
    assert httpx.get(unknown, headers=headers | accepts, timeout=30).status_code == 404
    change = [{"00081195": {"vr": "UI", "Value": ["2.25.9"]},
               "00741000": {"vr": "CS", "Value": ["IN PROGRESS"]}}]  # fmt: skip
    answer = httpx.put(
        f"{unknown}/state", json=change, timeout=30,
        headers=headers | {"content-type": "application/dicom+json"},
    )  # fmt: skip
    assert answer.status_code == 404
    assert httpx.get(base, timeout=30).status_code == 401
    subscribed = httpx.post(f"{base}/2.25.1/subscribers/CLIENT", headers=headers, timeout=30)
    assert subscribed.status_code == 501


def foreign(house: House) -> DICOMwebClient:
    token = house.tokens["lakeshore radiologist"]
    return DICOMwebClient(
        f"{house.url}/dicom-web", headers={"authorization": f"Bearer {token}"}
    )
