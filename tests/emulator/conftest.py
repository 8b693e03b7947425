"""Emulators with a small service in them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from smtune.emulator.moto_plugin.install import install, uninstall
from tests.emulator import small_service
from tests.services.somebody import without_others


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has AWS's variables of his own."""
    for name in os.environ.keys() - without_others(os.environ).keys():
        monkeypatch.delenv(name)


@pytest.fixture
def services() -> Iterator[list[small_service.SmallService]]:
    """All services of the emulators of a test."""
    small_service.ALL.clear()
    install(service_factory=small_service.SmallService, operations=small_service.OPERATIONS)
    try:
        yield small_service.ALL
    finally:
        uninstall()
