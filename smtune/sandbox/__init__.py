"""The SageMaker training *sandbox*: what a container finds under ``/opt/ml``, laid out in a folder of this machine.

It prepares a folder, and says which command to run there with which environment, and in which namespace; it runs
nothing, and knows neither trials nor jobs.

:func:`stage`
    A script of this machine with its hyperparameters, as the training toolkit would run it.
:func:`place`
    A :class:`Program` under a :class:`TrainingContract`: what a request to SageMaker asks for, once
    :func:`find_program` has said what its image stands for.
:func:`smtune.sandbox.isolation.open_placement`
    Either of two ways to give a training its ``/opt/ml`` on this machine, or Docker, behind one interface.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smtune.sandbox.checkpoints import restore_checkpoints
    from smtune.sandbox.contract import Channel, InstanceGroup, TrainingContract, lay_out
    from smtune.sandbox.environment import inherited_environment
    from smtune.sandbox.inputs import Pipe
    from smtune.sandbox.namespace import Namespace
    from smtune.sandbox.placement import place
    from smtune.sandbox.programs import Algorithm, Program, Rule, find_program
    from smtune.sandbox.source import snapshot_source, unpack_code
    from smtune.sandbox.staging import Staged, stage

# Loaded when they are first used (PEP 562): the launcher, which enters namespaces, must start with little.
_HOMES = {
    "Algorithm": "smtune.sandbox.programs",
    "Channel": "smtune.sandbox.contract",
    "InstanceGroup": "smtune.sandbox.contract",
    "Namespace": "smtune.sandbox.namespace",
    "Pipe": "smtune.sandbox.inputs",
    "Program": "smtune.sandbox.programs",
    "Rule": "smtune.sandbox.programs",
    "Staged": "smtune.sandbox.staging",
    "TrainingContract": "smtune.sandbox.contract",
    "find_program": "smtune.sandbox.programs",
    "inherited_environment": "smtune.sandbox.environment",
    "lay_out": "smtune.sandbox.contract",
    "place": "smtune.sandbox.placement",
    "restore_checkpoints": "smtune.sandbox.checkpoints",
    "snapshot_source": "smtune.sandbox.source",
    "stage": "smtune.sandbox.staging",
    "unpack_code": "smtune.sandbox.source",
}

__all__ = [
    "Algorithm",
    "Channel",
    "InstanceGroup",
    "Namespace",
    "Pipe",
    "Program",
    "Rule",
    "Staged",
    "TrainingContract",
    "find_program",
    "inherited_environment",
    "lay_out",
    "place",
    "restore_checkpoints",
    "snapshot_source",
    "stage",
    "unpack_code",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
