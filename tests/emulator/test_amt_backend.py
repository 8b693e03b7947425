"""smtune's own backend ``amt``, unchanged, against the emulator: what it plans really trains."""

from __future__ import annotations

import threading

import pytest

from smtune import TuningSpec, tune
from smtune.backends import AmtBackend, attach
from smtune.emulator import emulate
from smtune.errors import JobExistsError, JobFailedError
from smtune.results import JobStatus

SCRIPT = """
from smtune.container import hyperparameters, model_dir, report
params = hyperparameters(defaults={"eta": 0.3, "broken": False})
if params["broken"]:
    raise ValueError("eta is too large")
report({"validation:loss": (params["eta"] - 0.1) ** 2, "test:loss": 1.0})
(model_dir() / "eta.txt").write_text(str(params["eta"]))
"""


@pytest.fixture
def aws(monkeypatch, tmp_path):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with emulate() as emulator:
        yield emulator


@pytest.fixture
def spec(tmp_path, aws):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(SCRIPT)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("1,2\n")

    def make(**fields):
        defaults = {
            "name": "churn",
            "objective": {"metric": "validation:loss", "goal": "Minimize"},
            "parameters": {"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
            "strategy": "random",
            "limits": {"max_trials": 4, "max_parallel": 2, "max_trial_seconds": 60},
            "seed": 7,
            "training": {
                "source_dir": str(tmp_path / "code"),
                "entry_point": "train.py",
                "channels": {"train": str(tmp_path / "data")},
            },
            "sagemaker": {
                "image": "scikit-learn:1.4-2",
                "instance_type": "ml.m5.large",
                "role": aws.role,
                "region": aws.region,
            },
        }
        return TuningSpec(**{**defaults, **fields})

    return make


def backend():
    never = threading.Event()
    return AmtBackend(pause=lambda _seconds: never.wait(0.02))


def test_a_job_trains_and_its_best_model_comes_home(spec, tmp_path):
    job = tune(spec(), backend=backend())
    result = job.wait(progress=False)

    assert result.status is JobStatus.Completed
    assert result.counts["Completed"] == 4
    assert result.best.objective == pytest.approx((result.best.parameters["eta"] - 0.1) ** 2)
    assert result.best.metrics["test:loss"] == 1.0
    assert any("validation:loss=" in line for line in job.logs(result.best.number))
    archive = job.backend.download_model("churn", tmp_path / "model")
    assert archive.stat().st_size > 0
    assert attach("churn", backend="amt").best_trial == result.best


def test_the_same_seed_trains_the_same_here_and_behind_awss_api(spec):
    there = tune(spec(), backend=backend()).wait(progress=False)
    here = tune(spec(name="here")).wait(progress=False)

    def tried(result):
        return [trial.parameters for trial in result.trials]

    assert tried(here) == tried(there)
    assert here.best.parameters == there.best.parameters


def test_failures_come_with_their_reasons(spec):
    job = tune(spec(static={"broken": True}, limits={"max_trials": 6, "max_trial_seconds": 60}), backend=backend())
    with pytest.raises(JobFailedError) as caught:
        job.wait(progress=False)
    (cause,) = caught.value.failures
    assert "eta is too large" in cause


def test_a_job_is_adopted_and_no_other_takes_its_name(spec):
    tune(spec(), backend=backend()).wait(progress=False)

    with pytest.raises(JobExistsError):
        tune(spec(seed=8), backend=backend())


def test_a_later_job_builds_on_an_earlier_one(spec):
    first = tune(spec(), backend=backend()).wait(progress=False)
    second = tune(spec(name="churn-2", strategy="bayesian", warm_start=["churn"]), backend=backend())
    result = second.wait(progress=False)

    assert result.status is JobStatus.Completed
    tried = {trial.parameters["eta"] for trial in first.trials}
    assert not tried & {trial.parameters["eta"] for trial in result.trials}
