import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smtune import TuningSpec
from smtune.amt import request_of
from smtune.amt.patches import canonical
from smtune.backends import AmtBackend, Backend, LocalBackend, LocalModeBackend, MotoBackend, Plan
from smtune.backends.aws.session import Account
from smtune.store import JobStore, find, find_remote
from tests.contracts.backend_contract import BackendContract
from tests.services import somebody
from tests.services.tuning_service import REGION, ROLE, TuningService


class Here(BackendContract):
    """Scripts run on this machine, where a gate can keep them from ending."""

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._home_folder = tmp_path / "home"
        self._gate = tmp_path / "gate"
        monkeypatch.setenv("SMTUNE_HOME", str(self._home_folder))

    def spec(self, **changes: Any) -> TuningSpec:
        return super().spec(static={"gate": str(self._gate)}, **changes)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        os.mkfifo(self._gate)
        try:
            yield
        finally:
            # Whoever waits gets through, and whoever comes later finds no gate.
            reader = os.open(self._gate, os.O_RDONLY | os.O_NONBLOCK)
            writer = os.open(self._gate, os.O_WRONLY)
            self._gate.unlink()
            os.close(writer)
            os.close(reader)

    def expect_failures(self, reason: str) -> None:
        """Do nothing: scripts are run here."""

    def nothing_was_sent(self) -> bool:
        return not self._home_folder.exists()


class TestLocal(Here):
    takes_configurations = True

    def make(self) -> Backend:
        return LocalBackend()

    def elsewhere(self) -> str:
        return "LocalBackend()"

    def check_submitted(self, plan: Plan) -> None:
        with JobStore.open(find(plan.name), read_only=True) as store:
            assert store.job().spec == plan.request


class TestMoto(Here):
    takes_configurations = False

    def make(self) -> Backend:
        return MotoBackend()

    def elsewhere(self) -> str:
        return "MotoBackend()"

    def spec(self, **changes: Any) -> TuningSpec:
        return super().spec(**{"sagemaker": {"instance_type": "ml.m5.xlarge", "image": "sklearn:1.4-2"}, **changes})

    def check_submitted(self, plan: Plan) -> None:
        (record,) = find_remote(plan.name, "moto")
        assert record.request == plan.request
        client = Account(region=record.region, endpoint_url=record.endpoint_url, credentials=("test", "test")).client(
            "sagemaker"
        )
        description = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=plan.name)
        told, asked = canonical(request_of(description)), canonical(plan.request)
        assert told["HyperParameterTuningJobConfig"] == asked["HyperParameterTuningJobConfig"]


class TestLocalMode(TestLocal):
    def make(self) -> Backend:
        return LocalModeBackend()

    def elsewhere(self) -> str:
        return "LocalModeBackend()"


class TestLocalModeWithOtherPaths(TestLocal):
    def make(self) -> Backend:
        return LocalModeBackend(isolation="rewrite")

    def elsewhere(self) -> str:
        return "LocalModeBackend(isolation='rewrite')"


class TestAmt(BackendContract):
    takes_configurations = False

    @pytest.fixture(autouse=True)
    def _service(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        for name in os.environ.keys() - somebody.without_others(os.environ).keys():
            monkeypatch.delenv(name)
        for name, value in somebody.environment(tmp_path).items():
            monkeypatch.setenv(name, value)
        with TuningService() as self._aws:
            self._aws.prints = lambda _number, tuned: [f"x is {tuned['x']}", "auc=0.5"]
            yield

    def make(self) -> Backend:
        return AmtBackend(endpoint_url=self._aws.url, pause=lambda _seconds: None)

    def elsewhere(self) -> str:
        return f"AmtBackend(endpoint_url={self._aws.url!r})"

    def spec(self, **changes: Any) -> TuningSpec:
        cloud = {"role": ROLE, "region": REGION, "instance_type": "ml.m5.xlarge", "image": "sklearn:1.4-2"}
        return super().spec(**{"sagemaker": cloud, **changes})

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        self._aws.holding = True
        yield
        self._aws.holding = False

    def expect_failures(self, reason: str) -> None:
        self._aws.failures = dict.fromkeys(range(5), f"AlgorithmError: {reason}, exit code: 1")

    def check_submitted(self, plan: Plan) -> None:
        assert self._aws.bodies[-1] == json.dumps(plan.request).encode()

    def nothing_was_sent(self) -> bool:
        return not self._aws.calls
