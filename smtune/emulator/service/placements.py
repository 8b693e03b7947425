"""Where a training job runs: as a program of this machine, or as its own image in Docker."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from smtune.emulator.service.settings import Settings
from smtune.emulator.service.troubles import TrainingError
from smtune.sandbox import Algorithm, Staged, TrainingContract, docker, find_program, namespace, place
from smtune.sandbox.programs import Rule, find_rule

_ENDPOINT: Final = "AWS_ENDPOINT_URL"
_FAKE_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator"}
"""What trainings sign with: nothing checks it, and without it boto3 would not begin."""


class Placement(ABC):
    """Lays out the hosts of one training job.

    Attributes:
        has_opt_ml: Whether hosts have an ``/opt/ml`` of their own, in which channels can be read-only.
        network: What the hosts share; empty if that is this machine's, or none. To be removed when they are gone.
    """

    has_opt_ml = True
    network = ""

    @abstractmethod
    def stage(self, base: Path, contract: TrainingContract, code: Path | None) -> tuple[Staged, tuple[str, ...]]:
        """Lay out the folder of one host, and say how to run its program there, and what the user should know.

        Args:
            base: The folder; made if it is missing.
            contract: What the host is told.
            code: The code that the job names in S3.

        Raises:
            SpecError: The job has no program here, or a channel is missing.
            TrainingError: Docker refuses.
            OSError: The folder cannot be written.
        """


class OnThisMachine(Placement):
    """Runs the program that an image stands for.

    Args:
        algorithm: What the job says of its program.
        settings: How jobs run here.
    """

    def __init__(self, algorithm: Algorithm, settings: Settings) -> None:
        self._algorithm = algorithm
        self._settings = settings
        self.has_opt_ml = _has_namespace(settings)

    def stage(self, base: Path, contract: TrainingContract, code: Path | None) -> tuple[Staged, tuple[str, ...]]:
        """Lay out the folder of one host."""
        contract = _with_environment(contract, self._settings.environment)
        program = find_program(self._algorithm, contract, self._settings.rules, code=code)
        return place(base, contract, program, private=self.has_opt_ml), program.remarks


class InDocker(Placement):
    """Runs the image itself. Several hosts get a network in which they find each other, and nobody else.

    Args:
        algorithm: What the job says of its program.
        rule: What the user says of the image.
        settings: How jobs run here.
    """

    def __init__(self, algorithm: Algorithm, rule: Rule, settings: Settings) -> None:
        self._image = algorithm.image
        self._arguments = (*algorithm.entrypoint[1:], *algorithm.arguments) or (
            () if algorithm.entrypoint else ("train",)
        )
        self._entrypoint = next(iter(algorithm.entrypoint), None)
        self._limits = settings.containers
        self._variables = {**settings.environment, **rule.environment}

    def stage(self, base: Path, contract: TrainingContract, code: Path | None) -> tuple[Staged, tuple[str, ...]]:
        """Lay out the folder of one host; the code stays where it is: images fetch it themselves."""
        del code
        limits, variables = self._limits, self._variables
        if len(contract.hosts) > 1:
            self._connect(contract)
            limits = replace(limits, network=self.network)
            contract = replace(contract, network_interface="eth0")
        if limits.network != "host":
            variables = {name: value for name, value in variables.items() if name != _ENDPOINT}
        contract = _with_environment(contract, variables)
        staged = docker.contain(
            base, contract, self._image, command=self._arguments, entrypoint=self._entrypoint, limits=limits
        )
        return staged, ()

    def _connect(self, contract: TrainingContract) -> None:
        if not self.network:
            try:
                self.network = docker.make_network(contract)
            except OSError as error:
                raise TrainingError(f"ClientError: several hosts need a network of their own: {error}") from None


def choose_placement(request: Mapping[str, Any], settings: Settings) -> Placement:
    """Return where a training job runs.

    The user's rule for its image counts most. Then Docker, if it is asked for, or if its engine has the image.

    Args:
        request: The job's.
        settings: How jobs run here.

    Raises:
        TrainingError: What the user wants cannot be had here.
    """
    algorithm = _algorithm(request)
    rule = find_rule(algorithm, settings.rules)
    if rule.kind == "docker" or (settings.isolation == "docker" and not rule.names_program):
        trouble = _engine().unavailable(algorithm.image, anew=True) if algorithm.image else "the job names no image"
        if trouble is not None:
            wish = f"a rule for {rule.match!r}" if rule.kind else "isolation 'docker'"
            raise TrainingError(f"ClientError: {wish} wants {algorithm.image} to run in Docker: {trouble}")
        return InDocker(algorithm, rule, settings)
    may = settings.isolation == "auto" and not rule.names_program and not docker.is_elsewhere()
    if may and algorithm.image and _engine().unavailable(algorithm.image) is None:
        return InDocker(algorithm, rule, settings)
    return OnThisMachine(algorithm, settings)


def _engine() -> docker.Engine:
    return _engine_at(os.environ.get("DOCKER_HOST", ""))


@cache
def _engine_at(_: str) -> docker.Engine:
    return docker.Engine()


def _has_namespace(settings: Settings) -> bool:
    if settings.isolation == "rewrite":
        return False
    trouble = namespace.unavailable()
    if trouble is not None and settings.isolation == "namespace":
        raise TrainingError(
            f"ClientError: isolation 'namespace' cannot be had here: {trouble}; use 'auto' or 'rewrite'"
        )
    return trouble is None


def _algorithm(request: Mapping[str, Any]) -> Algorithm:
    algorithm = request.get("AlgorithmSpecification") or {}
    return Algorithm(
        image=algorithm.get("TrainingImage") or "",
        name=algorithm.get("AlgorithmName") or "",
        entrypoint=tuple(algorithm.get("ContainerEntrypoint") or ()),
        arguments=tuple(algorithm.get("ContainerArguments") or ()),
    )


def _with_environment(contract: TrainingContract, variables: Mapping[str, str]) -> TrainingContract:
    return replace(contract, environment={**_FAKE_CREDENTIALS, **variables, **contract.environment})
