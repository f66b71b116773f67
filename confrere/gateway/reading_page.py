"""The pages on which readers read in downtime: sign-in, list, images with the report beside them."""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from confrere.gateway.people import People, Person
from confrere.gateway.reading_room import ReadingRoom, note
from confrere.gateway.reading_views import STATIC, page
from confrere.gateway.record import Record
from confrere.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused
from confrere.logs import report
from confrere.reading.model import SECTIONS

log = logging.getLogger(__name__)

MOST_BODY = 1 << 20
KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}  # fmt: skip
EXAM = re.compile(r"/exams/([0-9.]{1,64})(?:/(open|draft|sign|give-back|frames/(\d{1,6})))?")
STATUS = {
    NotFound: HTTPStatus.NOT_FOUND, Conflict: HTTPStatus.CONFLICT,
    Refused: HTTPStatus.FORBIDDEN, Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as the pages need it; `path` with its query."""

    method: str
    path: str
    cookie: str
    origin: str  # empty where the browser sends none
    host: str
    body: bytes

    def form(self) -> dict[str, str]:
        """The fields of a form, or of a JSON object."""
        if self.body[:1] == b"{":
            try:
                return {str(k): str(v) for k, v in json.loads(self.body).items()}
            except ValueError:
                raise Invalid("this is not JSON", "body") from None
        given = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in given.items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    content: bytes
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] | None = None


class Pages:
    """Answers requests; safe to use from many threads. `secure`: served by TLS."""

    def __init__(
        self, room: ReadingRoom, people: People, record: Record, *, secure: bool,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._room, self._people, self._record, self._now = room, people, record, now
        self._secure = secure
        self._cookie = "__Host-confrere-gateway" if secure else "confrere-gateway"

    def answer(self, asked: Asked) -> Answer:
        """Answer one request; what went wrong is told on a page."""
        try:
            return self._route(asked)
        except DomainError as error:
            status = next((s for kind, s in STATUS.items() if isinstance(error, kind)), 503)
            if "/draft" in asked.path:
                said = json.dumps({"message": str(error)}).encode()
                return Answer(status, said, "application/json")
            return self._page("trouble.html", status, message=str(error), who=self._who(asked))
        except Exception as error:  # noqa: BLE001 - told without its own words
            report(log, "a page of the reading room failed", error)
            return self._page(
                "trouble.html", 500, message="A fault in the gateway: see its log.", who=None
            )

    def _route(self, asked: Asked) -> Answer:
        path = urlsplit(asked.path).path
        if path.startswith("/static/"):
            return self._static(path.removeprefix("/static/"))
        if asked.method == "POST":
            self._refuse_foreign(asked)
            if path == "/sign-in":
                return self._sign_in(asked)
        who = self._who(asked)
        if who is None:
            return self._login(HTTPStatus.OK if path == "/" else HTTPStatus.UNAUTHORIZED)
        if path == "/" and asked.method == "GET":
            exams, waiting = self._room.worklist(who)
            return self._page("list.html", 200, who=who, exams=exams, waiting=waiting)
        if path == "/sign-out" and asked.method == "POST":
            note(self._record, self._now(), who, "E", "sign-out")
            self._people.sign_out(self._secret(asked))
            return _to("/", {"set-cookie": f"{self._cookie}=; Max-Age=0; {self._flags()}"})
        found = EXAM.fullmatch(path)
        if found is None:
            raise NotFound("there is no such page: go to the list")
        return self._of_exam(asked, who, found)

    def _of_exam(self, asked: Asked, who: Person, found: re.Match[str]) -> Answer:
        uid, act, number = found.group(1), found.group(2) or "", found.group(3)
        if asked.method == "GET" and number is not None:
            window = _window(parse_qs(urlsplit(asked.path).query))
            picture = self._room.picture(who, uid, int(number), window)
            return Answer(200, picture, "image/png", {"cache-control": "private, max-age=600"})
        if asked.method == "GET" and not act:
            return self._exam(who, uid)
        if asked.method != "POST":
            raise NotFound("there is no such page: go to the list")
        form = asked.form()
        sections = {name: form.get(name, "") for name in SECTIONS}
        if act == "open":
            self._room.open(who, uid, form.get("reason", "")[:300])
        elif act == "draft":
            self._room.draft(who, uid, sections)
            return Answer(200, b'{"message": "kept"}', "application/json")
        elif act == "sign":
            self._room.sign(who, uid, sections, form.get("kind", ""))
        else:
            self._room.give_back(who, uid)
            return _to("/")
        return _to(f"/exams/{uid}")

    def _exam(self, who: Person, uid: str) -> Answer:
        exam, stacks, draft = self._room.look(who, uid)
        begun = dict(self._record.said("begun") or {})
        return self._page(
            "exam.html", 200, who=who, exam=exam, stacks=stacks, draft=draft,
            signed=self._room.signed(uid), sections=SECTIONS, at_centre=begun.get(uid),
            frames=sum(one.count for one in stacks),
        )  # fmt: skip

    def _sign_in(self, asked: Asked) -> Answer:
        form = asked.form()
        made = self._people.sign_in(form.get("username", ""), form.get("password", ""))
        if made is None:
            note(
                self._record, self._now(), None, "E", "sign-in", outcome="refused",
                detail={"account": form.get("username", "")[:64]},
            )  # fmt: skip
            return self._login(HTTPStatus.FORBIDDEN, failed=True)
        secret, who = made
        note(self._record, self._now(), who, "E", "sign-in")
        return _to("/", {"set-cookie": f"{self._cookie}={secret}; {self._flags()}"})

    def _login(self, status: int, *, failed: bool = False) -> Answer:
        return self._page("login.html", status, who=None, failed=failed)

    def _page(self, template: str, status: int, **values: Any) -> Answer:
        downtime = self._room.downtime()
        return Answer(status, page(template, downtime=downtime, now=self._now(), **values))

    def _static(self, name: str) -> Answer:
        if name not in STATIC:
            raise NotFound("there is no such file")
        kind = KINDS[name.rpartition(".")[2]]
        return Answer(200, STATIC[name], kind, {"cache-control": "private, max-age=600"})

    def _who(self, asked: Asked) -> Person | None:
        return self._people.of(self._secret(asked))

    def _secret(self, asked: Asked) -> str:
        try:
            found = SimpleCookie(asked.cookie).get(self._cookie)
        except CookieError:
            return ""
        return found.value if found else ""

    def _flags(self) -> str:
        return "Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if self._secure else "")

    def _refuse_foreign(self, asked: Asked) -> None:
        """A form comes from our own pages (header-based defence against request forgery)."""
        scheme = "https" if self._secure else "http"
        if asked.origin != f"{scheme}://{asked.host}":
            raise Refused("this request came from another page: go to the list")


def _to(path: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(HTTPStatus.SEE_OTHER, b"", headers={"location": path, **(headers or {})})


def _window(query: Mapping[str, list[str]]) -> tuple[float, float] | None:
    if "c" not in query or "w" not in query:
        return None
    try:
        centre, width = float(query["c"][-1]), float(query["w"][-1])
    except ValueError:
        raise Invalid("centre and width are numbers", "w") from None
    if not (abs(centre) <= 1e6 and 1 <= width <= 1e6):  # noqa: PLR2004 - NaN fails too
        raise Invalid("width is 1 to 1,000,000", "w")
    return centre, width
