"""A job pauses trials and lets the best go on: slow or fast, alone or together, killed or stopped, it is the same job."""

import threading
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from smtune.container import report
from smtune.loop import TuningLoop
from smtune.results import JobStatus
from smtune.runners import FunctionRunner
from smtune.runners.base import Ended
from smtune.spec import TuningSpec
from smtune.store import JobCreated, JobDirectory, JobStore, TrialEnded, TrialMeasured, TrialPromoted
from smtune.strategies import build_strategy
from smtune.trial import Trial, TrialStatus

COMPLETED, FAILED, STOPPED = TrialStatus.Completed, TrialStatus.Failed, TrialStatus.Stopped
MOST = 9


def curve(x, steps=MOST):
    """Return losses that fall with the steps; who is best changes on the way."""
    return [round(abs(x - 30) / 10 + (x * 7 % 10) / step, 6) for step in range(1, steps + 1)]


class Training:
    """A training whose curve is known, and which waits after each report until the loop has acted on it.

    Args:
        curve: ``x`` to what is reported at the steps 0, 1, ...; one that raises fails.
        slow: Whether it waits.
        outcome: ``x`` to what it returns at its end.
    """

    def __init__(self, curve=curve, *, slow=True, outcome=lambda _: None):
        self._curve = curve
        self._slow = slow
        self._outcome = outcome
        self._tickets = count()
        self._seen = set()
        self._changed = threading.Condition()

    def __call__(self, parameters):
        for step, value in enumerate(self._curve(parameters["x"])):
            ticket = next(self._tickets)
            report({"loss": value, "ticket": ticket}, step=step)
            with self._changed:
                assert not self._slow or self._changed.wait_for(partial(self._seen.__contains__, ticket), timeout=60)
        return self._outcome(parameters["x"])

    def listen(self, trial):
        with self._changed:
            self._seen.add(trial.metrics.get("ticket"))
            self._changed.notify_all()


class LateRunner(FunctionRunner):
    """Tells of a trial only when it has ended, as if the loop had been busy for that long."""

    def wait(self, timeout):
        events = list(super().wait(None))
        while not isinstance(events[-1], Ended):
            events += super().wait(None)
        return events


def job_spec(strategy="hyperband", *, trials=17, parallel=1, settings=None, **changes):
    fields = {
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"x": {"type": "integer", "min": 0, "max": 99}},
        "strategy": {"type": strategy, "resource": {"epochs": [1, MOST]}, **(settings or {})},
        "limits": {"max_trials": trials, "max_parallel": parallel},
        "seed": 4,
    }
    return TuningSpec(**fields | changes)


def run(folder, spec, training=None, *, log=(), runner=FunctionRunner, listener=lambda *_: None):
    """Run a job, after what a log says of it, and return its record, its trials and its log."""
    training = training or Training()
    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(JobDirectory("job", folder), log[0] if log else created) as store:
        if log:
            store.append(log[1:])
        go_on(store, training, runner=runner, listener=listener)
        for trial in store.trials():
            steps = [one.step for one in store.measurements(trial.number) if one.step is not None]
            assert steps == sorted(set(steps))
        return store.job(), store.trials(), list(store.events())


def go_on(store, training, *, runner=FunctionRunner, listener=lambda *_: None):
    spec = TuningSpec.from_dict(store.job().spec)  # as after a kill: what the store kept of it

    def listen(trial):
        listener(loop, trial)
        training.listen(trial)

    started = runner(training, slots=spec.limits.max_parallel, objective="loss")
    loop = TuningLoop(spec, runner=started, store=store, listener=listen)
    return loop.run()


def outcomes(trials):
    return [(t.number, dict(t.parameters), t.status, t.objective, t.resource, t.failure_reason) for t in trials]


def expected(spec, curve=curve):
    """Return the outcomes of a job by asking and telling its strategy, without any training."""
    strategy = build_strategy(
        spec.strategy, spec.parameters, goal=spec.objective.goal, seed=spec.seed, max_trials=spec.limits.max_trials
    )
    found = {}
    while asked := strategy.ask(1):
        (one,) = asked
        assert one.resource is not None
        values = curve(one.parameters["x"])
        paused = one.resource < MOST and one.resource <= len(values)
        objective = values[min(one.resource, len(values)) - 1]
        status = STOPPED if paused else COMPLETED
        strategy.tell(Trial(one.number, one.parameters, status, objective, resource=one.resource, paused=paused))
        type_ = spec.strategy.type
        reason = f"early stopping: {type_} paused it at {one.resource} of 9 epochs with {objective:.6g}"
        found[one.number] = (
            one.number,
            one.parameters,
            status,
            objective,
            one.resource,
            reason if paused else None,
        )
    return [found[number] for number in sorted(found)]


STRATEGIES = [
    job_spec(),
    job_spec(settings={"sampler": {"type": "evolutionary", "population": 3}}),
    job_spec("asha"),
    job_spec("asha", settings={"eta": 2, "sampler": {"type": "evolutionary", "population": 3}}),
]


@pytest.mark.parametrize("spec", STRATEGIES, ids=range(len(STRATEGIES)))
def test_a_job_does_what_its_strategy_says(tmp_path, spec):
    job, trials, log = run(tmp_path, spec)
    assert (job.status, job.reason) == ("Completed", None)
    assert outcomes(trials) == expected(spec)
    assert len(trials) == 17
    assert {trial.resource for trial in trials} == {1, 3, 9} or spec.strategy.eta == 2
    assert any(isinstance(event, TrialPromoted) for event in log)
    assert {event.step for event in log if isinstance(event, TrialMeasured)} == set(range(MOST))


@pytest.mark.parametrize("spec", STRATEGIES, ids=range(len(STRATEGIES)))
@pytest.mark.parametrize("steps", [MOST, MOST - 4])
def test_trainings_that_run_ahead_of_the_stop_come_to_the_same(tmp_path, spec, steps):
    """Whether they are told of at once or as they go, and whether they train to the end or give up at step 5."""
    shape = partial(curve, steps=steps)
    _, slow, _ = run(tmp_path / "slow", spec, Training(shape))
    _, fast, log = run(tmp_path / "fast", spec, Training(shape, slow=False), runner=LateRunner)
    assert outcomes(fast) == outcomes(slow) == expected(spec, shape)
    assert any(event.ran_out for event in log if isinstance(event, TrialEnded))


@pytest.mark.parametrize("steps", [MOST, MOST - 4])
def test_what_a_function_returns_is_the_objective_of_a_whole_training_only(tmp_path, steps):
    spec = job_spec()

    def outcome(x):
        return min(curve(x)) - 100.0

    training = partial(Training, partial(curve, steps=steps), outcome=outcome)
    _, slow, _ = run(tmp_path / "slow", spec, training())
    _, fast, _ = run(tmp_path / "fast", spec, training(slow=False), runner=LateRunner)
    assert outcomes(fast) == outcomes(slow)
    whole = [trial for trial in slow if trial.status is COMPLETED]
    assert [trial.objective for trial in whole] == [outcome(trial.parameters["x"]) for trial in whole]
    assert all(trial.objective > -50 for trial in slow if trial.status is STOPPED)


def test_trainings_beyond_the_whole_are_stopped_and_have_what_they_had_reached(tmp_path):
    spec = job_spec()
    _, slow, _ = run(tmp_path / "slow", spec, Training(partial(curve, steps=MOST + 3)))
    _, fast, _ = run(tmp_path / "fast", spec, Training(partial(curve, steps=MOST + 3), slow=False), runner=LateRunner)
    assert outcomes(fast) == outcomes(slow)
    whole = [trial for trial in slow if trial.resource == MOST]
    assert [trial.objective for trial in whole] == [curve(trial.parameters["x"])[-1] for trial in whole]
    assert {(trial.status, trial.failure_reason) for trial in whole} == {
        (STOPPED, "early stopping: hyperband gives no more than 9 epochs")
    }


@pytest.mark.parametrize("slow", [True, False])
def test_hyperband_is_the_same_job_at_any_parallelism(tmp_path, slow):
    """Random configurations do not depend on results, nor brackets on the order in which these come."""
    settings = {"sampler": "random"}
    _, trials, _ = run(tmp_path, job_spec(parallel=4, settings=settings), Training(slow=slow))
    assert outcomes(trials) == expected(job_spec(settings=settings))


def test_asha_gives_what_it_says_at_any_parallelism(tmp_path):
    job, trials, log = run(tmp_path, job_spec("asha", parallel=4), Training(slow=False))
    assert job.status == "Completed"
    assert [trial.objective for trial in trials] == [curve(t.parameters["x"])[t.resource - 1] for t in trials]
    assert any(isinstance(event, TrialPromoted) for event in log)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A job with a search that learns, and its log."""
    spec = STRATEGIES[1]
    return spec, *run(tmp_path_factory.mktemp("whole"), spec)


@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("runner", [FunctionRunner, LateRunner])
def test_a_job_killed_anywhere_comes_to_the_same(tmp_path, whole, part, runner):
    spec, _, trials, log = whole
    for cut in range(2 + part, len(log) - 1, 8 * (3 if runner is FunctionRunner else 7)):
        training = Training(slow=runner is FunctionRunner)
        _, resumed, _ = run(tmp_path / str(cut), spec, training, log=log[:cut], runner=runner)
        assert outcomes(resumed) == outcomes(trials)


@pytest.fixture(scope="module")
def ahead(tmp_path_factory):
    """The same job with trainings that run ahead, and its log."""
    spec = STRATEGIES[1]
    folder = tmp_path_factory.mktemp("ahead")
    return spec, *run(folder, spec, Training(slow=False), runner=LateRunner)


@pytest.mark.parametrize("part", range(4))
def test_a_job_whose_trainings_run_ahead_and_that_is_killed_comes_to_the_same(tmp_path, ahead, whole, part):
    spec, _, trials, log = ahead
    assert outcomes(trials) == outcomes(whole[2])
    for cut in range(2 + part, len(log) - 1, 4 * 5):
        _, resumed, _ = run(tmp_path / str(cut), spec, log=log[:cut])
        assert outcomes(resumed) == outcomes(trials)


@pytest.mark.parametrize("moment", range(1, 60, 6))
def test_a_job_stopped_at_any_moment_and_resumed_comes_to_the_same(tmp_path, whole, moment):
    """Every sixth change of a trial: some are paused then, some are about to be."""
    spec, _, trials, _ = whole
    changes = count(1)

    def stop(loop, _):
        if next(changes) == moment:
            loop.request_stop()

    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(JobDirectory("job", tmp_path), created) as store:
        assert go_on(store, Training(), listener=stop) is JobStatus.Stopped
        assert go_on(store, Training()) is JobStatus.Completed
        assert outcomes(store.trials()) == outcomes(trials)


# --- failures and limits ------------------------------------------------------------------------------------------


def breaking(at):
    """A curve that ends with an error at a step."""

    def failing(x):
        yield from curve(x)[:at]
        raise ValueError(f"x = {x} is too much")

    return failing


@pytest.mark.parametrize("slow", [True, False])
def test_a_trial_that_fails_when_it_goes_on_has_failed(tmp_path, slow):
    runner = FunctionRunner if slow else LateRunner
    job, trials, _ = run(tmp_path, job_spec(trials=9), Training(breaking(2), slow=slow), runner=runner)
    failed = [trial for trial in trials if trial.status is FAILED]
    assert len(failed) == 3
    assert {(trial.objective, trial.resource, trial.paused) for trial in failed} == {(None, 3, False)}
    assert all("is too much" in trial.failure_reason for trial in failed)
    assert (job.status, job.reason) == ("Completed", None)  # there are six that paused with a result


def test_failures_of_trials_that_go_on_count(tmp_path):
    limits = {"max_trials": 9, "max_failures": 2}
    job, trials, _ = run(tmp_path, job_spec(limits=limits), Training(breaking(2)))
    assert (job.status, job.reason) == ("Failed", "2 trials failed (limits.max_failures = 2)")
    assert len([trial for trial in trials if trial.status is FAILED]) == 2


def test_the_time_of_a_trial_is_that_of_all_its_parts(tmp_path):
    spec = job_spec(trials=3, limits={"max_trials": 3, "max_trial_seconds": 500})
    _, _, log = run(tmp_path / "once", spec)
    (place, *_) = [place for place, event in enumerate(log) if isinstance(event, TrialPromoted)]
    best = log[place].number
    started = {event.number: event.at for event in log[:place] if hasattr(event, "number")}[best]
    log = [
        replace(event, at=started + 1000) if isinstance(event, TrialEnded) and event.number == best else event
        for event in log[: place + 1]
    ]
    _, trials, _ = run(tmp_path / "again", spec, log=log)
    assert trials[best].failure_reason == "ran longer than limits.max_trial_seconds = 500"
    assert trials[best].seconds >= 1000


def test_a_function_that_never_reports_its_steps_ends_the_job_with_the_reason(tmp_path):
    for slow in (True, False):
        training = Training(lambda _: [], slow=slow, outcome=float)
        job, trials, _ = run(tmp_path / str(slow), job_spec(), training)
        assert job.status == "Failed"
        assert (
            "the first 3 trials reported 'loss' no more than once before the end of 9 epochs, so hyperband"
            in job.reason
        )
        assert len(trials) == 3


def test_a_settled_trial_that_reaches_the_target_ends_the_job(tmp_path):
    """All that goes on after the first rung is known: no training runs, and the loop has only these to look at."""
    spec = job_spec(trials=9, completion={"target": 1000.0})
    job, trials, _ = run(tmp_path, spec, Training(slow=False), runner=LateRunner)
    whole = [trial for trial in trials if trial.status is COMPLETED]
    assert len(whole) == 1
    assert job.reason == f"trial {whole[0].number} reached {whole[0].objective:g} (completion.target = 1000)"


def test_the_rung_rule_stops_all_but_the_best_for_good(tmp_path):
    """Losses fall with x here: at each rung the later trial is worse than the first, which alone goes on."""
    configurations = {"type": "manual", "configurations": [{"x": x} for x in range(4)]}
    fields = {**job_spec(trials=4).to_dict(), "strategy": configurations, "early_stopping": {"type": "asha", "eta": 2}}
    spec = TuningSpec.from_dict(fields)
    _, trials, _ = run(tmp_path, spec, Training(lambda x: [x + 1 / step for step in range(1, 5)]))
    assert [trial.status for trial in trials] == [COMPLETED, STOPPED, STOPPED, STOPPED]
    assert trials[1].failure_reason == (
        "early stopping: 2 after 1 step is not among the best 1 of 2 trials, which reached 1"
    )
