"""All reference files, broken ones included, and groups of their own to send them to."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from confrere.dimse.syntaxes import STORED_SYNTAXES, is_storage_class
from confrere.imaging.head import NeedMore, read_head
from confrere.imaging.part10 import split_part10
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.network import service as network
from confrere.network.model import Group
from confrere.network.systems import Peer
from tests.acceptance.house import House, add_people, reader
from tests.acceptance.processes import wait_for
from tests.acceptance.senders import CT, Image
from tests.integration.world import NONE
from tests.peers import shared_folder

EXPLICIT = "1.2.840.10008.1.2.1"


@lru_cache(maxsize=1)
def files() -> tuple[Path, ...]:
    """Every file there is."""
    return tuple(sorted(p for p in files_folder().rglob("*") if p.is_file()))


def files_folder() -> Path:
    """Where they lie."""
    return shared_folder() / "data" / "dicom"


@dataclass
class Sent:
    """What is to be sent by C-STORE, and what no context can be proposed for."""

    images: list[Image] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # by digest
    not_proposed: Counter[str] = field(default_factory=Counter)

    @property
    def whole(self) -> dict[str, Image]:
        """Those with all their UIDs, by digest."""
        return {one.digest: one for one in self.images if one.study and one.uid}


@lru_cache(maxsize=1)
def to_send() -> Sent:
    """Each file's data set under what it says of itself; what says nothing goes as CT, as it is."""
    made = Sent()
    for number, path in enumerate(files()):
        image = _image(path.read_bytes(), f"1.2.3.{number}")
        if image.syntax not in STORED_SYNTAXES:
            made.not_proposed[image.syntax] += 1
        elif not is_storage_class(image.sop_class):
            made.not_proposed[image.sop_class] += 1
        else:
            made.images.append(image)
            made.names[image.digest] = path.relative_to(files_folder()).as_posix()
    return made


def _image(raw: bytes, uid: str) -> Image:
    try:
        meta, start = split_part10(raw)
    except (Invalid, NeedMore):
        return Image("", "", uid, EXPLICIT, raw)
    syntax, content = meta.transfer_syntax, raw[start:]
    try:
        head = read_head(content, syntax, complete=True)
    except Invalid:
        uid, sop_class = meta.sop_instance or uid, meta.sop_class or CT
        return Image("", "", uid, syntax, content, sop_class)
    return Image(
        head.study_instance, head.series_instance, head.sop_instance, syntax, content,
        head.sop_class,
    )  # fmt: skip


def group_of(house: House, name: str, title: str) -> SiteId:
    """A group with one site, a machine that may call, and people with tokens."""
    if name in house.groups:
        return house_site(house, house.groups[name])
    now = datetime.now(UTC)
    made = house.world
    assert made
    with house.reading() as conn:
        group = network.add_group(
            conn, Group(GroupId(NONE), title[:3], f"{name.title()} House", "America/Chicago")
        )
        like = network.site(conn, made.site)
        site = network.add_site(
            conn,
            replace(
                like, owner_group=group, code=title[:3], name=f"{name.title()} Memorial",
                short_name=name.title(), assigner=f"{title[:3]}-MRN",
                accession_prefix=title[:2], result_peer=None,
            ),
        )  # fmt: skip
        peer = Peer(PeerId(NONE), group, "dicom", title, title, site=site)
        network.register_peer(conn, peer)
        one = network.add_reader(
            conn, reader(group, f"{name.title()}, Al", {"general"}, made.site, "IL", now)
        )
        house.tokens |= add_people(conn, name, group, one, now)
    house.groups[name] = group
    wait_for(lambda: house.echoes(title), 10, house.said)
    return site


def house_site(house: House, group: GroupId) -> SiteId:
    """The one site of such a group."""
    with house.reading() as conn:
        (site,) = (one.id for one in network.sites(conn) if one.owner_group == group)
    return site


def digest(content: bytes) -> str:
    """What bytes are known by."""
    return hashlib.sha256(content).hexdigest()
