"""Where training jobs run, without an engine: `docker` is a shell script that says yes or no."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from smtune.emulator.service.placements import Choice, choose_placement
from smtune.emulator.service.settings import Settings
from smtune.emulator.service.troubles import TrainingError
from smtune.sandbox import InstanceGroup, Rule, Staged, TrainingContract
from smtune.sandbox.docker import Limits, container_name, network_name
from tests.emulator.trainings import request

GiveEngine = Callable[[str], None]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GiveEngine:
    """Return a function that makes an engine that answers by a line of the shell."""

    def give(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("sh", "env"):
            (folder / name).symlink_to(str(shutil.which(name)))
        (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}")  # one that nobody has asked yet

    return give


def runs_in_docker(chosen: Choice) -> bool:
    return chosen.placement.name == "docker"


def stage(chosen: Choice, base: Path, *hosts: str, host: str = "algo-1") -> Staged:
    told = contract(*hosts)
    told = replace(told, current_host=host, environment={**chosen.environment, **told.environment})
    return chosen.placement.stage(base, told, chosen.algorithm)


def contract(*hosts: str) -> TrainingContract:
    group = InstanceGroup("all", "ml.m5.large", hosts or ("algo-1",))
    return TrainingContract("job", groups=(group,), current_host=group.hosts[0], environment={"THEIRS": "job"})


def test_image_that_the_engine_has(engine: GiveEngine, tmp_path: Path) -> None:
    engine("exit 0")
    assert runs_in_docker(choose_placement(request(image="mine"), Settings())) is True


@pytest.mark.parametrize(
    "settings",
    [
        Settings(isolation="rewrite"),
        Settings(rules=[Rule("mi*", command=("true",))]),
        Settings(rules=[Rule("mi*", command=("true",))], isolation="docker"),
    ],
    ids=["other isolation", "rule", "rule and isolation docker"],
)
def test_what_counts_more_than_the_engine(engine: GiveEngine, settings: Settings) -> None:
    engine("exit 0")
    assert runs_in_docker(choose_placement(request(image="mine"), settings)) is False


def test_engine_without_the_image(engine: GiveEngine) -> None:
    engine('[ "$1" != image ]')
    assert runs_in_docker(choose_placement(request(image="mine"), Settings())) is False
    with pytest.raises(TrainingError, match="isolation 'docker' wants mine to run in Docker: the engine has no such"):
        choose_placement(request(image="mine"), Settings(isolation="docker"))


def test_engine_elsewhere_is_asked_if_it_is_wanted(engine: GiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine("exit 0")
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker:2375")
    assert runs_in_docker(choose_placement(request(image="mine"), Settings())) is False
    assert runs_in_docker(choose_placement(request(image="mine"), Settings(isolation="docker"))) is True


def test_rule_that_wants_docker_where_there_is_none(engine: GiveEngine) -> None:
    engine("echo 'Is the daemon running?' >&2; exit 1")
    settings = Settings(rules=[Rule("mi*", kind="docker")], isolation="rewrite")
    with pytest.raises(TrainingError, match=r"a rule for 'mi\*' wants mine to run in Docker: Is the daemon running\?"):
        choose_placement(request(image="mine"), settings)


def test_job_without_an_image(engine: GiveEngine) -> None:
    engine("exit 0")
    algorithm = {"AlgorithmName": "mine", "TrainingInputMode": "File"}
    with pytest.raises(TrainingError, match="names no image"):
        choose_placement(request(AlgorithmSpecification=algorithm), Settings(isolation="docker"))


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "shown"),
    [
        ([], [], ["mine", "train"]),
        ([], ["--fast"], ["mine", "--fast"]),
        (["python", "-m"], ["trainer"], ["--entrypoint=python", "mine", "-m", "trainer"]),
        (["run"], [], ["--entrypoint=run", "mine"]),
    ],
)
def test_program_of_a_container(
    engine: GiveEngine, tmp_path: Path, entrypoint: list[str], arguments: list[str], shown: list[str]
) -> None:
    engine("exit 0")
    algorithm = {"TrainingImage": "mine", "TrainingInputMode": "File"}
    algorithm |= {"ContainerEntrypoint": entrypoint, "ContainerArguments": arguments}  # type: ignore[dict-item]
    placement = choose_placement(request(AlgorithmSpecification=algorithm), Settings())
    staged = stage(placement, tmp_path / "job")
    options = ("--pull", "--name", "--label", "--network", "--mount", "--add-host", "--env")
    assert [text for text in staged.argv[2:] if not text.startswith(options)] == shown
    assert container_name(contract()) in staged.afterwards


def test_variables_of_a_container(engine: GiveEngine, tmp_path: Path) -> None:
    engine("exit 0")
    settings = Settings(
        rules=[Rule("mine", environment={"MINE": "rule", "THEIRS": "rule"})],
        environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:5005", "OURS": "settings"},
    )
    for limits, told in ((Limits(), False), (Limits(network="host"), True)):
        placement = choose_placement(
            request(image="mine"), Settings(rules=settings.rules, environment=settings.environment, containers=limits)
        )
        staged = stage(placement, tmp_path / str(told))
        assert {"--env=MINE=rule", "--env=THEIRS=job", "--env=OURS=settings"} <= set(staged.argv)
        assert ("--env=AWS_ENDPOINT_URL=http://127.0.0.1:5005" in staged.argv) is told
        assert f"--network={limits.network}" in staged.argv


def test_several_hosts_share_one_network(engine: GiveEngine, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    engine(f'echo "$1 $2" >> {asked}')
    settings = Settings(
        containers=Limits(network="host"), environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:5005", "OURS": "1"}
    )
    chosen = choose_placement(request(image="mine"), settings, hosts=2)
    hosts = ("algo-1", "algo-2")
    for host in hosts:
        staged = stage(chosen, tmp_path / host, *hosts, host=host)
        assert f"--network={network_name(contract(*hosts))}" in staged.argv
        assert f"--network-alias={host}" in staged.argv
        assert "--env=OURS=1" in staged.argv
        assert "AWS_ENDPOINT_URL" not in " ".join(staged.argv)  # they would not reach it
    for host in hosts:
        chosen.placement.clear(replace(contract(*hosts), current_host=host))
    told = asked.read_text().split(os.linesep)
    assert (told.count("network create"), told.count("network rm")) == (1, 1)


def test_network_that_cannot_be_made(engine: GiveEngine, tmp_path: Path) -> None:
    engine('[ "$1 $2" != "network create" ] || { echo "no more addresses" >&2; exit 1; }')
    chosen = choose_placement(request(image="mine"), Settings(), hosts=2)
    with pytest.raises(OSError, match="Docker makes no network: no more addresses"):
        stage(chosen, tmp_path / "job", "algo-1", "algo-2")
