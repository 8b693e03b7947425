"""Calls of a Python function, in threads of this process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from smtune.runners.base import Ended, Event, Measured, Runner, Started
from smtune.runners.evaluation import TrialStopped, evaluate
from smtune.trial import Trial, TrialStatus


class _Call:
    """A trial that was started and whose end was not yet delivered."""

    __slots__ = ("number", "parameters", "repeat", "stopping", "thread")

    def __init__(self, trial: Trial) -> None:
        self.number = trial.number
        self.parameters: Mapping[str, Any] = trial.parameters
        self.repeat = trial.repeat
        self.stopping = False
        self.thread: threading.Thread | None = None


_Calls = SimpleQueue[_Call | None]
_Happened = SimpleQueue[Event | None]  # None: somebody called `wake`


class ThreadRunner(Runner):
    """Calls a function for each trial, in threads that live as long as the runner.

    A thread cannot be ended from outside: a trial that was asked to stop ends at its next
    :func:`smtune.container.report`, which raises :class:`TrialStopped` in it, and holds its slot until then.

    Args:
        function: As of :class:`smtune.runners.FunctionRunner`.
        slots: How many calls may run at a time.
        objective: The metric that a bare number stands for.
    """

    def __init__(self, function: Callable[[dict[str, Any]], Any], *, slots: int, objective: str) -> None:
        self._function = function
        self._slots = slots
        self._objective = objective
        self._calls: _Calls = SimpleQueue()
        self._happened: _Happened = SimpleQueue()
        self._running: dict[int, _Call] = {}
        self._threads: list[threading.Thread] = []
        self._owner = os.getpid()
        self._closed = False

    def start(self, trial: Trial) -> None:
        """Hand a trial to a free thread.

        Raises:
            RuntimeError: The runner is closed, all slots are busy, or a trial of this number is running.
        """
        if self._closed:
            raise RuntimeError("the runner is closed")
        if len(self._running) >= self._slots or trial.number in self._running:
            running = sorted(self._running)
            raise RuntimeError(f"cannot start trial {trial.number}: trials {running} run in {self._slots} slots")
        call = _Call(trial)
        self._running[trial.number] = call
        self._calls.put(call)
        if len(self._threads) < len(self._running):
            work = (self._function, self._objective, self._calls, self._happened)
            name = f"smtune-trials-{len(self._threads)}"
            thread = threading.Thread(target=_serve, args=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self, timeout: float | None) -> Sequence[Event]:
        """Return what happened since the last call, or what happens first."""
        events: list[Event] = []
        try:
            if self._running:
                limit = None if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX)
                self._take(self._happened.get(timeout=limit), events)
            for _ in range(self._happened.qsize()):
                self._take(self._happened.get_nowait(), events)
        except Empty:
            pass
        return events

    def wake(self) -> None:
        """Make the present or the next :meth:`wait` return at once."""
        self._happened.put(None)

    def stop(self, number: int) -> None:
        """Have the next report of the trial raise :class:`TrialStopped` in it."""
        call = self._running.get(number)
        if call is not None:
            call.stopping = True

    def busy(self) -> int:
        """Return how many trials have not ended."""
        return len(self._running)

    def close(self) -> None:
        """Stop everything; a call that never reports goes on in a daemon thread, and its outcome is dropped."""
        if self._closed or os.getpid() != self._owner:  # threads do not survive a fork
            return
        self._closed = True
        for call in self._running.values():
            call.stopping = True  # a thread that takes it only now lets it be
        occupied = {call.thread for call in self._running.values()}
        self._running.clear()
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            if thread not in occupied and thread is not threading.current_thread():
                thread.join()

    def __del__(self) -> None:
        self.close()

    def _take(self, event: Event | None, events: list[Event]) -> None:
        if event is None or event.number not in self._running:
            return
        events.append(event)
        if isinstance(event, Ended):
            del self._running[event.number]


def _serve(function: Callable[[dict[str, Any]], Any], objective: str, calls: _Calls, happened: _Happened) -> None:
    """Do calls until there is a ``None``; knows no runner, so that a forgotten runner can be collected."""
    while (call := calls.get()) is not None:
        call.thread = threading.current_thread()
        happened.put(_carry_out(call, function, objective, happened))


def _carry_out(call: _Call, function: Callable[[dict[str, Any]], Any], objective: str, happened: _Happened) -> Ended:
    def sink(step: int | None, metrics: dict[str, float]) -> None:
        happened.put(Measured(call.number, time.time(), metrics, step))
        if call.stopping:
            raise TrialStopped

    failure = None
    if not call.stopping:
        happened.put(Started(call.number, time.time()))
        failure = evaluate(function, call.parameters, objective=objective, repeat=call.repeat, sink=sink)
    if call.stopping:
        return Ended(call.number, time.time(), TrialStatus.Stopped)
    if failure is None:
        return Ended(call.number, time.time(), TrialStatus.Completed)
    return Ended(call.number, time.time(), TrialStatus.Failed, failure.reason, failure.tail)
