"""What happens to a job that a program started and did not wait for, when the program ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable


def wait_at_exit(
    name: str, *, under_way: Callable[[], bool], wait: Callable[[], object], stop: Callable[[bool], object]
) -> None:
    """Let a program that does not wait for its job end well, and stop the job on Ctrl-C.

    Args:
        name: Name of the job.
        under_way: Returns whether it still runs.
        wait: Blocks until it has ended.
        stop: Asks it to stop; with ``True`` by force.
    """

    def work() -> None:
        told, interrupts = False, 0
        while under_way():
            try:
                if not told:
                    print(f"smtune: waiting for job {name} to end; Ctrl-C stops it", file=sys.stderr)  # noqa: T201
                    told = True
                wait()
            except KeyboardInterrupt:
                stop(interrupts > 0)
                interrupts += 1
        if interrupts:
            print(f"smtune: job {name} is stopped; it can be resumed", file=sys.stderr)  # noqa: T201

    # The interpreter calls this before it waits for threads; `atexit` would come after that.
    threading._register_atexit(work)  # type: ignore[attr-defined]  # noqa: SLF001
