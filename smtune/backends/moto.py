"""Tuning jobs of SageMaker on this machine: the backend ``amt``, against an emulator of the job's own.

The dry run of the very request that AWS would get: it is planned, checked, uploaded, sent and watched as by ``amt``, and
what answers is :mod:`smtune.emulator`, which really trains. Every job has an emulator in a process of its own, so that
boto3 in this process still talks to AWS; it ends with the job or this process, and what it knows stays in the job's folder below
``$SMTUNE_HOME``, from which the job can be resumed.

Not supported: data in S3, and warm starts from jobs of other backends.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from smtune.backends.amt import AmtBackend
from smtune.backends.at_exit import UnfinishedJob, wait_at_exit
from smtune.backends.aws.session import Account
from smtune.backends.aws.troubles import explained
from smtune.backends.base import Plan
from smtune.backends.moto_folder import MotoFolder, OwnJob
from smtune.backends.moto_plan import buckets_of, parents_of, plan_moto
from smtune.backends.tuning_jobs import ENDED, Answers
from smtune.emulator.clients import CREDENTIALS, REGION
from smtune.errors import JobBusyError, JobError, JobExistsError, JobNotFoundError, Problem, SpecError
from smtune.results import JobStatus, TuningResult
from smtune.spec import TuningSpec
from smtune.store import JobLease, RemoteJob, is_running

_CREDENTIALS: Final = (CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])


class MotoBackend(AmtBackend):
    """Runs jobs on emulators of SageMaker on this machine.

    Args:
        pause: Waits so many seconds between two questions.
    """

    name = "moto"
    survives = False
    shortest_pause, longest_pause = 0.05, 0.5

    def __init__(self, *, pause: Callable[[float], object] = time.sleep) -> None:
        super().__init__(pause=pause)
        self._own: dict[str, OwnJob] = {}
        self._telling: dict[str, str] = {}

    def plan(self, spec: TuningSpec, *, name: str | None = None) -> Plan:
        """Check the spec against the service's rules; start nothing.

        What only an account can give is filled in where it is missing: the role, and the region.
        """
        return plan_moto(spec, name=name)

    def submit(self, plan: Plan) -> str:
        """Start the job's emulator, and create the job there.

        Raises:
            JobExistsError: There is another job of this name.
            SpecError: Something was changed since it was planned.
            JobError: The emulator does not start.
        """
        folder = MotoFolder(plan.name)
        is_new = not folder.path.exists()
        folder.directory.make()
        with contextlib.ExitStack() as undo:
            if is_new:
                undo.callback(shutil.rmtree, folder.path, ignore_errors=True)
            folder.begin_with(parents_of(plan.spec))
            try:
                slots = plan.spec.limits.max_parallel
                self._own[plan.name] = own = OwnJob(folder, slots=slots, region=str(plan.region))
            except JobBusyError as error:
                raise JobExistsError(str(error)) from None
            undo.callback(self._give_up, plan.name)
            self._make_buckets(plan, own.emulator.url)
            super().submit(plan)
            undo.pop_all()
        self._stay(plan.name, own)
        return plan.name

    def resume(self, job_name: str) -> str:
        """Go on with a job whose process was killed, and return its name.

        Raises:
            JobNotFoundError: There is no job of this name.
            JobBusyError: Another process is running it.
            SpecError: It has ended.
            JobError: Its emulator does not start.
        """
        record = self._known_record(job_name)
        name = record.name
        if MotoFolder(name).kept() is not None:
            fix = f"see `smtune show {name}`, or run its spec under another name"
            raise SpecError([Problem("name", name, f"has ended: {self.poll(name).status}", fix)])
        self._take(record)
        try:
            self.poll(name)
        except JobNotFoundError:  # its process was killed before it had created the job
            self._give_up(name)
            return self.submit(self.plan(TuningSpec.from_dict(record.spec or {}), name=name))
        return name

    def _take(self, record: RemoteJob) -> None:
        """Run a job that nobody runs."""
        spec = TuningSpec.from_dict(record.spec or {})
        slots, region = spec.limits.max_parallel, record.region or REGION
        own = OwnJob(MotoFolder(record.name), slots=slots, region=region)
        self._own[record.name] = own
        self._readers.pop(record.name, None)
        replace(record, endpoint_url=own.emulator.url).save()
        self._stay(record.name, own)

    def _stay(self, job_name: str, own: OwnJob) -> None:
        """Keep the program that runs a job from ending before the job."""
        own.leave = wait_at_exit(
            UnfinishedJob(
                job_name,
                under_way=lambda: self._own.get(job_name) is not None,
                wait=lambda: self.wait(job_name),
                stop=lambda force: self.stop(job_name, force=force),
                onward=f"build on it: warm_start: [{job_name}]",
            )
        )

    def stop(self, job_name: str, *, force: bool = False) -> None:
        """Ask a job to stop; one that nobody runs is stopped at once.

        Args:
            job_name: Name of the job.
            force: Kill its training jobs instead of giving them the time that SageMaker gives, if it runs here.
        """
        record = self._known_record(job_name)
        if MotoFolder(record.name).kept() is not None:
            return
        if force:
            self._give_up(record.name)  # with its emulator ends all that runs there
        if self._goes_on(record.name):
            super().stop(record.name)
            return
        self._take(record)
        super().stop(record.name)
        self.wait(record.name)

    def logs(self, job_name: str, number: int, *, follow: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed, as CloudWatch would have them."""
        name = self._known_record(job_name).name
        if self._goes_on(name):
            return super().logs(name, number, follow=follow)
        with self._reachable(name):
            return iter(list(super().logs(name, number)))

    def best_model(self, job_name: str, number: int | None = None) -> str:
        """Return the file of a trial's model, by default the best one's.

        Raises:
            JobNotFoundError: There is no such trial, or it has no model.
        """
        name = self._known_record(job_name).name
        uri = self._model_uri(name, number)
        folder = MotoFolder(name).path / "models" / uri.split("/")[-3]
        model = folder / uri.rpartition("/")[2]
        if not model.exists():
            self.download_model(name, folder, number)
        return str(model)

    def download_model(self, job_name: str, folder: Path, number: int | None = None) -> Path:
        """Copy a trial's model into a folder, and return the file."""
        name = self._known_record(job_name).name
        with self._reachable(name):
            return super().download_model(name, folder, number)

    def attach(self, job_name: str) -> None:
        """Look whether a job is known here.

        Raises:
            JobNotFoundError: It is not.
        """
        self._known_record(job_name)

    def forget(self, job_name: str) -> None:
        """Remove a job, with its logs and models.

        Raises:
            JobNotFoundError: There is no job of this name.
            JobBusyError: It is being run.
        """
        record = self._known_record(job_name)
        folder = MotoFolder(record.name)
        with JobLease(folder.directory):
            record.forget()
            shutil.rmtree(folder.path, ignore_errors=True)

    # --- where a job's emulator is ----------------------------------------------------------------------------

    def _answers(self, job_name: str, record: RemoteJob | None) -> Answers:
        """Return what the emulator says of a job; once it has ended, that is kept, and the emulator ends."""
        if record is None:
            raise JobNotFoundError(f'there is no job "{job_name}" of backend moto; see `smtune list`')
        if (kept := MotoFolder(job_name).kept()) is not None:
            return kept
        own = self._own.get(job_name)
        if own is not None and not own.emulator.alive:
            self._give_up(job_name)
            log = MotoFolder(job_name).log
            raise JobError(f"the emulator of {job_name} has died, see {log}; go on with `smtune resume {job_name}`")
        with self._reachable(job_name):
            answers = super()._answers(job_name, record)
        if answers.description["HyperParameterTuningJobStatus"] in ENDED:
            MotoFolder(job_name).keep(answers)
            self._give_up(job_name)
        return answers

    def _never_created(self, job_name: str) -> str:
        return f"{job_name} was interrupted before it was created; continue with: smtune resume {job_name}"

    def _seen_here(self, result: TuningResult) -> TuningResult:
        if result.status.ended or self._goes_on(result.name):
            return result
        reason = f"interrupted: the process that ran it is gone; continue with: smtune resume {result.name}"
        return replace(result, status=JobStatus.Stopped, failure_reason=reason, resumable=True)

    def _usd_per_hour(self, description: Mapping[str, Any]) -> None:
        """Return nothing: what runs here costs nothing."""
        del description

    def _goes_on(self, job_name: str) -> bool:
        return job_name in self._own or is_running(MotoFolder(job_name).directory) is not None

    @contextlib.contextmanager
    def _reachable(self, job_name: str) -> Iterator[None]:
        """Have an emulator that knows a job: the one that runs it, or one that only tells of it."""
        if self._goes_on(job_name) or job_name in self._telling:
            yield
            return
        record = self._known_record(job_name)
        folder, region = MotoFolder(job_name), record.region or REGION
        if not folder.data.exists():
            raise JobNotFoundError(self._never_created(job_name))
        self._readers.pop(job_name, None)
        try:
            with folder.start(slots=1, region=region, resume=False) as emulator:
                self._telling[job_name] = emulator.url
                yield
        finally:
            self._telling.pop(job_name, None)
            self._readers.pop(job_name, None)

    def _account_of(self, job_name: str, record: RemoteJob | None, region: str | None = None) -> Account:
        """Return the account that a job's emulator emulates."""
        if (own := self._own.get(job_name)) is not None:
            url: str | None = own.emulator.url
        elif job_name in self._telling:
            url = self._telling[job_name]
        else:
            url = None if record is None else record.endpoint_url
        chosen = (url, record.region if record is not None else region)
        if chosen not in self._accounts:
            self._accounts[chosen] = Account(region=chosen[1] or REGION, endpoint_url=url, credentials=_CREDENTIALS)
        return self._accounts[chosen]

    def _known_record(self, job_name: str) -> RemoteJob:
        record = self._record(job_name)
        if record is None:
            raise JobNotFoundError(f'there is no job "{job_name}" of backend moto; see `smtune list`')
        return record

    def _give_up(self, job_name: str) -> None:
        """End the emulator of a job that this process runs, if it does."""
        own = self._own.pop(job_name, None)
        if own is not None:
            self._readers.pop(job_name, None)
            own.close()

    def _make_buckets(self, plan: Plan, url: str) -> None:
        """Make all buckets that a request names; on AWS they are there already."""
        client = Account(region=plan.region, endpoint_url=url, credentials=_CREDENTIALS).client("s3")
        where = {} if plan.region == "us-east-1" else {"LocationConstraint": plan.region}
        for bucket in buckets_of(plan.request):
            with (
                explained(f"the bucket {bucket}", service="S3"),
                contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou),
            ):
                client.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
