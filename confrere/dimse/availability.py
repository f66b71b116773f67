"""The data set of an Instance Availability Notification (PS3.4 annex R, table R.3.2-1). Pure."""

from collections.abc import Mapping, Sequence

from confrere.dimse.identifier import Identifier, Value

_STUDY, _SERIES_LIST, _SERIES = 0x0020000D, 0x00081115, 0x0020000E
_REFERENCES, _CLASS, _INSTANCE = 0x00081199, 0x00081150, 0x00081155
_AVAILABILITY, _RETRIEVE, _STEPS = 0x00080056, 0x00080054, 0x00081111

References = Sequence[tuple[str, str]]  # SOP class and instance


def notification(study_uid: str, series: Mapping[str, References], aet: str) -> Identifier:
    """Say that these instances can be retrieved from us now."""
    return {
        _STEPS: Value("SQ"),
        _STUDY: Value("UI", study_uid),
        _SERIES_LIST: Value(
            "SQ",
            items=tuple(
                {
                    _SERIES: Value("UI", uid),
                    _REFERENCES: Value("SQ", items=tuple(_item(*one, aet) for one in each)),
                }
                for uid, each in series.items()
            ),
        ),
    }


def _item(sop_class: str, instance: str, aet: str) -> Identifier:
    return {
        _CLASS: Value("UI", sop_class),
        _INSTANCE: Value("UI", instance),
        _AVAILABILITY: Value("CS", "ONLINE"),
        _RETRIEVE: Value("AE", aet),
    }
