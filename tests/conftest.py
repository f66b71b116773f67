"""Fixtures and rules for all tests."""

pytest_plugins = ["tests.database", "tests.dicomweb"]
