"""The *emulator*: SageMaker's tuning and training jobs on this machine, behind AWS's own API, for unmodified clients.

A tuning job that boto3, the aws command line or the SageMaker SDK creates at its loopback endpoint really trains: with
smtune's own strategies, in processes that see the SageMaker training contract. AWS's Bayesian search is not public, so
trials differ from AWS's; a tag of the job says which strategy ran.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smtune.emulator.emulation import Emulator, emulate
    from smtune.emulator.server import serve, serving
    from smtune.emulator.service.faults import Fault, Faults
    from smtune.emulator.service.settings import Settings
    from smtune.sandbox.docker import Limits
    from smtune.sandbox.programs import Rule

__all__ = ["Emulator", "Fault", "Faults", "Limits", "Rule", "Settings", "emulate", "serve", "serving"]

_HOMES = {
    "Emulator": "smtune.emulator.emulation",
    "Fault": "smtune.emulator.service.faults",
    "Faults": "smtune.emulator.service.faults",
    "Limits": "smtune.sandbox.docker",
    "Rule": "smtune.sandbox.programs",
    "Settings": "smtune.emulator.service.settings",
    "emulate": "smtune.emulator.emulation",
    "serve": "smtune.emulator.server",
    "serving": "smtune.emulator.server",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
