"""One server for the tests of the FHIR door; each test has a world of its own in it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.database import clone, drop
from tests.integration.fhir.world import Town, World, build, served


@pytest.fixture(scope="session")
def town(postgres_socket: str, template: str) -> Iterator[Town]:
    made = clone(postgres_socket, template)
    with served(Town(made)) as town:
        yield town
    drop(made)


@pytest.fixture
def world(town: Town) -> World:
    return build(town)


@pytest.fixture
def oak(world: World) -> httpx.Client:
    return world.client("oak")
