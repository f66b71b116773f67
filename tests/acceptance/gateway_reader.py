"""A reader at a gateway's reading page: signs in, opens, signs, by HTTP as a browser does."""

import re
from types import TracebackType
from typing import Self

import httpx

from tests.acceptance.gateway_site import Hospital
from tests.acceptance.house import PASSWORD


class GatewayReader:
    """One person's browser."""

    def __init__(self, hospital: Hospital, username: str = "lakeshore.radiologist") -> None:
        base = f"http://127.0.0.1:{hospital.ports['reading']}"
        self.username = username
        self.web = httpx.Client(base_url=base, headers={"origin": base}, timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, what: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.web.close()

    def sign_in(self, password: str = PASSWORD) -> int:
        """Sign in; the status that the list has then."""
        form = {"username": self.username, "password": password}
        answer = self.web.post("/sign-in", data=form)
        return (
            self.web.get("/").status_code if answer.status_code == 303 else answer.status_code
        )

    def exams(self) -> str:
        """The list."""
        return self.web.get("/").text

    def levels(self) -> list[str]:
        """The levels of the exams that are listed, in their order."""
        return re.findall(r'class="level (\w+)"', self.exams())

    def open(self, study: str, reason: str = "") -> httpx.Response:
        """Take an exam to read and see its page."""
        answer = self.web.post(f"/exams/{study}/open", data={"reason": reason})
        return self.web.get(f"/exams/{study}") if answer.status_code == 303 else answer

    def sign(self, study: str, words: str, kind: str = "final") -> httpx.Response:
        """Sign a report."""
        form = {"findings": words, "impression": words, "kind": kind}
        answer = self.web.post(f"/exams/{study}/sign", data=form)
        return self.web.get(f"/exams/{study}") if answer.status_code == 303 else answer
