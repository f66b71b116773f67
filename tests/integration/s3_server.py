"""A server that speaks S3, in a process of its own, with one bucket."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from confrere.files.object_place import Bucket
from tests.acceptance.processes import free_ports, wait_for


@contextmanager
def s3_server(folder: Path) -> Iterator[Bucket]:
    port = free_ports("s3")["s3"]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
            wait_for(lambda: _made(client), 30, lambda: (folder / "s3.log").read_text()[-2000:])
        yield Bucket("images", "centre", url, "us-east-1", "key", "secret")
    finally:
        process.terminate()
        process.wait(10)


def _made(client: httpx.Client) -> bool:
    try:
        return client.put("/images").status_code == 200
    except httpx.TransportError:
        return False
