"""What a launcher tells of its processes."""

from __future__ import annotations

import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Running:
    """The program was started.

    Attributes:
        process: The number that the caller gave it.
    """

    process: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The process and all its descendants are gone.

    Attributes:
        process: The number that the caller gave it.
        exit_code: As in :mod:`subprocess`: negative for the signal that ended it.
    """

    process: int
    exit_code: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The process was not started, or nobody saw how it ended.

    Attributes:
        process: The number that the caller gave it.
        reason: Why, in one line.
    """

    process: int
    reason: str


Notice = Running | Exited | Broken


def describe_exit(exit_code: int) -> str:
    """Say how a process ended, in a few words.

    >>> describe_exit(1), describe_exit(-11)
    ('exit code 1', 'killed by signal 11 (SIGSEGV)')
    >>> describe_exit(-9)
    'killed by signal 9 (SIGKILL), perhaps out of memory'
    """
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = "real-time signal"
    hint = ", perhaps out of memory" if -exit_code == signal.SIGKILL else ""
    return f"killed by signal {-exit_code} ({name}){hint}"
