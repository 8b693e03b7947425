"""Tuning jobs of SageMaker Automatic Model Tuning (AMT), by boto3 alone.

AWS decides which configuration is next, and runs every trial as a training job; what happens is kept there, so any
process with the right credentials can ask for it, and jobs that smtune did not start too. Here is only what it takes to
ask again (:mod:`smtune.store.remotes`), and what ended training jobs have said.

Not supported: strategies and stopping rules of smtune's own, repeats, configurations put ahead of others
(``enqueue``), and going on with a job that was stopped: SageMaker starts a new one, from its results (``warm_start``).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smtune.amt import decode_description
from smtune.backends.amt_cost import usd_per_hour
from smtune.backends.amt_plan import configured_region, plan_amt, priced
from smtune.backends.amt_submit import check_parents, create, upload
from smtune.backends.aws.logs import LogLine, TrainingLog
from smtune.backends.aws.session import Account
from smtune.backends.aws.troubles import explained
from smtune.backends.base import Backend, Listener, Notice, Plan, writable
from smtune.backends.tuning_jobs import ENDED, FORBIDDEN, Answers, TuningJobReader, describe
from smtune.errors import AwsError, JobExistsError, JobNotFoundError, Problem, SpecError
from smtune.results import JobStatus, TuningResult
from smtune.spec import TuningSpec
from smtune.store import RemoteJob, find_remote
from smtune.trial import Trial, TrialStatus


class AmtBackend(Backend):
    """Runs jobs on SageMaker, and knows those of everybody else in the account.

    Args:
        profile: A profile of AWS's configuration files; by default the usual choice.
        region: Where jobs run; by default where their specs say, or the AWS configuration.
        endpoint_url: Where all services are, e.g. an emulator; by default AWS.
        pause: Waits so many seconds between two questions.
    """

    name = "amt"
    survives = True
    shortest_pause, longest_pause = 2.0, 20.0
    """Seconds between two questions: few while things change, many while they do not."""

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._profile = profile
        self._region = region
        self._endpoint_url = endpoint_url
        self._pause = pause
        self._accounts: dict[tuple[str | None, ...], Account] = {}
        self._readers: dict[str, TuningJobReader] = {}
        self._prices: dict[str, float | None] = {}
        self._adopted: dict[str, str] = {}

    @classmethod
    def of(cls, job: RemoteJob) -> AmtBackend:
        """Return the backend that a job lives in."""
        return cls(profile=job.profile, region=job.region, endpoint_url=job.endpoint_url)

    def plan(self, spec: TuningSpec, *, name: str | None = None) -> Plan:
        """Check the spec against the service's rules; send nothing."""
        return plan_amt(spec, name=name, region=self._region, profile=self._profile)

    def submit(self, plan: Plan) -> str:
        """Upload code and data, and create the tuning job, unless this very one is there already.

        Raises:
            JobExistsError: There is another tuning job of this name.
            SpecError: Something was changed since it was planned, or the bucket or a parent is not there.
            AwsError: AWS refuses, or cannot be reached.
        """
        account = self._account_of(plan.name, None, plan.region)
        client = account.client("sagemaker")
        check_parents(client, plan.spec)
        upload(plan, account)
        job = replace(self._known(plan.name, account), spec=priced(plan).to_dict(), request=plan.request)
        before = find_remote(plan.name, self.name)
        job.save()  # first, so that a process that is killed in between leaves a trace
        try:
            found = create(client, plan)
        except (AwsError, JobExistsError) as error:
            if not getattr(error, "transient", False):  # else it may have been created all the same
                job.forget()
            for one in before:
                one.save()
            raise
        if found is not None:
            self._adopted[plan.name] = found
        seen = {} if found is None else next((one.seen for one in before), {})
        job.with_seen(seen or _seen(_new_result(plan))).save()
        return plan.name

    def adopted(self, job_name: str) -> str | None:
        """Return the status in which :meth:`submit` found a job of this name; ``None`` if it created the job."""
        return self._adopted.get(job_name)

    def _known(self, job_name: str, account: Account) -> RemoteJob:
        """Return where a job lives, to be kept; without secrets."""
        return RemoteJob(
            job_name,
            self.name,
            region=account.region,
            profile=account.profile,
            endpoint_url=_shareable(account.endpoint_url),
            added_at=time.time(),
        )

    def poll(self, job_name: str) -> TuningResult:
        """Return the job as it stands.

        Raises:
            JobNotFoundError: There is no such tuning job.
            AwsError: AWS refuses, or cannot be reached.
        """
        record = self._record(job_name)
        try:
            answers = self._answers(job_name if record is None else record.name, record)
        except JobNotFoundError:
            if record is None or record.request is None or record.seen:
                raise
            raise JobNotFoundError(self._never_created(record.name)) from None
        spec = None if record is None else _spec_of(record)
        result = decode_description(
            answers.description, answers.summaries, answers.details, spec=spec, backend=self.name
        )
        if result.usd_per_hour is None:
            result = replace(result, usd_per_hour=self._usd_per_hour(answers.description))
        result = self._seen_here(result)
        if record is not None and record.seen != (seen := _seen(result)):
            record.with_seen(seen).save()
        return result

    def _never_created(self, job_name: str) -> str:
        """Return what to tell of a job that is known here, and nowhere else."""
        again = f"submit it again, or drop it with `smtune forget {job_name}`"
        return f"{job_name} was never created on SageMaker; {again}"

    def _seen_here(self, result: TuningResult) -> TuningResult:
        """Return a job with what the service cannot know of it."""
        return result

    def _answers(self, job_name: str, record: RemoteJob | None) -> Answers:
        """Return what the service says of a job.

        Raises:
            JobNotFoundError: There is no such tuning job.
            AwsError: AWS refuses, or cannot be reached.
        """
        reader = self._reader(job_name, record)
        return Answers(reader.refresh(), reader.summaries, reader.details)

    def _usd_per_hour(self, description: Mapping[str, Any]) -> float | None:
        """Return what one training job costs per hour; looked up once for each job."""
        arn = str(description["HyperParameterTuningJobArn"])
        if arn not in self._prices:
            self._prices[arn] = usd_per_hour(description, region=arn.split(":")[3])
        return self._prices[arn]

    def wait(
        self,
        job_name: str,
        timeout: float | None = None,
        *,
        listener: Listener | None = None,
        notice: Notice | None = None,
    ) -> TuningResult:
        """Block until the job has ended or the time is over; throttling, lost networks and expired logins are waited out."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        told: dict[int, Trial] = {}
        pause = self.shortest_pause
        result: TuningResult | None = None
        troubles: set[str] = set()
        while result is None or not result.status.ended:
            try:
                result = self.poll(job_name)
            except AwsError as error:
                self._bear(error, over=time.monotonic() >= deadline)
                if str(error) not in troubles:
                    _call(notice, f"{error}; the job goes on, and is asked for again")
                troubles.add(str(error))
                pause = min(2 * pause, self.longest_pause)
            else:
                if troubles:
                    _call(notice, "AWS answers again")
                    troubles.clear()
                changed = [trial for trial in result.trials if told.get(trial.number) != trial]
                told |= {trial.number: trial for trial in changed}
                for trial in changed:
                    _call(listener, trial)
                pause = self.shortest_pause if changed else min(1.5 * pause, self.longest_pause)
                if result.status.ended or time.monotonic() >= deadline or not self._goes_on(result.name):
                    break
            left = max(0.0, min(pause, deadline - time.monotonic()))
            self._pause(left * random.uniform(0.75, 1.0))  # noqa: S311 - so that watchers do not march in step
        return result

    def _goes_on(self, job_name: str) -> bool:
        """Return whether a job that has not ended is run by anybody."""
        del job_name
        return True

    def _bear(self, error: AwsError, *, over: bool) -> None:
        """Raise an error that waiting does not help, or that there is no time left to wait out."""
        if not error.transient or over:
            raise error
        if error.credentials_expired:  # new ones are found by new sessions
            self._accounts.clear()
            self._readers.clear()

    def stop(self, job_name: str, *, force: bool = False) -> None:
        """Ask SageMaker to stop a job and its training jobs, which have 120 seconds to end. Idempotent.

        Args:
            job_name: Name of the job.
            force: Means nothing here: SageMaker ends training jobs in one way only.
        """
        del force
        record = self._record(job_name)
        name = job_name if record is None else record.name
        client = self._account_of(name, record).client("sagemaker")
        if describe(client, name)["HyperParameterTuningJobStatus"] in ENDED:
            return
        try:
            with explained(name, service="SageMaker", actions="sagemaker:StopHyperParameterTuningJob"):
                client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except AwsError as error:
            if error.code != "ValidationException":  # it has ended in the meantime
                raise

    def enqueue(self, job_name: str, configuration: Mapping[str, object]) -> None:
        """Refuse: SageMaker takes no configurations.

        Raises:
            SpecError: Always.
        """
        fix = "use backend local, or a job of its own with strategy grid"
        raise SpecError(
            [Problem("configuration", dict(configuration), f"cannot be added to {job_name} on SageMaker", fix)]
        )

    def logs(self, job_name: str, number: int, *, follow: bool = False) -> Iterator[str]:
        """Yield the lines that a trial printed, as CloudWatch has them; of several instances with the host in front."""
        trial = self._trial(job_name, number)
        client = self._account_of(job_name, self._record(job_name)).client("logs")
        log = TrainingLog(client, str(trial.training_job))
        if follow:
            return _texts(log.follow(partial(self._has_ended, job_name, number), self._pause))
        lines = log.new_lines()
        return _texts(lines, {line.host for line in lines})

    def _has_ended(self, job_name: str, number: int) -> bool:
        """Return whether a trial has ended, as far as that can be known right now."""
        try:
            return self._trial(job_name, number).status.ended
        except AwsError as error:
            if error.credentials_expired or not error.transient:
                raise
            return False

    def best_model(self, job_name: str, number: int | None = None) -> str:
        """Return the S3 URI of a trial's model, by default the best one's.

        Raises:
            JobNotFoundError: There is no such trial, or it has no model.
            AwsError: These credentials may not ask where it is.
        """
        return self._model_uri(job_name, number)

    def _model_uri(self, job_name: str, number: int | None) -> str:
        trial = self.poll(job_name).best if number is None else self._trial(job_name, number)
        if trial is None or trial.model is None:
            if trial is None:
                raise JobNotFoundError(f"job {job_name} has no trial with a result yet; see `smtune show {job_name}`")
            if trial.status in (TrialStatus.Completed, TrialStatus.Stopped):
                self._check_may_describe(job_name, str(trial.training_job))
            raise JobNotFoundError(f"trial {trial.number} of {job_name} has no model; it is {trial.status}")
        return trial.model

    def _check_may_describe(self, job_name: str, training_job: str) -> None:
        """Raise what keeps a training job from being described, if that is a permission."""
        client = self._account_of(job_name, self._record(job_name)).client("sagemaker")
        try:
            with explained(training_job, service="SageMaker", actions="sagemaker:DescribeTrainingJob"):
                client.describe_training_job(TrainingJobName=training_job)
        except AwsError as error:
            if error.code in FORBIDDEN:
                raise

    def download_model(self, job_name: str, folder: Path, number: int | None = None) -> Path:
        """Copy a trial's model into a folder, and return the file.

        Raises:
            JobNotFoundError: There is no such trial, or it has no model.
            SpecError: The folder cannot be written, or has such a file already.
            AwsError: S3 refuses, or cannot be reached.
        """
        uri = self._model_uri(job_name, number)
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        client = self._account_of(job_name, self._record(job_name)).client("s3")
        target = folder / Path(key).name
        with writable(folder):
            if target.exists():
                rule = f"is in {folder} already, and is not replaced"
                raise SpecError([Problem("model", target.name, rule, "name another folder, or remove it")])
            with explained(f"the download of {uri}", service="S3", actions="s3:GetObject"):
                client.download_file(bucket, key, str(target))
        return target

    def attach(self, job_name: str) -> None:
        """Make a tuning job of the account known here, whoever started it.

        Raises:
            JobNotFoundError: There is no such tuning job.
        """
        record = self._record(job_name)
        account = self._account_of(job_name, record)
        description = describe(account.client("sagemaker"), job_name)
        if record is None:
            self._known(description["HyperParameterTuningJobName"], account).save()

    def _trial(self, job_name: str, number: int) -> Trial:
        for trial in self.poll(job_name).trials:
            if trial.number == number:
                return trial
        raise JobNotFoundError(f"job {job_name} has no trial {number}; see `smtune show {job_name}`")

    def _record(self, job_name: str) -> RemoteJob | None:
        """Return what is known here of a job, unless that is another one: elsewhere than this backend asks."""
        own = (self._region, _shareable(self._endpoint_url))
        for job in find_remote(job_name, self.name):
            if all(mine in (None, its) for mine, its in zip(own, (job.region, job.endpoint_url), strict=True)):
                return job
        return None

    def _reader(self, job_name: str, record: RemoteJob | None) -> TuningJobReader:
        if job_name not in self._readers:
            cache = None if record is None else record.path.with_suffix(".trainings")
            client = self._account_of(job_name, record).client("sagemaker")
            self._readers[job_name] = TuningJobReader(client, job_name, cache)
        return self._readers[job_name]

    def _account_of(self, job_name: str, record: RemoteJob | None, region: str | None = None) -> Account:
        """Return whom to ask for a job: what this backend was not told, its record says, or else its plan."""
        del job_name
        if record is None:
            return self._account(region)
        return self._account(record.region, record.profile, record.endpoint_url)

    def _account(
        self, region: str | None = None, profile: str | None = None, endpoint_url: str | None = None
    ) -> Account:
        chosen = (self._profile or profile, self._region or region, self._endpoint_url or endpoint_url)
        if chosen not in self._accounts:
            profile, region, endpoint_url = chosen
            self._accounts[chosen] = Account(profile, region or configured_region(profile), endpoint_url)
        return self._accounts[chosen]


def _call(told: Callable[[Any], None] | None, what: object) -> None:
    if told is not None:
        told(what)


def _texts(lines: Iterable[LogLine], hosts: Iterable[str] = ()) -> Iterator[str]:
    """Yield lines, with the host in front once there are several."""
    known = set(hosts)
    for line in lines:
        known.add(line.host)
        yield f"{line.host}: {line.text}" if len(known) > 1 else line.text


def _new_result(plan: Plan) -> TuningResult:
    """Return a job that has just been created."""
    spec = plan.spec
    return TuningResult(
        name=plan.name,
        backend=plan.backend,
        status=JobStatus.InProgress,
        metric=spec.objective.metric,
        goal=spec.objective.goal,
        strategy=spec.strategy.type,
        seed=spec.seed,
        trials=(),
        max_parallel=spec.limits.max_parallel,
        planned_trials=plan.trials,
        started_at=time.time(),
    )


def _spec_of(record: RemoteJob) -> TuningSpec | None:
    """Return the spec that a job was started with, unless there is none, or it is a later version's."""
    try:
        return None if record.spec is None else TuningSpec.from_dict(record.spec)
    except SpecError:
        return None


def _seen(result: TuningResult) -> dict[str, Any]:
    """Return what is kept of a result, for lists of jobs."""
    return {key: value for key, value in result.to_dict().items() if key not in ("trials", "configurations")}


def _shareable(url: str | None) -> str | None:
    """Return an address without a user and a password."""
    if url is None or "@" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
