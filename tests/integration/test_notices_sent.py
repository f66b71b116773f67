"""Notices leave: by a real SMTP server and a real HTTP endpoint, once, with patience."""

import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiosmtpd.smtp import AuthResult

from confrere.database.engine import transaction
from confrere.demo.machines import free_ports
from confrere.demo.switchboard import Tray, switchboard
from confrere.files.folder import BlobStore
from confrere.kernel.errors import Refused, Unavailable
from confrere.kernel.ids import ItemId
from confrere.network import service as network
from confrere.notices import gateway, mail
from confrere.notices import service as notices
from confrere.notices.contacts import ASSISTANT, CHIEF, LEAD, READER, Contact
from confrere.notices.gateway import Gateway
from confrere.notices.mail import MailServer
from confrere.notices.model import (
    FAILED,
    NO_WAY,
    QUEUED,
    SEEN,
    SENT,
    WITHDRAWN,
    Channel,
    Kind,
    Notice,
    Telling,
)
from confrere.notices.sending import Ways
from confrere.settings import Settings
from confrere.wiring.herald import Herald, ways_of
from confrere.wiring.house import House
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from confrere.worklist.escalating import escalate
from confrere.worklist.model import State
from tests.database import Databases
from tests.integration.test_worklist import placed
from tests.integration.web_shell import Clock
from tests.integration.world import NOW, World, build, order_message, suspend
from tests.peers import require

TOKEN = "a secret of the exchange"
ADDRESS = "https://reads.example"
ALL = frozenset({Channel.MAIL, Channel.SMS, Channel.VOICE})
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass
class Exchange:
    """The other side, and what is set up to reach it."""

    tray: Tray
    ways: Ways


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    ports = free_ports({"mail": 0, "http": 0})
    with switchboard(tmp_path, ports["mail"], ports["http"], TOKEN) as tray:
        yield Exchange(
            tray,
            Ways(
                MailServer("127.0.0.1", ports["mail"], "none", "confrere@reads.example"),
                Gateway(f"http://127.0.0.1:{ports['http']}/messages", TOKEN), ADDRESS,
            ),
        )  # fmt: skip


def house(made: Databases, home: Path, clock: Clock, settings: Settings | None = None) -> House:
    return House(
        settings or Settings(home=home), made.app, made.system, BlobStore(home / "blobs"),
        bytes(32), clock, lambda: 0.0,
    )  # fmt: skip


@contextmanager
def herald(made: Databases, home: Path, clock: Clock, ways: Ways) -> Iterator[Herald]:
    made_one = Herald(house(made, home, clock), ways)
    try:
        yield made_one
    finally:
        made_one.stop()


def send_all(sender: Herald) -> None:
    """Send what is due, and wait for it."""
    wait(sender.look(), timeout=30)


def line(world: World, role: str, number: int, **changes: object) -> Contact:
    made = Contact(
        uuid4(), world.owner, role, f"Person {number}", None, None,
        f"p{number}@north.example", f"+1312555010{number}", ALL,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def furnished(made: Databases) -> tuple[World, ItemId]:
    """A STAT exam that is offered, its clock at 14:50, due 15:20; and call lists."""
    with transaction(made.system, frozenset()) as conn:
        world = build(conn)
        item = placed(conn, world, order_message(status="CM"))
        dispatch(conn, network.directory(conn, NOW), NOW)
        for one in (
            line(world, READER, 1, reader=world.neuro, owner_group=world.partner),
            line(world, CHIEF, 2), line(world, LEAD, 3),
            line(world, ASSISTANT, 4, site=world.site, channels=frozenset({Channel.MAIL})),
        ):  # fmt: skip
            notices.add_contact(conn, one, "test", NOW)
    return world, item.id


def told(made: Databases, clock: Clock) -> int:
    with transaction(made.system, frozenset()) as conn:
        return escalate(conn, network.directory(conn, clock()), clock())


def kept(made: Databases) -> list[Notice]:
    with transaction(made.system, frozenset()) as conn:
        return notices.history(conn, [], 100)


def test_a_stat_exam_runs_out_of_time_and_everybody_hears_of_it_once(
    fresh: Databases, exchange: Exchange, tmp_path: Path
) -> None:
    _, item = furnished(fresh)
    clock = Clock(NOW)
    with herald(fresh, tmp_path, clock, exchange.ways) as sender:
        for _ in range(33):  # half an hour, looking every minute, twice each time
            told(fresh, clock)
            assert told(fresh, clock) == 0
            send_all(sender)
            clock.forward(minutes=1)
    came = [(one.channel, one.to) for one in exchange.tray.calls()]
    nina, lee, andy = "+13125550101", "+13125550103", "p4@north.example"
    assert sorted(came) == sorted([
        ("mail", "p1@north.example"), ("sms", nina), ("sms", lee), ("sms", nina),
        ("voice", lee), ("voice", nina), ("voice", lee), ("sms", nina), ("mail", andy),
    ])  # fmt: skip
    words = " ".join(one.subject + one.text for one in exchange.tray.calls())
    assert not [part for part in ("DOE", "JANE", "M1", "LM100", "CT head") if part in words]
    first = exchange.tray.calls()[0]
    assert first.subject == "STAT exam at Lakeshore due in 20 min"
    assert f"{ADDRESS}/items/{item}" in first.text
    assert {one.state for one in kept(fresh)} == {SENT}
    assert "n…" not in words


def test_what_was_seen_is_not_sent_any_more(
    fresh: Databases, exchange: Exchange, tmp_path: Path
) -> None:
    world, _ = furnished(fresh)
    clock = Clock(NOW + 6 * MINUTE)
    with herald(fresh, tmp_path, clock, exchange.ways) as sender:
        told(fresh, clock)
        with transaction(fresh.app, frozenset({world.partner})) as conn:
            mine = notices.for_reader(conn, world.neuro, NOW)
            assert [one.what.tier for one in mine] == [50]
            notices.see(conn, mine[0].id, "Nina", clock())
            assert notices.for_reader(conn, world.neuro, NOW) == []
        send_all(sender)
        assert exchange.tray.calls() == []
        assert {(one.state, one.seen_by) for one in kept(fresh)} == {(SEEN, "Nina")}
        clock.forward(minutes=9)
        told(fresh, clock)
        send_all(sender)
    assert [one.to for one in exchange.tray.calls()] == ["+13125550103"]


def test_what_an_exams_end_overtook_is_withdrawn(fresh: Databases, tmp_path: Path) -> None:
    _, item = furnished(fresh)
    clock = Clock(NOW + 6 * MINUTE)
    told(fresh, clock)
    with transaction(fresh.system, frozenset()) as conn:
        worklist.finish(conn, worklist.get(conn, item), State.FINAL, None, None, clock())
    told(fresh, clock)
    assert {one.state for one in kept(fresh) if one.what.channel is Channel.SMS} == {WITHDRAWN}


def test_nobody_eligible_pages_the_chief_at_once(
    fresh: Databases, exchange: Exchange, tmp_path: Path
) -> None:
    world, item = furnished(fresh)
    clock = Clock(NOW)
    with transaction(fresh.system, frozenset()) as conn:
        suspend(conn, world)
        dispatch(conn, network.directory(conn, NOW), NOW)
    assert told(fresh, clock) == 2
    with herald(fresh, tmp_path, clock, exchange.ways) as sender:
        send_all(sender)
    calls = {one.channel: one for one in exchange.tray.calls()}
    assert {one.to for one in calls.values()} == {"+13125550102"}
    assert set(calls) == {"sms", "voice"}
    assert calls["sms"].text == (
        "Confrere: STAT exam at Lakeshore: nobody on duty may read it. You may assign it by "
        f"attestation. {ADDRESS}/items/{item}"
    )


def test_a_storm_is_one_message_with_a_count(
    fresh: Databases, exchange: Exchange, tmp_path: Path
) -> None:
    world, _ = furnished(fresh)
    clock = Clock(NOW)
    with transaction(fresh.system, frozenset()) as conn:
        lead = next(one for one in notices.contacts(conn) if one.role == LEAD)
        for n in range(12):
            notices.tell(conn, [telling(world, lead, n)], NOW + n * SECOND)
    with herald(fresh, tmp_path, clock, exchange.ways) as sender:
        send_all(sender)
        clock.forward(seconds=90)
        send_all(sender)
    texts = [one.text.split(",")[0] for one in exchange.tray.calls()]
    assert len(texts) <= 2
    assert texts[0].startswith("Confrere: 12 exams need attention")
    assert len({one.message for one in kept(fresh)}) == 1


def telling(world: World, to: Contact, number: int) -> Telling:
    return Telling(
        Kind.ESCALATION, 75, UUID(int=number), None, world.owner, world.owner, to.id, "Lead",
        to.name, Channel.SMS, "Lakeshore", "STAT", NOW + MINUTE, None, to.id,
    )  # fmt: skip


def test_what_cannot_be_sent_is_kept_and_says_why(fresh: Databases, tmp_path: Path) -> None:
    _, _ = furnished(fresh)
    clock = Clock(NOW + 6 * MINUTE)
    told(fresh, clock)
    nothing = ways_of(Settings())
    assert (nothing.mail, nothing.gateway) == (None, None)
    with herald(fresh, tmp_path, clock, nothing) as sender:
        send_all(sender)
    failed = [one for one in kept(fresh) if one.state == FAILED]
    assert [(one.what.channel, one.last_error) for one in failed] == [(Channel.SMS, NO_WAY)]


def test_a_gateway_that_is_away_is_tried_again_and_at_last_given_up(
    fresh: Databases, exchange: Exchange, tmp_path: Path
) -> None:
    world, _ = furnished(fresh)
    clock = Clock(NOW + 6 * MINUTE)
    told(fresh, clock)
    gone = replace(exchange.ways, gateway=Gateway("http://127.0.0.1:9/messages", TOKEN))
    with herald(fresh, tmp_path, clock, gone) as sender:
        pauses = []
        for _ in range(8):
            send_all(sender)
            one = next(x for x in kept(fresh) if x.what.channel is Channel.SMS)
            pauses.append(one.next_at - clock())
            clock.at = one.next_at
    assert one.state == FAILED
    assert one.attempts == 8
    assert one.last_error == "the gateway does not answer: ConnectionRefusedError"
    assert [int(p.total_seconds()) for p in pauses[:4]] == [5, 10, 20, 40]
    with transaction(fresh.app, frozenset({world.owner})) as conn:
        notices.send_again(conn, one.id, clock())
    with herald(fresh, tmp_path, clock, exchange.ways) as sender:
        send_all(sender)
    assert [x.state for x in kept(fresh) if x.id == one.id] == [SENT]


def test_a_message_sent_twice_rings_once(exchange: Exchange) -> None:
    key = uuid4()
    assert exchange.ways.gateway
    for _ in range(2):
        gateway.send(exchange.ways.gateway, Channel.VOICE, "+13125550100", "Hello", key)
    assert len(exchange.tray.calls()) == 1


def test_a_wrong_token_is_refused_for_good(exchange: Exchange) -> None:
    assert exchange.ways.gateway
    wrong = replace(exchange.ways.gateway, token="wrong")
    with pytest.raises(Refused, match="401"):
        gateway.send(wrong, Channel.SMS, "+13125550100", "Hello", uuid4())
    assert exchange.tray.calls() == []
    assert "wrong" not in repr(wrong)


def test_mail_goes_by_starttls_with_a_sign_in_and_not_to_a_stranger(tmp_path: Path) -> None:
    require("openssl")
    files = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout {files[0]} "
        f"-out {files[1]}"
    )
    subprocess.run(command.split(), check=True, capture_output=True, timeout=30)
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(files[1], files[0])

    def sign_in(
        _server: object, _s: object, _e: object, _m: object, given: object
    ) -> AuthResult:
        right = getattr(given, "password", b"") == b"let me in"
        return AuthResult(success=right, handled=False)

    ports = free_ports({"mail": 0, "http": 0})
    more = {
        "tls_context": theirs, "require_starttls": True, "auth_required": True,
        "authenticator": sign_in,
    }  # fmt: skip
    with switchboard(tmp_path, ports["mail"], ports["http"], TOKEN, **more) as tray:
        server = MailServer(
            "127.0.0.1", ports["mail"], "starttls", "confrere@reads.example", "confrere",
            "let me in", ssl.create_default_context(cafile=str(files[1])),
        )  # fmt: skip
        mail.send(
            server, "p@north.example", "STAT exam\r\nBcc: x@y.example", "Words", uuid4(), NOW
        )
        with pytest.raises(Refused, match="535"):
            mail.send(replace(server, password="no"), "p@north.example", "S", "W", uuid4(), NOW)
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            mail.send(replace(server, trust=None), "p@north.example", "S", "W", uuid4(), NOW)
    came = tray.calls()
    assert [(one.to, one.subject) for one in came] == [
        ("p@north.example", "STAT exam Bcc: x@y.example")
    ]
    assert "let me in" not in repr(server)


def test_a_sender_that_dies_leaves_its_message_to_be_sent_later(fresh: Databases) -> None:
    furnished(fresh)
    clock = Clock(NOW + 6 * MINUTE)
    told(fresh, clock)
    with transaction(fresh.system, frozenset()) as conn:
        message = notices.due(conn, clock())[0]
    with transaction(fresh.system, frozenset()) as conn:
        taken, contact = notices.take(conn, message, clock())
        assert len(taken) == 1
        assert contact is not None
    with transaction(fresh.system, frozenset()) as conn:
        assert notices.take(conn, message, clock()) == ([], None)
        assert notices.due(conn, clock()) == []
        assert notices.due(conn, clock() + 3 * MINUTE) == [message]
    assert [one.state for one in kept(fresh) if one.message == message] == [QUEUED]
