"""Trials as processes on this machine."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from smtune.runners.base import Ended, Event, Runner, Started
from smtune.runners.evaluation import LONGEST_REASON, one_line
from smtune.runners.launcher.client import Broken, LauncherClient, Notice, Running, describe_exit
from smtune.runners.output import Output, compile_patterns, error_line, traceback_cause
from smtune.sandbox import Staged, clean, inherited_environment
from smtune.trial import Trial, TrialStatus

_CHUNK: Final = 1 << 16
_FULL_PIPE: Final = 1 << 20
"""The most that a pipe holds unless root enlarged it: all that a trial can have left behind at its end."""
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class _Process:
    """A trial that was started and has not ended."""

    def __init__(self, trial: Trial, staged: Staged, output: Output, pipe: int) -> None:
        self.number = trial.number
        self.staged = staged
        self.output = output
        self.pipe: int | None = pipe
        self.stopping = False
        self.killed = False
        self.kill_at: float | None = None


class ProcessRunner(Runner):
    """Runs each trial as a process in a session of its own, and reads its metrics from what it prints.

    Nothing that a trial starts outlives it, daemons included (but for daemons on macOS). Nothing outlives the runner
    either, even if this process is killed.

    Args:
        stage: Prepares the directory of a trial and says what to run there. Whatever it raises fails the trial.
        slots: How many trials may run at a time.
        log_path: Where to keep what a trial prints.
        metrics: Metric name to the regex whose first group captures its value, for scripts that do not use
            :func:`smtune.container.report`.
        grace_seconds: How long a trial may take to end after it was asked to.
        preload: Modules to have imported when a script begins: it then runs in a fork of a process that has them, and
            with one thread unless ``environment`` says otherwise. ``None`` gives every trial a fresh interpreter, as
            does a system or a module that makes forks unsafe.
        environment: Variables that all trials share; some libraries read theirs when they are imported, so
            ``preload`` needs them.

    Raises:
        SpecError: A regex is wrong.
    """

    def __init__(
        self,
        stage: Callable[[Trial], Staged],
        *,
        slots: int,
        log_path: Callable[[Trial], Path],
        metrics: Mapping[str, str | re.Pattern[str]] = MappingProxyType({}),
        grace_seconds: float = 30.0,
        preload: Sequence[str] | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._closed = True  # until there is something to close
        self._stage = stage
        self._slots = slots
        self._log_path = log_path
        self._patterns = compile_patterns(metrics)
        self._grace_seconds = grace_seconds
        self._preload = preload
        threads = {} if preload is None else {k: v for k, v in _ONE_THREAD.items() if k not in environment}
        self._overrides = threads
        self._environment = {**inherited_environment(), **environment, **threads}
        self._launcher: LauncherClient | None = None
        self._processes: dict[int, _Process] = {}
        self._events: deque[Event] = deque()
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._waker = socket.socketpair()
        self._wakeup.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._owner = os.getpid()
        self._closed = False

    def start(self, trial: Trial) -> None:
        """Stage a trial and start its process.

        Raises:
            RuntimeError: The runner is closed, all slots are busy, or a trial of this number is running.
        """
        if self._closed:
            raise RuntimeError("the runner is closed")
        if self.busy() >= self._slots or trial.number in self._processes:
            running = sorted(self._processes)
            raise RuntimeError(f"cannot start trial {trial.number}: trials {running} run in {self._slots} slots")
        try:
            self._processes[trial.number] = self._launch(trial)
        except Exception as error:  # whatever happens to a trial is data
            reason = one_line(f"cannot be prepared: {error or repr(error)}")
            self._events.append(Ended(trial.number, time.time(), TrialStatus.Failed, reason))

    def wait(self, timeout: float | None) -> Sequence[Event]:
        """Read what the trials print, end those whose grace is over, and return what happened."""
        deadline = None if timeout is None else time.monotonic() + timeout
        woken = False
        while not self._events and not woken:
            if not self._processes:
                self._heard_waker()
                break
            woken = self._turn(deadline)
            if deadline is not None and time.monotonic() >= deadline:
                break
        events = list(self._events)
        self._events.clear()
        return events

    def wake(self) -> None:
        """Make the present or the next :meth:`wait` return at once."""
        with contextlib.suppress(OSError):  # it was woken often enough already, or it is closed
            self._waker.send(b"\0")

    def stop(self, number: int) -> None:
        """Send SIGTERM to the trial's process group, and SIGKILL to all that is left after the grace period."""
        process = self._processes.get(number)
        if process is not None and not process.stopping and self._launcher is not None:
            process.stopping = True
            process.kill_at = time.monotonic() + self._grace_seconds
            self._launcher.ask(number)

    def busy(self) -> int:
        """Return how many trials have not ended."""
        return len(self._processes)

    def close(self) -> None:
        """Kill all trials with whatever they started, and keep what they had printed."""
        if self._closed or os.getpid() != self._owner:  # a fork holds only copies
            return
        self._closed = True
        if self._launcher is not None:
            self._launcher.close()
        for process in self._processes.values():
            self._release(process)
        self._processes.clear()
        self._events.clear()
        self._selector.close()
        self._wakeup.close()
        self._waker.close()

    def __del__(self) -> None:
        self.close()

    # --- a turn of the loop -----------------------------------------------------------------------------------

    def _turn(self, deadline: float | None) -> bool:
        """Wait for something to happen and deal with it; return whether it was a wake."""
        if self._launcher is not None:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._launcher.sending else 0)
            self._selector.modify(self._launcher, events)
        woken = False
        for key, mask in self._selector.select(self._pause(deadline)):
            if isinstance(key.data, _Process):
                self._read(key.data)  # a bounded part, so that no trial starves the others
            elif key.fileobj is self._wakeup:
                woken = self._heard_waker()
            else:
                self._hear_launcher(writable=bool(mask & selectors.EVENT_WRITE))
        self._end_late()
        return woken

    def _pause(self, deadline: float | None) -> float | None:
        deadlines = [process.kill_at for process in self._processes.values() if process.kill_at is not None]
        if deadline is not None:
            deadlines.append(deadline)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _end_late(self) -> None:
        now = time.monotonic()
        for process in self._processes.values():
            if process.kill_at is not None and now >= process.kill_at and self._launcher is not None:
                process.kill_at = None
                process.killed = True
                self._launcher.end(process.number)

    def _heard_waker(self) -> bool:
        try:
            return bool(self._wakeup.recv(_CHUNK))
        except BlockingIOError:
            return False

    def _hear_launcher(self, *, writable: bool) -> None:
        launcher = self._launcher
        if launcher is None:
            return
        if writable:
            launcher.flush()
        notices = launcher.receive()
        if launcher.died:
            self._selector.unregister(launcher)
            launcher.close()
            self._launcher = None
        for notice in notices:
            self._note(self._processes[notice.process], notice)

    # --- the life of a process --------------------------------------------------------------------------------

    def _launch(self, trial: Trial) -> _Process:
        staged = self._stage(trial)
        output = Output(trial.number, self._log_path(trial), self._patterns)
        with contextlib.ExitStack() as descriptors:
            nothing = os.open(os.devnull, os.O_RDONLY)
            descriptors.callback(os.close, nothing)
            pipe, pipe_end = os.pipe()
            descriptors.callback(os.close, pipe_end)
            os.set_blocking(pipe, False)
            self._ready_launcher().start(
                trial.number,
                staged.argv,
                env={**staged.env, **self._overrides},
                cwd=str(staged.cwd),
                stdio=(nothing, pipe_end, pipe_end),
            )
        process = _Process(trial, staged, output, pipe)
        self._selector.register(pipe, selectors.EVENT_READ, process)
        return process

    def _ready_launcher(self) -> LauncherClient:
        if self._launcher is not None:
            self._hear_launcher(writable=False)  # it may have died since it was last used
        if self._launcher is None:
            self._launcher = LauncherClient(self._environment, preload=self._preload)
            self._selector.register(self._launcher, selectors.EVENT_READ)
        return self._launcher

    def _read(self, process: _Process) -> bool:
        """Read once from what the trial prints; return whether there may be more."""
        if process.pipe is None:
            return False
        try:
            data = os.read(process.pipe, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._events.extend(process.output.feed(data))
        else:  # it may close its output and go on
            self._close_pipe(process)
        return bool(data)

    def _note(self, process: _Process, notice: Notice) -> None:
        if isinstance(notice, Running):
            self._events.append(Started(process.number, time.time()))
            return
        self._release(process)
        del self._processes[process.number]
        exit_code, reason = (None, notice.reason) if isinstance(notice, Broken) else (notice.exit_code, None)
        status = TrialStatus.Completed if exit_code == 0 else TrialStatus.Failed
        tail = process.output.tail
        if process.stopping:
            status = TrialStatus.Stopped
            reason = f"did not end within {self._grace_seconds:g} s of SIGTERM" if process.killed else None
        elif exit_code:
            reason = one_line(": ".join(filter(None, (describe_exit(exit_code), _cause(process.staged, tail)))))
        if status is not TrialStatus.Failed:
            tail = (process.output.cut,) if process.output.cut else ()
        self._events.append(Ended(process.number, time.time(), status, reason, tail))

    def _release(self, process: _Process) -> None:
        """Read what is left of the output, and let go of everything that the trial held."""
        unread = _FULL_PIPE
        while unread > 0 and self._read(process):
            unread -= _CHUNK
        self._close_pipe(process)
        self._events.extend(process.output.finish())
        with contextlib.suppress(OSError):  # leftovers are untidy, but no reason to fail a trial that has ended
            clean(process.staged)

    def _close_pipe(self, process: _Process) -> None:
        if process.pipe is not None:
            self._selector.unregister(process.pipe)
            os.close(process.pipe)
            process.pipe = None


def _cause(staged: Staged, tail: Sequence[str]) -> str | None:
    """Return what the trial gave as the cause of its failure, the surest source first."""
    return traceback_cause(tail) or _first_line(staged.failure_file) or error_line(tail)


def _first_line(path: Path) -> str | None:
    try:
        with path.open(errors="replace") as file:
            return file.readline(LONGEST_REASON).strip() or None
    except OSError:
        return None
