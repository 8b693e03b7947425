"""Jobs on this machine, from start to end: what is kept, what is told, what goes on."""

import math
import os
import threading

import pytest

from smtune import TuningSpec, attach, resume, tune
from smtune.backends import LocalBackend, TuningJob
from smtune.container import report
from smtune.errors import JobBusyError, JobExistsError, JobFailedError, JobNotFoundError, SpecError
from smtune.results import JobStatus
from smtune.space import CategoricalParameter, ContinuousParameter
from smtune.trial import Trial, TrialStatus


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def spec(**changes):
    fields = {
        "name": "churn",
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"x": ContinuousParameter(0.0, 1.0), "kind": CategoricalParameter(["a", "b"])},
        "strategy": "random",
        "limits": {"max_trials": 8},
        "seed": 3,
    }
    return TuningSpec(**fields | changes)


def square(parameters):
    return (parameters["x"] - 0.5) ** 2


def run(job_spec, function):
    return tune(job_spec, function=function).wait(progress=False)


def test_a_job_runs_to_its_end_and_is_kept():
    result = run(spec(static={"rounds": 3}), lambda p: {"loss": square(p), "rounds": p["rounds"]})
    assert result.status is JobStatus.Completed
    assert result.counts["Completed"] == 8
    assert result.best.objective == min(trial.objective for trial in result.trials)
    assert result.trials[0].metrics["rounds"] == 3
    assert attach("churn").result() == result
    assert attach("churn").best_trial == result.best


def test_the_same_seed_gives_the_same_trials_at_any_parallelism():
    one = run(spec(name="one"), square)
    four = run(spec(name="four", limits={"max_trials": 8, "max_parallel": 4}), square)
    other = run(spec(name="other", seed=4), square)
    assert [t.parameters for t in one.trials] == [t.parameters for t in four.trials]
    assert [t.parameters for t in one.trials] != [t.parameters for t in other.trials]


def test_trials_are_told_as_they_change():
    seen: list[Trial] = []
    job = tune(spec(limits={"max_trials": 3}), function=square)
    job.backend.wait(job.name, listener=seen.append)
    ended = [trial.number for trial in seen if trial.status.ended]
    assert sorted(ended) == [0, 1, 2]


def test_a_change_is_told_once_to_a_reader_that_lags_behind():
    seen: list[Trial] = []
    go = threading.Event()

    def wait_and_square(parameters):
        go.wait()
        return square(parameters)

    def lag(trial):
        seen.append(trial)
        go.set()
        job.backend.wait(job.name)

    job = tune(spec(limits={"max_trials": 2, "max_parallel": 2}), function=wait_and_square)
    job.backend.wait(job.name, listener=lag)
    ended = [trial.number for trial in seen if trial.status.ended]
    assert sorted(ended) == [0, 1]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda p: 1 / 0, "ZeroDivisionError"),
        (lambda p: math.nan, "nan"),
        (lambda p: {"accuracy": 1.0}, "never reported the objective 'loss'; it reported accuracy"),
        (lambda p: None, "returned None and reported nothing"),
    ],
)
def test_a_job_whose_first_trials_all_fail_is_given_up_and_says_why(function, reason):
    with pytest.raises(JobFailedError, match="first 5 trials all failed") as caught:
        run(spec(limits={"max_trials": 100}), function)
    assert reason in str(caught.value)
    (numbers,) = caught.value.failures.values()
    assert numbers == (0, 1, 2, 3, 4)


def test_failures_that_come_together_end_the_job_as_well():
    together = threading.Barrier(4)

    def fails(parameters):
        together.wait(60)
        raise RuntimeError("all at once")

    with pytest.raises(JobFailedError, match="trials all failed"):
        run(spec(limits={"max_trials": 100, "max_parallel": 4}), fails)
    assert attach("churn").result().counts["Failed"] <= 8


def test_failed_trials_are_data_and_the_job_goes_on():
    def sometimes(parameters):
        if parameters["kind"] == "a":
            raise ValueError(f"x = {parameters['x']} is too large")
        return square(parameters)

    result = run(spec(limits={"max_trials": 20}, seed=1), sometimes)
    assert result.status is JobStatus.Completed
    assert result.counts["Failed"] + result.counts["Completed"] == 20
    assert len(result.failures()) == 1
    assert result.best.parameters["kind"] == "b"


def test_max_failures_ends_the_job():
    numbers = iter(range(100))

    def mostly(parameters):
        if next(numbers) % 2:
            raise RuntimeError("odd")
        return 1.0

    with pytest.raises(JobFailedError, match="3 trials failed") as caught:
        run(spec(limits={"max_trials": 50, "max_failures": 3}), mostly)
    assert caught.value.failures
    assert attach("churn").result().counts["Failed"] == 3


def test_a_trial_that_runs_too_long_is_stopped_and_says_so():
    def slow(parameters):
        if parameters["kind"] == "a":
            while True:
                report({"loss": 1.0})
                threading.Event().wait(0.01)
        return square(parameters)

    result = run(spec(limits={"max_trials": 8, "max_trial_seconds": 0.3}), slow)
    stopped = [trial for trial in result.trials if trial.status is TrialStatus.Stopped]
    assert stopped
    assert all("max_trial_seconds = 0.3" in trial.failure_reason for trial in stopped)
    assert result.best.parameters["kind"] == "b"


def test_a_job_stops_when_its_time_is_over():
    def slow(parameters):
        for _ in range(10_000):
            report({"loss": 1.0})
            threading.Event().wait(0.01)

    with pytest.raises(JobFailedError, match=r"max_runtime_seconds = 0\.5"):
        run(spec(limits={"max_runtime_seconds": 0.5, "max_parallel": 2}), slow)


def test_a_name_is_taken_once():
    run(spec(), square)
    with pytest.raises(JobExistsError, match="churn"):
        tune(spec(), function=square)
    with pytest.raises(SpecError, match="has ended"):
        resume("churn", function=square)


def test_an_unknown_job_offers_its_neighbour():
    run(spec(), square)
    with pytest.raises(JobNotFoundError, match="churn"):
        attach("chrun")


def test_a_stopped_job_goes_on_as_if_it_had_not_been_stopped():
    whole = run(spec(name="whole", strategy="evolutionary", limits={"max_trials": 30}), square)

    gate = threading.Event()

    def stops_at_ten(parameters):
        if len(attach("parts").result().trials) >= 10 and not gate.is_set():
            attach("parts").stop()
            while True:
                report({"loss": 9.0})
                threading.Event().wait(0.01)
        return square(parameters)

    first = run(spec(name="parts", strategy="evolutionary", limits={"max_trials": 30}), stops_at_ten)
    assert first.status is JobStatus.Stopped
    assert first.counts["Completed"] == 9
    gate.set()
    second = resume("parts", function=stops_at_ten).wait(progress=False)
    assert second.status is JobStatus.Completed
    assert [(t.number, t.parameters, t.objective) for t in second.trials] == [
        (t.number, t.parameters, t.objective) for t in whole.trials
    ]


def test_a_running_job_is_busy_and_stops_from_elsewhere():
    started = threading.Event()

    def endless(parameters):
        while True:
            started.set()
            report({"loss": 1.0})
            threading.Event().wait(0.01)

    job = tune(spec(), function=endless)
    assert started.wait(60)
    with pytest.raises(JobBusyError):
        resume("churn", function=endless)
    assert attach("churn").result().status is JobStatus.InProgress
    assert job.wait(0.01, progress=False).status is JobStatus.InProgress
    elsewhere = attach("churn")
    elsewhere.stop()
    elsewhere.stop()
    assert elsewhere.wait(progress=False).status is JobStatus.Stopped
    assert job.wait(progress=False).status is JobStatus.Stopped
    elsewhere.stop()


def test_a_grid_covers_everything_once():
    result = run(spec(strategy={"type": "grid", "levels": 3}, limits={}), square)
    assert {(t.parameters["x"], t.parameters["kind"]) for t in result.trials} == {
        (x, kind) for x in (0.0, 0.5, 1.0) for kind in "ab"
    }
    assert len(result.trials) == 6


def test_the_baseline_is_trained_first_and_repeats_repeat():
    result = run(spec(baseline={"x": 0.25, "kind": "b"}, repeats=2), square)
    assert result.baseline.parameters == {"kind": "b", "x": 0.25}
    assert [trial.origin for trial in result.trials[:2]] == ["baseline", "baseline"]
    pairs = [(a.parameters, b.parameters) for a, b in zip(result.trials[::2], result.trials[1::2], strict=True)]
    assert all(first == second for first, second in pairs)
    assert [trial.repeat for trial in result.trials] == [0, 1] * 4


def test_an_enqueued_configuration_comes_next_and_survives_a_stop():
    gate, entered = threading.Event(), threading.Event()

    def gated(parameters):
        entered.set()
        assert gate.wait(60)
        return square(parameters)

    job = tune(spec(strategy={"type": "manual", "configurations": [{"x": 0.1, "kind": "a"}]}), function=gated)
    assert entered.wait(60)
    job.enqueue({"x": 0.9, "kind": "b"})
    job.enqueue({"x": 0.1, "kind": "a"})
    with pytest.raises(SpecError, match="y"):
        job.enqueue({"x": 0.9, "y": 1})
    gate.set()
    result = job.wait(progress=False)
    assert [(t.parameters["x"], t.status) for t in result.trials] == [
        (0.1, TrialStatus.Completed),
        (0.9, TrialStatus.Completed),
    ]
    assert result.trials[1].origin == "enqueued"
    with pytest.raises(SpecError, match="not running here"):
        job.enqueue({"x": 0.5, "kind": "a"})


def test_a_resumed_job_can_be_followed_from_its_first_change():
    gate = threading.Event()

    def gated(parameters):
        if not gate.is_set():
            attach("churn").stop()
            report({"loss": 1.0})
            while True:
                report({"loss": 1.0})
                threading.Event().wait(0.01)
        return square(parameters)

    run(spec(), gated)
    gate.set()
    seen: list[Trial] = []
    job = resume("churn", function=gated)
    job.backend.wait(job.name, listener=seen.append)
    assert {trial.number for trial in seen if trial.status is TrialStatus.Completed} == set(range(8))


def test_a_function_can_run_in_processes(tmp_path, monkeypatch):
    (tmp_path / "trainings.py").write_text(
        "import os\ndef train(p):\n    return {'loss': p['x'] + p['shift'], 'pid': os.getpid()}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from trainings import train  # type: ignore[import-not-found]

    result = tune(spec(static={"shift": 1}), function=train, isolation="process").wait(progress=False)
    assert result.best.objective >= 1
    assert os.getpid() not in {trial.metrics["pid"] for trial in result.trials}
    with pytest.raises(SpecError, match="isolation"):
        tune(spec(name="other"), function=lambda p: 1.0, isolation="process")
    assert attach("churn").result().name == "churn"
    with pytest.raises(JobNotFoundError):
        attach("other")


def test_repr_names_the_job():
    assert repr(TuningJob(LocalBackend(), "churn")) == "<TuningJob 'churn'>"


def test_every_repeat_can_have_a_seed_of_its_own(tmp_path, monkeypatch):
    source = "from smtune.container import repeat\ndef train(p):\n    return repeat() + p['x']\n"
    (tmp_path / "repeated_trainings.py").write_text(source)
    (tmp_path / "train.py").write_text(
        "from smtune.container import Environment, hyperparameters, repeat, report\n"
        "report({'loss': repeat() + hyperparameters()['x'], 'again': Environment.current().repeat})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from repeated_trainings import train  # type: ignore[import-not-found]

    short = {"limits": {"max_trials": 3}, "repeats": 3}
    script = {"training": {"source_dir": str(tmp_path), "entry_point": "train.py"}}
    results = [
        tune(spec(name="threads", **short), function=train).wait(progress=False),
        tune(spec(name="processes", **short), function=train, isolation="process").wait(progress=False),
        tune(spec(name="scripts", **short, **script)).wait(progress=False),
    ]
    for result in results:
        first = result.trials[0].objective
        assert [trial.objective - first for trial in result.trials] == pytest.approx([0, 1, 2])
        assert result.best.objective == pytest.approx(first + 1)
        assert result.best_evaluation.standard_error == pytest.approx(1 / 3**0.5)
    assert [trial.metrics["again"] for trial in results[2].trials] == [0, 1, 2]


def test_a_rule_that_takes_standard_errors_is_warned_of_before_the_start():
    backend = LocalBackend(function=square)
    warned = [backend.plan(spec(selection="one_standard_error", repeats=repeats)).warnings for repeats in (1, 2)]
    assert any("takes standard errors: set repeats: 3, or report" in text for text in warned[0])
    assert not any("standard errors" in text for text in warned[1])
