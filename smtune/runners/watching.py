"""What the runners that watch processes have in common: one loop, woken by whatever happens first."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from smtune.runners.base import Event, Runner
from smtune.runners.launcher.client import LauncherClient
from smtune.runners.launcher.notices import Broken, Exited, Running
from smtune.sandbox import Staged

CHUNK = 1 << 16
"""How much is read from a process before the others have their turn, in bytes."""


class Child(ABC):
    """A process that a runner watches, and the channel that it is read from.

    Attributes:
        number: The launcher's name for it.
        stopping: Whether it was asked to stop.
        kill_at: When its grace ends, on the monotonic clock.
        killed: Whether it outlived its grace.
        silent: Whether it has closed its end of the channel.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.stopping = False
        self.kill_at: float | None = None
        self.killed = False
        self.silent = False

    @abstractmethod
    def fileno(self) -> int:
        """Return the descriptor of the channel."""

    @abstractmethod
    def read(self) -> bytes:
        """Read once from the channel.

        Raises:
            BlockingIOError: There is nothing now.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the channel."""


class PipedChild(Child):
    """A process whose output is read from a pipe."""

    def __init__(self, number: int, pipe: int) -> None:
        super().__init__(number)
        self._pipe = pipe

    def fileno(self) -> int:
        """Return the descriptor of the pipe."""
        return self._pipe

    def read(self) -> bytes:
        """Read once from the pipe."""
        return os.read(self._pipe, CHUNK)

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._pipe)


ChildT = TypeVar("ChildT", bound=Child)


class Watcher(ABC, Generic[ChildT]):
    """Runs a launcher, reads what its processes write, and ends them in time.

    One thread calls everything but :meth:`wake`.

    Args:
        grace_seconds: How long a process may take to end after it was asked to.
        environment: Environment of the launcher.
        preload: As :class:`LauncherClient` takes it.
        launcher_log: Likewise, its ``log``.
    """

    _closed = True  # until there is something to close

    def __init__(
        self,
        *,
        grace_seconds: float,
        environment: Mapping[str, str],
        preload: Sequence[str] | None = None,
        launcher_log: Path | None = None,
    ) -> None:
        self._grace_seconds = grace_seconds
        self._environment = environment
        self._preload = preload
        self._launcher_log = launcher_log
        self._launcher: LauncherClient | None = None
        self._children: dict[int, ChildT] = {}
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._waker = socket.socketpair()
        self._wakeup.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._owner = os.getpid()
        self._closed = False

    # --- what differs -----------------------------------------------------------------------------------------

    @abstractmethod
    def _take(self, child: ChildT, data: bytes) -> None:
        """Deal with what a process wrote."""

    @abstractmethod
    def _begun(self, child: ChildT) -> None:
        """Deal with the start of a process."""

    @abstractmethod
    def _ended(self, child: ChildT, notice: Exited | Broken) -> None:
        """Deal with the end of a process; all that it wrote was taken, and nothing of it is left."""

    @abstractmethod
    def _let_go(self, child: ChildT) -> None:
        """Deal with a process that :meth:`close` ended."""

    # --- the interface ----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Make the present or the next :meth:`wait` return at once."""
        with contextlib.suppress(OSError):  # it was woken often enough already, or it is closed
            self._waker.send(b"\0")

    def close(self) -> None:
        """Kill everything, and keep what it had written."""
        if self._closed or os.getpid() != self._owner:  # a fork holds only copies
            return
        self._closed = True
        if self._launcher is not None:
            self._launcher.close()
        for child in self._children.values():
            self._drain(child)
            self._let_go(child)
        self._children.clear()
        self._selector.close()
        self._wakeup.close()
        self._waker.close()

    def __del__(self) -> None:
        self.close()

    # --- for those that know what to run ----------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the runner is closed")

    def _ready_launcher(self) -> LauncherClient:
        if self._launcher is not None:
            self._hear_launcher()  # it may have died since it was last used
        if self._launcher is None:
            self._launcher = LauncherClient(self._environment, preload=self._preload, log=self._launcher_log)
            self._selector.register(self._launcher, selectors.EVENT_READ)
        return self._launcher

    def _start(self, number: int, staged: Staged, environment: Mapping[str, str]) -> int:
        """Start a process without input; return the end of a pipe that its output is read from, not blocking.

        Raises:
            OSError: There are no descriptors left; nothing was started.
        """
        launcher = self._ready_launcher()
        with contextlib.ExitStack() as kept, contextlib.ExitStack() as descriptors:
            nothing = os.open(os.devnull, os.O_RDONLY)
            descriptors.callback(os.close, nothing)
            pipe, pipe_end = os.pipe()
            kept.callback(os.close, pipe)
            descriptors.callback(os.close, pipe_end)
            os.set_blocking(pipe, False)
            stdio = (nothing, pipe_end, pipe_end)
            launcher.start(
                number,
                staged.argv,
                env=environment,
                cwd=str(staged.cwd),
                stdio=stdio,
                namespace=staged.namespace,
                afterwards=staged.afterwards,
            )
            kept.pop_all()
        return pipe

    def _watch(self, child: ChildT) -> None:
        self._children[child.number] = child
        self._selector.register(child, selectors.EVENT_READ)

    def _ask_to_end(self, child: ChildT) -> None:
        if not child.stopping and self._launcher is not None:
            child.stopping = True
            child.kill_at = time.monotonic() + self._grace_seconds
            self._launcher.ask(child.number)

    def _end(self, child: ChildT) -> None:
        child.kill_at = None
        if self._launcher is not None:
            self._launcher.end(child.number)

    # --- a turn of the loop -----------------------------------------------------------------------------------

    def _turn(self, deadline: float | None) -> bool:
        """Wait for something to happen and deal with it; return whether it was a wake."""
        woken = False
        for key, _ in self._selector.select(self._pause(deadline)):
            if isinstance(key.fileobj, Child):
                child = self._children.get(key.fileobj.number)
                if child is key.fileobj:  # it may have ended in this very turn
                    self._read(child)
            elif key.fileobj is self._wakeup:
                woken = self._heard_waker()
            else:
                self._hear_launcher()
        self._end_late()
        return woken

    def _pause(self, deadline: float | None) -> float | None:
        deadlines = [child.kill_at for child in self._children.values() if child.kill_at is not None]
        if deadline is not None:
            deadlines.append(deadline)
        return min(max(0.0, min(deadlines) - time.monotonic()), _LONGEST_PAUSE) if deadlines else None

    def _end_late(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.kill_at is not None and now >= child.kill_at:
                child.killed = True
                self._end(child)

    def _heard_waker(self) -> bool:
        try:
            return bool(self._wakeup.recv(CHUNK))
        except OSError:  # nothing there, or all is closed
            return False

    def _hear_launcher(self) -> None:
        launcher = self._launcher
        if launcher is None:
            return
        notices = launcher.receive()
        if launcher.died:
            self._selector.unregister(launcher)
            launcher.close()
            self._launcher = None
        for notice in notices:
            child = self._children[notice.process]
            if isinstance(notice, Running):
                self._begun(child)
            else:
                self._drain(child)
                del self._children[notice.process]
                self._ended(child, notice)

    def _read(self, child: ChildT) -> int:
        """Read once from a process; return how many bytes there were."""
        if child.silent:
            return 0
        try:
            data = child.read()
        except BlockingIOError:
            return 0
        except ConnectionResetError:
            data = b""
        if data:
            self._take(child, data)
        else:  # it may close its output and go on
            self._silence(child)
        return len(data)

    def _drain(self, child: ChildT) -> None:
        """Read what an ended process has left behind, and no more than it can have: a daemon may still write."""
        unread = _FULL_PIPE
        while unread > 0 and (count := self._read(child)):
            unread -= count
        self._silence(child)

    def _silence(self, child: ChildT) -> None:
        if not child.silent:
            child.silent = True
            self._selector.unregister(child)
            child.close()


class WatchingRunner(Watcher[ChildT], Runner):
    """A runner that is a watcher: what happens comes as events."""

    def __init__(
        self,
        *,
        grace_seconds: float,
        environment: Mapping[str, str],
        preload: Sequence[str] | None = None,
        launcher_log: Path | None = None,
    ) -> None:
        super().__init__(
            grace_seconds=grace_seconds, environment=environment, preload=preload, launcher_log=launcher_log
        )
        self._events: deque[Event] = deque()

    def wait(self, timeout: float | None) -> Sequence[Event]:
        """Read what the processes write, end those whose grace is over, and return what happened."""
        deadline = None if timeout is None else time.monotonic() + timeout
        woken = False
        while not self._events and not woken:
            if not self.busy():
                self._heard_waker()
                break
            woken = self._turn(deadline)
            if deadline is not None and time.monotonic() >= deadline:
                break
        events = list(self._events)
        self._events.clear()
        return events

    def close(self) -> None:
        """Kill everything, and keep what it had written."""
        if not self._closed:
            super().close()
            self._events.clear()


_LONGEST_PAUSE = 86_400.0
"""Seconds after which the loop looks around at the latest: selectors wait for 24 days at most."""

_FULL_PIPE = 1 << 20
"""The most that a pipe holds unless root enlarged it, in bytes."""
