"""A job whose configurations race; killed anywhere, it goes on to the same trials."""

import random

import pytest

from smtune.container import repeat
from smtune.loop import TuningLoop
from smtune.runners import FunctionRunner
from smtune.spec import TuningSpec
from smtune.store import JobCreated, JobDirectory, JobStore
from smtune.trial import TrialStatus


def noisy(parameters):
    """Return a loss whose noise is the same for every configuration in the same repeat, and a bit of its own."""
    shared, own = random.Random(repeat()), random.Random(f"{parameters['x']} {repeat()}")
    if own.random() < 0.05:
        raise ArithmeticError
    value = (parameters["x"] - 60) ** 2 / 1000 + shared.gauss(0, 0.2) + own.gauss(0, 0.1)
    return {"loss": value, "test:loss": own.random() * parameters["holdout"]}


def job_spec(**changes):
    fields = {
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"x": {"type": "integer", "min": 0, "max": 99}},
        "static": {"holdout": 1.0},
        "strategy": {"type": "evolutionary", "population": 4},
        "limits": {"max_trials": 50},
        "repeats": {"min": 1, "max": 4},
        "baseline": {"x": 50},
        "seed": 3,
    }
    return TuningSpec(**fields | changes)


def run(folder, spec, *, log=()):
    """Run a job, after what a log says of it, and return its trials and its log."""
    directory = JobDirectory("job", folder)
    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(directory, log[0] if log else created) as store:
        if log:
            store.append(log[1:])
        kept = TuningSpec.from_dict(store.job().spec)
        runner = FunctionRunner(noisy, slots=spec.limits.max_parallel, objective="loss", static=spec.static)
        TuningLoop(kept, runner=runner, store=store).run()
        return store.trials(), list(store.events())


def outcomes(trials):
    return [(t.number, dict(t.parameters), t.repeat, t.status, t.objective, t.origin) for t in trials]


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole"), job_spec())


def trainings(trials):
    found: dict[int, list[int]] = {}
    for trial in trials:
        found.setdefault(trial.parameters["x"], []).append(trial.repeat)
    return found


def test_only_some_are_trained_again(raced):
    trials, _ = raced
    found = trainings(trials)
    assert len(trials) == 50
    assert all(repeats == list(range(len(repeats))) for repeats in found.values())
    assert {len(repeats) for repeats in found.values()} >= {1, 4}
    assert len(found) > 50 / 4 + 2
    assert any(trial.status is TrialStatus.Failed for trial in trials)


def test_every_training_of_the_baseline_is_one(raced):
    baseline = [trial for trial in raced[0] if trial.parameters["x"] == 50]
    assert len(baseline) > 1
    assert {trial.origin for trial in baseline} == {"baseline"}


@pytest.mark.parametrize("part", range(6))
def test_a_job_killed_anywhere_comes_to_the_same_trials(tmp_path, raced, part):
    trials, log = raced
    for cut in range(3 + part, len(log) - 1, 6 * 5 + 1):
        resumed, _ = run(tmp_path / str(cut), job_spec(), log=log[:cut])
        assert outcomes(resumed) == outcomes(trials)


def test_the_holdout_takes_no_part_in_the_search(tmp_path, raced):
    other, _ = run(tmp_path, job_spec(static={"holdout": -100.0}))
    assert outcomes(other) == outcomes(raced[0])
    assert [t.metrics for t in other] != [t.metrics for t in raced[0]]


def test_several_at_a_time_never_wait(tmp_path):
    trials, _ = run(tmp_path, job_spec(limits={"max_trials": 50, "max_parallel": 4}))
    assert len(trials) == 50
    assert [trial.number for trial in trials] == list(range(50))
