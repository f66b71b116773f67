"""A line of 50 Mbit/s and 20 ms: a network namespace, tbf for the rate, a relay for the delay.

netem would do both but is not in every kernel. The relay holds each piece ten milliseconds each
way; how TCP starts up slowly over such a distance is not modelled.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SPACE, NEAR, FAR = "confrere-line", "10.77.0.1", "10.77.0.2"
RATE, ONE_WAY = "50mbit", 0.010
RELAYS = (28391, 28392)


def _ip(*words: str, space: bool = False) -> None:
    prefix = ["ip", "netns", "exec", SPACE] if space else []
    subprocess.run([*prefix, *words], check=True, capture_output=True)


@contextmanager
def slow_line(*ports: int) -> Iterator[tuple[list[str], list[str]]]:
    """Give the addresses behind the line, and what starts a process on its far side."""
    _ip("ip", "netns", "add", SPACE)
    relays = []
    try:
        _ip("ip", "link", "add", "cfl0", "type", "veth", "peer", "name", "cfl1")
        _ip("ip", "link", "set", "cfl1", "netns", SPACE)
        for device, address, space in (("cfl0", NEAR, False), ("cfl1", FAR, True)):
            _ip("ip", "addr", "add", f"{address}/24", "dev", device, space=space)
            _ip("ip", "link", "set", device, "up", space=space)
            shape = ["tbf", "rate", RATE, "burst", "64kb", "latency", "50ms"]
            _ip("tc", "qdisc", "add", "dev", device, "root", *shape, space=space)
        _ip("ip", "link", "set", "lo", "up", space=True)
        for relay, port in zip(RELAYS, ports, strict=True):
            command = [sys.executable, __file__, str(relay), str(port)]
            relays.append(subprocess.Popen(command))
        time.sleep(1)
        urls = [f"http://{NEAR}:{relay}" for relay in RELAYS]
        yield urls, ["ip", "netns", "exec", SPACE]
    finally:
        for one in relays:
            one.terminate()
        _ip("ip", "netns", "del", SPACE)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

    async def out() -> None:
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    going = asyncio.create_task(out())
    data = b"."
    while data:
        data = await reader.read(65536)
        await held.put((loop.time() + ONE_WAY, data))
    await going


async def _relay(listen: int, port: int) -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * ONE_WAY)  # the handshake
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            _pump(reader, far_writer), _pump(far_reader, writer), return_exceptions=True
        )

    server = await asyncio.start_server(meet, NEAR, listen)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_relay(int(sys.argv[1]), int(sys.argv[2])))
