"""SageMaker on this machine, and somebody who may use it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smtune.backends import AmtBackend
from smtune.spec import TuningSpec
from tests.services import somebody
from tests.services.churn import FIELDS
from tests.services.tuning_service import TuningService


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be somebody with credentials, a region, and no other configuration; returns the folder of their files."""
    for name in os.environ.keys() - somebody.without_others(os.environ).keys():
        monkeypatch.delenv(name)
    for name, value in somebody.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def service(user: Path):
    with TuningService() as service:
        yield service


@pytest.fixture
def open_backend(service: TuningService) -> Callable[..., AmtBackend]:
    """Return what makes a backend, as another process would; it never sleeps."""

    def make(**options: Any) -> AmtBackend:
        return AmtBackend(**{"endpoint_url": service.url, "pause": lambda _seconds: None, **options})

    return make


@pytest.fixture
def backend(open_backend: Callable[..., AmtBackend]) -> AmtBackend:
    return open_backend()


def churn(**changes: Any) -> TuningSpec:
    """Return a spec that needs nothing uploaded; blocks are merged."""
    fields = dict(FIELDS)
    for key, value in changes.items():
        fields[key] = {**fields[key], **value} if key in ("limits", "sagemaker") else value
    return TuningSpec.from_dict(fields)
