"""The backend ``moto``: the request that AWS would get, on an emulator of the job's own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from smtune import TuningSpec, tune
from smtune.backends import MotoBackend, at_exit, attach, resume
from smtune.errors import JobError, JobNotFoundError, LoweringError, SpecError
from smtune.results import JobStatus

SCRIPT = """
import os, time
from smtune.container import hyperparameters, model_dir, report
params = hyperparameters(defaults={"eta": 0.3, "patience": 0.0, "stubborn": False})
if params["stubborn"]:
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("key", os.environ.get("AWS_SECRET_ACCESS_KEY"))
report({"validation:loss": (params["eta"] - 0.1) ** 2})
time.sleep(params["patience"])
(model_dir() / "eta.txt").write_text(str(params["eta"]))
"""

RUN = """
import sys
from smtune import TuningSpec, tune
tune(TuningSpec.from_file(sys.argv[1]), backend="moto").wait()
"""


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(SCRIPT)

    def make(**fields):
        defaults = {
            "name": "churn",
            "objective": {"metric": "validation:loss", "goal": "Minimize"},
            "parameters": {"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
            "strategy": "random",
            "limits": {"max_trials": 4, "max_parallel": 2, "max_trial_seconds": 60},
            "seed": 7,
            "training": {"source_dir": str(tmp_path / "code"), "entry_point": "train.py"},
            "sagemaker": {"image": "scikit-learn:1.4-2", "instance_type": "ml.m5.large"},
        }
        return TuningSpec(**{**defaults, **fields})

    return make


def tried(result):
    return [(trial.number, trial.parameters, trial.objective) for trial in result.trials]


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_the_same_seed_trains_the_same_as_local(spec, tmp_path):
    here = tune(spec(name="here")).wait(progress=False)
    job = tune(spec(), backend="moto")
    there = job.wait(progress=False)

    assert there.status is JobStatus.Completed
    assert there.backend == "moto"
    assert tried(there) == tried(here)
    assert there.best.number == here.best.number


def test_what_a_job_leaves_can_be_read_when_its_emulator_is_gone(spec, tmp_path):
    result = tune(spec(), backend="moto").wait(progress=False)
    job = attach("churn")

    assert job.result() == result
    assert any("validation:loss=" in line for line in job.logs(2))
    assert json.loads(json.dumps(result.to_dict()))["status"] == "Completed"
    with tarfile.open(job.best_model()) as archive:
        archive.extract("eta.txt", tmp_path, filter="data")
    assert (tmp_path / "eta.txt").read_text() == str(result.best.parameters["eta"])
    assert job.backend.download_model("churn", tmp_path / "out", 1).parent == tmp_path / "out"
    with pytest.raises(SpecError, match="has ended: Completed"):
        resume("churn")


def test_it_needs_no_account_and_gives_none_away(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "MY-SECRET")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    before = dict(os.environ)
    cloud = {
        "image": "scikit-learn:1.4-2",
        "instance_type": "ml.m5.large",
        "role": "arn:aws:iam::210987654321:role/Trainer",
        "region": "eu-west-1",
        "bucket": "our-own-bucket",
    }
    job = tune(spec(sagemaker=cloud, limits={"max_trials": 1, "max_trial_seconds": 60}), backend="moto")

    assert job.wait(progress=False).status is JobStatus.Completed
    assert dict(os.environ) == before
    assert "MY-SECRET" not in "".join(job.logs(0))


def test_others_can_watch_and_stop_a_job(spec):
    job = tune(spec(static={"patience": 60.0}), backend="moto")
    until(lambda: job.result().trials)
    smtune = [sys.executable, "-m", "smtune"]
    shown = subprocess.run([*smtune, "show", "churn"], capture_output=True, text=True, check=True)
    assert "InProgress" in shown.stdout
    subprocess.run([*smtune, "stop", "churn"], check=True, stdout=subprocess.DEVNULL)

    assert job.wait(progress=False).status is JobStatus.Stopped


def test_force_does_not_wait_for_those_who_will_not_end(spec):
    job = tune(spec(static={"patience": 600.0, "stubborn": True}), backend="moto")
    until(lambda: job.result().trials and any("validation:loss" in line for line in job.logs(0)))
    began = time.monotonic()
    job.backend.stop("churn", force=True)

    assert job.wait(progress=False).status is JobStatus.Stopped
    assert time.monotonic() - began < 60.0


def test_a_job_whose_process_was_killed_goes_on(spec, tmp_path):
    whole = tune(
        spec(name="whole", limits={"max_trials": 6, "max_parallel": 2, "max_trial_seconds": 60}), backend="moto"
    )
    expected = tried(whole.wait(progress=False))
    file = tmp_path / "spec.json"
    limits = {"max_trials": 6, "max_parallel": 2, "max_trial_seconds": 60}
    file.write_text(json.dumps(spec(static={"patience": 0.5}, limits=limits).to_dict()))
    with subprocess.Popen([sys.executable, "-c", RUN, str(file)], stderr=subprocess.DEVNULL) as process:

        def some_ended():
            with contextlib.suppress(JobNotFoundError):
                return attach("churn").result().counts["Completed"] >= 2
            return False

        until(some_ended)
        process.send_signal(signal.SIGKILL)

    interrupted = attach("churn").result()
    assert interrupted.status is JobStatus.Stopped
    assert "continue with: smtune resume churn" in str(interrupted.failure_reason)
    result = resume("churn").wait(progress=False)
    assert result.status is JobStatus.Completed
    assert tried(result) == expected


def test_a_job_that_was_not_created_yet_goes_on(spec, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("smtune.backends.amt.create", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tune(spec(), backend="moto")
    with pytest.raises(JobNotFoundError, match="continue with: smtune resume churn"):
        attach("churn")
    assert resume("churn").wait(progress=False).status is JobStatus.Completed


def test_an_emulator_that_dies_is_told(spec):
    job = tune(spec(static={"patience": 60.0}), backend="moto")
    until(lambda: job.result().trials)
    (own,) = job.backend._own.values()
    os.kill(own.emulator._process.pid, signal.SIGKILL)
    own.emulator._process.wait()

    with pytest.raises(JobError, match="smtune resume churn"):
        job.wait(progress=False)
    MotoBackend().stop("churn")
    assert attach("churn").result().status is JobStatus.Stopped


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"warm_start": ["earlier"]}, "warm_start.parents[0]"),
        ({"warm_start": ["./earlier.json"]}, "warm_start.parents[0]"),
        (
            {"training": {"source_dir": "s3://b/code.tar.gz", "entry_point": "train.py"}},
            "training.source_dir",
        ),
    ],
)
def test_what_its_emulator_does_not_have_is_refused(spec, changes, field):
    with pytest.raises(LoweringError) as caught:
        MotoBackend().plan(spec(**changes))
    assert [problem.field for problem in caught.value.problems] == [field]


def test_data_in_s3_are_refused(spec, tmp_path):
    training = {"source_dir": str(tmp_path / "code"), "entry_point": "train.py", "channels": {"train": "s3://b/train/"}}
    with pytest.raises(LoweringError, match=r"training.channels.train"):
        MotoBackend().plan(spec(training=training))
    assert not Path(os.environ["SMTUNE_HOME"]).exists()


def test_a_job_can_be_forgotten(spec):
    job = tune(spec(limits={"max_trials": 1, "max_trial_seconds": 60}), backend="moto")
    smtune = [sys.executable, "-m", "smtune"]
    busy = subprocess.run([*smtune, "forget", "churn"], capture_output=True, text=True, check=False)
    assert busy.returncode != 0
    assert "is being run by process" in busy.stderr
    job.wait(progress=False)
    printed = subprocess.run([*smtune, "logs", "churn", "0"], capture_output=True, text=True, check=True).stdout
    assert "validation:loss" in printed
    subprocess.run([*smtune, "forget", "churn"], check=True, stdout=subprocess.DEVNULL)
    with pytest.raises(JobNotFoundError):
        attach("churn")
    assert not list((Path(os.environ["SMTUNE_HOME"]) / "moto" / "jobs").iterdir())


def test_a_later_job_builds_on_earlier_ones(spec):
    first = tune(spec(), backend="moto").wait(progress=False)
    tune(spec(name="churn-2", warm_start=["churn"]), backend="moto").wait(progress=False)
    last = tune(spec(name="churn-3", strategy="bayesian", warm_start=["churn-2", "churn"]), backend="moto")
    result = last.wait(progress=False)

    assert result.status is JobStatus.Completed
    assert [parent.name for parent in result.warm_start.parents] == ["churn-2", "churn"]
    before = [trial.parameters for job in (first, attach("churn-2").result()) for trial in job.trials]
    assert not [trial for trial in result.trials if trial.parameters in before]


def test_a_warm_start_learns_as_here(spec):
    fields = {"strategy": "bayesian", "limits": {"max_trials": 3, "max_trial_seconds": 60}}
    tune(spec(name="first"), backend="moto").wait(progress=False)
    there = tune(spec(name="there", warm_start=["first"], **fields), backend="moto").wait(progress=False)
    tune(spec(name="first-here")).wait(progress=False)
    here = tune(spec(name="here", warm_start=["first-here"], **fields)).wait(progress=False)

    assert tried(here) == tried(there)


def test_the_emulator_ends_with_the_job(spec):
    job = tune(spec(limits={"max_trials": 1, "max_trial_seconds": 60}), backend="moto")
    (own,) = job.backend._own.values()
    job.wait(progress=False)
    assert not own.emulator.alive
    assert job.best_model()
    assert not at_exit._JOBS


def test_a_program_that_does_not_wait_stops_its_job_by_ctrl_c(spec, tmp_path):
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(spec(static={"patience": 600.0, "stubborn": True}).to_dict()))
    program = RUN.replace(".wait()", "")
    with subprocess.Popen([sys.executable, "-c", program, str(file)], stderr=subprocess.PIPE, text=True) as process:

        def prints():
            with contextlib.suppress(JobNotFoundError, JobError):
                return any("validation:loss" in line for line in attach("churn").logs(0))
            return False

        until(prints)
        process.send_signal(signal.SIGINT)
        until(lambda: attach("churn").result().status is JobStatus.Stopping)
        process.send_signal(signal.SIGINT)  # by force: the script does not listen
        _, told = process.communicate(timeout=60)
    assert "smtune: job churn is stopped; build on it: warm_start: [churn]" in told
    assert attach("churn").result().status is JobStatus.Stopped
