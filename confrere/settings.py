"""Settings, read once from the environment and an optional TOML file.

The environment wins over the file named by CONFRERE_CONFIG (default: `confrere.toml` in the
data folder). `docs/settings.md` lists every setting; a test keeps the two in step.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from confrere.kernel.errors import Invalid


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. Field names are the TOML keys; see `ENVIRONMENT`."""

    home: Path = Path("var")
    database_url: str = ""  # empty: the private PostgreSQL in `home`
    database_owner_url: str = ""  # migrations; empty: as `database_url`, role confrere_owner
    database_system_url: str = ""  # worker, dispatcher; empty: role confrere_system
    blob_url: str = ""  # empty: file store in `home`; or file:///folder, s3://bucket/prefix
    cold_url: str = ""  # where what is seldom used is moved; empty: nowhere
    s3_endpoint: str = ""  # empty: Amazon's of the region
    s3_region: str = "us-east-1"
    s3_key_id: str = ""  # empty: the machine's own role
    s3_secret: str = field(default="", repr=False)
    replica_url: str = ""  # folder with copies of the blobs, to mend from
    scrub_megabytes: int = 20  # read per second by the integrity scrub
    assets: str = ""  # folder of OHIF and the page assets; empty: found by `assets`
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    tls_certificate: str = ""
    tls_key: str = ""
    dicom_host: str = "127.0.0.1"
    dicom_port: int = 11112
    aet: str = "CONFRERE"
    dicom_tls_host: str = "127.0.0.1"
    dicom_tls_port: int = 0  # 0: no DICOM by TLS
    dicom_tls_certificate: str = ""  # empty: `tls_certificate` and `tls_key`
    dicom_tls_key: str = ""
    dicom_tls_clients: str = ""  # certificates that callers' must lead to; empty: none asked
    dicom_tls_servers: str = ""  # the same of machines that we call
    mllp_host: str = "127.0.0.1"
    mllp_port: int = 2575
    private_interface: str = ""  # address that plain DICOM and MLLP may also bind
    session_hours: int = 12
    idle_minutes: int = 60
    claim_minutes: int = 30
    public_url: str = ""  # where people reach the pages; empty: as `http_host`, `http_port`
    mail_host: str = ""  # empty: no mail is sent
    mail_port: int = 587
    mail_security: str = "starttls"  # or tls; none on loopback only
    mail_user: str = ""
    mail_password: str = field(default="", repr=False)
    mail_from: str = ""
    gateway_url: str = ""  # SMS and voice; empty: none are sent
    gateway_token: str = field(default="", repr=False)
    gateway_silent_minutes: int = 5  # then people are told that a hospital's gateway is silent

    @property
    def page_address(self) -> str:
        """Where links in notices lead, without a slash at its end."""
        scheme = "https" if self.tls_certificate else "http"
        own = f"{scheme}://{self.http_host}:{self.http_port}"
        return (self.public_url or own).rstrip("/")

    @property
    def blobs(self) -> Path:
        """The blob folder of this machine: the store, or the way to it."""
        if self.blob_url and not self.blob_url.startswith("s3://"):
            return Path(self.blob_url.removeprefix("file://"))
        return self.home / "blobs"


ENVIRONMENT = {one.name: f"CONFRERE_{one.name.upper()}" for one in fields(Settings)} | {
    f"database_{one}url": f"DATABASE_{one.upper()}URL" for one in ("", "owner_", "system_")
}
# shown as "(set)" only
SECRETS = frozenset(
    {
        "database_url",
        "database_owner_url",
        "database_system_url",
        "s3_secret",
        "mail_password",
        "gateway_token",
    }
)


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises Invalid that names the setting and what it takes."""
    given = os.environ if environment is None else environment
    home = Path(given.get("CONFRERE_HOME", "var")).absolute()
    values: dict[str, object] = {**_from_file(given, home), "home": home}
    for name, variable in ENVIRONMENT.items():
        if name != "home" and given.get(variable):
            values[name] = given[variable]
    known = {field.name: field.type for field in fields(Settings)}
    if unknown := sorted(set(values) - set(known)):
        raise Invalid(f"unknown setting {unknown[0]!r}; see docs/settings.md", unknown[0])
    for name, kind in known.items():
        if name in values and kind in ("int", int):
            values[name] = _whole(name, values[name])
    settings = Settings(**values)  # type: ignore[arg-type]
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Refuse what would be unsafe; raises Invalid with the remedy."""
    if not is_loopback(settings.http_host) and not (
        settings.tls_certificate and settings.tls_key
    ):
        raise Invalid(
            "the web server may leave loopback only with TLS: set CONFRERE_TLS_CERTIFICATE "
            "and CONFRERE_TLS_KEY, or CONFRERE_HTTP_HOST=127.0.0.1",
            "http_host",
        )
    if settings.private_interface and not _is_private(settings.private_interface):
        raise Invalid(
            "CONFRERE_PRIVATE_INTERFACE must be the address of one private interface, such as "
            "10.8.0.5; not a wildcard, a name or a public address",
            "private_interface",
        )
    for name, host in (("dicom_host", settings.dicom_host), ("mllp_host", settings.mllp_host)):
        if not is_loopback(host) and host != settings.private_interface:
            raise Invalid(
                f"{name} {host} is neither loopback nor CONFRERE_PRIVATE_INTERFACE: name the "
                "private interface's address there, and register each plain peer by address",
                name,
            )
    if not 1 <= len(settings.aet.strip()) <= 16:  # noqa: PLR2004 - PS3.5 table 6.2-1, AE
        raise Invalid("CONFRERE_AET must have 1 to 16 characters", "aet")
    _check_dicom_tls(settings)
    if settings.gateway_silent_minutes < 1:
        raise Invalid(
            "CONFRERE_GATEWAY_SILENT_MINUTES must be 1 or more", "gateway_silent_minutes"
        )
    if settings.scrub_megabytes < 1:
        raise Invalid("CONFRERE_SCRUB_MEGABYTES must be 1 or more", "scrub_megabytes")
    _check_store(settings)
    _check_mail(settings)
    _check_addresses(settings)


def _check_dicom_tls(settings: Settings) -> None:
    if not settings.dicom_tls_port:
        return
    if bool(settings.dicom_tls_certificate) != bool(settings.dicom_tls_key):
        raise Invalid(
            "set CONFRERE_DICOM_TLS_CERTIFICATE and CONFRERE_DICOM_TLS_KEY, or neither",
            "dicom_tls_key",
        )
    own = settings.dicom_tls_certificate and settings.dicom_tls_key
    if not own and not (settings.tls_certificate and settings.tls_key):
        raise Invalid(
            "DICOM by TLS needs a certificate: set CONFRERE_DICOM_TLS_CERTIFICATE and "
            "CONFRERE_DICOM_TLS_KEY, or those of the web server",
            "dicom_tls_certificate",
        )
    if not is_loopback(settings.dicom_tls_host) and not settings.dicom_tls_clients:
        raise Invalid(
            "DICOM by TLS may leave loopback only where callers prove who they are: set "
            "CONFRERE_DICOM_TLS_CLIENTS to the file of their certificates or its authority",
            "dicom_tls_clients",
        )


def _check_store(settings: Settings) -> None:
    for name in ("blob_url", "cold_url"):
        url = getattr(settings, name)
        scheme, found, rest = url.partition("://")
        if found and (scheme not in ("file", "s3") or not rest.strip("/")):
            raise Invalid(
                f"{ENVIRONMENT[name]} must be a folder, or s3://bucket or s3://bucket/prefix",
                name,
            )
    if bool(settings.s3_key_id) != bool(settings.s3_secret):
        raise Invalid("set CONFRERE_S3_KEY_ID and CONFRERE_S3_SECRET, or neither", "s3_secret")


def _check_mail(settings: Settings) -> None:
    if settings.mail_security not in ("starttls", "tls", "none"):
        raise Invalid("CONFRERE_MAIL_SECURITY must be starttls, tls or none", "mail_security")
    if not settings.mail_host:
        return
    if settings.mail_security == "none" and not is_loopback(settings.mail_host):
        raise Invalid(
            "mail may go without TLS to a server on this machine only: set "
            "CONFRERE_MAIL_SECURITY to starttls or tls",
            "mail_security",
        )
    if "@" not in settings.mail_from:
        raise Invalid(
            "with CONFRERE_MAIL_HOST, CONFRERE_MAIL_FROM must be the sender's mail address",
            "mail_from",
        )


def _check_addresses(settings: Settings) -> None:
    for name in ("public_url", "gateway_url", "s3_endpoint"):
        value = getattr(settings, name)
        try:
            told = urlsplit(value)
            told.port  # noqa: B018 - raises when it is no number
        except ValueError:
            raise Invalid(f"{ENVIRONMENT[name]} is not an address", name) from None
        plain = told.scheme == "http" and is_loopback(told.hostname or "")
        if value and not (told.hostname and (told.scheme == "https" or plain)):
            raise Invalid(
                f"{ENVIRONMENT[name]} must begin with https:// and name a host (http:// on "
                "loopback only)",
                name,
            )
    if settings.gateway_url and not settings.gateway_token:
        raise Invalid("with CONFRERE_GATEWAY_URL, set CONFRERE_GATEWAY_TOKEN", "gateway_token")


def _is_private(address: str) -> bool:
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return False
    return one.is_private and not one.is_unspecified and not one.is_loopback


def is_loopback(host: str) -> bool:
    """Say whether an address or `localhost` reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _from_file(given: Mapping[str, str], home: Path) -> dict[str, object]:
    path = Path(given.get("CONFRERE_CONFIG", str(home / "confrere.toml")))
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path.name} is not valid TOML: {error}", "CONFRERE_CONFIG") from None


def _whole(name: str, value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise Invalid(f"{ENVIRONMENT[name]} must be a whole number", name) from None
    if number < 0 or (name.endswith("_port") and number > 65535):  # noqa: PLR2004 - TCP
        raise Invalid(f"{ENVIRONMENT[name]} is out of range", name)
    return number
