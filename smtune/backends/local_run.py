"""A job under way in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from smtune.loop import TuningLoop
from smtune.runners import Runner
from smtune.spec import TuningSpec
from smtune.store import Command, Control, JobDirectory, JobLease, JobStore


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
        # Not a daemon: a script that ends after tune() waits for its job, as it would for any of its own work.
        self.thread = threading.Thread(target=self._work, name=f"smtune-{directory.name}")

    @property
    def name(self) -> str:
        """Name of the job."""
        return self._directory.name

    def start(self) -> None:
        """Start the thread, and return when the log says that the job runs.

        Raises:
            StoreError: The log cannot be replayed or written.
        """
        self.thread.start()
        try:
            self._begun.wait()
        except BaseException:  # Ctrl-C: whoever called it gets no job to stop
            self.stop(force=True)
            self.thread.join()
            raise
        self.check()

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
            self._begun.set()
