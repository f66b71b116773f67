"""Say where the demonstration is and how to get in: `demo.json`, and a few lines to read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confrere.demo import places
from confrere.demo.accounts import Account
from confrere.demo.build import Built
from confrere.demo.machines import DICTATION, LOOPBACK
from confrere.demo.people import USERS
from confrere.network.model import READS_ELSEWHERE

_SHOWN = ("raman", "kowalski", "manager.foxhollow", "admin")


@dataclass(frozen=True, slots=True)
class Doors:
    """Where this start listens, on loopback."""

    http_port: int
    dicom_port: int
    mllp_port: int
    aet: str = "CONFRERE"
    mail_port: int = 0  # of the switchboard, which takes mail, SMS and calls; 0: there is none
    exchange_port: int = 0

    @property
    def address(self) -> str:
        """The pages."""
        return f"http://{LOOPBACK}:{self.http_port}"

    @property
    def exchange(self) -> str:
        """The switchboard's page."""
        return f"http://{LOOPBACK}:{self.exchange_port}"


def demo_json(built: Built, doors: Doors) -> dict[str, Any]:
    """Everything that another program needs to talk to the demonstration."""
    senders = [{"aet": one.aet, "site": one.code} for one in places.SITES]
    engines = [
        {"application": one.application, "facility": one.facility, "site": one.code}
        for one in places.SITES
    ]
    engines += [
        {"application": DICTATION, "facility": one.facility, "site": one.code}
        for one in places.SITES
        if one.reporting == READS_ELSEWHERE
    ]
    return {
        "http": doors.address,
        "fhir": f"{doors.address}/fhir",
        "dicomweb": f"{doors.address}/dicom-web",
        "dicom": {
            "host": LOOPBACK, "port": doors.dicom_port, "aet": doors.aet, "senders": senders,
        },
        "mllp": {"host": LOOPBACK, "port": doors.mllp_port, "senders": engines},
        "results": [
            {"site": site, "mllp_port": port} for site, port in built.result_ports.items()
        ],
        "switchboard": {
            "http": doors.exchange, "http_port": doors.exchange_port, "mail_port": doors.mail_port,
        },
        "users": [asdict(one) for one in built.accounts],
    }  # fmt: skip


def write_demo_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file at once; only its owner may read it, for it holds passwords."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    fresh.replace(path)


def known_accounts(path: Path) -> tuple[Account, ...]:
    """The accounts of an earlier start; none when the file is absent or unreadable."""
    try:
        users = json.loads(path.read_text(encoding="utf-8"))["users"]
        return tuple(Account(**one) for one in users)
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def known_ports(path: Path) -> dict[str, int]:
    """The results listeners' ports of an earlier start, by site code; 0 where there was none."""
    ports = {one.code: 0 for one in places.SITES}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["results"]
        return ports | {one["site"]: int(one["mllp_port"]) for one in told}
    except (OSError, ValueError, KeyError, TypeError):
        return ports


def known_switchboard(path: Path) -> dict[str, int]:
    """The switchboard's ports of an earlier start; 0 where there was none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["switchboard"]
        return {"mail": int(told["mail_port"]), "exchange": int(told["http_port"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"mail": 0, "exchange": 0}


def words(built: Built, doors: Doors, path: Path) -> str:
    """The text printed when everything listens."""
    by_name = {one.username: one for one in built.accounts}
    lines = [
        "",
        f"  Confrere is at {doors.address}",
        "  Six radiology groups, eleven sites. Every patient is invented; nothing here is real.",
        "",
        "  Sign in as",
        *(_who(by_name[one]) for one in _SHOWN),
        f"  Everyone else ({len(USERS)} in all) is in {path}",
        *(
            [f"  Mail, SMS and calls go to {doors.exchange} and ring nobody"]
            if doors.exchange_port
            else []
        ),
        "",
        "  Three things to try",
        "  1. As raman, read the STAT head CT from Hollow Creek: another group's emergency",
        "     department, and its prior from a third hospital is already beside it.",
        "  2. As kowalski, ask of the same exam why you or Dr. Whitfield may not read it.",
        "  3. As manager.foxhollow, choose 52 weeks on the dashboard and see how turnaround",
        "     changed when Meridian Oak began to read.",
        "",
    ]
    return "\n".join(lines)


def _who(account: Account) -> str:
    return f"    {account.username:<18} {account.password}   {account.name}, {account.role}"
