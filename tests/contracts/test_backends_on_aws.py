"""The contract of backends on AWS itself. It costs money; CONTRIBUTING.md says how to run it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from smtune import TuningSpec
from smtune.backends import AmtBackend, Plan
from tests.contracts.backend_contract import BackendContract

NEEDED = ("SMTUNE_TEST_ROLE", "SMTUNE_TEST_BUCKET", "SMTUNE_TEST_REGION")
if os.environ.get("SMTUNE_TEST_AWS") != "1" or not all(os.environ.get(name) for name in NEEDED):
    reason = f"trains on AWS, which costs money: set SMTUNE_TEST_AWS=1 and {', '.join(NEEDED)}"
    pytest.skip(reason, allow_module_level=True)


@pytest.mark.aws
@pytest.mark.timeout(7200)
class TestAmtOnAws(BackendContract):
    takes_configurations = False
    backends: ClassVar[list[AmtBackend]] = []

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
        self.backends.clear()

    def make(self) -> AmtBackend:
        self.backends.append(AmtBackend(region=os.environ["SMTUNE_TEST_REGION"]))
        return self.backends[-1]

    def elsewhere(self) -> str:
        return f"AmtBackend(region={os.environ['SMTUNE_TEST_REGION']!r})"

    def spec(self, **changes: Any) -> TuningSpec:
        cloud = {
            "role": os.environ["SMTUNE_TEST_ROLE"],
            "bucket": os.environ["SMTUNE_TEST_BUCKET"],
            "prefix": "smtune-tests",
            "image": "sklearn:1.4-2",
            "instance_type": "ml.m5.large",
            "max_cost_usd": 1.0,
        }
        return super().spec(**{"sagemaker": cloud, **changes})

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Do nothing: it takes minutes until a trial has even begun."""
        yield

    def expect_failures(self, reason: str) -> None:
        """Do nothing: scripts are run there."""

    def check_submitted(self, plan: Plan) -> None:
        assert AmtBackend(region=plan.region).submit(plan) == plan.name  # only the very same job is adopted

    def nothing_was_sent(self) -> bool:
        return not any(backend._accounts for backend in self.backends)
