"""A training job on its way: prepared, trained, interrupted perhaps, and its artifacts uploaded."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from smtune.emulator.service.artifacts import Checkpoints, LeftFolder, holds_something, upload_folder
from smtune.emulator.service.channels import bucket_of
from smtune.emulator.service.endings import failure_of
from smtune.emulator.service.faults import Faults
from smtune.emulator.service.gate import Gate
from smtune.emulator.service.hosts import Host, Hosts
from smtune.emulator.service.instances import Instances
from smtune.emulator.service.journal import Journal
from smtune.emulator.service.preparation import Prepared, prepare
from smtune.emulator.service.settings import Settings
from smtune.emulator.service.training import TrainingListener
from smtune.emulator.service.training_job import TrainingJob
from smtune.emulator.service.troubles import TrainingError
from smtune.runners.launcher.notices import Broken, Exited

_LOG_SECONDS: Final = 0.25
"""How long lines may wait before they are in the log."""
_CHECKPOINT_SECONDS: Final = 3.0
"""How often checkpoints are uploaded while the job trains."""
_LONGEST_RUN: Final = 86400
"""Seconds that a job may train where it does not say: a day, as on SageMaker."""
_RAN_TOO_LONG: Final = "MaxRuntimeExceeded"
_WAITED_TOO_LONG: Final = "MaxWaitTimeExceeded"

INTERNAL_ERROR: Final = "InternalServerError"
"""How the reason of a failure begins that is not the job's fault, so that it may be tried again."""

_LOG = logging.getLogger(__name__)


class Work(Protocol):
    """What a run needs of the engine."""

    hosts: Hosts

    def work(self, run: Run, task: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do something that takes a while in another thread; go on with its result, or with :meth:`Run.fail`."""

    def background(self, run: Run, task: Callable[[], None]) -> None:
        """Do something in another thread, if it succeeds."""

    def scrape(
        self,
        run: Run,
        journal: Journal,
        lines: Sequence[str],
        then: Callable[[Sequence[dict[str, float]], set[str]], None],
    ) -> None:
        """Read the metrics of lines in another thread; go on with those of each line, and the regexes given up."""

    def post(self, run: Run, action: Callable[[], None]) -> None:
        """Do something in the engine's thread, from any other."""

    def guard(self, run: Run, action: Callable[[], None]) -> None:
        """Do something for a run, and fail it if that is not possible."""

    def finished(self, run: Run) -> None:
        """Free the slot of a run that is over."""

    def tidy(self, run: Run) -> None:
        """Look whether anything still works for a run that nobody wants any more."""


class Run:
    """Takes one training job from its request to its end. The engine's thread calls everything.

    Args:
        job: The job.
        listener: Told what becomes of it.
        engine: Does the work.
        aws: Where data comes from and artifacts go.
        settings: How jobs run here.
        faults: What goes wrong with them.
        folder: The job's own; made when it is needed.
    """

    def __init__(
        self,
        job: TrainingJob,
        listener: TrainingListener | None,
        engine: Work,
        *,
        aws: Gate,
        settings: Settings,
        faults: Faults,
        folder: Path,
    ) -> None:
        self.job = job
        self.aws = aws
        self.tasks = 0
        """How many threads work for it."""
        self._listener = listener
        self._engine = engine
        self._settings = settings
        self._faults = faults
        self._folder = folder
        self._deadlines: list[tuple[float, Callable[[], None]]] = []
        self._hosts: dict[str, Host] = {}
        self._prepared: list[Prepared] = []
        self._journals: dict[str, Journal] = {}
        self._checkpoints: Checkpoints | None = None
        self._attempt = 0
        self._retries = 0
        self._told = False
        self._trains = False
        self._writes = False
        self._mute = False
        self._interrupted = False
        self._instances = Instances(job, faults, speed=settings.speed)
        self._exceeded: str | None = None  # the secondary status of what took too long
        self._failure: str | None = None
        self._unreadable: str | None = None  # what its programs cannot read through a pipe

    # --- what the engine asks ---------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When :meth:`act` has something to do, on the monotonic clock."""
        return min((at for at, _ in self._deadlines), default=None)

    @property
    def is_idle(self) -> bool:
        """Whether no process and no thread works for it."""
        return not self._hosts and not self.tasks

    def begin(self) -> None:
        """Begin: a slot is free."""
        self._mute = self._faults.draw("no-metric", self.job.name) is not None
        self._provision()

    def act(self, now: float) -> None:
        """Do what is due."""
        due = [action for at, action in self._deadlines if at <= now]
        self._deadlines = [one for one in self._deadlines if one[0] > now]
        for action in due:
            action()

    def stop(self) -> None:
        """Ask it to end; the job says that it is stopping."""
        for host in self._hosts.values():
            self._engine.hosts.stop(host)
        if self.is_idle:
            self._end()

    def kill(self) -> None:
        """End its processes at once."""
        for host in self._hosts.values():
            self._engine.hosts.kill(host)

    def fail(self, reason: str) -> None:
        """End it because something is wrong that is not its program's doing."""
        self._failure = self._failure or reason
        self.kill()
        if not self._hosts:
            self._end()

    def discard(self) -> None:
        """Remove what it leaves in its folder. Any thread may call this once nothing works for it."""
        for prepared in self._prepared:
            prepared.close()
        self._prepared = []
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- from start to end ------------------------------------------------------------------------------------

    def _provision(self) -> None:
        """Wait for instances, as long as the job may."""
        wait = self._instances.ask()
        action: Callable[[], None]
        if not wait.in_time:
            action = partial(self._give_up, _WAITED_TOO_LONG)
        else:
            action = self._prepare if wait.refusal is None else partial(self.fail, wait.refusal)
        if wait.seconds > 0.0:
            self._later(wait.seconds, action)
        else:
            action()

    def _give_up(self, status: str) -> None:
        self._exceeded = status
        self._end()

    def _prepare(self) -> None:
        if not self.job.enter("Downloading"):
            self._end()
            return
        self._attempt += 1
        self._unreadable = None
        folder = self._folder / str(self._attempt)
        self._engine.work(self, partial(self._fetch, folder), lambda _: self._train())

    def _train(self) -> None:
        if self.job.status == "Stopping":
            self._end()
            return
        config = self.job.request.get("CheckpointConfig")
        if config is not None:
            self._checkpoints = Checkpoints(
                [LeftFolder(one.staged.base, one.checkpoints) for one in self._prepared], config["S3Uri"]
            )
        fault = self._faults.draw("failure", self.job.name)
        if fault is not None:
            self.job.enter("Training")
            self.fail(fault.text)
            return
        now = time.time()
        regexes = {} if self._mute else self.job.regexes
        for host in self._prepared:
            journal = Journal(self.job.name, f"{self.job.name}/{host.name}-{int(now)}", regexes)
            for remark in host.remarks:
                journal.remark(remark, now)
            self._journals[host.name] = journal
            self._hosts[host.name] = self._engine.hosts.start(host.staged, _Ear(self, host, self._engine))

    def begun(self) -> None:
        """Go on: a program runs."""
        if self._trains or not self.job.enter("Training"):
            return
        self._trains = True
        started_at = self.job.started_at
        if not self._told and started_at is not None:
            self._told = True
            self._tell(lambda listener: listener.started(self.job, started_at))
        condition = self.job.request.get("StoppingCondition") or {}
        longest = condition.get("MaxRuntimeInSeconds") or _LONGEST_RUN
        seconds, status = min(
            (max(0.0, longest - self.job.state.paid_seconds), _RAN_TOO_LONG),
            (self._instances.patience, _WAITED_TOO_LONG),
        )
        self._later(seconds, partial(self._exceed, status))
        if self._checkpoints is not None:
            self._later(_CHECKPOINT_SECONDS, self._synchronise)
        if self.job.request.get("EnableManagedSpotTraining"):
            fault = self._faults.draw("interruption", self.job.name)
            if fault is not None:
                self._later(fault.seconds, self._interrupt)

    def printed(self, name: str, data: bytes) -> None:
        """Read what a host printed."""
        journal, now = self._journals[name], time.time()
        lines = journal.feed(data, now)
        if lines:
            self._engine.scrape(self, journal, lines, partial(self._scraped, name, journal, lines, now))
            if journal.is_behind:
                self._engine.hosts.pause(self._hosts[name])
        if journal.waits:
            self._write_soon()

    def exited(self, host: Prepared, notice: Exited | Broken) -> None:
        """Go on: a host is gone."""
        if self.aws.closed:
            del self._hosts[host.name]
            self._engine.tidy(self)
            return
        journal, now = self._journals[host.name], time.time()
        ended_by_us = self._interrupted or self._exceeded or self.job.status == "Stopping"
        gone = partial(self._gone, host, journal, None if ended_by_us else notice)
        lines = journal.finish(now)
        if journal.is_read:
            gone()
            return

        def scraped(found: Sequence[dict[str, float]], slow: set[str]) -> None:
            self._scraped(host.name, journal, lines, now, found, slow)
            gone()

        self._engine.scrape(self, journal, lines, scraped)

    def _gone(self, host: Prepared, journal: Journal, notice: Exited | Broken | None) -> None:
        """Go on: all that a host printed was read. There is no notice if the emulator has ended it."""
        del self._hosts[host.name]
        if self._failure is None and notice is not None:
            failure = failure_of(notice, said=host.staged.failure_file, tail=journal.tail)
            self._failure = self._unreadable or failure
            if self._failure is not None:
                self.kill()
        if not self._hosts:
            self._wind_up()

    def _wind_up(self) -> None:
        self._deadlines.clear()
        self._trains = self._writes = False
        if self._interrupted and self._failure is None and self.job.enter("Interrupted"):
            self._interrupted = False
            self._engine.work(self, self._save_for_later, self._begin_again)
            return
        self.job.enter("Uploading")
        self._engine.work(self, self._save, lambda _: self._end())

    def _begin_again(self, _: None) -> None:
        if self.job.enter("Starting"):
            self._provision()
        else:
            self._end()

    def _end(self) -> None:
        self._deadlines.clear()
        self._trains = False
        if self._may_retry() and self.job.enter("Restarting"):
            self._retries += 1
            self._failure = None
            self._engine.work(self, self.discard, lambda _: self._prepare())
            return
        if self._failure is not None:
            self.job.end("Failed", failure_reason=self._failure)
        elif self._exceeded is not None:
            self.job.end("Stopped", secondary_status=self._exceeded)
        else:
            self.job.end("Stopped" if self.job.status == "Stopping" else "Completed")
        self._engine.finished(self)
        self._tell(lambda listener: listener.ended(self.job))

    def _may_retry(self) -> bool:
        most = (self.job.request.get("RetryStrategy") or {}).get("MaximumRetryAttempts") or 0
        return (self._failure or "").startswith(INTERNAL_ERROR) and self._retries < most

    # --- what happens meanwhile -------------------------------------------------------------------------------

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._deadlines.append((time.monotonic() + seconds, action))

    def _exceed(self, status: str) -> None:
        if self.job.stop():
            self._exceeded = status
            self.stop()

    def _lack_data(self) -> None:
        """Fail: a program waits for what it cannot read. One that has ended already says so itself."""
        if self._hosts and self._unreadable is not None:
            self.fail(self._unreadable)

    def _interrupt(self) -> None:
        if self.job.status == "InProgress":
            self._interrupted = True
            self.stop()

    def _write_soon(self) -> None:
        if not self._writes:
            self._writes = True
            self._later(_LOG_SECONDS, self._write)

    def _write(self) -> None:
        self._writes = False
        for journal in self._journals.values():
            self._engine.background(self, partial(journal.write, self.aws))

    def _synchronise(self) -> None:
        if self._checkpoints is not None:
            self._engine.background(self, partial(self._checkpoints.upload, self.aws))
            self._later(_CHECKPOINT_SECONDS, self._synchronise)

    def _scraped(
        self,
        name: str,
        journal: Journal,
        lines: Sequence[str],
        at: float,
        found: Sequence[dict[str, float]],
        slow: set[str],
    ) -> None:
        journal.searched(lines, found, slow, at)
        for metrics in filter(None, found):
            self.job.measured(metrics, at)
            self._tell(partial(self._measure, metrics, at))
        if journal.waits:
            self._write_soon()
        host = self._hosts.get(name)
        if host is not None and not journal.is_behind:
            self._engine.hosts.go_on(host)

    def _measure(self, metrics: Mapping[str, float], at: float, listener: TrainingListener) -> None:
        listener.measured(self.job, at, metrics)

    def _tell(self, tell: Callable[[TrainingListener], None]) -> None:
        if self._listener is not None and not self.aws.closed:
            try:
                tell(self._listener)
            except Exception:  # whoever listens must not end the job
                _LOG.exception("%s: its listener failed", self.job.name)

    # --- in other threads -------------------------------------------------------------------------------------

    def _fetch(self, folder: Path) -> None:
        self._prepared = prepare(self.job, self.aws, self._settings, folder, unreadable=self._find_unreadable)

    def _find_unreadable(self, reason: str) -> None:
        self._unreadable = reason
        self._engine.post(self, self._lack_data)

    def _save_for_later(self) -> None:
        for journal in self._journals.values():
            journal.write(self.aws)
        if self._checkpoints is not None:
            self._checkpoints.upload(self.aws)
        self.discard()

    def _save(self) -> None:
        for journal in self._journals.values():
            journal.write(self.aws)
        uri, bases = self.job.output_path, [host.staged.base for host in self._prepared if self._journals]
        folders = {} if self._failure is not None else {"model": [LeftFolder(base, base / "model") for base in bases]}
        outputs = [LeftFolder(base, base / "output" / "data") for base in bases]
        if any(holds_something(folder) for folder in outputs):
            folders["output"] = outputs
        try:
            if self._checkpoints is not None:
                self._checkpoints.upload(self.aws)
            for name, merged in folders.items():
                if merged:
                    upload_folder(self.aws, merged, uri, name, scratch=self._folder, compressed=self.job.compresses)
        except FileNotFoundError:
            bucket = bucket_of(uri)
            reason = f"ClientError: Artifact upload failed: the specified bucket does not exist: {bucket}"
            raise TrainingError(self._failure or reason) from None


class _Ear:
    """Hears of one host of a run."""

    def __init__(self, run: Run, host: Prepared, engine: Work) -> None:
        self._run = run
        self._guard = partial(engine.guard, run)
        self._host = host
        self._begun = False

    def began(self) -> None:
        if not self._begun:
            self._begun = True
            self._guard(self._run.begun)

    def printed(self, data: bytes) -> None:
        self.began()  # its first words may overtake the launcher's notice
        self._guard(partial(self._run.printed, self._host.name, data))

    def exited(self, notice: Exited | Broken) -> None:
        self._guard(partial(self._run.exited, self._host, notice))
