"""The processes of training jobs: one for each of a job's hosts."""

from __future__ import annotations

import selectors
from typing import Protocol

from smtune.runners.launcher.notices import Broken, Exited
from smtune.runners.watching import PipedChild, Watcher
from smtune.sandbox import Staged, inherited_environment


class HostListener(Protocol):
    """Told of a host by the thread that watches it."""

    def began(self) -> None:
        """Its program runs."""

    def printed(self, data: bytes) -> None:
        """It has printed something."""

    def exited(self, notice: Exited | Broken) -> None:
        """It is gone, with all that it started."""


class Host(PipedChild):
    """The process of a host."""

    def __init__(self, number: int, pipe: int, listener: HostListener) -> None:
        super().__init__(number, pipe)
        self.listener = listener


class Hosts(Watcher[Host]):
    """Starts hosts, watches them, and ends them.

    Nothing that a host starts outlives it, and nothing outlives this process, even if it is killed. One thread calls
    everything but :meth:`wake`.

    Args:
        grace_seconds: How long a host may take to end after it was asked to.
    """

    def __init__(self, *, grace_seconds: float) -> None:
        super().__init__(grace_seconds=grace_seconds, environment=inherited_environment())
        self._next = 0
        self._paused: set[Host] = set()

    def start(self, staged: Staged, listener: HostListener) -> Host:
        """Start a host.

        Raises:
            OSError: There are no descriptors left.
        """
        self._next += 1
        host = Host(self._next, self._start(self._next, staged, staged.env), listener)
        self._watch(host)
        return host

    def stop(self, host: Host) -> None:
        """Send SIGTERM to a host, and SIGKILL to all that is left after the grace period. Idempotent."""
        if self._children.get(host.number) is host:
            self._ask_to_end(host)

    def kill(self, host: Host) -> None:
        """Kill a host with all that it started."""
        if self._children.get(host.number) is host:
            self._end(host)

    def pause(self, host: Host) -> None:
        """Read nothing more of what a running host prints, so that it has to wait once its pipe is full. Idempotent."""
        if not host.silent and host not in self._paused:
            self._paused.add(host)
            self._selector.unregister(host)

    def go_on(self, host: Host) -> None:
        """Read what a host prints again, if that was paused."""
        if host in self._paused:
            self._paused.remove(host)
            self._selector.register(host, selectors.EVENT_READ)

    def turn(self, deadline: float | None) -> None:
        """Wait until something happens, somebody wakes this, or the deadline has come, and tell the listeners.

        Args:
            deadline: On the monotonic clock; ``None`` for none.
        """
        self._turn(deadline)

    def _take(self, child: Host, data: bytes) -> None:
        child.listener.printed(data)

    def _begun(self, child: Host) -> None:
        child.listener.began()

    def _ended(self, child: Host, notice: Exited | Broken) -> None:
        child.listener.exited(notice)

    def _silence(self, child: Host) -> None:
        self.go_on(child)
        super()._silence(child)

    def _let_go(self, child: Host) -> None:
        """Do nothing: whoever closes this has given up its jobs."""
