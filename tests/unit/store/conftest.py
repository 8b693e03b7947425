from collections.abc import Iterator
from pathlib import Path

import pytest

from smtune.store import JobDirectory, JobStore
from tests.unit.store.histories import job_created


@pytest.fixture(autouse=True)
def jobs_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def directory() -> JobDirectory:
    return JobDirectory("churn")


@pytest.fixture
def store(directory: JobDirectory) -> Iterator[JobStore]:
    with JobStore.create(directory, job_created()) as store:
        yield store
