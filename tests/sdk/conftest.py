"""Unmodified programs of users, each run by an environment that has its client of AWS, against an emulator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from smtune.emulator import Settings, serving
from smtune.emulator.clients import client_environment
from smtune.emulator.emulation import Served
from tests.services.somebody import without_others

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

collect_ignore = ["guard", "programs"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is below this folder, and skip it unless it is asked for."""
    asked = os.environ.get("SMTUNE_TEST_SDK") == "1"
    skip = pytest.mark.skip(reason="needs environments of the SageMaker SDKs and the aws command line: make test-sdk")
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.sdk)
            if not asked:
                item.add_marker(skip)


@dataclass(frozen=True)
class Outcome:
    """What came of a program.

    Attributes:
        told: The JSON of the last line that it printed; ``None`` if that is none.
        stdout: All that it printed.
        stderr: What it said otherwise.
    """

    told: Any
    stdout: str
    stderr: str


class Workplace:
    """A user's folder with the programs in it, who cannot reach anything but this machine.

    Args:
        folder: Takes a copy of the programs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refused = folder.parent / "refused"
        shutil.copytree(HERE / "programs", folder)
        self.variables = {
            **without_others(os.environ),
            "SMTUNE_HOME": str(folder.parent / "home"),
            "PYTHONPATH": str(HERE / "guard"),
            "REFUSED": str(self.refused),
        }

    def run(self, environment: str, program: str, *options: str) -> Outcome:
        """Run a program with the interpreter of an environment, against an emulator of its own."""
        smtune = (sys.executable, "-m", "smtune", "emulator", "run", *options, "--")
        return self.call(*smtune, interpreter(environment), program)

    @contextmanager
    def serving(self, settings: Settings | None = None) -> Iterator[Served]:
        """Have programs that are called talk to an emulator in this process."""
        with serving(settings=settings) as emulator:
            variables = client_environment(emulator.url, emulator.region, self.folder.parent)
            self.variables.update(variables)
            yield emulator

    def call(self, *command: str) -> Outcome:
        """Run a command in the folder; it must succeed."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.variables, capture_output=True, text=True, timeout=540, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return Outcome(last_json(done.stdout), done.stdout, done.stderr)


def interpreter(environment: str) -> str:
    """Return the interpreter of an environment."""
    path = ROOT / f".venv-{environment}" / "bin" / "python"
    assert path.exists(), f"{path} is missing: make test-sdk"
    return str(path)


def last_json(text: str) -> Any:
    """Return the value of the last line of a text."""
    try:
        return json.loads(text.rstrip().rpartition("\n")[2])
    except ValueError:
        return None


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path / "work")


@pytest.fixture(autouse=True)
def _nothing_leaves_the_machine(workplace: Workplace) -> Iterator[None]:
    yield
    assert not workplace.refused.exists(), workplace.refused.read_text()
