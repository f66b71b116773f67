"""Open the blob store that the settings name."""

from pathlib import Path
from urllib.parse import urlsplit

from confrere.files.folder import BlobStore
from confrere.files.folder_place import FolderPlace
from confrere.files.object_place import Bucket, ObjectPlace
from confrere.files.places import Place
from confrere.settings import Settings

S3 = "s3://"


def open_blobs(settings: Settings) -> BlobStore:
    """The folder of this machine, with the store it leads to and the cold place, where set."""
    far = place_of(settings, settings.blob_url) if settings.blob_url.startswith(S3) else None
    cold = place_of(settings, settings.cold_url) if settings.cold_url else None
    return BlobStore(settings.blobs, far=far, cold=cold)


def place_of(settings: Settings, url: str) -> Place:
    """A place by its address: `s3://bucket/prefix`, or a folder."""
    if not url.startswith(S3):
        return FolderPlace(Path(url.removeprefix("file://")))
    told = urlsplit(url)
    return ObjectPlace(Bucket(
        told.netloc, told.path.strip("/"), settings.s3_endpoint, settings.s3_region,
        settings.s3_key_id, settings.s3_secret,
    ))  # fmt: skip
