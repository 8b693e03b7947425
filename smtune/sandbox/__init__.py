"""The SageMaker training *sandbox*: what a container finds under ``/opt/ml``, laid out in a folder of this machine.

It prepares a folder, and says which command to run there with which environment; it runs nothing, and knows neither
trials nor jobs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smtune.sandbox.checkpoints import restore_checkpoints
    from smtune.sandbox.contract import Channel, InstanceGroup, TrainingContract, lay_out
    from smtune.sandbox.environment import inherited_environment
    from smtune.sandbox.namespace import Namespace
    from smtune.sandbox.source import snapshot_source
    from smtune.sandbox.staging import Staged, stage

# Loaded when they are first used (PEP 562): the launcher, which enters namespaces, must start with little.
_HOMES = {
    "Channel": "smtune.sandbox.contract",
    "InstanceGroup": "smtune.sandbox.contract",
    "Namespace": "smtune.sandbox.namespace",
    "Staged": "smtune.sandbox.staging",
    "TrainingContract": "smtune.sandbox.contract",
    "inherited_environment": "smtune.sandbox.environment",
    "lay_out": "smtune.sandbox.contract",
    "restore_checkpoints": "smtune.sandbox.checkpoints",
    "snapshot_source": "smtune.sandbox.source",
    "stage": "smtune.sandbox.staging",
}

__all__ = [
    "Channel",
    "InstanceGroup",
    "Namespace",
    "Staged",
    "TrainingContract",
    "inherited_environment",
    "lay_out",
    "restore_checkpoints",
    "snapshot_source",
    "stage",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
