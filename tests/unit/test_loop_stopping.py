"""A job gives up trials and ends early by its rules; killed anywhere, it goes on to the same trials and stops."""

import math
import threading
from dataclasses import replace
from functools import partial

import pytest

from smtune.backends import LocalBackend
from smtune.container import report
from smtune.errors import SpecError
from smtune.loop import TuningLoop
from smtune.results import JobStatus
from smtune.runners import FunctionRunner
from smtune.runners.base import Ended
from smtune.spec import TuningSpec
from smtune.store import JobCreated, JobDirectory, JobEnded, JobStore, TrialEnded, TrialMeasured
from smtune.trial import TrialStatus

STEPS = 6


class Curves:
    """A training whose curve is known, and which waits after each report until the loop has acted on it.

    Args:
        curve: ``x`` to what is reported at the steps 1, 2, ...
    """

    def __init__(self, curve, *, steps=True):
        self._curve = curve
        self._steps = steps
        self._seen = set()
        self._changed = threading.Condition()

    def train(self, parameters):
        x = parameters["x"]
        for count, value in enumerate(self._curve(x), start=1):
            report({"loss": value, "count": count}, step=count if self._steps else None)
            with self._changed:
                assert self._changed.wait_for(partial(self._seen.__contains__, (x, count)), timeout=60)

    def listen(self, trial):
        with self._changed:
            self._seen.add((trial.parameters["x"], trial.metrics.get("count")))
            self._changed.notify_all()


def job_spec(**changes):
    fields = {
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"x": {"type": "integer", "min": 0, "max": 99}},
        "strategy": {"type": "manual", "configurations": [{"x": x} for x in range(10)]},
        "limits": {"max_trials": 10},
    }
    return TuningSpec(**fields | changes)


def run(folder, spec, curve, *, log=(), steps=True):
    """Run a job, after what a log says of it, and return its record, its trials and its log."""
    curves = Curves(curve, steps=steps)
    directory = JobDirectory("job", folder)
    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(directory, log[0] if log else created) as store:
        if log:
            store.append(log[1:])
        runner = FunctionRunner(curves.train, slots=spec.limits.max_parallel, objective="loss")
        # As after a kill: the spec is what the store kept of it.
        kept = TuningSpec.from_dict(store.job().spec)
        TuningLoop(kept, runner=runner, store=store, listener=curves.listen).run()
        return store.job(), store.trials(), list(store.events())


def outcomes(trials):
    return [(t.number, dict(t.parameters), t.status, t.objective, t.failure_reason) for t in trials]


def stopped(trials):
    return {trial.number: trial.failure_reason for trial in trials if trial.status is TrialStatus.Stopped}


def falling(level):
    """A curve that falls to a level: 1 above it at step 1, 1/2 at step 2, and so on."""
    return [level + 1 / step for step in range(1, STEPS + 1)]


def test_the_median_rule_stops_a_trial_and_says_why(tmp_path):
    spec = job_spec(early_stopping={"type": "median", "min_trials": 3}, limits={"max_trials": 5})
    # The averages at step 2 are 0.75, 1.75 and 2.75, and then 1.75 and 2.75 are the last of them.
    job, trials, _ = run(tmp_path, spec, lambda x: falling([0, 1, 2, 1.26, 0.5][x]))
    assert job.status == "Completed"
    assert stopped(trials) == {3: "early stopping: 1.76 at step 2 is worse than the median 1.75 of 3 trials"}
    assert trials[3].objective == 1.76
    assert trials[4].status is TrialStatus.Completed


def test_the_median_rule_when_larger_is_better(tmp_path):
    objective = {"metric": "loss", "goal": "Maximize"}
    spec = job_spec(objective=objective, early_stopping={"type": "median", "min_trials": 3}, limits={"max_trials": 5})
    job, trials, _ = run(tmp_path, spec, lambda x: [-value for value in falling([0, 1, 2, 1.26, 0.5][x])])
    assert job.status == "Completed"
    assert stopped(trials) == {3: "early stopping: -1.76 at step 2 is worse than the median -1.75 of 3 trials"}


def test_auto_waits_for_five_trials(tmp_path):
    _, trials, _ = run(tmp_path, job_spec(early_stopping="Auto"), falling)
    assert set(stopped(trials)) == {5, 6, 7, 8, 9}


def test_the_plateau_rule_stops_a_trial_whose_result_counts(tmp_path):
    spec = job_spec(early_stopping={"type": "plateau", "patience": 2}, limits={"max_trials": 2})
    job, trials, _ = run(tmp_path, spec, lambda x: [5.0, 4.0 - x, 4.5, 4.5, 4.5, 4.5])
    assert stopped(trials) == {
        0: "early stopping: 4.5 at step 4, and no better than 4 for 2 reports",
        1: "early stopping: 4.5 at step 4, and no better than 3 for 2 reports",
    }
    assert [trial.objective for trial in trials] == [4.5, 4.5]
    assert job.status == "Completed"


def test_reports_after_the_decision_do_not_count(tmp_path):
    spec = job_spec(early_stopping={"type": "plateau", "patience": 1}, limits={"max_trials": 1})
    _, (trial,), log = run(tmp_path, spec, lambda _: [5.0, 6.0, 1.0, 0.5])
    # The function hears of it at its third report.
    assert [event.metrics["loss"] for event in log if isinstance(event, TrialMeasured)] == [5.0, 6.0, 1.0]
    assert trial.objective == 6.0


class LateRunner(FunctionRunner):
    """Tells of a trial only when it has ended, as if the loop had been busy for that long."""

    def wait(self, timeout):
        events = list(super().wait(None))
        while not isinstance(events[-1], Ended):
            events += super().wait(None)
        return events


def test_a_trial_that_ended_before_it_could_hear_is_judged_by_the_same_report(tmp_path):
    """How soon it hears that it is to stop depends on the machine; what comes of it must not."""

    def train(_parameters):
        for step, value in enumerate([1.0, 2.0, 3.0]):
            report({"loss": value, "count": step}, step=step)

    spec = job_spec(early_stopping={"type": "plateau", "patience": 1}, limits={"max_trials": 1})
    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(JobDirectory("job", tmp_path), created) as store:
        TuningLoop(spec, runner=LateRunner(train, slots=1, objective="loss"), store=store).run()
        (trial,) = store.trials()
    reason = "early stopping: 2 at step 1, and no better than 1 for 1 report"
    assert (trial.status, trial.objective, trial.failure_reason) == (TrialStatus.Stopped, 2.0, reason)
    assert trial.metrics == {"loss": 2.0, "count": 1.0}


def test_a_diverged_trial_is_stopped_without_a_result(tmp_path):
    spec = job_spec(early_stopping={"type": "plateau", "patience": 2}, limits={"max_trials": 2})
    job, trials, _ = run(tmp_path, spec, lambda x: [1.0, math.nan, math.nan, 1.0] if x else falling(0))
    assert stopped(trials) == {1: "early stopping: nan at step 3, and no better than 1 for 2 reports"}
    assert trials[1].objective is None
    assert job.status == "Completed"


@pytest.mark.parametrize("rule", ["Auto", {"type": "plateau", "patience": 1}])
def test_single_reports_are_never_stopped(tmp_path, rule):
    _, trials, _ = run(tmp_path, job_spec(early_stopping=rule), lambda x: [float(x)])
    assert not stopped(trials)


def test_without_steps_reports_are_counted(tmp_path):
    spec = job_spec(early_stopping={"type": "median", "min_trials": 1}, limits={"max_trials": 2})
    _, trials, _ = run(tmp_path, spec, falling, steps=False)
    assert stopped(trials) == {1: "early stopping: 1.5 at report 2 is worse than the median 0.75 of 1 trial"}


def test_off_stops_nothing(tmp_path):
    _, trials, _ = run(tmp_path, job_spec(early_stopping="Off"), falling)
    assert {trial.status for trial in trials} == {TrialStatus.Completed}


def test_a_job_completes_at_its_target(tmp_path):
    spec = job_spec(completion={"target": 6.5})
    job, trials, _ = run(tmp_path, spec, lambda x: [10.0 - x])
    assert (job.status, job.reason) == ("Completed", "trial 4 reached 6 (completion.target = 6.5)")
    assert len(trials) == 5


def test_trials_beside_the_one_that_reaches_the_target_are_stopped(tmp_path):
    spec = job_spec(completion={"target": 1.0}, limits={"max_trials": 10, "max_parallel": 2})
    # Trial 1 goes on for as long as nobody stops it.
    job, trials, _ = run(tmp_path, spec, lambda x: iter(lambda: 5.0, None) if x else [0.5])
    reason = "trial 0 reached 0.5 (completion.target = 1)"
    assert (job.status, job.reason) == ("Completed", reason)
    assert stopped(trials) == {1: f"the job ended: {reason}"}


def test_a_job_completes_when_trials_no_longer_improve(tmp_path):
    spec = job_spec(completion={"not_improving": 3})
    job, trials, _ = run(tmp_path, spec, lambda x: [[5.0, 3.0, 2.99, 2.98, 4.0][min(x, 4)]])
    assert job.status == "Completed"
    assert job.reason == "3 trials in a row did not improve on 3 by more than 1 % (completion.not_improving = 3)"
    assert len(trials) == 5


def test_a_job_completes_on_convergence(tmp_path):
    spec = job_spec(
        objective={"metric": "loss", "goal": "Maximize"}, completion={"on_convergence": True, "convergence_window": 2}
    )
    job, trials, _ = run(tmp_path, spec, lambda x: [[0.5, 0.7, 0.8, 0.9, 0.905][min(x, 4)]])
    assert job.status == "Completed"
    assert job.reason == (
        "the last 2 trials brought the best objective from 0.9 to 0.905, not by more than 1 % "
        "(completion.on_convergence)"
    )
    assert len(trials) == 6


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search that learns from the trials, some of them stopped, and that ends by not improving."""
    spec = job_spec(
        strategy={"type": "evolutionary", "population": 4},
        early_stopping={"type": "median", "min_trials": 3},
        completion={"not_improving": 10},
        limits={"max_trials": 40},
        seed=5,
    )
    return spec, *run(tmp_path_factory.mktemp("whole"), spec, bowl)


def bowl(x):
    return falling((x - 30) ** 2 / 100)


def test_a_search_with_rules_stops_trials_and_ends_early(searched):
    _, job, trials, log = searched
    assert "completion.not_improving" in job.reason
    assert len(stopped(trials)) >= 5
    assert len(trials) < 40
    assert isinstance(log[-1], JobEnded)


@pytest.mark.parametrize("part", range(12))
def test_a_job_killed_anywhere_comes_to_the_same_trials_and_stops(tmp_path, searched, part):
    spec, job, trials, log = searched
    for cut in range(3 + part, len(log) - 1, 12 * 8 + 1):
        resumed_job, resumed, _ = run(tmp_path / str(cut), spec, bowl, log=log[:cut])
        assert outcomes(resumed) == outcomes(trials)
        assert resumed_job.reason == job.reason


def test_what_a_trial_reported_before_a_kill_is_in_no_average(tmp_path):
    spec = job_spec(early_stopping={"type": "median", "min_trials": 1}, limits={"max_trials": 2})

    def curve(x):
        return [0.72, 0.72, 0.1, 0.1] if x else [1.0, 0.5, 0.5, 0.5]  # 0 has the average 0.75 at step 2

    def killed_after(log, number, reports):
        last = [at for at, event in enumerate(log) if isinstance(event, TrialMeasured) and event.number == number]
        return log[: last[reports - 1] + 1]

    _, _, log = run(tmp_path / "whole", spec, curve)
    _, _, log = run(tmp_path / "once", spec, curve, log=killed_after(log, 0, 3))
    _, trials, log = run(tmp_path / "twice", spec, curve, log=killed_after(log, 1, 1))
    assert [event.number for event in log if isinstance(event, TrialMeasured)] == [0] * 7 + [1] * 5
    assert not stopped(trials)


def test_a_trial_given_up_just_before_the_job_was_stopped_is_not_trained_again(tmp_path):
    spec = job_spec(early_stopping={"type": "plateau", "patience": 1}, limits={"max_trials": 2})
    curves = Curves(lambda _: [1.0, 2.0, 3.0])
    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(JobDirectory("job", tmp_path), created) as store:
        runner = FunctionRunner(curves.train, slots=1, objective="loss")

        def stop_at_the_decision(trial):
            if trial.objective == 2.0 and not trial.status.ended:
                loop.request_stop()
            curves.listen(trial)

        loop = TuningLoop(spec, runner=runner, store=store, listener=stop_at_the_decision)
        assert loop.run() is JobStatus.Stopped
        runner = FunctionRunner(curves.train, slots=1, objective="loss")
        assert TuningLoop(spec, runner=runner, store=store, listener=curves.listen).run() is JobStatus.Completed
        assert stopped(store.trials()) == dict.fromkeys(
            (0, 1), "early stopping: 2 at step 2, and no better than 1 for 1 report"
        )
        numbers = [event.number for event in store.events() if isinstance(event, TrialMeasured)]
    assert numbers == [0, 0, 0, 1, 1, 1]


PRICE = 36.0  # a cent per second


class Clock:
    """A training of so many seconds, by the loop's own clocks."""

    def __init__(self, monkeypatch):
        self.now = 1_000_000.0
        monkeypatch.setattr("smtune.loop.time.time", lambda: self.now)
        monkeypatch.setattr("smtune.loop.time.monotonic", lambda: self.now)


class PacedRunner(FunctionRunner):
    """Lets a second go by whenever something happens."""

    def __init__(self, clock, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self._clock = clock

    def wait(self, timeout):
        events = []
        for event in super().wait(None):
            self._clock.now += 1
            events.append(replace(event, at=self._clock.now))
        return events


def spend(folder, monkeypatch, limits, *, log=()):
    spec = job_spec(limits={"max_trials": 10, **limits}, strategy="random")
    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(JobDirectory("job", folder), log[0] if log else created) as store:
        if log:
            store.append(log[1:])
        runner = PacedRunner(Clock(monkeypatch), lambda parameters: float(parameters["x"]), slots=1, objective="loss")
        TuningLoop(spec, runner=runner, store=store).run()
        return store.job(), store.trials(), list(store.events())


def test_a_job_ends_when_its_money_is_spent(tmp_path, monkeypatch):
    job, trials, log = spend(tmp_path / "whole", monkeypatch, {"max_cost_usd": 0.07, "usd_per_hour": PRICE})
    assert job.status == "Completed"
    assert job.reason == "limits.max_cost_usd = 0.07 spent"
    each = trials[0].seconds
    assert sum(trial.seconds for trial in trials) >= 7 > sum(trial.seconds for trial in trials[:-1])
    assert len(trials) < 10
    # After a kill, what was spent before still counts.
    last = max(place for place, event in enumerate(log) if isinstance(event, TrialEnded) and event.number == 1)
    _, again, _ = spend(
        tmp_path / "parts", monkeypatch, {"max_cost_usd": 0.07, "usd_per_hour": PRICE}, log=log[: last + 1]
    )
    assert [trial.number for trial in again] == [trial.number for trial in trials]
    assert each > 0


def test_a_price_alone_ends_nothing(tmp_path, monkeypatch):
    job, trials, _ = spend(tmp_path, monkeypatch, {"usd_per_hour": PRICE})
    assert (job.reason, len(trials)) == (None, 10)


def test_money_needs_a_price():
    with pytest.raises(SpecError, match=r"limits\.max_cost_usd = 5\.0: cannot be kept without the price of an hour"):
        job_spec(limits={"max_trials": 3, "max_cost_usd": 5})
    elsewhere = job_spec(limits={"max_trials": 3, "max_cost_usd": 5}, sagemaker={"instance_type": "ml.m5.xlarge"})
    with pytest.raises(SpecError, match=r"limits\.max_cost_usd = 5\.0: cannot be kept without the price of an hour"):
        LocalBackend(function=lambda _: 0.0).plan(elsewhere)


@pytest.mark.parametrize("repeats", [3, {"min": 2, "max": 4}])
def test_huge_objectives_do_not_end_a_job(tmp_path, repeats):
    completion = {"not_improving": 100}
    spec = job_spec(repeats=repeats, strategy="random", limits={"max_trials": 12}, completion=completion)
    job, trials, _ = run(tmp_path, spec, lambda x: [1.7e308 * (-1) ** (x % 3 == 0)])
    assert (job.status, len(trials)) == ("Completed", 12)
