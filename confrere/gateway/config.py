"""The gateway's settings: one TOML file beside its data."""

import ipaddress
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from confrere.kernel.errors import Invalid
from confrere.settings import is_loopback

FILE = "gateway.toml"


@dataclass(frozen=True, slots=True)
class Sender:
    """A machine that may send here: by AE title (DICOM) or by address alone (HL7)."""

    address: str = "127.0.0.1"
    aet: str = ""  # DICOM; empty: this machine sends HL7
    stat: bool = False  # all its images go first, such as those of the CT of the emergency room


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set in `gateway.toml`; see docs/howto/site-gateway.md."""

    home: Path
    centre: str
    ca: str = (
        ""  # a file of certificates that the centre's is checked with; empty: the system's
    )
    host: str = "127.0.0.1"  # where DICOM and MLLP listen
    dicom_port: int = 11112
    aet: str = "GATEWAY"
    mllp_port: int = 2575
    status_host: str = "127.0.0.1"
    status_port: int = 8090
    reading_host: str = "127.0.0.1"  # where readers sign in while the centre is unreachable
    reading_port: int = 8091
    reading_certificate: str = ""  # PEM files; both are needed beyond loopback
    reading_key: str = ""
    downtime_seconds: int = 30  # the line is down so long before exams are offered here
    reading_days: int = 7  # without a word of the centre nobody signs in any more
    call_seconds: int = 5  # the centre is called so often, while the line is up
    connections: int = 2  # at once to the centre, for images
    keep_hours: int = 72  # what was delivered stays here so long
    keep_gigabytes: int = 50  # and at most so much of it
    free_gigabytes: float = 5.0  # below so much free space nothing more is taken
    stat_modalities: tuple[str, ...] = ()
    senders: tuple[Sender, ...] = ()

    @property
    def token_file(self) -> Path:
        """Where the token lies that the centre gave."""
        return self.home / "keys" / "centre.token"

    @property
    def audit_key_file(self) -> Path:
        """Where the key of the chain of events lies."""
        return self.home / "keys" / "audit.key"

    @property
    def status_token_file(self) -> Path:
        """Where the token of the status page lies."""
        return self.home / "keys" / "status.token"

    def sender(self, aet: str, address: str) -> Sender | None:
        """The DICOM sender of this title and address."""
        return next(
            (
                s
                for s in self.senders
                if s.aet and s.aet == aet.strip() and s.address == address
            ),
            None,
        )

    def may_send_messages(self, address: str) -> bool:
        """Whether an HL7 sender may come from this address."""
        return any(not s.aet and s.address == address for s in self.senders)


def load(home: Path) -> Config:
    """Read the file in `home`; raises Invalid that names the setting and what it takes."""
    path = home / FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Invalid(f"there is no {FILE} in {home}: write one, see the guide", FILE) from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{FILE} is not valid TOML: {error}", FILE) from None
    known = {one.name for one in fields(Config)} - {"home"}
    if unknown := sorted(set(values) - known):
        raise Invalid(f"unknown setting {unknown[0]!r} in {FILE}", unknown[0])
    senders = tuple(_sender(one) for one in values.pop("senders", []))
    stat = tuple(str(one).upper() for one in values.pop("stat_modalities", []))
    if "centre" not in values:
        raise Invalid(f"set centre in {FILE}, as https://confrere.example", "centre")
    for one in fields(Config):
        if isinstance(one.default, int) and one.name in values:
            _check_number(one.name, values[one.name])
    made = Config(home.absolute(), **values, senders=senders, stat_modalities=stat)
    check(made)
    return made


def check(config: Config) -> None:
    """Refuse what would be unsafe; raises Invalid with the remedy."""
    told = urlsplit(config.centre)
    plain = told.scheme == "http" and is_loopback(told.hostname or "")
    if not told.hostname or not (told.scheme == "https" or plain):
        raise Invalid("centre must begin with https:// and name a host", "centre")
    for name in ("host", "status_host", "reading_host"):
        value = getattr(config, name)
        if value != "localhost" and not _is_private(value):
            raise Invalid(
                f"{name} must be loopback or the address of one private interface, such as "
                "10.20.0.5; not a wildcard or a public address",
                name,
            )
    if config.call_seconds < 1:
        raise Invalid("call_seconds must be 1 or more", "call_seconds")
    if bool(config.reading_certificate) != bool(config.reading_key):
        raise Invalid("set reading_certificate and reading_key, or neither", "reading_key")
    if not is_loopback(config.reading_host) and not config.reading_certificate:
        raise Invalid(
            "reading_host may leave loopback only with TLS: set reading_certificate and "
            "reading_key",
            "reading_certificate",
        )
    if not 1 <= len(config.aet.strip()) <= 16:  # noqa: PLR2004 - PS3.5 table 6.2-1, AE
        raise Invalid("aet must have 1 to 16 characters", "aet")


def _sender(given: object) -> Sender:
    if not isinstance(given, dict) or set(given) - {"address", "aet", "stat"}:
        raise Invalid("a sender has an address, and may have aet and stat", "senders")
    made = Sender(**given)
    try:
        ipaddress.ip_address(made.address)
    except ValueError:
        raise Invalid("a sender's address is an IP address, as 10.20.0.31", "senders") from None
    return made


def _check_number(name: str, value: object) -> None:
    most = 65535 if name.endswith("_port") else 10**6
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise Invalid(f"{name} must be a number from 0 to {most}", name)


def _is_private(address: str) -> bool:
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return False
    return one.is_private and not one.is_unspecified
