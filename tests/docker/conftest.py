"""Tests beside an engine of Docker; `make test-docker` brings one, and the images."""

from __future__ import annotations

import os

import pytest

collect_ignore_glob = [] if os.environ.get("SMTUNE_TEST_DOCKER") else ["test_*.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; the hook sees all tests."""
    here = os.path.dirname(__file__)  # noqa: PTH120
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.docker)
