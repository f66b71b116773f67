"""A broad query reads by key, a page at a time: it holds little, and what comes shifts nothing."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydicom import Dataset
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
)

from confrere.database.engine import transaction
from confrere.imaging import finding
from confrere.imaging.attributes import Level
from confrere.imaging.matching import Query
from confrere.imaging.model import Found, Scope
from confrere.network import service as network
from confrere.wiring import dicom_query
from confrere.wiring.dicom_query import Desk
from confrere.wiring.peers import PeerBook
from tests.integration.device_house import Devices, device_house

FIND = str(StudyRootQueryRetrieveInformationModelFind)
STUDIES = 1_600

FILL = """
with made as (
    insert into studies (owner_group, site_id, study_uid, study_date, study_time, patient_name,
        patient_name_key, mrn, issuer, first_at, last_at, instance_count, series_count,
        description, modalities)
    select :owner, :site, '1.2.77.' || n, to_char(date '2020-01-01' + n / 7, 'YYYYMMDD'), '0800',
        'Doe^Jo', 'doe^jo', 'M' || n / 4, 'HOSP', now(), now(), 4, 2, repeat('d', 60), '{CT}'
    from generate_series(1, :studies) n returning id, owner_group, study_uid
), lines as (
    insert into series (owner_group, study_id, series_uid, modality, number, instance_count)
    select owner_group, id, study_uid || '.' || k, 'CT', nullif(k, 2), 2
    from made, generate_series(1, 2) k returning id, owner_group, study_id, series_uid
)
insert into instances (owner_group, study_id, series_id, sop_uid, sop_class, number,
    transfer_syntax, digest, received_at)
select owner_group, study_id, id, series_uid || '.' || k, '1.2.840.10008.5.1.4.1.1.2',
    nullif(k, 1), '1.2.840.10008.1.2.1', decode(repeat('00', 32), 'hex'), now()
from lines, generate_series(1, 2) k
"""


@pytest.fixture(scope="module")
def devices(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devices]:
    with device_house(postgres_socket, template, tmp_path_factory.mktemp("paging")) as made:
        with transaction(made.house.system, frozenset()) as conn:
            conn.execute(
                sa.text(FILL),
                {"owner": made.world.owner, "site": made.world.site, "studies": STUDIES},
            )
        yield made


def paged(devices: Devices, level: Level, size: int, most: int) -> list[Found]:
    found: list[Found] = []
    query = Query(Scope(frozenset({devices.world.owner})), limit=size)
    with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
        while len(found) < most:
            page = finding.search(conn, level, query)
            found += page
            if len(page) < size:
                break
            query = replace(query, after=page[-1])
    return found


def key(found: Found) -> str:
    return str((found.instance or found.series or found.study).id)


@pytest.mark.parametrize(("level", "size"), [(Level.STUDY, 7), (Level.SERIES, 3)])
def test_pages_by_key_are_the_pages_by_count_at_every_level(
    devices: Devices, level: Level, size: int
) -> None:
    for at in (level, Level.INSTANCE):
        by_key = [key(one) for one in paged(devices, at, size, 90)][:90]
        scope = Scope(frozenset({devices.world.owner}))
        with transaction(devices.house.app, frozenset({devices.world.owner})) as conn:
            whole = finding.search(conn, at, Query(scope, limit=90))
        assert by_key == [key(one) for one in whole]


def test_what_is_filed_meanwhile_shifts_nothing(devices: Devices) -> None:
    desk = Desk(devices.house, PeerBook(devices.house.system, devices.house.now))
    with transaction(devices.house.system, frozenset()) as conn:
        peer = network.peer(conn, devices.scanner)
    query = Query(dicom_query.scope_of(peer))
    came = []
    for number, one in enumerate(desk.pages(peer, query, Level.STUDY)):
        came.append(one.study.study_uid)
        if number % dicom_query.PAGE == 10:  # newer than all: before what was read
            with transaction(devices.house.system, frozenset()) as conn:
                conn.execute(
                    sa.text(
                        "insert into studies (owner_group, site_id, study_uid, study_date, "
                        "first_at, last_at, instance_count) values "
                        "(:o, :s, :u, '20991231', now(), now(), 1)"
                    ),
                    {"o": peer.owner_group, "s": peer.site, "u": f"2.25.{uuid4().int}"},
                )
    assert len(came) == len(set(came)) == STUDIES, "nothing twice, nothing left out"


def test_a_broad_query_holds_a_page_and_a_cancelled_one_ends(
    devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID, keys.PatientName = "STUDY", "", ""
    with devices.linked(FIND) as link:
        tracemalloc.start()
        answers = link.send_c_find(keys, FIND, msg_id=9)
        count = sum(1 for status, _ in answers if status.Status == 0xFF00)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count >= STUDIES
    assert peak < 8 * 1024 * 1024, "door and client together, whatever it finds"
    monkeypatch.setattr(dicom_query, "PAGE", 4)  # so slow that the cancel comes in between
    with devices.linked(FIND) as link:
        last, seen = 0, 0
        for status, _ in link.send_c_find(keys, FIND, msg_id=9):
            last = status.Status
            seen += last == 0xFF00
            if seen == 1:
                link.send_c_cancel(9, query_model=FIND)
    assert (last, seen < STUDIES) == (0xFE00, True)
