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
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smtune.amt import decode_description, request_of
from smtune.amt.patches import canonical
from smtune.backends.amt_plan import CODE, pack_code, plan_amt, planned_bucket
from smtune.backends.aws.logs import TrainingLog
from smtune.backends.aws.session import Account
from smtune.backends.aws.storage import ensure_bucket, upload_file, upload_folder
from smtune.backends.aws.troubles import explained
from smtune.backends.base import Backend, Listener, Notice, Plan, Upload
from smtune.backends.tuning_jobs import TuningJobReader, describe
from smtune.errors import AwsError, JobExistsError, JobNotFoundError, Problem, SpecError
from smtune.results import TuningResult
from smtune.spec import AMT_PREFIX, SageMaker, Training, TuningSpec
from smtune.store import RemoteJob, find_remote
from smtune.trial import Trial

_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 20.0
"""Seconds between two questions: few while things change, many while they do not."""

_ENDED = ("Completed", "Failed", "Stopped")


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
        self._accounts: dict[str | None, Account] = {}
        self._readers: dict[str, TuningJobReader] = {}

    @classmethod
    def of(cls, job: RemoteJob) -> AmtBackend:
        """Return the backend that a job lives in."""
        return cls(profile=job.profile, region=job.region, endpoint_url=job.endpoint_url)

    def plan(self, spec: TuningSpec, *, name: str | None = None) -> Plan:
        """Check the spec against the service's rules; send nothing."""
        return plan_amt(spec, name=name, region=self._region)

    def submit(self, plan: Plan) -> str:
        """Upload code and data, and create the tuning job, unless this very one is there already.

        Raises:
            JobExistsError: There is another tuning job of this name.
            SpecError: Something was changed since it was planned, or the bucket or a parent is not there.
            AwsError: AWS refuses, or cannot be reached.
        """
        account = self._account(plan.region)
        client = account.client("sagemaker")
        cloud = plan.spec.sagemaker or SageMaker()
        _check_parents(client, plan.spec)
        self._upload(plan, cloud, account)
        job = RemoteJob(
            plan.name,
            self.name,
            region=account.region,
            profile=self._profile,
            endpoint_url=_shareable(self._endpoint_url),
            spec=plan.spec.to_dict(),
            request=plan.request,
            added_at=time.time(),
        )
        before = find_remote(plan.name, self.name)
        job.save()  # first, so that a process that is killed in between leaves a trace
        try:
            _create(client, plan)
        except BaseException:
            job.forget()
            for one in before:
                one.save()
            raise
        return plan.name

    def _upload(self, plan: Plan, cloud: SageMaker, account: Account) -> None:
        if not plan.uploads and cloud.bucket is not None:
            return
        bucket = planned_bucket(cloud, account.client("s3"))
        ensure_bucket(bucket, account.region, create=cloud.bucket is None)
        for upload in plan.uploads:
            path = Path(upload.path)
            if upload.kind == CODE:
                with tempfile.TemporaryDirectory(prefix="smtune-code-") as folder:
                    archive = pack_code(_training_of(plan.spec, upload), Path(folder))
                    uri = upload_file(bucket, upload.kind, archive)
            else:
                uri = (upload_folder if path.is_dir() else upload_file)(bucket, upload.kind, path)
            if uri != upload.uri:
                rule = "was changed since the job was planned"
                raise SpecError([Problem(f"training.{upload.kind}", upload.path, rule, "plan it again")])

    def poll(self, job_name: str) -> TuningResult:
        """Return the job as it stands.

        Raises:
            JobNotFoundError: There is no such tuning job.
            AwsError: AWS refuses, or cannot be reached.
        """
        record = self._record(job_name)
        reader = self._reader(job_name, record)
        description = reader.refresh()
        spec = None if record is None or record.spec is None else TuningSpec.from_dict(record.spec)
        result = decode_description(description, reader.summaries, reader.details, spec=spec, backend=self.name)
        if record is not None:
            document = result.to_dict()
            seen = {key: document[key] for key in document if key not in ("trials", "configurations")}
            if seen != record.seen:
                record.with_seen(seen).save()
        return result

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
        pause = _SHORTEST_PAUSE
        result: TuningResult | None = None
        troubled = False
        while result is None or not result.status.ended:
            try:
                result = self.poll(job_name)
            except AwsError as error:
                self._bear(error, over=time.monotonic() >= deadline)
                if not troubled:
                    _call(notice, f"{error}; the job goes on, and is asked for again")
                troubled, pause = True, min(2 * pause, _LONGEST_PAUSE)
            else:
                if troubled:
                    _call(notice, "AWS answers again")
                changed = [trial for trial in result.trials if told.get(trial.number) != trial]
                told |= {trial.number: trial for trial in changed}
                for trial in changed:
                    _call(listener, trial)
                troubled, pause = False, _SHORTEST_PAUSE if changed else min(1.5 * pause, _LONGEST_PAUSE)
                if result.status.ended or time.monotonic() >= deadline:
                    break
            left = max(0.0, min(pause, deadline - time.monotonic()))
            self._pause(left * random.uniform(0.75, 1.0))  # noqa: S311 - so that watchers do not march in step
        return result

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
        client = self._client(job_name)
        if describe(client, job_name)["HyperParameterTuningJobStatus"] in _ENDED:
            return
        try:
            with explained(job_name, service="SageMaker", actions="sagemaker:StopHyperParameterTuningJob"):
                client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job_name)
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
        log = TrainingLog(self._account_of(job_name).client("logs"), str(trial.training_job))
        lines = (
            log.follow(lambda: self._trial(job_name, number).status.ended, self._pause) if follow else log.new_lines()
        )
        hosts: set[str] = set()
        for line in lines:
            hosts.add(line.host)
            yield f"{line.host}: {line.text}" if len(hosts) > 1 else line.text

    def best_model(self, job_name: str, number: int | None = None) -> str:
        """Return the S3 URI of a trial's model, by default the best one's.

        Raises:
            JobNotFoundError: There is no such trial, or it has no model.
        """
        trial = self.poll(job_name).best if number is None else self._trial(job_name, number)
        if trial is None or trial.model is None:
            which = (
                "no trial"
                if trial is None
                else f"trial {trial.number} of {job_name} has no model; it is {trial.status}"
            )
            raise JobNotFoundError(which if trial is not None else f"{which} of {job_name} has a result yet")
        return trial.model

    def download_model(self, job_name: str, folder: Path, number: int | None = None) -> Path:
        """Copy a trial's model into a folder, and return the file.

        Raises:
            JobNotFoundError: There is no such trial, or it has no model.
            AwsError: S3 refuses, or cannot be reached.
        """
        uri = self.best_model(job_name, number)
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / Path(key).name
        with explained(f"the download of {uri}", service="S3", actions="s3:GetObject"):
            self._account_of(job_name).client("s3").download_file(bucket, key, str(target))
        return target

    def attach(self, job_name: str) -> None:
        """Make a tuning job of the account known here, whoever started it.

        Raises:
            JobNotFoundError: There is no such tuning job.
        """
        account = self._account(None)
        description = describe(account.client("sagemaker"), job_name)
        known = find_remote(job_name, self.name)
        if known and known[0].region == account.region and known[0].spec is not None:
            return
        RemoteJob(
            description["HyperParameterTuningJobName"],
            self.name,
            region=account.region,
            profile=self._profile,
            endpoint_url=_shareable(self._endpoint_url),
            added_at=time.time(),
        ).save()

    def _trial(self, job_name: str, number: int) -> Trial:
        for trial in self.poll(job_name).trials:
            if trial.number == number:
                return trial
        raise JobNotFoundError(f"job {job_name} has no trial {number}; see `smtune show {job_name}`")

    def _record(self, job_name: str) -> RemoteJob | None:
        """Return what is known here of a job, if it is the one in this backend's region."""
        found = find_remote(job_name, self.name)
        return found[0] if found and self._region in (None, found[0].region) else None

    def _reader(self, job_name: str, record: RemoteJob | None) -> TuningJobReader:
        if job_name not in self._readers:
            cache = None if record is None else record.path.with_suffix(".trainings")
            self._readers[job_name] = TuningJobReader(self._client(job_name), job_name, cache)
        return self._readers[job_name]

    def _client(self, job_name: str) -> Any:
        return self._account_of(job_name).client("sagemaker")

    def _account_of(self, job_name: str) -> Account:
        record = self._record(job_name)
        return self._account(None if record is None else record.region)

    def _account(self, region: str | None) -> Account:
        chosen = self._region or region
        if chosen not in self._accounts:
            self._accounts[chosen] = Account(self._profile, chosen, self._endpoint_url)
        return self._accounts[chosen]


def _call(told: Callable[[Any], None] | None, what: object) -> None:
    if told is not None:
        told(what)


def _create(client: Any, plan: Plan) -> None:
    """Create a tuning job; one that is there and is the same is adopted.

    Raises:
        JobExistsError: There is another one of this name.
    """
    try:
        with explained(
            plan.name, service="SageMaker", actions="sagemaker:CreateHyperParameterTuningJob and iam:PassRole"
        ):
            client.create_hyper_parameter_tuning_job(**plan.request)
    except AwsError as error:
        if error.code != "ResourceInUse":
            raise
    else:
        return
    there = request_of(describe(client, plan.name))
    asked = {key: value for key, value in plan.request.items() if key != "Tags"}  # a description leaves them out
    if not _is_part(canonical(asked), canonical(there)):
        raise JobExistsError(f'there is another tuning job "{plan.name}" of this account in {client.meta.region_name}')


def _is_part(asked: Any, there: Any) -> bool:
    """Return whether all that was asked for is there; the service adds what nobody asked for."""
    if isinstance(asked, Mapping):
        return isinstance(there, Mapping) and all(
            key in there and _is_part(one, there[key]) for key, one in asked.items()
        )
    if isinstance(asked, list):
        return (
            isinstance(there, list)
            and len(asked) == len(there)
            and all(_is_part(one, other) for one, other in zip(asked, there, strict=True))
        )
    return bool(asked == there)


def _check_parents(client: Any, spec: TuningSpec) -> None:
    """Ask for the parents of a warm start, since SageMaker would say only that one of them is wrong.

    Raises:
        SpecError: One is not there, has not ended, or has another objective.
    """
    problems = []
    for place, parent in enumerate(spec.warm_start.parents if spec.warm_start is not None else ()):
        name = parent.rpartition("/")[2].removeprefix(AMT_PREFIX)
        field = f"warm_start.parents[{place}]"
        try:
            description = describe(client, name)
        except JobNotFoundError as error:
            problems.append(Problem(field, parent, str(error).partition("; ")[0], "name a tuning job of this account"))
            continue
        status = description["HyperParameterTuningJobStatus"]
        objective = description["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
        wanted = {"Type": spec.objective.goal.value, "MetricName": spec.objective.metric}
        if status not in _ENDED:
            problems.append(Problem(field, parent, f"has not ended: it is {status}", "wait for it, or stop it"))
        elif objective != wanted:
            rule = "has another objective, or several"
            problems.append(
                Problem(field, parent, rule, f"name a job that has {wanted['Type']} {wanted['MetricName']}")
            )
    if problems:
        raise SpecError(problems)


def _training_of(spec: TuningSpec, upload: Upload) -> Training:
    trainings = [spec.training, *(one.training for one in (spec.definitions or {}).values())]
    return next(one for one in trainings if one is not None and one.source_dir == upload.path)


def _shareable(url: str | None) -> str | None:
    """Return an address without a user and a password."""
    if url is None or "@" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
