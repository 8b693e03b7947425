"""Jobs of backend local-mode in real containers, of an image that is made of this machine's shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from smtune import TuningSpec, attach, resume, tune
from smtune.backends import LocalModeBackend
from smtune.results import JobStatus
from smtune.store import JobDirectory
from smtune.trial import Trial
from tests.docker.test_containers import image

__all__ = ["image"]

RUN = """
import json, sys
from smtune import TuningSpec, tune
tune(TuningSpec.from_dict(json.loads(sys.argv[1])), backend="local-mode").wait(progress=False)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))


def spec(folder: Path, image: str, script: str, **changes: Any) -> TuningSpec:
    channel = folder / "script"
    channel.mkdir(exist_ok=True)
    (channel / "train.sh").write_text(script)
    return TuningSpec.from_dict(
        {
            "name": f"docker-{os.getpid()}",
            "objective": {"metric": "loss", "goal": "Minimize"},
            "metrics": {"loss": r"loss=(\S+)"},
            "parameters": {"x": {"type": "continuous", "min": 0, "max": 1}},
            "strategy": "random",
            "limits": {"max_trials": 2, "max_parallel": 2},
            "seed": 7,
            "training": {"image": image, "channels": {"script": str(channel)}},
            **changes,
        }
    )


def containers(job: TuningSpec) -> list[str]:
    """Return the containers and networks that are left of a job."""
    name = f"--filter=name=smtune-{job.name}"
    listed = [["ps", "--all", name, "--format={{.Names}}"], ["network", "ls", name, "--format={{.Name}}"]]
    done = [subprocess.run(["docker", *one], capture_output=True, text=True, check=True) for one in listed]
    return [line for one in done for line in one.stdout.splitlines()]


def test_an_image_of_the_engine_trains_in_containers(image: str, tmp_path: Path) -> None:
    script = "echo model > /opt/ml/model/weights; cat /opt/ml/input/config/resourceconfig.json; echo; echo loss=0.5"
    job = spec(tmp_path, image, script)
    result = tune(job, backend="local-mode").wait(progress=False)
    assert (result.isolation, result.counts["Completed"]) == ("docker", 2)
    directory = JobDirectory(str(job.name))
    with tarfile.open(directory.trial(1) / "model.tar.gz") as model:
        assert model.getnames() == ["weights"]
    assert '"current_host": "algo-1"' in next(attach(str(job.name)).logs(1))
    assert containers(job) == []


def test_hosts_of_a_trial_see_each_other_and_leave_nothing(image: str, tmp_path: Path) -> None:
    script = """
read -r mine rest < /proc/sys/kernel/hostname
echo here > /opt/ml/model/$mine
for file in /opt/ml/input/data/rows/*; do read -r row < "$file"; echo "$mine: $row"; done
while read -r address name; do case "$name" in *$mine*) echo "$mine is known";; esac; done < /etc/hosts
echo loss=0.5
"""
    (tmp_path / "rows").mkdir()
    for name in "ab":
        (tmp_path / "rows" / name).write_text(f"row {name}\n")
    rows = {"source": str(tmp_path / "rows"), "distribution": "ShardedByS3Key"}
    training = {"image": image, "channels": {"script": str(tmp_path / "script"), "rows": rows}}
    cloud = {"instance_type": "ml.m5.large", "instance_count": 2}
    job = spec(tmp_path, image, script, sagemaker=cloud, training=training)
    result = tune(job, backend=LocalModeBackend(isolation="docker")).wait(progress=False)
    assert result.counts["Completed"] == 2
    lines = set(attach(str(job.name)).logs(0))
    assert {"algo-1 is known", "algo-2 is known", "algo-1: row a", "algo-2: row b"} <= lines
    with tarfile.open(JobDirectory(str(job.name)).trial(0) / "model.tar.gz") as model:
        assert sorted(model.getnames()) == ["algo-1", "algo-2"]
    assert containers(job) == []


@pytest.mark.parametrize("hosts", [1, 2])
def test_a_job_that_is_stopped_leaves_no_container(image: str, tmp_path: Path, hosts: int) -> None:
    script = "trap 'exit 0' TERM; echo loss=0.5; while true; do sleep 1; done"
    cloud = {"instance_type": "ml.m5.large", "instance_count": hosts}
    job = tune(spec(tmp_path, image, script, sagemaker=cloud), backend="local-mode")

    def stop(trial: Trial) -> None:
        if trial.metrics:
            job.stop()

    assert job.backend.wait(job.name, listener=stop).status is JobStatus.Stopped
    assert containers(spec(tmp_path, image, script)) == []


@pytest.mark.parametrize("hosts", [1, 2])
def test_a_job_that_is_killed_goes_on(image: str, tmp_path: Path, hosts: int) -> None:
    gate = tmp_path / "script" / "gate"
    cloud = {"instance_type": "ml.m5.large", "instance_count": hosts}
    script = "echo here > /opt/ml/input/data/script/gate; cat /opt/ml/input/data/script/ready; echo loss=0.5"
    job = spec(tmp_path, image, script, sagemaker=cloud, limits={"max_trials": 1})
    os.mkfifo(gate)
    os.mkfifo(gate.with_name("ready"))
    command = [sys.executable, "-c", RUN, json.dumps(job.to_dict())]
    with subprocess.Popen(command) as process, os.fdopen(os.open(gate, os.O_RDWR)) as arrivals:
        assert [arrivals.readline() for _ in range(hosts)] == ["here\n"] * hosts
        process.kill()
    gate.with_name("ready").unlink()
    gate.with_name("ready").touch()
    gate.unlink()
    result = resume(str(job.name)).wait(progress=False)
    assert (result.isolation, result.counts["Completed"]) == ("docker", 1)
    assert containers(job) == []
