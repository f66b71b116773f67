"""Transfer syntaxes: how a data set is coded, and what its frames are called on the web. Pure.

Source: PS3.5 annex A; PS3.18 tables 8.7.3-2 to 8.7.3-5.
"""

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
HTJ2K = "1.2.840.10008.1.2.4.201"
HTJ2K_RPCL = "1.2.840.10008.1.2.4.202"
JPEG_LS = "1.2.840.10008.1.2.4.80"
NATIVE = frozenset({IMPLICIT, EXPLICIT, DEFLATED, BIG})
# read as explicit little endian: viewers no longer know these two
UNDONE = frozenset({DEFLATED, BIG})

_J = "1.2.840.10008.1.2.4."
MEDIA = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **dict.fromkeys((_J + "50", _J + "51", _J + "57", _J + "70"), "image/jpeg"),
    **dict.fromkeys((_J + "80", _J + "81"), "image/jls"),
    **dict.fromkeys((_J + "90", _J + "91"), "image/jp2"),
    **dict.fromkeys((_J + "92", _J + "93"), "image/jpx"),
    **dict.fromkeys((_J + "201", _J + "202", _J + "203"), "image/jphc"),
    **dict.fromkeys((_J + "110", _J + "111", _J + "112"), "image/jxl"),
    **dict.fromkeys((_J + "100", _J + "100.1", _J + "101", _J + "101.1"), "video/mpeg"),
    **dict.fromkeys((f"{_J}{number}" for number in range(102, 109)), "video/mp4"),
}


def served(syntax: str) -> str:
    """Say in which syntax a stored object is read: as stored, but see `UNDONE`."""
    return EXPLICIT if syntax in UNDONE else syntax


def media_of(syntax: str) -> str:
    """Name the media type of a frame as stored; octets for what has none of its own."""
    return MEDIA.get(syntax, "application/octet-stream")


def is_video(syntax: str) -> bool:
    """Say whether the frames are one stream that can't be cut."""
    return media_of(syntax).startswith("video/")
