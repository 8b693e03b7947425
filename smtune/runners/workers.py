"""Calls of a Python function, in worker processes."""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from smtune.errors import Problem, SpecError
from smtune.runners import worker as worker_program
from smtune.runners.base import Ended, Measured, Started
from smtune.runners.evaluation import one_line
from smtune.runners.launcher.notices import Broken, Exited, describe_exit
from smtune.runners.launcher.wire import frame, unframe
from smtune.runners.watching import CHUNK, Child, WatchingRunner
from smtune.sandbox import inherited_environment
from smtune.sandbox.interpreter import python_program
from smtune.trial import Trial, TrialStatus


class _Worker(Child):
    """A worker process.

    Attributes:
        trial: What it works on, or ``None`` while it is idle.
        begun: Whether its program runs.
        calls: How many trials it has finished.
        calling: Whether it has taken up the trial.
        usable: Whether it can be given a trial.
    """

    def __init__(self, number: int, link: socket.socket) -> None:
        super().__init__(number)
        self.trial: Trial | None = None
        self.begun = False
        self.calls = 0
        self.calling = False
        self.usable = True
        self.buffer = bytearray()
        self._link = link

    def fileno(self) -> int:
        return self._link.fileno()

    def read(self) -> bytes:
        return self._link.recv(CHUNK, socket.MSG_DONTWAIT)

    def close(self) -> None:
        self._link.close()

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it has died: that comes as a notice
            self._link.sendall(data)


class WorkerRunner(WatchingRunner[_Worker]):
    """Calls a function for each trial, in worker processes that live as long as the runner.

    A trial that was asked to stop gets SIGTERM and, after the grace period, SIGKILL; a new worker then takes the place
    of its own.

    Args:
        function: As of :class:`smtune.runners.FunctionRunner`. Workers import it by its name.
        slots: How many calls may run at a time.
        objective: The metric that a bare number stands for.
        grace_seconds: How long a trial may take to end after it was asked to.
        environment: Variables to set in the workers, which inherit no AWS credentials.
        launcher_log: As of :class:`smtune.runners.ProcessRunner`.

    Raises:
        SpecError: Another process could not import the function.
        RuntimeError: This is a worker, which imports the main module to find the function.
    """

    def __init__(
        self,
        function: Callable[[dict[str, Any]], Any],
        *,
        slots: int,
        objective: str,
        grace_seconds: float = 30.0,
        environment: Mapping[str, str] = MappingProxyType({}),
        launcher_log: Path | None = None,
    ) -> None:
        if worker_program.finding_function:
            raise RuntimeError(
                'workers import this file: put what starts the tuning below `if __name__ == "__main__":`'
            )
        setup = {"function": base64.b64encode(_pickled(function)).decode(), "objective": objective}
        self._setup = frame({**setup, "preparation": _preparation()})
        self._slots = slots
        self._worker_environment = {**inherited_environment(), **environment}
        self._hired = 0
        super().__init__(grace_seconds=grace_seconds, environment=inherited_environment(), launcher_log=launcher_log)

    def start(self, trial: Trial) -> None:
        """Hand a trial to an idle worker, or to a new one.

        Raises:
            RuntimeError: The runner is closed, all slots are busy, or a trial of this number is running.
        """
        self._check_open()
        running = sorted(worker.trial.number for worker in self._children.values() if worker.trial)
        if len(running) >= self._slots or trial.number in running:
            raise RuntimeError(f"cannot start trial {trial.number}: trials {running} run in {self._slots} slots")
        self._assign(trial)

    def stop(self, number: int) -> None:
        """Send SIGTERM to the trial's worker, and SIGKILL after the grace period."""
        for worker in self._children.values():
            if worker.trial is not None and worker.trial.number == number:
                self._ask_to_end(worker)

    def busy(self) -> int:
        """Return how many trials have not ended."""
        return sum(worker.trial is not None for worker in self._children.values())

    def _assign(self, trial: Trial) -> None:
        try:
            idle = (worker for worker in self._children.values() if worker.trial is None and worker.usable)
            worker = next(idle, None) or self._hire()
            request = frame({"parameters": dict(trial.parameters), "repeat": trial.repeat})
        except (OSError, TypeError, ValueError) as error:  # no descriptors are left, or a value is not JSON
            reason = one_line(f"cannot be handed to a worker: {error}")
            self._events.append(Ended(trial.number, time.time(), TrialStatus.Failed, reason))
            return
        worker.trial = trial
        worker.calling = False
        if worker.begun:
            worker.send(request)

    def _hire(self) -> _Worker:
        launcher = self._ready_launcher()
        link, theirs = socket.socketpair()
        with contextlib.ExitStack() as kept, theirs, open(os.devnull, "wb") as nothing:  # noqa: PTH123 - only its descriptor counts
            kept.callback(link.close)
            output, errors = (fd if _is_open(fd) else nothing.fileno() for fd in (1, 2))
            stdio = (theirs.fileno(), output, errors)
            self._hired += 1
            worker = _Worker(self._hired, link)
            argv = python_program("smtune.runners.worker")
            launcher.start(worker.number, argv, env=self._worker_environment, cwd=_folder(), stdio=stdio)
            kept.pop_all()
        self._watch(worker)
        return worker

    def _begun(self, worker: _Worker) -> None:
        worker.begun = True
        worker.send(self._setup)
        if worker.trial is not None:
            worker.send(frame({"parameters": dict(worker.trial.parameters), "repeat": worker.trial.repeat}))

    def _take(self, worker: _Worker, data: bytes) -> None:
        worker.buffer += data
        for message in unframe(worker.buffer):
            if worker.trial is not None:
                self._hear(worker, worker.trial, message)

    def _hear(self, worker: _Worker, trial: Trial, message: dict[str, Any]) -> None:
        if "started" in message:
            worker.calling = True
            self._events.append(Started(trial.number, time.time()))
        elif "metrics" in message:
            self._events.append(Measured(trial.number, time.time(), message["metrics"], message["step"]))
        elif worker.stopping:
            self._end(worker)  # its end is the trial's; a signal may have left it in any state
        elif "unusable" in message:
            worker.usable = False
            self._close_trial(worker, f"a worker cannot find the function: {message['unusable']}", message["tail"])
        elif "ended" in message:
            worker.calls += 1
            self._close_trial(worker, message["ended"], message["tail"])

    def _close_trial(self, worker: _Worker, reason: str | None, tail: list[str]) -> None:
        if worker.trial is not None:
            status = TrialStatus.Completed if reason is None else TrialStatus.Failed
            self._events.append(
                Ended(worker.trial.number, time.time(), status, reason and one_line(reason), tuple(tail))
            )
            worker.trial = None

    def _ended(self, worker: _Worker, notice: Exited | Broken) -> None:
        trial = worker.trial
        if trial is None:
            return
        if worker.stopping:
            reason = f"did not end within {self._grace_seconds:g} s of SIGTERM" if worker.killed else None
            self._events.append(Ended(trial.number, time.time(), TrialStatus.Stopped, reason))
        elif worker.calls and not worker.calling:  # it died while it was idle: the trial has not seen it
            self._assign(trial)
        else:
            self._close_trial(
                worker, notice.reason if isinstance(notice, Broken) else describe_exit(notice.exit_code), []
            )

    def _let_go(self, worker: _Worker) -> None:
        """Leave nothing: its channel is closed."""


def _pickled(function: Callable[[dict[str, Any]], Any]) -> bytes:
    try:
        pickled = pickle.dumps(function)
    except Exception as error:  # objects refuse with all kinds of exceptions
        raise _not_importable(function, str(error)) from error
    if b"__main__" in pickled and not _main_module():
        raise _not_importable(function, "it is defined interactively")
    return pickled


def _not_importable(function: object, why: str) -> SpecError:
    rule = f"must be importable by worker processes ({why})"
    fix = 'use isolation="thread", or define it at the top level of a module'
    return SpecError([Problem("function", getattr(function, "__qualname__", repr(function)), rule, fix)])


def _main_module() -> dict[str, str]:
    """Return where workers find what the main module defines, in the words of :mod:`multiprocessing.spawn`."""
    main = sys.modules["__main__"]
    if main.__spec__ is not None:
        return {"init_main_from_name": main.__spec__.name}
    path = getattr(main, "__file__", None)
    return {"init_main_from_path": str(Path(path).absolute())} if path and Path(path).is_file() else {}


def _preparation() -> dict[str, Any]:
    return {"sys_path": [entry or _folder() for entry in sys.path], "sys_argv": sys.argv, **_main_module()}


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # somebody has removed it
        return "/"


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
