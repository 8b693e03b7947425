"""What can be said of containers without an engine."""

import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from smtune.errors import SpecError
from smtune.sandbox import TrainingContract, docker


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only program on the path, which is not there yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "docker"


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"memory_mb": 5}, "memory_mb"),
        ({"cpus": 0.0}, "cpus"),
        ({"cpus": math.nan}, "cpus"),
        ({"network": ""}, "network"),
    ],
)
def test_limits_that_are_none(limits: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError, match=rf"containers\.{field}"):
        docker.Limits(**limits)


def test_reason_why_no_engine_answers(program: Path) -> None:
    assert docker.unavailable() == "there is no program named docker"
    write(program, "echo 'Is the daemon running?' >&2; exit 1")
    assert docker.unavailable() == "Is the daemon running?"


def test_engine_that_is_not_there_is_not_asked_again(program: Path) -> None:
    engine = docker.Engine()
    assert engine.unavailable("trainer") == "there is no program named docker"
    write(program, "exit 0")
    assert engine.unavailable("trainer") == "there is no program named docker"
    assert engine.unavailable("trainer", anew=True) is None  # somebody insists


def test_image_is_looked_up_once(program: Path) -> None:
    asked = program.with_name("asked")
    write(program, f'echo "$1 $2" >> {asked}; [ "$1" != image ]')
    engine = docker.Engine()
    assert {engine.unavailable("trainer") for _ in range(3)} == {"the engine has no such image"}
    told = asked.read_text().split(os.linesep)
    assert told == ["version --format", "ps --all", "network ls", "image inspect", ""]


@pytest.mark.parametrize(
    "left", ["nothing", "link", "link to something", "pipe", "folder", "its word", "link of folder"]
)
def test_container_out_of_memory_says_so_in_its_own_folder(tmp_path: Path, left: str) -> None:
    write(tmp_path / "docker", "[ $1 = rm ] || echo true 137")
    other, base = tmp_path / "other", tmp_path / "job"
    other.mkdir()
    (other / "empty").touch()
    (other / "full").write_text("precious")
    limits = docker.Limits(memory_mb=64)
    staged = docker.contain(base, TrainingContract("job"), "trainer", limits=limits)
    said = staged.failure_file
    match left:
        case "link":
            said.symlink_to(other / "empty")
        case "link to something":
            said.symlink_to(other / "full")
        case "pipe":
            os.mkfifo(said)
        case "folder":
            said.mkdir()
        case "its word":
            said.write_text("eta is too large")
        case "link of folder":
            shutil.rmtree(said.parent)
            said.parent.symlink_to(other)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(staged.afterwards, check=True, timeout=60, env={"PATH": path}, capture_output=True)
    assert {file.name: file.read_text() for file in other.iterdir()} == {"empty": "", "full": "precious"}
    if left != "link of folder":
        expected = "eta is too large" if left == "its word" else "out of memory: the container may use 64 MiB\n"
        assert said.read_text() == expected
        assert not said.is_symlink()
