"""What every backend does. A subclass says where, and how to keep jobs there from going on for a while."""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from smtune import TuningJob, TuningSpec
from smtune.backends import Backend, Plan
from smtune.errors import JobExistsError, JobFailedError, JobNotFoundError, SpecError
from smtune.results import JobStatus
from smtune.space import ContinuousParameter
from smtune.trial import Trial, TrialStatus

TRAIN = """
import os, sys
from smtune.container import hyperparameters, model_dir, report

params = hyperparameters(defaults={"x": 0.0, "gate": ""})
print("x is", params["x"])
sys.stdout.flush()
if params["gate"] and os.path.exists(params["gate"]):
    open(params["gate"]).read()
with open(os.path.join(model_dir(), "model.json"), "w") as file:
    file.write("{}")
report({"auc": 0.5 + params["x"] / 10})
"""

METRICS = {"auc": r"auc=([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"}

BAD_SPECS: Mapping[str, tuple[dict[str, Any], str]] = {
    "no script": ({"training": {"entry_point": "trian.py"}}, "training.entry_point"),
    "no folder": ({"training": {"entry_point": "train.py", "source_dir": "nowhere"}}, "training.source_dir"),
    "no data": (
        {"training": {"entry_point": "train.py", "channels": {"train": "nowhere"}}},
        "training.channels.train",
    ),
}
"""What no backend can run: changes of a spec, and the field that the error names."""

SUBMIT = """
import sys
from smtune import TuningSpec
from smtune.backends import AmtBackend, LocalBackend, LocalModeBackend, MotoBackend
backend = {backend}
backend.submit(backend.plan(TuningSpec.from_file(sys.argv[1])))
import os
os._exit(0)
"""
"""Starts a job, and is gone at once."""


class BackendContract(ABC):
    """Every test has a folder, a home and a backend of its own, made by :meth:`make`.

    Attributes:
        takes_configurations: Whether ``enqueue`` works; otherwise it is refused.
        folder: Where the training script is.
    """

    takes_configurations: ClassVar[bool]
    folder: Path

    @abstractmethod
    def make(self) -> Backend:
        """Return a backend; two of them know the same jobs."""

    @abstractmethod
    def elsewhere(self) -> str:
        """Return the expression that makes the same backend in another process."""

    @abstractmethod
    def holding(self) -> AbstractContextManager[None]:
        """Keep trials from ending, within the block, until they are stopped."""

    @abstractmethod
    def check_submitted(self, plan: Plan) -> None:
        """Assert that the request of a plan is what reached whoever does it."""

    @abstractmethod
    def nothing_was_sent(self) -> bool:
        """Return whether nothing has left this process yet, and nothing was started."""

    @abstractmethod
    def expect_failures(self, reason: str) -> None:
        """Let all trials fail for a reason, where it takes more than a script that does."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "work"
        self.folder.mkdir()
        (self.folder / "train.py").write_text(TRAIN)

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        backend = self.make()
        yield backend
        for name in self._names:
            with contextlib.suppress(JobNotFoundError):
                backend.stop(name, force=True)
                backend.wait(name)

    @pytest.fixture(autouse=True)
    def _started(self) -> None:
        self._names: list[str] = []

    def name(self) -> str:
        """Return a name that no job has had; its job is stopped after the test."""
        self._names.append(f"Contract-{secrets.token_hex(4)}")
        return self._names[-1]

    def spec(self, **changes: Any) -> TuningSpec:
        """Return a spec that every backend can run."""
        fields: dict[str, Any] = {
            "objective": {"metric": "auc", "goal": "Maximize"},
            "parameters": {"x": ContinuousParameter(0.0, 1.0)},
            "metrics": METRICS,
            "strategy": "random",
            "limits": {"max_trials": 2, "max_parallel": 2, "max_trial_seconds": 600},
            "seed": 3,
            **changes,
        }
        training = {"source_dir": str(self.folder), "entry_point": "train.py", **fields.pop("training", {})}
        for channel, place in training.get("channels", {}).items():
            training["channels"] = {**training["channels"], channel: str(self.folder / place)}
        if not Path(training["source_dir"]).is_absolute():
            training["source_dir"] = str(self.folder / training["source_dir"])
        return TuningSpec.from_dict({**fields, "training": training})

    def submit(self, backend: Backend, **changes: Any) -> str:
        """Start a job and return its name."""
        return backend.submit(backend.plan(self.spec(**changes), name=self.name()))

    def until_a_trial_runs(self, backend: Backend, name: str) -> None:
        """Return when a trial of a job is in progress."""
        running = threading.Event()

        def told(trial: Trial) -> None:
            if trial.status is TrialStatus.InProgress:
                running.set()
                raise _SeenError

        with contextlib.suppress(_SeenError):
            backend.wait(name, listener=told)
        assert running.is_set()

    def test_a_plan_starts_and_sends_nothing(self, backend: Backend) -> None:
        name = self.name()
        plan = backend.plan(self.spec(), name=name)
        assert (plan.backend, plan.name, plan.trials) == (backend.name, name, 2)
        assert self.nothing_was_sent()
        with pytest.raises(JobNotFoundError):
            backend.poll(name)

    def test_a_plan_is_made_of_plain_values(self, backend: Backend) -> None:
        plan = backend.plan(self.spec(), name=self.name())
        assert json.loads(json.dumps(plan.request, allow_nan=False)) == plan.request

    def test_the_same_spec_gives_the_same_plan(self, backend: Backend) -> None:
        name = self.name()
        assert backend.plan(self.spec(), name=name) == self.make().plan(self.spec(), name=name)

    def test_what_was_planned_is_submitted(self, backend: Backend) -> None:
        plan = backend.plan(self.spec(), name=self.name())
        name = backend.submit(plan)
        assert name == plan.name
        self.check_submitted(plan)

    def test_submitting_returns_at_once(self, backend: Backend) -> None:
        with self.holding():
            name = self.submit(backend)
            assert backend.poll(name).status is JobStatus.InProgress

    def test_polling_does_not_wait_for_anything(self, backend: Backend) -> None:
        with self.holding():
            name = self.submit(backend)
            self.until_a_trial_runs(backend, name)
            first, second = backend.poll(name), self.make().poll(name)
            assert first.status is second.status is JobStatus.InProgress
            parameters = [[(trial.number, trial.parameters) for trial in one.trials] for one in (first, second)]
            assert parameters[0] == parameters[1]
            assert {trial.status for trial in first.trials} == {TrialStatus.InProgress}

    def test_a_job_runs_to_its_end(self, backend: Backend) -> None:
        name = self.submit(backend)
        result = backend.wait(name)
        assert (result.name, result.backend, result.status) == (name, backend.name, JobStatus.Completed)
        assert (result.metric, result.strategy, result.seed) == ("auc", "random", 3)
        assert [trial.number for trial in result.trials] == [0, 1]
        assert {trial.status for trial in result.trials} == {TrialStatus.Completed}
        assert all(0 <= float(trial.parameters["x"]) <= 1 for trial in result.trials)
        assert result.best is not None
        assert result.best.objective == max(trial.objective or 0.0 for trial in result.trials)
        assert result.started_at is not None
        assert result.ended_at is not None
        assert result.ended_at >= result.started_at
        assert self.make().poll(name) == result

    def test_there_is_one_job_of_a_name(self, backend: Backend) -> None:
        with self.holding():
            name = self.submit(backend)
            for taken in (name, name.upper()):
                other = backend.plan(self.spec(seed=4), name=taken)
                with pytest.raises(JobExistsError, match=f"(?i){name}"):
                    backend.submit(other)
            assert backend.poll(name).seed == 3

    def test_a_job_has_its_name_in_whatever_case(self, backend: Backend) -> None:
        name = self.submit(backend)
        backend.wait(name.lower())
        assert backend.poll(name.upper()) == backend.poll(name)
        assert backend.poll(name.upper()).name == name
        assert list(backend.logs(name.upper(), 0)) == list(backend.logs(name, 0))

    def test_an_unknown_job_is_not_found(self, backend: Backend) -> None:
        for ask in (backend.poll, backend.wait, backend.stop, backend.best_model, lambda name: backend.logs(name, 0)):
            with pytest.raises(JobNotFoundError, match="nobodys-job"):
                ask("nobodys-job")

    def test_the_listener_is_told_of_every_change(self, backend: Backend) -> None:
        told: list[Trial] = []
        name = self.submit(backend)
        result = backend.wait(name, listener=told.append)
        for trial in result.trials:
            states = [one for one in told if one.number == trial.number]
            assert states[-1] == trial
            assert all(one != other for one, other in itertools.pairwise(states))

    def test_a_listener_that_comes_late_is_told_all(self, backend: Backend) -> None:
        told: list[Trial] = []
        name = self.submit(backend)
        result = backend.wait(name)
        assert self.make().wait(name, listener=told.append) == result
        assert sorted({trial.number for trial in told}) == [0, 1]

    def test_waiting_ends_when_its_time_is_over(self, backend: Backend) -> None:
        with self.holding():
            name = self.submit(backend)
            assert backend.wait(name, timeout=0).status is JobStatus.InProgress

    def test_stopping_is_idempotent(self, backend: Backend) -> None:
        with self.holding():
            name = self.submit(backend)
            self.until_a_trial_runs(backend, name)
            backend.stop(name)
            self.make().stop(name.upper())
        result = backend.wait(name)
        assert result.status is JobStatus.Stopped
        assert all(trial.status is TrialStatus.Stopped for trial in result.trials)
        backend.stop(name)
        assert backend.poll(name).status is JobStatus.Stopped

    def test_a_completed_job_stays_so(self, backend: Backend) -> None:
        name = self.submit(backend)
        result = backend.wait(name)
        backend.stop(name)
        assert backend.poll(name) == result

    def test_every_trial_has_its_log(self, backend: Backend) -> None:
        name = self.submit(backend)
        result = backend.wait(name)
        for trial in result.trials:
            lines = list(backend.logs(name, trial.number))
            assert any(line.startswith("x is ") for line in lines)
            assert not any(line.endswith("\n") for line in lines)
            assert list(backend.logs(name, trial.number, follow=True)) == lines

    def test_there_is_no_log_of_no_trial(self, backend: Backend) -> None:
        name = self.submit(backend)
        backend.wait(name)
        with pytest.raises(JobNotFoundError, match=r"has no trial 7; see `smtune show"):
            backend.logs(name, 7)

    def test_the_best_model_is_that_of_the_best_trial(self, backend: Backend) -> None:
        name = self.submit(backend)
        best = backend.wait(name).best
        assert best is not None
        assert backend.best_model(name) == backend.best_model(name, best.number)
        assert backend.best_model(name) != backend.best_model(name, 1 - best.number)
        with pytest.raises(JobNotFoundError, match="has no trial 7"):
            backend.best_model(name, 7)

    def test_a_job_without_a_result_has_no_model(self, backend: Backend) -> None:
        with self.holding():
            name = self.submit(backend)
            with pytest.raises(JobNotFoundError, match="result yet"):
                backend.best_model(name)

    def test_a_job_that_fails_says_why(self, backend: Backend) -> None:
        (self.folder / "train.py").write_text("raise ValueError('no data')")
        self.expect_failures("ValueError: no data")
        limits = {"max_trials": 9, "max_parallel": 1, "max_trial_seconds": 600}
        name = self.submit(backend, limits=limits)
        with pytest.raises(JobFailedError) as caught:
            TuningJob(backend, name).wait(progress=False)
        ((cause, numbers),) = caught.value.failures.items()
        assert "ValueError: no data" in cause
        assert numbers == (0, 1, 2, 3, 4)
        assert cause in str(caught.value)

    @pytest.mark.parametrize(("changes", "field"), BAD_SPECS.values(), ids=BAD_SPECS)
    def test_a_bad_spec_is_refused_before_anything_is_sent(
        self, backend: Backend, changes: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(SpecError) as caught:
            backend.plan(self.spec(**changes), name=self.name())
        problem = caught.value.problems[0]  # others may follow from it
        assert {one.field for one in caught.value.problems} == {field}
        assert problem.rule
        assert problem.fix
        assert self.nothing_was_sent()

    def test_a_bad_name_is_refused_before_anything_is_sent(self, backend: Backend) -> None:
        for name in ("a" * 33, "a_b", "-a", "a-"):
            with pytest.raises(SpecError) as caught:
                backend.plan(self.spec(), name=name)
            assert [(problem.field, problem.value) for problem in caught.value.problems] == [("name", name)]
        assert self.nothing_was_sent()

    def test_configurations_are_taken_or_refused(self, backend: Backend) -> None:
        with self.holding():
            name = self.submit(backend, limits={"max_trials": 3, "max_parallel": 1, "max_trial_seconds": 600})
            self.until_a_trial_runs(backend, name)
            if not self.takes_configurations:
                with pytest.raises(SpecError, match=name) as caught:
                    backend.enqueue(name, {"x": 0.25})
                assert "use backend local" in caught.value.problems[0].fix
                return
            backend.enqueue(name, {"x": 0.25})
            with pytest.raises(SpecError, match="x"):
                backend.enqueue(name, {"x": 2.0})
        assert 0.25 in [trial.parameters["x"] for trial in backend.wait(name).trials]

    def test_a_job_survives_its_process_or_says_that_it_does_not(self, backend: Backend) -> None:
        name = self.name()
        path = self.folder / "tuning.json"
        path.write_text(json.dumps(self.spec(name=name).to_dict()))
        with self.holding():
            command = [sys.executable, "-c", SUBMIT.format(backend=self.elsewhere()), str(path)]
            subprocess.run(command, check=True, timeout=120)
            result = backend.poll(name)
            assert result.status is (JobStatus.InProgress if backend.survives else JobStatus.Stopped)
        if backend.survives:
            assert backend.wait(name).status is JobStatus.Completed
        else:
            assert f"continue with: smtune resume {name}" in str(result.failure_reason)


class _SeenError(Exception):
    """A listener has seen enough."""
