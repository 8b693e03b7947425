"""Three ways to give a training an ``/opt/ml``: a *placement* lays it out, says what to run, and clears up after it.

::

    placement = open_placement("auto", algorithm)
    staged = placement.stage(base, contract, algorithm)
    ...                                                     # whoever runs it runs `staged`, and waits for its end;
                                                            # several hosts as one process: `together(all, file)`
    placement.clear(contract)                               # for each host, once all have ended, however they did
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, Literal, get_args

from smtune.errors import Problem, SpecError
from smtune.sandbox import docker, namespace
from smtune.sandbox.contract import TrainingContract
from smtune.sandbox.docker import Limits
from smtune.sandbox.environment import inherited_environment
from smtune.sandbox.interpreter import python_program
from smtune.sandbox.placement import place
from smtune.sandbox.programs import Algorithm, Rule, find_program, find_rule
from smtune.sandbox.staging import Staged

Isolation = Literal["namespace", "rewrite", "docker"]
"""Names of the placements."""

ISOLATIONS: Final[tuple[str, ...]] = ("auto", *get_args(Isolation))
"""What :func:`open_placement` takes."""


UNLIMITED: Final = Limits()
"""All that this machine has, but no network."""


class Placement(ABC):
    """Where the programs of trainings find what SageMaker gives them.

    Attributes:
        name: What users call it.
        description: What it means, in a few words.
        is_limited: Whether it can take network, memory and processors away from a training.
        has_read_only: Whether channels can be kept from being written.
        has_smtune: Whether scripts find smtune without being given it.
    """

    name: ClassVar[Isolation]
    description: ClassVar[str]
    is_limited: ClassVar[bool] = False
    has_read_only: ClassVar[bool] = True
    has_smtune: ClassVar[bool] = True

    @abstractmethod
    def stage(
        self, base: Path, contract: TrainingContract, algorithm: Algorithm, *, code: Path | None = None
    ) -> Staged:
        """Lay out the folder of one host of a training, and say how to run its program there.

        Args:
            base: The folder that stands for ``/opt/ml``; made if it is missing.
            contract: What the host is told.
            algorithm: What the training says of its program.
            code: Folder with the script that the hyperparameters name.

        Raises:
            SpecError: A channel is missing, or there is no such program here.
            OSError: The folder cannot be written.
        """

    def clear(self, contract: TrainingContract) -> None:
        """Remove what a host leaves outside its folder, however it ended. Idempotent.

        Args:
            contract: The one that it was staged with.
        """
        del contract

    def remarks(self, contract: TrainingContract, algorithm: Algorithm, *, code: Path | None = None) -> Sequence[str]:
        """Return what the user should know of a program here, before it is staged; arguments as of :meth:`stage`.

        Raises:
            SpecError: There is no such program here.
        """
        del contract, algorithm, code
        return ()


class _OnThisMachine(Placement):
    """Runs programs of this machine that stand for images.

    Args:
        rules: The user's; asked before smtune's own.
    """

    _private: ClassVar[bool]

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = rules

    def stage(
        self, base: Path, contract: TrainingContract, algorithm: Algorithm, *, code: Path | None = None
    ) -> Staged:
        program = find_program(algorithm, contract, self._rules, code=code)
        return place(base, contract, program, private=self._private)

    def remarks(self, contract: TrainingContract, algorithm: Algorithm, *, code: Path | None = None) -> Sequence[str]:
        return find_program(algorithm, contract, self._rules, code=code).remarks


class InNamespace(_OnThisMachine):
    """A mount namespace for each host, with its own ``/opt/ml`` (Linux)."""

    name = "namespace"
    description = "every trial has an /opt/ml of its own, in a mount namespace"
    _private = True


class Rewritten(_OnThisMachine):
    """A folder for each host, whose name takes the place of ``/opt/ml`` in arguments and variables."""

    name = "rewrite"
    description = "every trial has a folder of its own, whose path replaces /opt/ml in arguments and variables"
    has_read_only = False
    _private = False


class InDocker(Placement):
    """A container of the training's own image for each host; several hosts have a network of their own.

    Args:
        limits: What a container may use.
    """

    name = "docker"
    description = "every trial is a container of Docker"
    is_limited = True
    has_smtune = False

    def __init__(self, limits: Limits = UNLIMITED) -> None:
        self._limits = limits

    def stage(
        self, base: Path, contract: TrainingContract, algorithm: Algorithm, *, code: Path | None = None
    ) -> Staged:
        """Lay out the folder of one host, and say how to start its container, which ends with the process."""
        limits = self._limits
        if len(contract.hosts) > 1:
            name = docker.network_name(contract)
            if contract.current_host == contract.hosts[0]:
                docker.make_network(contract)
            limits, contract = replace(limits, network=name), replace(contract, network_interface="eth0")
        command = (*algorithm.entrypoint[1:], *algorithm.arguments)
        return docker.contain(
            base,
            contract,
            algorithm.image,
            entrypoint=algorithm.entrypoint[0] if algorithm.entrypoint else None,
            command=command if command or algorithm.entrypoint else ("train",),
            code=code,
            limits=limits,
        )

    def clear(self, contract: TrainingContract) -> None:
        """Remove the network of several hosts."""
        if len(contract.hosts) > 1 and contract.current_host == contract.hosts[0]:
            docker.remove_networks([docker.network_name(contract)])


def together(hosts: Sequence[Staged], file: Path) -> Staged:
    """Return how to run several hosts as one process; its folder is that of the first.

    Args:
        hosts: As a placement staged them.
        file: Takes what :mod:`smtune.sandbox.hosts` has to know.

    Raises:
        OSError: The file cannot be written.
    """
    known = [
        {
            "argv": list(host.argv),
            "env": dict(host.env),
            "cwd": str(host.cwd),
            "namespace": host.namespace,
            "failure_file": str(host.failure_file),
            "afterwards": list(host.afterwards),
        }
        for host in hosts
    ]
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # variables may be secrets
    with os.fdopen(descriptor, "w", encoding="utf-8") as content:
        json.dump(known, content)
    argv = (*python_program("smtune.sandbox.hosts", isolated=True), str(file))
    afterwards = (*argv, "afterwards") if any(host.afterwards for host in hosts) else ()
    environment = MappingProxyType(inherited_environment())
    return Staged(hosts[0].base, argv, environment, file.parent, afterwards=afterwards)


def open_placement(
    isolation: str, algorithm: Algorithm, *, rules: Sequence[Rule] = (), limits: Limits = UNLIMITED
) -> Placement:
    """Return the placement of this name.

    ``auto`` takes Docker where its engine, on this machine, has the image, and no rule names another program; else
    namespaces where the system has them, and rewritten paths elsewhere.

    Args:
        isolation: One of :data:`ISOLATIONS`.
        algorithm: What is to be trained.
        rules: Which programs stand for which images, where images are not run.
        limits: What a container may use.

    Raises:
        SpecError: There is none of this name, or it cannot be had here; the field is ``isolation``.
    """
    made: dict[str, Callable[[], Placement]] = {
        "namespace": lambda: InNamespace(rules),
        "rewrite": lambda: Rewritten(rules),
        "docker": lambda: InDocker(limits),
    }
    rule = find_rule(algorithm, rules)
    if isolation == "auto" and (rule.kind == "docker" or _engine_runs(algorithm, rule)):
        isolation = "docker"
    elif isolation == "auto":
        isolation = "namespace" if namespace.unavailable() is None else "rewrite"
    if isolation not in made:
        raise SpecError([Problem("isolation", isolation, "is none", f"use one of {', '.join(ISOLATIONS)}")])
    trouble = _unavailable(isolation, algorithm)
    if trouble is not None:
        raise SpecError([Problem("isolation", isolation, f"cannot be had here: {trouble}", "use auto")])
    return made[isolation]()


def _unavailable(isolation: str, algorithm: Algorithm) -> str | None:
    if isolation == "namespace":
        return namespace.unavailable()
    if isolation != "docker":
        return None
    if not algorithm.image:
        return "the job names no image"
    trouble = docker.Engine().unavailable(algorithm.image)
    return None if trouble is None else f"image {algorithm.image}: {trouble}"


def _engine_runs(algorithm: Algorithm, rule: Rule) -> bool:
    if not algorithm.image or rule.names_program or docker.is_elsewhere():
        return False
    return docker.Engine().unavailable(algorithm.image) is None
