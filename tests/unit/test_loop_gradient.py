"""A job along derivatives: it ends with its reason where they are missing or wrong, and goes on after a kill anywhere."""

import math

import pytest

from smtune.container import report
from smtune.loop import TuningLoop
from smtune.runners import FunctionRunner
from smtune.spec import TuningSpec
from smtune.store import JobCreated, JobDirectory, JobEnded, JobStore
from smtune.trial import TrialStatus


def job_spec(**changes):
    fields = {
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {
            "rate": {"type": "continuous", "min": 1e-4, "max": 1, "scaling": "Logarithmic"},
            "shift": {"type": "continuous", "min": -3, "max": 3},
        },
        "strategy": {"type": "gradient", "starts": 2},
        "limits": {"max_trials": 60},
        "seed": 7,
    }
    return TuningSpec(**fields | changes)


def train(parameters):
    """Lowest at rate = 0.01, shift = 1; the derivatives are reported beside it."""
    rate, shift = math.log(parameters["rate"] / 0.01), parameters["shift"] - 1
    report({"loss": rate**2 + shift**2}, hypergradient={"rate": 2 * rate / parameters["rate"], "shift": 2 * shift})


def returned(parameters):
    """The same, returned."""
    rate, shift = math.log(parameters["rate"] / 0.01), parameters["shift"] - 1
    return {
        "loss": rate**2 + shift**2,
        "hypergradient:rate": 2 * rate / parameters["rate"],
        "hypergradient:shift": 2 * shift,
    }


def run(folder, function, spec, *, log=()):
    """Run a job, after what a log says of it, and return its record, its trials and its log."""
    created = JobCreated(name="job", backend="local", spec=spec.to_dict(), seed=spec.seed, at=0.0)
    with JobStore.create(JobDirectory("job", folder), log[0] if log else created) as store:
        store.append(log[1:])
        runner = FunctionRunner(function, slots=spec.limits.max_parallel, objective="loss")
        TuningLoop(TuningSpec.from_dict(store.job().spec), runner=runner, store=store).run()
        return store.job(), store.trials(), list(store.events())


def outcomes(trials):
    return [(t.number, dict(t.parameters), t.status, t.objective, dict(t.metrics), t.origin) for t in trials]


def test_a_job_gets_to_the_minimum_and_ends_by_itself(tmp_path):
    job, trials, _ = run(tmp_path, train, job_spec())
    assert job.status == "Completed"
    assert job.reason == f"the search ended by itself after {len(trials)} trials"
    best = min(trials, key=lambda trial: trial.objective)
    assert best.parameters == pytest.approx({"rate": 0.01, "shift": 1}, rel=1e-2)
    assert {"hypergradient:rate", "hypergradient:shift"} < trials[0].metrics.keys()


def test_derivatives_may_be_returned(tmp_path):
    _, reported, _ = run(tmp_path / "reported", train, job_spec())
    _, also, _ = run(tmp_path / "returned", returned, job_spec())
    assert outcomes(also) == outcomes(reported)


def test_killed_after_any_event_a_job_goes_on_to_the_same_trials(tmp_path):
    spec = job_spec(repeats=2)
    _, trials, log = run(tmp_path / "whole", train, spec)
    (ended,) = (event for event in log if isinstance(event, JobEnded))
    for cut in range(2, log.index(ended), 5):
        job, again, _ = run(tmp_path / str(cut), train, spec, log=log[:cut])
        assert outcomes(again) == outcomes(trials)
        assert job.reason == ended.reason


def missing(parameters):
    report({"loss": parameters["shift"] ** 2})


def flipped(parameters):
    report({"loss": parameters["shift"] ** 2}, hypergradient={"rate": 0, "shift": -2 * parameters["shift"]})


@pytest.mark.parametrize(
    ("function", "count", "reason"),
    [
        (missing, 1, "trial 0 reported no hypergradient for rate, shift; call report({...}, hypergradient={'rate': "),
        (flipped, 2, "the hypergradient is wrong: from trial 0 to trial 1, the loss changed by "),
    ],
)
@pytest.mark.parametrize("chained", [False, True])
def test_a_job_whose_derivatives_are_of_no_use_fails_with_its_reason(tmp_path, function, count, reason, chained):
    steps = {"type": "chain", "steps": [{"strategy": "gradient"}, {"strategy": "random", "trials": 5}]}
    spec = job_spec(strategy=steps if chained else "gradient")
    job, trials, log = run(tmp_path / "first", function, spec)
    assert job.status == "Failed"
    assert job.reason.startswith(reason)
    assert [trial.status for trial in trials] == [TrialStatus.Completed] * count

    again, same, _ = run(tmp_path / "resumed", train, spec, log=log[:-1])
    assert (again.status, again.reason, outcomes(same)) == (job.status, job.reason, outcomes(trials))
