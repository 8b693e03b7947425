"""Where a training job runs: as a program of this machine, or as its own image in Docker."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from smtune.emulator.service.settings import Settings
from smtune.emulator.service.troubles import TrainingError
from smtune.sandbox import Algorithm, docker, namespace
from smtune.sandbox.isolation import InDocker, InNamespace, Placement, Rewritten
from smtune.sandbox.programs import find_rule

_ENDPOINT: Final = "AWS_ENDPOINT_URL"
_FAKE_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator"}
"""What trainings sign with: nothing checks it, and without it boto3 would not begin."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How the hosts of a training job run.

    Attributes:
        placement: Lays them out.
        algorithm: What the job says of its program.
        environment: Variables that they find; those of the job win.
    """

    placement: Placement
    algorithm: Algorithm
    environment: Mapping[str, str]


def choose_placement(request: Mapping[str, Any], settings: Settings, *, hosts: int = 1) -> Choice:
    """Return how a training job runs.

    The user's rule for its image counts most. Then Docker, if it is asked for, or if its engine has the image.

    Args:
        request: The job's.
        settings: How jobs run here.
        hosts: How many it has.

    Raises:
        TrainingError: What the user wants cannot be had here.
    """
    algorithm = _algorithm(request)
    rule = find_rule(algorithm, settings.rules)
    environment = {**_FAKE_CREDENTIALS, **settings.environment}
    if rule.kind == "docker" or (settings.isolation == "docker" and not rule.names_program):
        trouble = _engine().unavailable(algorithm.image, anew=True) if algorithm.image else "the job names no image"
        if trouble is not None:
            wish = f"a rule for {rule.match!r}" if rule.kind else "isolation 'docker'"
            raise TrainingError(f"ClientError: {wish} wants {algorithm.image} to run in Docker: {trouble}")
        in_docker = True
    else:
        may = settings.isolation == "auto" and not rule.names_program and not docker.is_elsewhere()
        in_docker = may and bool(algorithm.image) and _engine().unavailable(algorithm.image) is None
    if not in_docker:
        placement = InNamespace(settings.rules) if _has_namespace(settings) else Rewritten(settings.rules)
        return Choice(placement, algorithm, environment)
    if settings.containers.network != "host" or hosts > 1:
        environment.pop(_ENDPOINT, None)
    return Choice(InDocker(settings.containers), algorithm, {**environment, **rule.environment})


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
