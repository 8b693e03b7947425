"""Real containers, of an image that is made of this machine's shell."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smtune.runners import Ended, ProcessRunner
from smtune.sandbox import Channel, InstanceGroup, Staged, TrainingContract, docker
from smtune.trial import Trial, TrialStatus
from tests.contracts.runner_contract import ended, until_idle, until_measured
from tests.docker.images import CONTAINERS

IMAGE = "smtune-test-sandbox"
PROGRAMS = ("sh", "cat", "sleep", "touch", "mkdir")


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """Make an image of the shell and what it needs; its program is the script in channel ``script``."""
    files = {path for name in PROGRAMS if (path := shutil.which(name))}
    for program in list(files):
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        files.update(re.findall(r"(/\S+) \(0x", listed))
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for file in files:
            archive.add(os.path.realpath(file), f"bin/{Path(file).name}" if "/bin/" in file else file)
        script = b"#!/bin/sh\n. /opt/ml/input/data/script/train.sh\n"
        entry = tarfile.TarInfo("bin/train")
        entry.size, entry.mode = len(script), 0o755
        archive.addfile(entry, io.BytesIO(script))
    subprocess.run(["docker", "import", "-", IMAGE], input=content.getvalue(), capture_output=True, check=True)
    yield IMAGE
    subprocess.run(["docker", "image", "rm", "--force", IMAGE], capture_output=True, check=True)


@pytest.fixture
def contract(tmp_path: Path) -> Iterator[Callable[..., TrainingContract]]:
    made: list[str] = []

    def make(script: str, **fields: Any) -> TrainingContract:
        (tmp_path / "script").mkdir(exist_ok=True)
        (tmp_path / "script/train.sh").write_text(script)
        channels = {"script": Channel(tmp_path / "script"), **fields.pop("channels", {})}
        job = TrainingContract(f"test-{os.getpid()}-{len(made)}", channels=channels, **fields)
        made.append(docker.container_name(job))
        return job

    yield make
    docker.remove(made)


def runner(folder: Path, staged: Staged, **options: Any) -> ProcessRunner:
    return ProcessRunner(lambda _: staged, slots=1, log_path=lambda _: folder / "log", **options)


def run(folder: Path, staged: Staged) -> Ended:
    with runner(folder, staged) as running:
        running.start(Trial(0, {}))
        return ended(until_idle(running), 0)


def names() -> list[str]:
    done = subprocess.run(
        ["docker", "ps", "--all", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def networks() -> list[str]:
    listed = ["docker", "network", "ls", "--format", "{{.Name}}"]
    return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()


def test_container_has_the_whole_contract(
    tmp_path: Path, image: str, contract: Callable[..., TrainingContract]
) -> None:
    for name in ("data, here", "code"):
        (tmp_path / name).mkdir()
    (tmp_path / "data, here/a.csv").write_text("1,2\n")
    (tmp_path / "labels.csv").write_text("0\n")
    (tmp_path / "code/train.py").touch()
    job = contract(
        """
        cd /opt/ml
        cat input/data/train/a.csv input/data/labels/labels.csv > model/data
        touch input/data/train/new 2> output/data/refused || :
        cat /etc/hosts > output/data/hosts
        cat /proc/net/dev > output/data/network
        echo "$TRAINING_JOB_NAME $MINE" > output/data/told
        touch code/train.py checkpoints/1 tmp/1
        exit 7
        """,
        channels={
            "train": Channel(tmp_path / "data, here", "text/csv", mode="FastFile"),
            "labels": Channel(tmp_path / "labels.csv"),
        },
        hyperparameters={"eta": "0.1"},
        groups=(InstanceGroup("all", "ml.m5.large", ("algo-1",)),),
        current_host="algo-1",
        environment={"MINE": "a b"},
    )
    base = tmp_path / "base"
    end = run(tmp_path, docker.contain(base, job, image, code=tmp_path / "code"))
    assert end.status is TrialStatus.Failed
    assert "7" in str(end.reason), (tmp_path / "log").read_text()
    assert (base / "model/data").read_text() == "1,2\n0\n"
    assert "Read-only file system" in (base / "output/data/refused").read_text()
    assert "127.0.0.1\talgo-1" in (base / "output/data/hosts").read_text()
    assert "eth0" not in (base / "output/data/network").read_text()
    assert (base / "output/data/told").read_text() == f"{job.job_name} a b\n"
    config = json.loads((base / "input/config/inputdataconfig.json").read_text())
    assert config["train"]["TrainingInputMode"] == "FastFile"
    assert docker.container_name(job) not in names()


def test_entry_point_of_the_job_replaces_the_images(
    tmp_path: Path, image: str, contract: Callable[..., TrainingContract]
) -> None:
    command = ("-c", 'echo "$0 $1" > /opt/ml/model/told', "a", "b")
    staged = docker.contain(tmp_path / "base", contract("exit 1"), image, entrypoint="sh", command=command)
    assert run(tmp_path, staged).status is TrialStatus.Completed
    assert (tmp_path / "base/model/told").read_text() == "a b\n"


def test_limits(tmp_path: Path, image: str, contract: Callable[..., TrainingContract]) -> None:
    job = contract("echo 'x=1;'; sleep 600")
    limits = docker.Limits(memory_mb=64, cpus=0.5)
    staged = docker.contain(tmp_path / "base", job, image, limits=limits)
    with runner(tmp_path, staged, metrics={"x": "x=(.*);"}) as running:
        running.start(Trial(0, {}))
        until_measured(running, 0)
        done = subprocess.run(["docker", "inspect", docker.container_name(job)], capture_output=True, check=True)
    host = json.loads(done.stdout)[0]["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (1 << 26, 1 << 26, 500_000_000)
    assert host["NetworkMode"] == "none"


def test_container_is_asked_to_stop(tmp_path: Path, image: str, contract: Callable[..., TrainingContract]) -> None:
    job = contract("trap 'echo bye > /opt/ml/model/last; exit 0' TERM; echo 'x=1;'; while :; do sleep 0.05; done")
    staged = docker.contain(tmp_path / "base", job, image)
    with runner(tmp_path, staged, metrics={"x": "x=(.*);"}) as running:
        running.start(Trial(0, {}))
        until_measured(running, 0)
        running.stop(0)
        assert ended(until_idle(running), 0).status is TrialStatus.Stopped
    assert (tmp_path / "base/model/last").read_text() == "bye\n"


def test_container_of_a_killed_client_is_removed(
    tmp_path: Path, image: str, contract: Callable[..., TrainingContract]
) -> None:
    job = contract("trap '' TERM; echo 'x=1;'; sleep 600")
    with runner(tmp_path, docker.contain(tmp_path / "base", job, image), metrics={"x": "x=(.*);"}) as running:
        running.start(Trial(0, {}))
        until_measured(running, 0)
        assert docker.container_name(job) in names()
        assert docker.container_name(job) not in docker.remove_abandoned()  # this process lives
    assert docker.container_name(job) not in names()
    docker.remove([docker.container_name(job)])  # to do it again does no harm


def test_container_that_outlives_its_grace_is_removed(
    tmp_path: Path, image: str, contract: Callable[..., TrainingContract]
) -> None:
    job = contract("trap '' TERM; echo 'x=1;'; sleep 600")
    staged = docker.contain(tmp_path / "base", job, image)
    with runner(tmp_path, staged, metrics={"x": "x=(.*);"}, grace_seconds=0.2) as running:
        running.start(Trial(0, {}))
        until_measured(running, 0)
        running.stop(0)
        end = ended(until_idle(running), 0)
        assert docker.container_name(job) not in names()
    assert (end.status, end.reason) == (TrialStatus.Stopped, "did not end within 0.2 s of SIGTERM")


def test_no_container_outlives_a_killed_owner(
    tmp_path: Path, image: str, contract: Callable[..., TrainingContract]
) -> None:
    job = contract("echo 'x=1;'; sleep 600")
    code = """
import sys
from pathlib import Path
from smtune.runners import ProcessRunner
from smtune.sandbox import Channel, TrainingContract, docker
from smtune.trial import Trial
base, script, name, image = sys.argv[1:]
job = TrainingContract(name, channels={"script": Channel(Path(script))})
staged = docker.contain(Path(base), job, image)
runner = ProcessRunner(lambda _: staged, slots=1, log_path=lambda _: Path(base) / "log", metrics={"x": "x=(.*);"})
runner.start(Trial(0, {}))
while "metrics" not in repr(runner.wait(None)):
    pass
print(docker.container_name(job), flush=True)
while True:
    runner.wait(None)
"""
    arguments = [str(tmp_path / "base"), str(tmp_path / "script"), job.job_name, image]
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        name = owner.stdout.readline().strip()
        assert name in names()
        watch = ["docker", "events", f"--filter=container={name}", "--filter=event=destroy", "--format={{.Action}}"]
        with subprocess.Popen([*watch, "--since=1m"], stdout=subprocess.PIPE, text=True) as events:
            owner.kill()
            assert events.stdout is not None
            assert events.stdout.readline() == "destroy\n"
            events.kill()
    assert name not in names()


def test_lack_of_memory_is_told(tmp_path: Path, image: str, contract: Callable[..., TrainingContract]) -> None:
    job = contract("a=0123456789abcdef; while :; do a=$a$a; done")
    limits = docker.Limits(memory_mb=32)
    end = run(tmp_path, docker.contain(tmp_path / "base", job, image, limits=limits))
    assert end.status is TrialStatus.Failed
    assert end.reason == "exit code 137: out of memory: the container may use 32 MiB"


def test_reason_that_the_program_gives_counts_more_than_memory(
    tmp_path: Path, image: str, contract: Callable[..., TrainingContract]
) -> None:
    job = contract("echo 'too much data' > /opt/ml/output/failure; a=0123456789abcdef; while :; do a=$a$a; done")
    limits = docker.Limits(memory_mb=32)
    end = run(tmp_path, docker.contain(tmp_path / "base", job, image, limits=limits))
    assert end.reason == "exit code 137: too much data"


def test_containers_of_a_killed_owner_are_found(
    tmp_path: Path, image: str, contract: Callable[..., TrainingContract]
) -> None:
    job = contract("echo ready; sleep 600")
    code = """
import subprocess, sys
from pathlib import Path
from smtune.sandbox import Channel, TrainingContract, docker
base, script, name, image = sys.argv[1:]
job = TrainingContract(name, channels={"script": Channel(Path(script))})
docker.make_network(job)
staged = docker.contain(Path(base), job, image)
print(docker.container_name(job), docker.network_name(job), flush=True)
subprocess.run(staged.argv, env=staged.env)
"""
    arguments = [str(tmp_path / "base"), str(tmp_path / "script"), job.job_name, image]
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        name, network = owner.stdout.readline().decode().split()
        assert owner.stdout.readline() == b"ready\n"
        assert network in networks()
        owner.kill()
        owner.wait()
        assert name in docker.remove_abandoned()
        owner.stdout.read()  # the client's end follows
    assert name not in names()
    assert network not in networks()


def test_containers_of_other_machines_are_left_alone(image: str) -> None:
    name = f"smtune-test-{os.getpid()}-elsewhere"
    labels = ["--label=smtune.owner=1@0", "--label=smtune.machine=elsewhere"]  # where another process has number 1
    subprocess.run(["docker", "create", f"--name={name}", *labels, image, "sh"], capture_output=True, check=True)
    try:
        assert name not in docker.remove_abandoned()
        assert name in names()
    finally:
        docker.remove([name])


def test_files_of_a_container_belong_to_who_asked_for_it() -> None:
    """The base image has what the shell lacks: ``chown``."""
    nobody, image, place = 65534, CONTAINERS["sklearn"], Path(os.environ["DOCKER_HOST"].removeprefix("unix://"))
    if os.geteuid() != 0 or not place.is_socket():
        pytest.skip("it takes root and an engine's socket to be somebody else who may use it")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        script = "mkdir /opt/ml/model/d && touch /opt/ml/model/d/m"
        job = TrainingContract(f"test-{os.getpid()}-owner")
        staged = docker.contain(Path(folder) / "base", job, image, entrypoint="sh", command=("-c", script))
        for path in (staged.base, *staged.base.rglob("*")):
            os.chown(path, nobody, 0)
        for command in (staged.argv, staged.afterwards):
            environment, groups = {**staged.env, "HOME": folder}, [place.stat().st_gid]
            subprocess.run(command, env=environment, user=nobody, group=nobody, extra_groups=groups, check=True)
        made = {str(path.relative_to(staged.model_dir)): path.stat().st_uid for path in staged.model_dir.rglob("*")}
    assert made == {"d": nobody, "d/m": nobody}


def test_images_are_looked_up_here(image: str) -> None:
    assert docker.has_image(image)
    assert not docker.has_image("smtune-no-such-image")
