"""The whole of Confrere as one runs it: the real process tree on a home and ports of its own.

`house` is one for the run of a worker; it is brought up again when a test left it down.
"""

import contextlib
import ctypes
import http.client
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import httpx
import pytest
from pynetdicom import AE
from sqlalchemy import Connection, Engine

from confrere.database import local
from confrere.database.engine import connect, transaction
from confrere.identity import service as identity
from confrere.kernel.ids import GroupId, PeerId, ReaderId, SiteId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.model import Group
from confrere.network.systems import Peer
from tests.acceptance import processes
from tests.acceptance.processes import free_ports, listens, wait_for
from tests.integration.world import NONE, World, build, reader

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "green kettle under stairs"
AET = "CONFRERE"
PARTS = ("doors", "dispatcher", "worker", "web")
_libc = ctypes.CDLL(None)
START_SECONDS = 90.0
# AE titles of each group; every one may call from loopback
TITLES = {
    "lakeshore": ("ORTHANC", "STORESCU", "LAKE_CT"),
    "prairie": ("PRAIRIE_CT",),
    "counting": ("COUNTED",),
}


@dataclass
class House:
    """A home with its ports, the processes on it, and a small world in its database."""

    home: Path
    ports: dict[str, int]
    process: "subprocess.Popen[bytes] | None" = None
    groups: dict[str, GroupId] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)  # "lakeshore IT engineer" -> secret
    world: World | None = None

    @property
    def url(self) -> str:
        """Where the web answers."""
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def workplace(self) -> Path:
        """The folder that the processes are started in; they have nothing to write there."""
        return self.home.parent / "workplace"

    @property
    def log(self) -> Path:
        """What the processes print, all starts together."""
        return self.home.parent / f"{self.home.name}.log"

    def environment(self) -> dict[str, str]:
        """The environment of every command on this home.

        Where Python is told to keep no compiled modules they are kept beside the home: these
        tests start it many times.
        """
        kept = {n: v for n, v in os.environ.items() if not n.startswith("CONFRERE_")}
        if kept.pop("PYTHONDONTWRITEBYTECODE", ""):
            kept["PYTHONPYCACHEPREFIX"] = str(self.home.parent / "compiled")
        ours = {f"CONFRERE_{name.upper()}_PORT": str(n) for name, n in self.ports.items()}
        return kept | ours | {"CONFRERE_HOME": str(self.home), "PYTHONPATH": str(ROOT)}

    def command(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run another command of Confrere on this home."""
        return subprocess.run(
            [sys.executable, "-m", "confrere", *words],
            check=False, env=self.environment(), input=given, capture_output=True,
            text=True, timeout=60,
        )  # fmt: skip

    def start(self) -> None:
        """Start the tree and wait until every port answers."""
        self.workplace.mkdir(exist_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "confrere", "serve"],
                env=self.environment(), cwd=self.workplace, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out,
                start_new_session=True,
                preexec_fn=end_with_us,  # noqa: PLW1509 - one call of libc, no lock
            )  # fmt: skip
        wait_for(self.answers, START_SECONDS, self.said)

    def is_up(self) -> bool:
        """Whether the supervisor lives and all ports answer."""
        return self.process is not None and self.process.poll() is None and self.answers()

    def answers(self) -> bool:
        """Whether the web, DICOM and HL7 ports all answer."""
        return (
            all(listens(self.ports[name]) for name in ("dicom", "mllp")) and self.web_answers()
        )

    def web_answers(self) -> bool:
        """Whether the sign-in page comes."""
        asked = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=2)
        try:
            asked.request("GET", "/login")
            with asked.getresponse() as answer:
                return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()

    def echoes(self, calling: str = "STORESCU") -> bool:
        """Whether a registered machine's whole C-ECHO succeeds."""
        ae = AE(ae_title=calling)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 5
        ae.add_requested_context("1.2.840.10008.1.1")
        link = ae.associate("127.0.0.1", self.ports["dicom"], ae_title=AET)
        if not link.is_established:
            return False
        answer = link.send_c_echo()
        link.release()
        return "Status" in answer and answer.Status == 0

    def said(self) -> str:
        """The end of what was printed."""
        return self.log.read_text(errors="replace")[-3000:]

    def stop(self) -> int:
        """End everything as Ctrl-C does; return the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def kill_tree(self) -> None:
        """SIGKILL every process at once: nobody gets to tidy up or to start another."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        for pid in [*self.tree(), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)

    def tree(self) -> list[int]:
        """The processes below the supervisor, PostgreSQL's included."""
        assert self.process is not None
        return processes.descendants(self.process.pid)

    def child(self, name: str) -> int:
        """The process of one part, 0 when there is none."""
        assert self.process is not None
        below = processes.children_of().get(self.process.pid, [])
        return next((pid for pid in below if processes.command_name(pid) == name), 0)

    @cached_property
    def system(self) -> Engine:
        """An engine of the system role; it finds a restarted server again by itself."""
        server = local.status(self.home)
        assert server is not None
        return connect(server.url("confrere_system"), pool=2)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction of the system role."""
        with transaction(self.system, frozenset()) as conn:
            yield conn

    def http(self, who: str, **headers: str) -> httpx.Client:
        """A client that acts as `who`, such as "lakeshore radiologist"."""
        held = {"authorization": f"Bearer {self.tokens[who]}"} | headers
        return httpx.Client(base_url=self.url, headers=held, timeout=30)

    def settle(self) -> World:
        """Build the small world, once, on the running database."""
        now = datetime.now(UTC)
        with self.reading() as conn:
            made = build(conn, now)
            self.groups = {"lakeshore": made.owner, "prairie": made.partner}
            self.groups["counting"] = network.add_group(
                conn, Group(GroupId(NONE), "CNT", "Counting House", "America/Chicago")
            )
            sites = {"lakeshore": made.site, **add_sites(conn, made, self.groups)}
            register(conn, self.groups, sites)
            counter = network.add_reader(
                conn,
                reader(self.groups["counting"], "Cole, Cy", {"general"}, made.site, "IL", now),
            )
            readers = {"lakeshore": made.general, "prairie": made.neuro, "counting": counter}
            for name, group in self.groups.items():
                self.tokens |= add_people(conn, name, group, readers[name], now)
        self.world = made
        wait_for(self.echoes, 10, self.said)  # the doors read anew who may call
        return made


def end_with_us() -> None:
    """Ask for SIGINT when the tests' own process is killed, so that no house outlives it."""
    _libc.prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def add_sites(conn: Connection, made: World, groups: dict[str, GroupId]) -> dict[str, SiteId]:
    """Give each further group a site like the first one."""
    like = network.site(conn, made.site)
    found = {}
    for name, code in (("prairie", "PRM"), ("counting", "CNM")):
        found[name] = network.add_site(
            conn,
            replace(
                like, owner_group=groups[name], code=code, name=f"{name.title()} Memorial",
                short_name=name.title(), assigner=f"{code}-MRN", accession_prefix=code[:2],
                result_peer=None,
            ),
        )  # fmt: skip
    return found


def register(conn: Connection, groups: dict[str, GroupId], sites: dict[str, SiteId]) -> None:
    """Let the machines of each group speak to us."""
    for name, titles in TITLES.items():
        for title in titles:
            network.register_peer(
                conn, Peer(PeerId(NONE), groups[name], "dicom", title, title, site=sites[name])
            )
    network.register_peer(
        conn,
        Peer(
            PeerId(NONE), groups["prairie"], "hl7", "Prairie RIS", application="RIS",
            facility="PRM", site=sites["prairie"],
        ),
    )  # fmt: skip


def add_people(
    conn: Connection, name: str, group: GroupId, reads: ReaderId, now: datetime
) -> dict[str, str]:
    """Make a group's radiologist, manager and IT engineer, each with a token."""
    roles = (Role.IT_ENGINEER, Role.GROUP_MANAGER, Role.RADIOLOGIST)
    made = {}
    for role in roles:
        user = identity.create_user(
            conn, f"{name}.{role.replace(' ', '.')}", f"{name.title()} {role}", role,
            group=group, reader=reads if role is Role.RADIOLOGIST else None, site=None,
            password=PASSWORD, now=now,
        )  # fmt: skip
        made[f"{name} {role}"] = identity.create_token(
            conn, user.id, "acceptance", expires_at=now + timedelta(days=1), now=now,
            random=secrets.token_bytes,
        )  # fmt: skip
    return made


@contextlib.contextmanager
def standing(home: Path) -> Iterator[House]:
    """The whole process tree, while it lasts, on a home of its own."""
    made = House(home, free_ports("http", "dicom", "mllp"))
    try:
        made.start()
        made.settle()
        yield made
    finally:
        if "system" in vars(made):
            made.system.dispose()
        if made.process and made.process.poll() is None:
            made.kill_tree()
        local.erase(made.home)


@pytest.fixture(scope="session")
def standing_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The one house of this run."""
    with standing(tmp_path_factory.mktemp("acceptance") / "home") as made:
        yield made


@pytest.fixture
def house(standing_house: House) -> House:
    """The house, up."""
    if not standing_house.is_up():
        if standing_house.process and standing_house.process.poll() is None:
            standing_house.kill_tree()
        standing_house.start()
    return standing_house
