"""Fixtures for pytest, which finds them by itself. They load nothing before they are used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from smtune.emulator import Emulator, Settings
    from smtune.emulator.emulation import Served


@pytest.fixture
def sagemaker_emulator_settings() -> Settings | None:
    """How the emulators of the other fixtures behave; to be overridden."""
    return None


@pytest.fixture
def sagemaker_emulator(sagemaker_emulator_settings: Settings | None) -> Iterator[Emulator]:
    """Have boto3 in this process talk to an emulator, new for each test."""
    from smtune.emulator import emulate

    with emulate(sagemaker_emulator_settings) as emulator:
        yield emulator


@pytest.fixture
def sagemaker_emulator_server(
    sagemaker_emulator_settings: Settings | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Served]:
    """Have boto3 and the SageMaker SDK, here and in programs that the test starts, talk to an emulator over HTTP."""
    from smtune.emulator import serving
    from smtune.emulator.clients import client_environment, foreign_names

    with serving(settings=sagemaker_emulator_settings) as emulator:
        for name in foreign_names(os.environ):
            monkeypatch.delenv(name)
        for name, value in client_environment(emulator.url, emulator.region, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield emulator
