"""A job under way in this process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from smtune.backends.at_exit import UnfinishedJob, wait_at_exit
from smtune.loop import TuningLoop
from smtune.runners import Runner
from smtune.spec import TuningSpec
from smtune.store import Command, Control, JobDirectory, JobLease, JobStore

_LOOK_SECONDS: Final = 0.5
"""How long a thread that waits for the end may be deaf to signals."""


class LocalRun:
    """A job under way in this process: its loop, its thread, and the ear for other processes."""

    def __init__(self, directory: JobDirectory, spec: TuningSpec, runner: Runner, lease: JobLease) -> None:
        self._directory = directory
        self._spec = spec
        self._runner = runner
        self._lease = lease
        self._error: BaseException | None = None
        self._loop: TuningLoop | None = None
        self._wanted: Command | None = None
        self._begun = threading.Event()
        self._ended = threading.Event()
        # Not a daemon: a script that ends after tune() waits for its job, as it would for any of its own work.
        self._thread = threading.Thread(target=self._work, name=f"smtune-{directory.name}")

    @property
    def name(self) -> str:
        """Name of the job."""
        return self._directory.name

    def start(self) -> None:
        """Start the thread, and return when the log says that the job runs.

        Raises:
            StoreError: The log cannot be replayed or written.
        """
        self._leave = wait_at_exit(
            UnfinishedJob(self.name, lambda: self.under_way, self.wait, lambda force: self.stop(force=force))
        )
        self._thread.start()
        try:
            self._begun.wait()
        except BaseException:  # Ctrl-C: whoever called it gets no job to stop
            self.stop(force=True)
            self.wait()
            raise
        self.check()

    @property
    def under_way(self) -> bool:
        """Whether the loop is still running."""
        return not self._ended.is_set()

    def wait(self, timeout: float | None = None) -> None:
        """Block until the loop has ended, or for some seconds.

        Not ``Thread.join``: before Python 3.13, a thread whose join was interrupted by Ctrl-C counts as ended.
        Never for long at a time: a Ctrl-C that comes just before this thread blocks, or that another thread gets, does
        not wake it.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not self._ended.wait(min(_LOOK_SECONDS, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                return

    def stop(self, *, force: bool) -> None:
        """Have the loop stop, now or as soon as there is one."""
        self._wanted = "kill" if force else self._wanted or "stop"
        self._obey()

    def _obey(self) -> None:
        if self._loop is not None and self._wanted is not None:
            (self._loop.kill if self._wanted == "kill" else self._loop.request_stop)()

    def enqueue(self, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of what the strategy proposes."""
        if self._loop is not None:
            self._loop.enqueue(configuration)

    def check(self) -> None:
        """Raise what ended the loop early."""
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            with JobStore.open(self._directory) as store:
                self._loop = loop = TuningLoop(self._spec, runner=self._runner, store=store)
                self._obey()  # what was asked before there was a loop
                commands: dict[Command, Callable[[], None]] = {"stop": loop.request_stop, "kill": loop.kill}
                with Control(self._directory, lambda command: commands[command]()):
                    loop.run(begun=self._begun.set)
        except BaseException as error:  # the thread has no caller; wait() raises it
            self._error = error
        finally:
            self._runner.close()
            self._lease.release()
            self._ended.set()
            self._begun.set()
            self._leave()
