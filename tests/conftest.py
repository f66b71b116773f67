"""Fixtures and rules for all tests."""

pytest_plugins = [
    "tests.peers",
    "tests.database",
    "tests.dicomweb",
    "tests.acceptance.demonstration",
    "tests.acceptance.browser",
    "tests.acceptance.house",
    "tests.acceptance.orthanc",
    "tests.acceptance.unharmed",
]
