"""Frames of a series just opened: for the same credentials, for a moment, and no other way."""

from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.middleware import Middleware

from confrere.dicomweb.recent import OPEN_SECONDS, QuickFrames, Recent
from confrere.dicomweb.router import router
from confrere.imaging.frames import Frames
from confrere.kernel.ids import StudyId
from tests.dicomweb import NOW, Service, as_file, image, parts_of, place, principals

FRAME = "multipart/related; type=application/octet-stream; transfer-syntax=*"


class Hands:
    """A clock that is set by hand."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_series_stays_open_to_who_was_allowed_and_to_nobody_else(service: Service) -> None:
    service.store(as_file(image(1)), as_file(image(2)))
    clock, asked = Hands(), []
    read, recent = Frames(service.blobs), Recent(clock)
    app = FastAPI()

    def shared(*_: object) -> frozenset[StudyId]:
        asked.append(1)  # each time that a request goes the whole way
        return frozenset()

    app.include_router(
        router(
            service.databases.app, service.blobs, allow=principals,
            note_access=lambda *_: None, now=lambda: NOW, resolve_store=place, shared=shared,
            frames_of=read, recent=recent,
        )
    )  # fmt: skip
    app.user_middleware.append(Middleware(QuickFrames, recent=recent, read=read))
    with TestClient(app) as client:

        def get(number: int, user: str, credentials: str) -> int:
            answer = client.get(
                f"/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.{number}/frames/1",
                headers={"x-user": user, "authorization": credentials, "accept": FRAME},
            )
            if answer.status_code == 200:
                ((_, content),) = parts_of(answer)
                assert content == bytes(range(number, number + 32))
                assert "Authorization" in answer.headers["vary"]
            return int(answer.status_code)

        assert get(1, "a", "Bearer one") == 200
        assert get(2, "a", "Bearer one") == 200
        assert len(asked) == 1
        assert get(2, "b", "Bearer two") == 404
        assert get(2, "nobody", "Bearer three") == 403
        assert get(9, "a", "Bearer one") == 404  # goes the whole way, to be worded there
        clock.at = OPEN_SECONDS * 2
        before = len(asked)
        assert get(2, "a", "Bearer one") == 200
        assert len(asked) == before + 1
