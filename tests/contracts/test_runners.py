import shutil
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest

from smtune.runners import FunctionRunner, Measured, ProcessRunner, Runner
from smtune.sandbox import stage
from smtune.trial import TrialStatus
from tests.contracts import trial_code
from tests.contracts.runner_contract import RunnerContract, ended, until_idle, until_measured


class ContractWithSignals(RunnerContract):
    """What runners add that can end a trial by force."""

    @abstractmethod
    def make(self, *, slots: int = 2, grace_seconds: float = 30.0) -> Runner: ...

    def test_trial_that_takes_no_notice_is_killed_after_its_grace(self) -> None:
        gate = self.gate()
        with self.make(grace_seconds=0.05) as runner:
            runner.start(self.trial(0, "hold_on", gate=gate.path))
            until_measured(runner, 0)
            runner.stop(0)
            end = ended(until_idle(runner), 0)
        assert end.status is TrialStatus.Stopped
        assert end.reason == "did not end within 0.05 s of SIGTERM"

    def test_trial_may_use_its_grace(self) -> None:
        gate = self.gate()
        with self.make(grace_seconds=1000) as runner:
            runner.start(self.trial(0, "finish_early", gate=gate.path))
            until_measured(runner, 0)
            runner.stop(0)
            events = until_idle(runner)
        assert [event.metrics["auc"] for event in events if isinstance(event, Measured)] == [0.625]
        assert ended(events, 0).status is TrialStatus.Stopped
        assert ended(events, 0).reason is None

    def test_trial_that_was_killed_from_outside_says_so(self) -> None:
        with self.make() as runner:
            runner.start(self.trial(0, "kill_itself"))
            end = ended(until_idle(runner), 0)
            runner.start(self.trial(1, "complete"))
            assert ended(until_idle(runner), 1).status is TrialStatus.Completed
        assert end.status is TrialStatus.Failed
        assert end.reason == "killed by signal 9 (SIGKILL), perhaps out of memory"


class ProcessContract(ContractWithSignals):
    preload: Sequence[str] | None

    def make(
        self, *, slots: int = 2, grace_seconds: float = 30.0, metrics: Mapping[str, str] = MappingProxyType({})
    ) -> ProcessRunner:
        source = self.folder / "source"
        if not source.exists():
            source.mkdir()
            shutil.copy(trial_code.__file__, source / "train.py")
        return ProcessRunner(
            lambda trial: stage(
                self.folder / "trials" / str(trial.number),
                job_name=f"job-{trial.number}",
                source_dir=source,
                entry_point="train.py",
                hyperparameters=trial.parameters,
            ),
            slots=slots,
            log_path=lambda trial: self.folder / "logs" / f"{trial.number}.log",
            metrics=metrics,
            preload=self.preload,
            grace_seconds=grace_seconds,
        )

    @pytest.mark.parametrize(
        ("code", "status", "reason"),
        [
            (0, TrialStatus.Completed, None),
            (3, TrialStatus.Failed, "exit code 3"),
            ("an error: no data", TrialStatus.Failed, "exit code 1: an error: no data"),
        ],
    )
    def test_exit_code_is_the_outcome(self, code: Any, status: TrialStatus, reason: str | None) -> None:
        with self.make() as runner:
            runner.start(self.trial(0, "exit_with", code=code))
            end = ended(until_idle(runner), 0)
        assert (end.status, end.reason) == (status, reason)

    def test_silent_trial_completes(self) -> None:
        with self.make() as runner:
            runner.start(self.trial(0, "say_nothing"))
            assert ended(until_idle(runner), 0).status is TrialStatus.Completed

    def test_completed_trial_tells_which_metric_was_misread(self) -> None:
        with self.make(metrics={"auc": r"auc of (\S+)", "loss": r"loss of (\S+)"}) as runner:
            runner.start(self.trial(0, "speak", text="auc of 1e-05, and\rloss of 2% and\rloss of 3"))
            end = ended(until_idle(runner), 0)
            runner.start(self.trial(1, "speak", text="auc of 0.5"))
            fine = ended(until_idle(runner), 1)
        assert end.status is TrialStatus.Completed
        assert str(end.reason).startswith("the expression for 'auc' read '1e-05,' from \"auc of 1e-05, and\"")
        assert "'loss'" not in str(end.reason)
        assert (fine.status, fine.reason) == (TrialStatus.Completed, None)


class TestFreshInterpreters(ProcessContract):
    preload = None


class TestForks(ProcessContract):
    preload = ("contextlib", "smtune.container.reporting", "no_such_module")


class FunctionContract(RunnerContract):
    def test_exit_is_a_failure(self) -> None:
        with self.make() as runner:
            runner.start(self.trial(0, "exit_with", code="no data"))
            end = ended(until_idle(runner), 0)
        assert (end.status, end.reason) == (TrialStatus.Failed, "SystemExit: no data")

    def test_silent_call_is_a_failure(self) -> None:
        with self.make() as runner:
            runner.start(self.trial(0, "say_nothing"))
            end = ended(until_idle(runner), 0)
        assert end.status is TrialStatus.Failed
        assert str(end.reason).startswith("returned None and reported nothing: return a number")


class TestThreads(FunctionContract):
    def make(self, *, slots: int = 2) -> FunctionRunner:
        return FunctionRunner(trial_code.train, slots=slots, objective="auc")


class TestWorkers(FunctionContract, ContractWithSignals):
    def make(self, *, slots: int = 2, grace_seconds: float = 30.0) -> FunctionRunner:
        return FunctionRunner(
            trial_code.train, slots=slots, objective="auc", isolation="process", grace_seconds=grace_seconds
        )
