"""A *runner* evaluates trials, several at a time, and reports what happens to them as events.

It knows how code is started, watched and ended, and nothing of strategies, objectives or stores.

:class:`FunctionRunner`
    Calls a Python function, in threads of this process or in worker processes.
:class:`ProcessRunner`
    Runs an entry point as a process, under the SageMaker training contract; in a fresh interpreter, or in a fork of
    one that has the script's imports, which :func:`imports_of` finds.

All of them implement :class:`Runner` and pass the same contract test.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smtune.runners.base import Ended, Event, Measured, Runner, Started
    from smtune.runners.evaluation import TrialStopped
    from smtune.runners.function import FunctionRunner
    from smtune.runners.imports import imports_of
    from smtune.runners.process import ProcessRunner
    from smtune.runners.survivors import end_survivors

# Loaded when they are first used (PEP 562): the programs in this package must start with little.
_HOMES = {
    "Ended": "smtune.runners.base",
    "Event": "smtune.runners.base",
    "FunctionRunner": "smtune.runners.function",
    "Measured": "smtune.runners.base",
    "ProcessRunner": "smtune.runners.process",
    "Runner": "smtune.runners.base",
    "Started": "smtune.runners.base",
    "TrialStopped": "smtune.runners.evaluation",
    "end_survivors": "smtune.runners.survivors",
    "imports_of": "smtune.runners.imports",
}

__all__ = [
    "Ended",
    "Event",
    "FunctionRunner",
    "Measured",
    "ProcessRunner",
    "Runner",
    "Started",
    "TrialStopped",
    "end_survivors",
    "imports_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
