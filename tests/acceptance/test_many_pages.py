"""As many pages may be open as a collaborative has people: none keeps the others waiting."""

import socket
from contextlib import ExitStack

from tests.acceptance.house import House

PAGES = 300


def test_three_hundred_open_pages_leave_room_for_the_next_request(house: House) -> None:
    secret = house.tokens["lakeshore radiologist"]
    asked = (
        f"GET /events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {secret}\r\n\r\n"
    ).encode()
    with ExitStack() as open_pages:
        for _ in range(PAGES):
            page = open_pages.enter_context(
                socket.create_connection(("127.0.0.1", house.ports["http"]), 20)
            )
            page.sendall(asked)
            assert page.recv(4096).startswith(b"HTTP/1.1 200")
        with house.http("lakeshore radiologist") as client:
            assert client.get("/api/next").status_code == 200
