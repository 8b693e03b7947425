"""What happens to jobs that a program started and did not wait for, when the program ends."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class UnfinishedJob:
    """A job that a program may leave behind.

    Attributes:
        name: Its name.
        under_way: Returns whether it still runs.
        wait: Blocks until it has ended.
        stop: Asks it to stop; with ``True`` by force.
        onward: What can be done with it after it was stopped.
    """

    name: str
    under_way: Callable[[], bool]
    wait: Callable[[], object]
    stop: Callable[[bool], object]
    onward: str = "it can be resumed"


_JOBS: Final[dict[int, UnfinishedJob]] = {}
_NUMBERS: Final = itertools.count()
_LOCK: Final = threading.Lock()
_registered = False


def wait_at_exit(job: UnfinishedJob) -> Callable[[], None]:
    """Let a program that does not wait for its job end well, and stop the job on Ctrl-C.

    Returns:
        To be called when the job has ended: nothing of it is kept then.
    """
    global _registered  # noqa: PLW0603 - there is one end of a program
    with _LOCK:
        number = next(_NUMBERS)
        _JOBS[number] = job
        if not _registered:
            # The interpreter calls this before it waits for threads; `atexit` would come after that.
            threading._register_atexit(_wait_for_all)  # type: ignore[attr-defined]  # noqa: SLF001
            _registered = True
    return lambda: _forget(number)


def _forget(number: int) -> None:
    _JOBS.pop(number, None)


def _wait_for_all() -> None:
    while _JOBS:
        _, job = _JOBS.popitem()
        try:
            _wait_for(job)
        except Exception as error:  # the others are waited for all the same
            print(f"smtune: job {job.name}: {error}", file=sys.stderr)  # noqa: T201


def _wait_for(job: UnfinishedJob) -> None:
    told, interrupts = False, 0
    while job.under_way():
        try:
            if not told:
                print(f"smtune: waiting for job {job.name} to end; Ctrl-C stops it", file=sys.stderr)  # noqa: T201
                told = True
            job.wait()
        except KeyboardInterrupt:
            interrupts += 1
            job.stop(interrupts > 1)
    if interrupts:
        print(f"smtune: job {job.name} is stopped; {job.onward}", file=sys.stderr)  # noqa: T201
