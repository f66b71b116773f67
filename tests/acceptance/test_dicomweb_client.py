"""A foreign client, `dicomweb-client`, stores, searches and retrieves."""

import warnings
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom
from dicomweb_client.api import DICOMwebClient

from tests.acceptance.house import House
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
    token = house.tokens["lakeshore radiologist"]
    client = DICOMwebClient(
        f"{house.url}/dicom-web", headers={"authorization": f"Bearer {token}"}
    )
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
