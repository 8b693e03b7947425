"""Trials as processes on this machine."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from smtune.metric_lines import Reader, compile_patterns, read_metrics
from smtune.runners.base import Ended, Started
from smtune.runners.evaluation import LONGEST_REASON, one_line
from smtune.runners.launcher.notices import Broken, Exited, describe_exit
from smtune.runners.output import Output, error_line, traceback_cause
from smtune.runners.watching import PipedChild, WatchingRunner
from smtune.sandbox import Staged, inherited_environment
from smtune.sandbox.left_files import beginning_of
from smtune.trial import Trial, TrialStatus

_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class _Process(PipedChild):
    """The process of a trial; the two have the same number."""

    def __init__(self, number: int, pipe: int, staged: Staged, output: Output) -> None:
        super().__init__(number, pipe)
        self.staged = staged
        self.output = output
        self.begun = False


class ProcessRunner(WatchingRunner[_Process]):
    """Runs each trial as a process in a session of its own, and reads its metrics from what it prints.

    Nothing that a trial starts outlives it, daemons included (but for daemons on macOS). Nothing outlives the runner
    either, even if this process is killed.

    Args:
        stage: Prepares the directory of a trial and says what to run there. Whatever it raises fails the trial.
        slots: How many trials may run at a time.
        log_path: Where to keep what a trial prints.
        metrics: Metric name to the regex whose first group captures its value, for scripts that do not use
            :func:`smtune.container.report`.
        read: Reads the metrics of a line.
        clear: Called with the number of every trial that was staged, once nothing of it runs any more, and with how it
            ended. Whatever it raises fails a trial that had completed.
        grace_seconds: How long a trial may take to end after it was asked to.
        preload: Modules to have imported when a script begins: it then runs in a fork of a process that has them, and
            with one thread unless ``environment`` says otherwise. ``None`` gives every trial a fresh interpreter, as
            does a system or a module that makes forks unsafe.
        environment: Variables that all trials share; some libraries read theirs when they are imported, so
            ``preload`` needs them.
        launcher_log: File that is locked (``flock``, shared) while any process of this runner lives, even if this
            process is killed; takes what goes wrong with what starts the trials.

    Raises:
        SpecError: A regex is wrong.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        stage: Callable[[Trial], Staged],
        *,
        slots: int,
        log_path: Callable[[Trial], Path],
        metrics: Mapping[str, str | re.Pattern[str]] = MappingProxyType({}),
        read: Reader = read_metrics,
        clear: Callable[[int, TrialStatus], None] = lambda _number, _status: None,
        grace_seconds: float = 30.0,
        preload: Sequence[str] | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        launcher_log: Path | None = None,
    ) -> None:
        self._stage = stage
        self._slots = slots
        self._log_path = log_path
        self._patterns = compile_patterns(metrics)
        self._read_line = read
        self._clear = clear
        threads = {} if preload is None else _ONE_THREAD
        self._overrides = {name: value for name, value in threads.items() if name not in environment}
        # Forks keep the launcher's streams, so these must be as unbuffered as those of a fresh interpreter.
        unbuffered = {"PYTHONUNBUFFERED": "1"}
        launcher_environment = {**inherited_environment(), **unbuffered, **environment, **self._overrides}
        super().__init__(
            grace_seconds=grace_seconds, environment=launcher_environment, preload=preload, launcher_log=launcher_log
        )

    def start(self, trial: Trial) -> None:
        """Stage a trial and start its process.

        Raises:
            RuntimeError: The runner is closed, all slots are busy, or a trial of this number is running.
        """
        self._check_open()
        if self.busy() >= self._slots or trial.number in self._children:
            running = sorted(self._children)
            raise RuntimeError(f"cannot start trial {trial.number}: trials {running} run in {self._slots} slots")
        try:
            self._watch(self._launch(trial))
        except Exception as error:  # whatever happens to a trial is data
            reason = one_line(f"cannot be prepared: {str(error) or repr(error)}")
            self._events.append(Ended(trial.number, time.time(), TrialStatus.Failed, reason))

    def stop(self, number: int) -> None:
        """Send SIGTERM to the trial's process group, and SIGKILL to all that is left after the grace period."""
        process = self._children.get(number)
        if process is not None:
            self._ask_to_end(process)

    def busy(self) -> int:
        """Return how many trials have not ended."""
        return len(self._children)

    def _launch(self, trial: Trial) -> _Process:
        staged = self._stage(trial)
        output = Output(trial.number, self._log_path(trial), self._patterns, goes_on=trial.paused, read=self._read_line)
        try:
            pipe = self._start(trial.number, staged, {**staged.env, **self._overrides})
        except BaseException:
            output.finish()
            self._cleared(trial.number, TrialStatus.Failed)
            raise
        return _Process(trial.number, pipe, staged, output)

    def _take(self, process: _Process, data: bytes) -> None:
        self._begun(process)  # its first words may overtake the launcher's notice
        self._events.extend(process.output.feed(data))

    def _begun(self, process: _Process) -> None:
        if not process.begun:
            process.begun = True
            self._events.append(Started(process.number, time.time()))

    def _ended(self, process: _Process, notice: Exited | Broken) -> None:
        self._events.extend(process.output.finish())
        exit_code, reason = (None, notice.reason) if isinstance(notice, Broken) else (notice.exit_code, None)
        status = TrialStatus.Completed if exit_code == 0 else TrialStatus.Failed
        tail = process.output.tail
        if process.stopping:
            status = TrialStatus.Stopped
            reason = f"did not end within {self._grace_seconds:g} s of SIGTERM" if process.killed else None
        elif status is TrialStatus.Completed:
            reason = process.output.remark
        elif exit_code:
            reason = one_line(": ".join(filter(None, (describe_exit(exit_code), _cause(process.staged, tail)))))
        trouble = self._cleared(process.number, status)
        if trouble is not None and status is TrialStatus.Completed:
            status, reason = TrialStatus.Failed, trouble
        if status is not TrialStatus.Failed:
            tail = (process.output.cut,) if process.output.cut else ()
        self._events.append(Ended(process.number, time.time(), status, reason, tail))

    def _let_go(self, process: _Process) -> None:
        self._events.extend(process.output.finish())
        self._cleared(process.number, TrialStatus.Stopped)

    def _cleared(self, number: int, status: TrialStatus) -> str | None:
        """Clear up after a trial; return what went wrong with that."""
        try:
            self._clear(number, status)
        except Exception as error:  # whatever happens to a trial is data
            return one_line(f"what it left cannot be kept: {str(error) or repr(error)}")
        return None


def _cause(staged: Staged, tail: Sequence[str]) -> str | None:
    """Return what the trial gave as the cause of its failure, the surest source first."""
    said, *_ = beginning_of(staged.failure_file, LONGEST_REASON).split("\n")
    return traceback_cause(tail) or said.rstrip() or error_line(tail)
