"""Tuning jobs on this machine.

A job lives in a directory of its own below ``$SMTUNE_HOME`` (by default ``~/.smtune``): its event log, a copy of the
training script's folder, and for every trial its log, model, outputs and checkpoints. One process runs it, in a
background thread; any other can watch it, or ask it to stop.

Not supported: container images, which :mod:`smtune.backends.local_mode` runs; channels and outputs in S3.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from smtune.backends.base import Backend, Listener, Notice, Plan, writable
from smtune.backends.local_plan import plan_local
from smtune.backends.local_run import LocalRun
from smtune.backends.staging import host_folders, keep_code, script_stager, trial_folder
from smtune.errors import JobNotFoundError, Problem, SpecError
from smtune.results import JobStatus, TuningResult, WarmStartParent, WarmStartResult
from smtune.runners import FunctionRunner, ProcessRunner, Runner, end_survivors, imports_of
from smtune.spec import TuningSpec
from smtune.store import (
    Command,
    FileWatch,
    JobCreated,
    JobDirectory,
    JobEnded,
    JobLease,
    JobRecord,
    JobStore,
    StopRequested,
    await_trials,
    find,
    is_running,
    send,
)
from smtune.trial import Trial

_PATIENCE_SECONDS = 5.0
"""How often a watcher looks whether the process that runs a job is still there; changes themselves wake it at once."""
_SETTLING_SECONDS = 0.005
"""SQLite's file changes an instant before readers see the commit, so a watcher that was woken soon looks again."""


class LocalBackend(Backend):
    """Runs jobs in this process, and knows those of all others that share the same home.

    Args:
        function: A Python function of the hyperparameters, in place of the specs' ``training``.
        isolation: Whether the function runs in threads, or in processes of their own.
    """

    name = "local"
    survives = False

    def __init__(
        self, *, function: Callable[..., Any] | None = None, isolation: Literal["thread", "process"] = "thread"
    ) -> None:
        self._function = function
        self._isolation = isolation
        self._runs: dict[str, LocalRun] = {}

    def plan(self, spec: TuningSpec, *, name: str | None = None) -> Plan:
        """Check the spec against this machine; start nothing."""
        return plan_local(spec, function=self._function, name=name)

    def submit(self, plan: Plan) -> str:
        """Create the job's directory and start it in a background thread."""
        directory = JobDirectory(plan.name)
        event = JobCreated(
            name=plan.name,
            backend=plan.backend,
            spec=dict(plan.request),
            seed=plan.spec.seed,
            settings=dict(plan.settings),
            at=time.time(),
        )
        # The runner comes first: it has its own rules for functions, and may be built again by their processes.
        with contextlib.ExitStack() as undo:
            runner = undo.enter_context(self._runner(directory, plan.spec, plan.settings))
            # All at once: what is taken over from other jobs is kept before anything is done with it.
            JobStore.create(directory, event, *([plan.warm_start] if plan.warm_start is not None else [])).close()
            # As long as nothing was started, nothing is lost, and the name is free again.
            undo.callback(shutil.rmtree, directory.path, ignore_errors=True)
            lease = undo.enter_context(JobLease(directory))
            _keep_code(plan.spec, directory)
            self._start(LocalRun(directory, plan.spec, runner, lease))
            undo.pop_all()
        return directory.name

    def resume(self, job_name: str) -> str:
        """Go on with a job that was stopped or killed.

        Raises:
            JobNotFoundError: There is no job of this name.
            JobBusyError: Another process, or another thread of this one, is running it.
            SpecError: It has ended, or needs the Python function that it was started with.
        """
        directory = find(job_name)
        with contextlib.ExitStack() as undo:
            lease = undo.enter_context(JobLease(directory))
            spec, settings = self._resumable(directory)
            # Or they would write where the trials that start afresh do.
            await_trials(directory)
            end_survivors(_folders_under_way(directory, spec))
            _keep_code(spec, directory)
            runner = undo.enter_context(self._runner(directory, spec, settings))
            self._start(LocalRun(directory, spec, runner, lease))
            undo.pop_all()
        return directory.name

    def _resumable(self, directory: JobDirectory) -> tuple[TuningSpec, Mapping[str, Any]]:
        """Return the spec of a job that can go on, and its settings.

        Raises:
            SpecError: It has ended, or something that it needs is not there any more.
        """
        job = _job(directory)
        name, spec = directory.name, _spec(directory)
        problems = []
        if job.backend != self.name:
            problems.append(Problem("backend", self.name, f"does not run {name}", f"use backend {job.backend}"))
        status = self.poll(name).status
        if status in (JobStatus.Completed, JobStatus.Failed):
            fix = f"see `smtune show {name}`, or run its spec under another name"
            problems.append(Problem("name", name, f"has ended: {status}", fix))
        if spec.training is None and self._function is None:
            fix = f"call resume({name!r}, function=...) with the function it was started with"
            problems.append(Problem("function", None, "is missing: functions are not kept", fix))
        for channel, data in (spec.training.channels if spec.training else {}).items():
            if not Path(data.source).exists():
                problems.append(
                    Problem(f"training.channels.{channel}", data.source, "is not there any more", "put it back")
                )
        if problems:
            raise SpecError(problems)
        return spec, job.settings

    def _start(self, run: LocalRun) -> None:
        run.start()
        self._runs[run.name] = run

    def _runner(self, directory: JobDirectory, spec: TuningSpec, settings: Mapping[str, Any]) -> Runner:
        del settings
        if self._function is not None:
            return FunctionRunner(
                self._function,
                slots=spec.limits.max_parallel,
                objective=spec.objective.metric,
                static=spec.static,
                isolation=self._isolation,
                launcher_log=directory.launcher_log,
            )
        training = spec.training
        if training is None or training.entry_point is None:
            raise SpecError([Problem("training", None, "is missing", "name training.entry_point")])
        # A job that goes on runs the code that it began with.
        folder = directory.code if directory.code.exists() else Path(training.source_dir)
        return ProcessRunner(
            script_stager(directory, spec, training),
            slots=spec.limits.max_parallel,
            log_path=lambda trial: directory.log(trial.number),
            metrics=spec.metrics,
            preload=imports_of(folder / training.entry_point) if training.preload else None,
            environment=training.environment,
            launcher_log=directory.launcher_log,
        )

    def poll(self, job_name: str) -> TuningResult:
        """Return the job as it stands. Never blocks."""
        directory = find(job_name)
        with JobStore.open(directory, read_only=True) as store:
            return _result(directory, store)

    def wait(
        self,
        job_name: str,
        timeout: float | None = None,
        *,
        listener: Listener | None = None,
        notice: Notice | None = None,
    ) -> TuningResult:
        """Block until the job has ended or the time is over; nothing keeps a job on this machine from being watched.

        Raises:
            StoreError: The job runs here and could not be kept; it can be resumed.
        """
        del notice
        directory = find(job_name)
        run = self._runs.get(directory.name)
        deadline = None if timeout is None else time.monotonic() + timeout
        if run is not None and listener is None:
            run.wait(timeout)
        else:
            self._follow(directory, deadline, listener)
            if run is not None:
                run.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        if run is not None:
            run.check()
        return self.poll(job_name)

    @staticmethod
    def _follow(directory: JobDirectory, deadline: float | None, listener: Listener | None) -> None:
        """Tell the listener of every change until the job has ended or the time is over."""
        with FileWatch([directory.path]) as watch, JobStore.open(directory, read_only=True) as store:
            seen, pause = 0, _SETTLING_SECONDS
            told: dict[int, Trial] = {}
            while True:
                ended = not _is_under_way(directory, store)
                changed: dict[int, None] = {}
                for event in store.events(after=seen):
                    seen += 1
                    number = getattr(event, "number", None)
                    if number is not None:
                        changed[number] = None
                for number in changed:
                    trial = store.trial(number)
                    if listener is not None and trial != told.get(number):  # it may be ahead of the events seen so far
                        told[number] = trial
                        listener(trial)
                if ended:
                    return
                left = pause if deadline is None else min(pause, deadline - time.monotonic())
                if left <= 0:
                    return
                pause = _SETTLING_SECONDS if watch.wait(left) else min(2 * pause, _PATIENCE_SECONDS)

    def stop(self, job_name: str, *, force: bool = False) -> None:
        """Ask whichever process runs the job to stop it; a job that nobody runs is marked as stopped.

        Raises:
            JobBusyError: The process that runs it does not listen.
        """
        directory = find(job_name)
        run = self._runs.get(directory.name)
        if run is not None and run.under_way:
            run.stop(force=force)
        elif not self._send(directory, "kill" if force else "stop"):
            self._mark_stopped(directory)

    @staticmethod
    def _send(directory: JobDirectory, command: Command) -> bool:
        """Return whether there was a process to be told."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        # A process that is about to run the job, or has just run it, holds the lease and does not listen.
        with FileWatch([directory.path]) as watch:
            while not send(directory, command):
                left = deadline - time.monotonic()
                if is_running(directory) is None or left <= 0:
                    return False
                watch.wait(min(left, 0.1))
        return True

    @staticmethod
    def _mark_stopped(directory: JobDirectory) -> None:
        """Put an end to a job whose process is gone."""
        with JobLease(directory), JobStore.open(directory) as store:
            if not JobStatus(store.job().status).ended:
                now = time.time()
                ended = JobEnded(status=JobStatus.Stopped.value, reason="stopped on request", at=now)
                store.append([StopRequested(at=now), ended])

    def enqueue(self, job_name: str, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of what the strategy of a job would propose by itself.

        Args:
            job_name: A job that was started here.
            configuration: One value per parameter; skipped if it was proposed before.

        Raises:
            JobNotFoundError: There is no job of this name.
            SpecError: The configuration is not legal, or the job is not running here.
        """
        run = self._runs.get(find(job_name).name)
        if run is None or not run.under_way:
            fix = "enqueue in the process that runs it, while it runs; or list it in a new job's strategy, type manual"
            raise SpecError([Problem("name", job_name, "is not running here", fix)])
        run.enqueue(configuration)

    def logs(self, job_name: str, number: int, *, follow: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed."""
        directory = find(job_name)
        if number not in {trial.number for trial in self.poll(job_name).trials}:
            raise JobNotFoundError(f"job {job_name} has no trial {number}; see `smtune show {job_name}`")
        return _lines(directory, number, follow=follow)

    def best_model(self, job_name: str, number: int | None = None) -> str:
        """Return the folder with a trial's model, by default the best one's."""
        directory = find(job_name)
        trials = {trial.number: trial for trial in self.poll(job_name).trials}
        best = self.poll(job_name).best
        chosen = best if number is None else trials.get(number)
        training = _spec(directory).training
        if chosen is None:
            which = "has no trial with a result yet" if number is None else f"has no trial {number}"
            raise JobNotFoundError(f"job {job_name} {which}; see `smtune show {job_name}`")
        model = None if training is None else trial_folder(directory, training, chosen.number) / "model"
        if model is None or not model.is_dir() or not any(model.iterdir()):
            raise JobNotFoundError(f"trial {chosen.number} of {job_name} has saved no model")
        return str(model)

    def download_model(self, job_name: str, folder: Path, number: int | None = None) -> Path:
        """Copy a trial's model into a folder."""
        model = self.best_model(job_name, number)
        with writable(folder):
            shutil.copytree(model, folder, dirs_exist_ok=True)
        return folder


def _is_under_way(directory: JobDirectory, store: JobStore) -> bool:
    return not JobStatus(store.job().status).ended and is_running(directory) is not None


def _result(directory: JobDirectory, store: JobStore) -> TuningResult:
    """Return the job as its store tells it; one whose process is gone is not in progress any more."""
    running = is_running(directory) is not None  # looked at first: a job that ends now still says so itself
    job = store.job()
    spec = TuningSpec.from_dict(job.spec, source=f"job {job.name}")
    status, reason = JobStatus(job.status), job.reason
    if not status.ended and not running:
        status = JobStatus.Stopped
        reason = f"interrupted: the process that ran it is gone; continue with: smtune resume {job.name}"
    elif not status.ended and job.stop_requested:
        status = JobStatus.Stopping
    return TuningResult(
        name=job.name,
        backend=job.backend,
        status=status,
        metric=spec.objective.metric,
        goal=spec.objective.goal,
        strategy=spec.strategy.type,
        seed=job.seed,
        trials=tuple(store.trials()),
        max_parallel=spec.limits.max_parallel,
        usd_per_hour=spec.limits.usd_per_hour,
        planned_trials=spec.planned_trials,
        failure_reason=reason,
        started_at=job.started_at,
        ended_at=job.ended_at,
        warm_start=_warm_start(job),
        repeats=spec.repeats,
        selection=spec.selection,
        holdout_metric=spec.objective.holdout_metric,
        isolation=job.settings.get("isolation"),
    )


def _warm_start(job: JobRecord) -> WarmStartResult | None:
    if job.warm_start is None:
        return None
    parents = [WarmStartParent.from_dict(parent) for parent in job.warm_start["parents"]]
    return WarmStartResult(job.warm_start["type"], parents)


def _job(directory: JobDirectory) -> JobRecord:
    with JobStore.open(directory, read_only=True) as store:
        return store.job()


def _spec(directory: JobDirectory) -> TuningSpec:
    return TuningSpec.from_dict(_job(directory).spec, source=f"job {directory.name}")


def _keep_code(spec: TuningSpec, directory: JobDirectory) -> None:
    """Copy the training script's folder, unless it was done: a job may have been killed before it was."""
    if spec.training is not None and spec.training.entry_point is not None and not directory.code.exists():
        keep_code(spec.training, directory.code)


def _folders_under_way(directory: JobDirectory, spec: TuningSpec) -> list[Path]:
    """Return the folders of the trials that have not ended."""
    if spec.training is None:
        return []
    with JobStore.open(directory, read_only=True) as store:
        trials = [trial.number for trial in store.trials() if not trial.status.ended]
    bases = [trial_folder(directory, spec.training, number) for number in trials]
    return [folder for base in bases for folder in (base, *host_folders(base).glob("algo-*"))]


def _lines(directory: JobDirectory, number: int, *, follow: bool) -> Iterator[str]:
    """Yield the lines of a log, also while it grows; a last line without an end comes when the trial has ended."""
    path = directory.log(number)
    rest = b""
    with FileWatch([path, directory.path]) as watch, JobStore.open(directory, read_only=True) as store:
        position, pause = 0, _SETTLING_SECONDS
        while True:
            ended = not follow or store.trial(number).status.ended or is_running(directory) is None
            if path.exists():
                with path.open("rb") as log:
                    log.seek(position)
                    for line in log:
                        position += len(line)
                        rest += line
                        if rest.endswith(b"\n"):
                            yield rest.rstrip(b"\r\n").decode(errors="replace")
                            rest = b""
            if ended:
                break
            pause = _SETTLING_SECONDS if watch.wait(pause) else min(2 * pause, _PATIENCE_SECONDS)
    if rest:
        yield rest.decode(errors="replace")
