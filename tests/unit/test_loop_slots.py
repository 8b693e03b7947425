"""A trial holds its slot until the loop has absorbed its end, whatever the runner says of its own slots meanwhile."""

import time
from collections import deque

import pytest

from smtune.loop import TuningLoop
from smtune.results import JobStatus
from smtune.runners import Ended, Event, Measured, ProcessRunner, Runner, Started
from smtune.spec import TuningSpec
from smtune.store import JobCreated, JobDirectory, JobStore
from smtune.trial import TrialStatus

MAX_TRIALS = 24
STEPS = 4


class EarlyRunner(Runner):
    """Has done a trial as soon as it is started, which frees its slot; hands over one event at a time.

    Args:
        status: How the trials end.

    Attributes:
        started: Trials in the order of their starts.
        under_way: Those whose end was not handed over.
        most: How many these were at most.
    """

    def __init__(self, status):
        self._status = status
        self._events: deque[Event] = deque()
        self._stopping = set()
        self.started = []
        self.under_way = set()
        self.most = 0

    def start(self, trial):
        self.started.append(trial.number)
        self.under_way.add(trial.number)
        self._stopping.discard(trial.number)
        self.most = max(self.most, len(self.under_way))
        now = time.time()
        self._events.append(Started(trial.number, now))
        self._events.extend(
            Measured(trial.number, now, {"loss": trial.parameters["x"] + step}, step) for step in range(STEPS)
        )
        self._events.append(Ended(trial.number, now, self._status))

    def wait(self, timeout):
        assert self._events, "nothing is under way"
        event = self._events.popleft()
        if not isinstance(event, Ended):
            return [event]
        self.under_way.remove(event.number)
        stopped = event.number in self._stopping
        return [Ended(event.number, event.at, TrialStatus.Stopped)] if stopped else [event]

    def wake(self):
        """Nothing waits for long."""

    def stop(self, number):
        self._stopping.add(number)

    def busy(self):
        return 0

    def close(self):
        self._events.clear()


def job_spec(parallel, **changes):
    fields = {
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"x": {"type": "integer", "min": 0, "max": 99}},
        "strategy": "random",
        "limits": {"max_trials": MAX_TRIALS, "max_parallel": parallel},
        "seed": 2,
    }
    return TuningSpec(**fields | changes)


def run(folder, spec, runner):
    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(JobDirectory("job", folder), created) as store:
        status = TuningLoop(spec, runner=runner, store=store).run()
        return status, store.trials()


PAUSING = {"strategy": {"type": "asha", "resource": {"epochs": [1, STEPS]}, "eta": 2}}
STOPPING = {"early_stopping": {"type": "plateau", "patience": 1}}


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize(
    ("changes", "statuses"),
    [
        ({}, {TrialStatus.Completed}),
        (STOPPING, {TrialStatus.Stopped}),
        (PAUSING, {TrialStatus.Completed, TrialStatus.Stopped}),
    ],
    ids=["completed", "stopped", "paused"],
)
def test_no_more_trials_are_under_way_than_are_allowed(tmp_path, parallel, changes, statuses):
    runner = EarlyRunner(TrialStatus.Completed)
    status, trials = run(tmp_path, job_spec(parallel, **changes), runner)
    assert status is JobStatus.Completed
    assert {trial.status for trial in trials} == statuses
    assert len(trials) == MAX_TRIALS
    assert runner.most == parallel


@pytest.mark.parametrize("parallel", [1, 2, 3])
def test_failures_end_the_job_before_more_trials_start(tmp_path, parallel):
    runner = EarlyRunner(TrialStatus.Failed)
    status, trials = run(tmp_path, job_spec(parallel), runner)
    assert status is JobStatus.Failed
    assert {trial.status for trial in trials} <= {TrialStatus.Failed, TrialStatus.Stopped}
    # The fifth failure ends the job; those under way then are all that there is beside it.
    assert len(runner.started) == len(trials) == 5 + parallel - 1


@pytest.mark.parametrize("parallel", [1, 2])
def test_trials_that_cannot_be_prepared_end_the_job_before_more_of_them_are_tried(tmp_path, parallel):
    """They never hold a slot of the runner."""

    def stage(trial):
        raise OSError(f"no room for trial {trial.number}")

    runner = ProcessRunner(stage, slots=parallel, log_path=lambda trial: tmp_path / f"{trial.number}.log")
    status, trials = run(tmp_path, job_spec(parallel), runner)
    assert status is JobStatus.Failed
    assert [trial.failure_reason for trial in trials] == [
        f"cannot be prepared: no room for trial {number}" for number in range(len(trials))
    ]
    assert 5 <= len(trials) < 5 + parallel
