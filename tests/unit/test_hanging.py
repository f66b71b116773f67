"""Which of a reader's hanging wishes counts, and how windows are read."""

from uuid import uuid4

import pytest

from confrere.kernel.errors import Invalid
from confrere.reading.hanging import Hanging, Window, check, chosen, windows_of
from confrere.web.study_links import ALONE, COMPARE, SERIES, launch_file, layout_of, own_viewer


def wish(modality: str = "", region: str = "", layout: str = "1x1") -> Hanging:
    return Hanging(uuid4(), modality, region, layout)


def test_the_closest_wish_counts() -> None:
    every, ct, head, ct_head = wish(), wish("CT"), wish("", "head"), wish("CT", "head")
    wishes = [ct, ct_head, every, head]
    assert chosen(wishes, "CT", "Head") is ct_head
    assert chosen(wishes, "CT", "chest") is ct
    assert chosen(wishes, "MR", "head") is head
    assert chosen(wishes, "MR", "knee") is every
    assert chosen([ct_head], "MR", "head") is None


def test_windows_are_read_as_readers_write_them() -> None:
    found = windows_of("Brain 80/40,  Old lung 1500 / -600;")
    assert found == (Window("Brain", 80, 40), Window("Old lung", 1500, -600))
    assert windows_of(", ".join(map(str, found))) == found
    assert windows_of("") == ()
    for bad in ("80/40", "Brain 0/40", "Brain 80", "A 1/1, B 1/1, C 1/1, D 1/1, E 1/1"):
        with pytest.raises(Invalid) as refused:
            windows_of(bad)
        assert refused.value.field == "windows"


def test_what_cannot_be_hung_is_refused_by_its_field() -> None:
    windows = (Window("Brain", 80, 40),)
    for bad, field in (
        (wish("CT", "head", "3x3"), "layout"),
        (wish("CTX"), "modality"),
        (Hanging(uuid4(), "", "head", "1x1", windows=windows), "modality"),
        (Hanging(uuid4(), "CT", "x" * 65, "1x1"), "region"),
    ):
        with pytest.raises(Invalid) as refused:
            check(bad)
        assert refused.value.field == field


def test_the_viewer_opens_as_wished_and_beside_the_prior_without_a_wish() -> None:
    assert layout_of(None, beside=True) == COMPARE
    assert layout_of(None, beside=False) == ALONE
    assert layout_of(wish(layout="1x2"), beside=False) == ALONE
    assert layout_of(wish(layout="1x1"), beside=True) == ALONE
    mine = wish(layout="2x2")
    address = own_viewer("1.2", "1.3", mine, desk="d")
    assert address == (
        f"/ohif/viewer?StudyInstanceUIDs=1.2,1.3&hangingProtocolId={SERIES}&desk=d"
        f"&hanging={mine.id}"
    )


def test_a_launch_file_is_filled_without_a_way_out_of_its_markup() -> None:
    strange = ['A"/>\n<x>']
    assert launch_file("a.xml", "<o a='{accession}'/>", "1.2", strange) == (
        "<o a='A&quot;/&gt;&lt;x&gt;'/>"
    )
    assert launch_file("a.txt", "{accession} {study_uid}", "1.2", ["A1\r\nB"]) == "A1B 1.2"
    assert launch_file("a.txt", "acc={accession}", "", []) == "acc="
