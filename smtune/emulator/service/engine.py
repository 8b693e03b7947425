"""Runs training jobs: as many at a time as there are slots, the oldest first."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from smtune.emulator.service.aws import Aws
from smtune.emulator.service.errors import closed
from smtune.emulator.service.faults import Faults
from smtune.emulator.service.gate import Gate
from smtune.emulator.service.hosts import Hosts
from smtune.emulator.service.journal import Journal
from smtune.emulator.service.scraper import Scraper
from smtune.emulator.service.settings import Settings
from smtune.emulator.service.temporary import TemporaryFolder
from smtune.emulator.service.training import TrainingListener
from smtune.emulator.service.training_job import TrainingJob
from smtune.emulator.service.training_run import INTERNAL_ERROR, Run
from smtune.emulator.service.troubles import Abandoned, TrainingError

_MOST_THREADS: Final = 32

_LOG = logging.getLogger(__name__)


class TrainingEngine:
    """Runs training jobs.

    One thread starts processes and hears of them; a few others download and upload. Jobs that were submitted before a
    reset leave no trace after it.

    Args:
        aws: Where data comes from; artifacts, logs and metrics go there.
        settings: How jobs run here.
    """

    def __init__(self, aws: Aws, settings: Settings) -> None:
        self.hosts = Hosts(grace_seconds=settings.grace_seconds)
        self._aws = aws
        self._settings = settings
        self._faults = Faults.of(settings.faults)
        self._lock = threading.Lock()
        self._gate = Gate(aws)
        self._commands: deque[tuple[Run | None, Callable[[], None]]] = deque()
        self._counter = itertools.count(1)
        self._folder: TemporaryFolder | None = None
        self._thread: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(min(_MOST_THREADS, settings.slots + 2), "training-work")
        self._scraper = Scraper()
        self._closed = False
        # The engine's thread alone knows these.
        self._waiting: deque[Run] = deque()
        self._running: dict[TrainingJob, Run] = {}
        self._over: set[Run] = set()

    def submit(self, job: TrainingJob, listener: TrainingListener | None = None) -> None:
        """Run a job as soon as there is a slot.

        Raises:
            ServiceError: The engine is closed.
        """
        with self._lock:
            if self._closed:
                raise closed()
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="training-engine", daemon=True)
                self._thread.start()
            folder = self._own_folder() / str(next(self._counter))
            run = Run(
                job,
                listener,
                self,
                aws=self._gate,
                settings=self._settings,
                faults=self._faults,
                folder=folder,
            )
        self.post(run, partial(self._admit, run))

    def stop(self, job: TrainingJob) -> None:
        """End a job that says that it is stopping."""
        self.post(None, partial(self._stop, job))

    def reset(self) -> None:
        """Give up all jobs, and kill what runs of them; does not wait for it."""
        with self._lock:
            self._gate.close()
            self._gate = Gate(self._aws)
            self._faults.reset()
        self.post(None, self._abandon_all)

    def close(self) -> None:
        """Give up all jobs, and wait until nothing is left. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._gate.close()
        self.post(None, self._abandon_all)
        if self._thread is not None:
            self._thread.join()
        self._scraper.close()
        self.hosts.close()
        self._pool.shutdown()
        if self._over:  # folders take a while to remove where disks are slow
            with ThreadPoolExecutor(len(self._over)) as pool:
                list(pool.map(Run.discard, self._over))
        if self._folder is not None:
            self._folder.close()

    # --- for the runs -----------------------------------------------------------------------------------------

    def work(self, run: Run, task: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do something that takes a while in another thread; go on with its result, or with :meth:`Run.fail`."""
        run.tasks += 1
        self._pool.submit(self._work, run, task, then)

    def background(self, run: Run, task: Callable[[], None]) -> None:
        """Do something in another thread, if it succeeds: what failed is tried again at the end of the job."""
        run.tasks += 1
        self._pool.submit(self._try, run, task)

    def scrape(
        self,
        run: Run,
        journal: Journal,
        lines: Sequence[str],
        then: Callable[[Sequence[dict[str, float]], set[str]], None],
    ) -> None:
        """Read the metrics of lines in another thread; go on with those of each line, and the regexes given up."""

        def found(metrics: Sequence[dict[str, float]], slow: set[str], trouble: Exception | None) -> None:
            if trouble is not None:
                _LOG.error("%s: metrics cannot be read", run.job.name, exc_info=trouble)
                journal.remark(
                    f"metrics cannot be read from what is printed here, and are lost: {trouble}", time.time()
                )
            self.post(run, partial(self._go_on, run, partial(then, metrics, slow)))

        self._scraper.search(journal.sources, lines, found)
        run.tasks += 1

    def post(self, run: Run | None, action: Callable[[], None]) -> None:
        """Do something in the engine's thread, from any other."""
        self._commands.append((run, action))
        self.hosts.wake()

    def finished(self, run: Run) -> None:
        """Free the slot of a run that is over."""
        self._running.pop(run.job, None)
        self._over.add(run)
        self.tidy(run)
        self._fill()

    def _work(self, run: Run, task: Callable[[], Any], then: Callable[[Any], None]) -> None:
        try:
            outcome = partial(then, task())
        except Abandoned:
            outcome = partial(self.tidy, run)
        except TrainingError as error:
            outcome = partial(run.fail, error.reason)
        except Exception as error:  # a full disk, say
            _LOG.exception("%s: the emulator failed", run.job.name)
            outcome = partial(run.fail, _internal(error))
        self.post(run, partial(self._go_on, run, outcome))

    def _try(self, run: Run, task: Callable[[], None]) -> None:
        try:
            task()
        except Abandoned:
            pass
        except Exception:  # it will be tried again
            _LOG.debug("%s: will be tried again", run.job.name, exc_info=True)
        self.post(run, partial(self._go_on, run, partial(self.tidy, run)))

    # --- the engine's thread ----------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._closed:
            deadlines = [run.deadline for run in self._running.values()]
            self.hosts.turn(min((at for at in deadlines if at is not None), default=None))
            while self._commands:
                run, action = self._commands.popleft()
                self.guard(run, action)
            now = time.monotonic()
            for run in list(self._running.values()):
                self.guard(run, partial(run.act, now))
        self._abandon_all()

    def guard(self, run: Run | None, action: Callable[[], None]) -> None:
        """Do something for a run, and fail it if that is not possible."""
        try:
            action()
        except Exception as error:  # one job must not end the others
            _LOG.exception("the emulator failed")
            if run is not None and run.job in self._running:
                run.fail(_internal(error))

    def _admit(self, run: Run) -> None:
        if not run.aws.closed:
            self._waiting.append(run)
            self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self._settings.slots:
            run = self._waiting.popleft()
            self._running[run.job] = run
            self.guard(run, run.stop if run.job.status == "Stopping" else run.begin)

    def _go_on(self, run: Run, outcome: Callable[[], None]) -> None:
        run.tasks -= 1
        if self._running.get(run.job) is run:
            outcome()
        else:
            self.tidy(run)

    def _stop(self, job: TrainingJob) -> None:
        run = self._running.get(job)
        if run is not None:
            self.guard(run, run.stop)
            return
        for run in self._waiting:
            if run.job is job:
                self._waiting.remove(run)
                run.stop()
                return

    def _abandon_all(self) -> None:
        """Give up the runs of before a reset; the gate tells which these are."""
        self._waiting = deque(run for run in self._waiting if not run.aws.closed)
        for run in [run for run in self._running.values() if run.aws.closed]:
            del self._running[run.job]
            self._over.add(run)
            run.kill()
            self.tidy(run)
        self._fill()

    def tidy(self, run: Run) -> None:
        """Remove what is left of a run that is over, once nothing works for it."""
        if run in self._over and run.is_idle:
            self._over.remove(run)
            self._pool.submit(run.discard)

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder = TemporaryFolder("smtune-training-", self._settings.folder)
        return self._folder.path


def _internal(error: Exception) -> str:
    return f"{INTERNAL_ERROR}: {' '.join(str(error).split()) or repr(error)}"
