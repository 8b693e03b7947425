"""Jobs under the container contract that are killed and resumed: they end as they would have, and as backend local does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smtune import attach, resume, tune
from smtune.results import JobStatus
from smtune.runners import end_survivors
from smtune.sandbox import Namespace
from smtune.sandbox.namespace import unavailable
from tests.faults import test_paused_jobs_survive as paused
from tests.faults.runner_processes import all_gone, descendants, watched
from tests.faults.test_jobs_survive import outcome, run, run_and_kill, spec

NAMESPACES = pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("events", [3, 20])
def test_a_job_killed_at_any_moment_goes_on_as_if_it_had_not_been(tmp_path, events, acted):
    whole = run(spec(tmp_path / "code", name="whole"))
    run_and_kill(spec(tmp_path / "code", name="parts"), events, acted=acted, backend="local-mode")
    killed = attach("parts").result()
    assert (killed.status, killed.backend) == (JobStatus.Stopped, "local-mode")
    resumed = resume("parts")
    assert resumed.backend.name == "local-mode"
    result = resumed.wait(progress=False)
    assert outcome(result) == outcome(whole)
    assert result.isolation == killed.isolation is not None


@pytest.mark.parametrize("events", [20, 40])
def test_a_job_with_pauses_goes_on_from_its_checkpoints(tmp_path, events):
    cloud = {"checkpoints": "s3://bucket/churn", "checkpoint_path": "/opt/ml/kept"}
    whole = paused.finish(paused.job_spec(tmp_path, "whole"))
    run_and_kill(paused.job_spec(tmp_path, "parts", sagemaker=cloud), events, backend="local-mode")
    assert paused.outcome(resume("parts").wait(progress=False)) == paused.outcome(whole)
    for trial in attach("parts").result().trials:
        assert paused.steps("parts", trial) == list(range(trial.resource))


def test_a_job_with_pauses_comes_to_the_same_as_with_backend_local(tmp_path):
    whole = paused.finish(paused.job_spec(tmp_path, "whole"))
    again = tune(paused.job_spec(tmp_path, "again"), backend="local-mode").wait(progress=False)
    assert paused.outcome(again) == paused.outcome(whole)
    for trial in again.trials:
        assert paused.begins("again", trial) == paused.begins("whole", trial)


@pytest.mark.parametrize("isolation", [pytest.param("namespace", marks=NAMESPACES), "rewrite"])
def test_no_host_outlives_a_killed_smtune(tmp_path: Path, isolation: str) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"import signal; open({str(gate)!r}, 'w').write('here\\n'); signal.pause()"
    cloud = {"instance_type": "ml.m5.large", "instance_count": 2}
    job_spec = spec(tmp_path / "code", script, sagemaker=cloud)
    command = [sys.executable, "-c", RUN, json.dumps([job_spec.to_dict(), isolation])]
    with subprocess.Popen(command) as process, os.fdopen(os.open(gate, os.O_RDWR)) as arrivals:
        assert [arrivals.readline(), arrivals.readline()] == ["here\n"] * 2
        watchers = watched(descendants(process.pid))
        process.kill()
    assert len(watchers) >= 5  # launcher, keeper, what runs the hosts, and both of them
    assert all_gone(watchers)


RUN = """
import json, sys
from smtune import TuningSpec, tune
from smtune.backends import LocalModeBackend

spec, isolation = json.loads(sys.argv[1])
tune(TuningSpec.from_dict(spec), backend=LocalModeBackend(isolation=isolation)).wait(progress=False)
"""

ENTER = """
import json, signal, sys
from smtune.sandbox.namespace import Namespace, enter
enter(Namespace(*json.loads(sys.argv[1])))
print("entered", flush=True)
signal.pause()
"""


@NAMESPACES
def test_what_outlived_everything_in_a_namespace_is_ended_by_its_folder(tmp_path: Path) -> None:
    mine, others = tmp_path / "trials/0", tmp_path / "trials/1"
    processes = []
    for folder in (mine, others):
        folder.mkdir(parents=True)
        command = [sys.executable, "-c", ENTER, json.dumps(Namespace(str(folder)))]
        environment = {name: value for name, value in os.environ.items() if name != "SAGEMAKER_BASE_DIR"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True)
        assert process.stdout is not None
        assert process.stdout.readline() == b"entered\n"
        processes.append(process)
    end_survivors([mine])
    assert processes[0].wait(timeout=10) == -signal.SIGKILL
    assert processes[1].poll() is None
    end_survivors([others])
    assert processes[1].wait(timeout=10) == -signal.SIGKILL
    for process in processes:
        process.communicate()
