"""One tuning job: smtune's own search over training jobs of the service.

Several training job definitions run in turn, each with an even share of the trials. ``MaxRuntimeInSeconds`` is that of the
whole job: a definition has what those before it have left. None follows one that has met a completion criterion.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from smtune.amt import decode_request, encode_description
from smtune.amt.echo import echo_definition
from smtune.amt.names import training_job_name
from smtune.amt.ranges import quoting_of
from smtune.amt.training_jobs import TrainingJobs as Encoder
from smtune.container import decode_value
from smtune.emulator.service.kept_jobs import KeptTuning
from smtune.emulator.service.part_ends import PartEnd, end_of
from smtune.emulator.service.training import Training, TrainingRegistry
from smtune.emulator.service.troubles import Abandoned
from smtune.emulator.service.tuning_runner import TuningRunner
from smtune.errors import StoreError
from smtune.loop import TuningLoop
from smtune.results import JobStatus, TuningResult, WarmStartParent, WarmStartResult
from smtune.space import SearchSpace
from smtune.spec import AshaRuleConfig, Objective, TuningSpec
from smtune.store import JobCreated, JobDirectory, JobStore, WarmStarted
from smtune.trial import Trial, TrialStatus
from smtune.warm_starts import Parent, take_over

NO_SUCCESS = (
    "No training job succeeded after 5 attempts. Please take a look at the training job failures to get more details."
)
"""What the service says of a job whose first trainings all failed."""

_RUNG_FACTOR = 3

_LISTED = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobStatus",
    "CreationTime",
    "HyperParameterTuningEndTime",
    "LastModifiedTime",
    "TrainingJobStatusCounters",
    "ObjectiveStatusCounters",
)
"""Members of a description that are in lists of jobs, too."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A training job definition, and the search over its space."""

    spec: TuningSpec
    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the definition; empty where there is only one."""
        return str(self.definition.get("DefinitionName", ""))

    def within(self, seconds: float | None) -> _Part:
        """Return the search with a limit of its wall-clock time, or without."""
        limits = self.spec.limits.model_copy(update={"max_runtime_seconds": seconds})
        return replace(self, spec=self.spec.model_copy(update={"limits": limits}))


@dataclass(frozen=True, slots=True)
class _Begun:
    """How far the search over a definition is.

    Attributes:
        first: Number of its first trial among those of the tuning job.
        status: Where it stands, by its log.
    """

    first: int
    status: JobStatus = JobStatus.InProgress


class TuningJob:
    """A tuning job, from its creation on.

    Args:
        request: As of ``CreateHyperParameterTuningJob``, legal.
        arn: Its ARN.
        jobs: Where its training jobs are created.
        folder: Takes the log of its search.
        parents: The jobs that it builds on.
        seen: How it was last seen, if it was created in an emulator before.
        changed: Told of every change of its status, once it has happened.

    Raises:
        SpecError: smtune's search cannot do what is asked for, or a parent has another objective.
        MissingExtraError: Its strategy needs an optional package.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        *,
        arn: str,
        jobs: TrainingRegistry,
        folder: Path,
        parents: Sequence[TuningJob] = (),
        seen: KeptTuning | None = None,
        changed: Callable[[TuningJob], object] | None = None,
    ) -> None:
        self.request = request
        self.arn = arn
        self.name: str = request["HyperParameterTuningJobName"]
        self.created_at = time.time() if seen is None else seen.created_at
        self.spec = decode_request(request)
        self._jobs = jobs
        self.folder = folder
        self._parents = parents
        self._parts = list(_parts(self.spec, request))
        self._taken_over = self._take_over() if seen is None else None
        told = [_found(event.type, event.parents) for event in self._taken_over or ()]
        self._warm_start = told[0] if told else None
        self._trials: dict[int, Trial] = {}
        self._trainings: dict[int, Training] = {}
        self._origins: defaultdict[int, str] = defaultdict(str)
        self._told: dict[int, Trial] = {}
        self._summaries: dict[int, tuple[object, dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._status = JobStatus.InProgress if seen is None else JobStatus(seen.status)
        self._failure_reason = None if seen is None else seen.failure_reason
        self._ended_at = None if seen is None else seen.ended_at
        self._listener = changed
        self._unread = seen is not None
        self._begun: dict[int, _Begun] = {}
        self._runner: TuningRunner | None = None
        self._abandoned = False
        self._loop: TuningLoop | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"smtune-emulated-{self.name}", daemon=True)

    def start(self) -> None:
        """Begin to search."""
        self._thread.start()

    def abandon(self) -> None:
        """End the search as if its process had been killed. Returns at once."""
        with self._lock:
            self._abandoned = True
            runner = self._runner
        if runner is not None:
            runner.abandon()

    def end(self) -> None:
        """Be stopped: the emulator before had been asked to, and ended before it had done so."""
        with self._lock:
            self._status, self._ended_at = JobStatus.Stopped, time.time()
        self._changed_status()

    def open_trainings(self) -> list[str]:
        """Return the names of the training jobs that its search waits for, by its log.

        Raises:
            StoreError: The log cannot be read.
        """
        with self._lock:
            self._read()
            return [self._name_of(number) for number, trial in self._trials.items() if not trial.status.ended]

    def _name_of(self, number: int) -> str:
        """Return the name of a training job; no job of this name that was deleted before has one that is called so."""
        return training_job_name(self.name, number, salt=f"{self.created_at!r}/")

    @property
    def status(self) -> JobStatus:
        """Where it stands."""
        with self._lock:
            return self._status

    @property
    def failure_reason(self) -> str | None:
        """Why it failed, or ``None``."""
        with self._lock:
            return self._failure_reason

    @property
    def ended_at(self) -> float | None:
        """When it ended, or ``None``."""
        with self._lock:
            return self._ended_at

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.status.ended

    def stop(self) -> None:
        """Start no new training jobs, and stop the running ones. Returns at once."""
        with self._lock:
            if self._status is not JobStatus.InProgress:
                return
            self._status = JobStatus.Stopping
            loop = self._loop
        self._changed_status()
        self._stopping.set()
        if loop is not None:
            loop.request_stop()

    def join(self, timeout: float | None = None) -> None:
        """Wait until its thread has ended, if it was started."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def result(self) -> TuningResult:
        """Return the job as it stands."""
        with self._lock:
            self._read()
            trials = tuple(self._as_told(number) for number in sorted(self._trials))
            status, reason, ended_at = self._status, self._failure_reason, self._ended_at
        spec = self.spec
        return TuningResult(
            name=self.name,
            backend="amt",
            status=status,
            metric=spec.objective.metric,
            goal=spec.objective.goal,
            strategy=spec.strategy.type,
            seed=spec.seed,
            trials=trials,
            max_parallel=spec.limits.max_parallel,
            planned_trials=spec.planned_trials,
            failure_reason=reason,
            started_at=self.created_at,
            ended_at=ended_at,
            resumable=False,
            warm_start=self._warm_start,
        )

    def description(self) -> dict[str, Any]:
        """Return what ``DescribeHyperParameterTuningJob`` answers."""
        return encode_description(self.result(), self.request, arn=self.arn)

    def summaries(self) -> list[dict[str, Any]]:
        """Return the ``TrainingJobSummaries``, in the order of their creation."""
        with self._lock:
            self._read()
            return [self._summary(number) for number in sorted(self._trials)]

    @property
    def modified_at(self) -> float:
        """When it last changed, as far as its status tells."""
        with self._lock:
            return self.created_at if self._ended_at is None else self._ended_at

    def entry(self) -> dict[str, Any]:
        """Return its entry in what ``ListHyperParameterTuningJobs`` answers."""
        told = self.description()
        entry = {key: told[key] for key in _LISTED if key in told}
        config = told["HyperParameterTuningJobConfig"]
        return {**entry, "Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}

    def parent(self) -> Parent:
        """Return what later jobs may build on."""
        result = self.result()
        usable = (TrialStatus.Completed, TrialStatus.Stopped)
        trials = [one if one.status in usable else replace(one, objective=None) for one in result.trials]
        return Parent(self.name, result.metric, result.goal, trials)

    # --- in its own thread ------------------------------------------------------------------------------------

    def _work(self) -> None:
        reason = None
        try:
            status = self._search_all()
            if status is JobStatus.Failed:
                reason = NO_SUCCESS
        except Abandoned:
            return
        except StoreError as error:  # its fix is for jobs that people run themselves
            status, reason = JobStatus.Failed, f"InternalServerError: {str(error).partition('; ')[0]}"
        except Exception as error:  # whatever goes wrong, the job must not stay in progress for ever
            status, reason = JobStatus.Failed, f"InternalServerError: {error}"
        with self._lock:
            if self._abandoned:
                return
            self._status, self._failure_reason, self._ended_at = status, reason, time.time()
        self._changed_status()

    def _changed_status(self) -> None:
        if self._listener is not None:
            self._listener(self)

    def _search_all(self) -> JobStatus:
        """Search the spaces of all definitions in turn, as far as the job's limits and completion criteria let it.

        Returns:
            ``Failed`` only if no definition had a success.

        Raises:
            Abandoned: Nobody wants to know any more.
            StoreError: A log cannot be read or written.
        """
        left = self.spec.limits.max_runtime_seconds
        statuses = set()
        for place, part in enumerate(self._parts):
            if self._stopping.is_set() or (left is not None and left <= 0):
                break
            end = self._search(part.within(left), place)
            statuses.add(end.status)
            if end.criterion is not None:
                break
            left = None if left is None else left - end.seconds
        if self._stopping.is_set():
            return JobStatus.Stopped
        return JobStatus.Completed if JobStatus.Completed in statuses else JobStatus.Failed

    def _search(self, part: _Part, place: int) -> PartEnd:
        """Search the space of one definition, or go on with that.

        Raises:
            Abandoned: Nobody wants to know any more.
            StoreError: Its log cannot be read or written.
        """
        with self._lock:
            self._read()
            begun = self._begun.get(place, _Begun(len(self._trials)))
        with self._store(part, place) as store:
            if not begun.status.ended:
                self._run(part, store, begun.first)
            return end_of(store, part.spec)

    def _store(self, part: _Part, place: int) -> JobStore:
        directory = self._directory(place)
        if directory.database.exists():
            return JobStore.open(directory)
        event = JobCreated(
            name=directory.name, backend="amt", spec=part.spec.to_dict(), seed=part.spec.seed, at=self.created_at
        )
        return JobStore.create(directory, event, *(self._take_over() if self._taken_over is None else self._taken_over))

    def _take_over(self) -> list[WarmStarted]:
        """Return what the search takes over from its parents: with several definitions, a job cannot have any.

        SageMaker searches on its own if nothing of its parents is of use.

        Raises:
            SpecError: A parent has another objective.
        """
        known = [(one.name, one.parent()) for one in self._parents]
        return [take_over(self._parts[0].spec, known, needed=False)] if known else []

    def _directory(self, place: int) -> JobDirectory:
        return JobDirectory(f"part-{place}", self.folder)

    def _run(self, part: _Part, store: JobStore, first: int) -> None:
        runner = TuningRunner(
            self._jobs,
            name_of=self._name_of,
            arn=self.arn,
            definition={
                **echo_definition(part.definition, part.spec.objective.metric),
                "Tags": self.request.get("Tags") or [],
            },
            choices=_choices(part.definition, self.request),
            quoting=_quoting(part.definition),
            first=first,
            created=partial(self._created, definition=part.name),
        )
        loop = TuningLoop(
            part.spec,
            runner=runner,
            store=store,
            listener=lambda trial: self._changed(first + trial.number, trial),
        )
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._runner, self._loop = runner, loop
        if self._stopping.is_set():
            loop.request_stop()
        loop.run()

    def _created(self, number: int, trial: Trial, training: Training, definition: str) -> None:
        with self._lock:
            self._trainings[number] = training
            self._origins[number] = definition
            self._trials.setdefault(number, replace(trial, number=number))

    def _changed(self, number: int, trial: Trial) -> None:
        with self._lock:
            self._trials[number] = replace(trial, number=number)
            self._told.pop(number, None)

    # --- with the lock ----------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Read once what the logs know from an emulator before.

        Raises:
            StoreError: One of them cannot be read.
        """
        if not self._unread:
            return
        trials: dict[int, Trial] = {}
        for place, part in enumerate(self._parts):
            directory = self._directory(place)
            if not directory.database.exists():
                break
            with JobStore.open(directory, read_only=True) as store:
                first, found, job = len(trials), store.trials(), store.job()
                self._begun[place] = _Begun(first, JobStatus(job.status))
                if job.warm_start is not None:
                    self._warm_start = _found(job.warm_start["type"], job.warm_start["parents"])
            for number, trial in enumerate(found, first):
                trials[number] = replace(trial, number=number)
                self._origins[number] = part.name
                training = self._jobs.find(self._name_of(number), tuning_job=self.arn)
                if training is not None:
                    self._trainings[number] = training
        self._trials = trials
        self._unread = False

    def _as_told(self, number: int) -> Trial:
        """Return a trial as its training job is: code that ended well has completed, with an objective or without.

        There may be thousands of them, and those that have ended change no more.
        """
        if number not in self._told:
            told = self._tell(number)
            training = self._trainings.get(number)
            if not self._trials[number].status.ended or (training is not None and training.ended_at is None):
                return told
            self._told[number] = told
        return self._told[number]

    def _tell(self, number: int) -> Trial:
        trial, training = replace(self._trials[number], origin=self._origins[number]), self._trainings.get(number)
        if training is None:
            return replace(trial, training_job=self._name_of(number))
        status = TrialStatus(training.status) if training.status != "Stopping" else TrialStatus.InProgress
        reason = training.failure_reason if status is TrialStatus.Failed else trial.failure_reason
        return replace(
            trial,
            training_job=training.name,
            status=status,
            objective=trial.objective if trial.status.ended else None,
            started_at=training.started_at,
            ended_at=training.ended_at,
            failure_reason=None if status is TrialStatus.Completed else reason,
        )

    def _summary(self, number: int) -> dict[str, Any]:
        trial, training = self._as_told(number), self._trainings.get(number)
        seen = trial, None if training is None else training.status
        known = self._summaries.get(number)
        if known is not None and known[0] == seen:
            return known[1]
        alone = TuningResult(
            name=self.name,
            backend="amt",
            status=self._status,
            metric=self.spec.objective.metric,
            goal=self.spec.objective.goal,
            strategy=self.spec.strategy.type,
            seed=None,
            trials=(trial,),
            started_at=self.created_at,
        )
        summary = Encoder(alone, self.request, self.arn).summary(trial)
        if training is not None:
            summary["CreationTime"] = training.created_at
            if seen[1] == "Stopping":  # a trial knows no such status
                summary["TrainingJobStatus"] = "Stopping"
        self._summaries[number] = seen, summary
        return summary


def _found(kind: str, parents: Sequence[Mapping[str, Any]]) -> WarmStartResult:
    """Return what a job tells of its parents."""
    return WarmStartResult(kind, [WarmStartParent.from_dict(one) for one in parents])


def _parts(spec: TuningSpec, request: Mapping[str, Any]) -> Iterator[_Part]:
    """Yield the definitions of a request with the searches over their spaces; they share its trials evenly."""
    if spec.definitions is None:
        yield _Part(
            _searched(spec, spec.objective, spec.parameters, spec.limits.max_trials), request["TrainingJobDefinition"]
        )
        return
    encoded = request["TrainingJobDefinitions"]
    most = spec.limits.max_trials
    shares = (
        [None] * len(encoded) if most is None else [(most + place) // len(encoded) for place in range(len(encoded))]
    )
    searched = [(spec.objective, spec.parameters)]
    searched += [(one.objective or spec.objective, one.parameters) for one in spec.definitions.values()]
    for (objective, space), definition, share in zip(searched, encoded, shares, strict=True):
        if share is None or share > 0:
            yield _Part(_searched(spec, objective, space, share), definition)


def _searched(spec: TuningSpec, objective: Objective, space: SearchSpace, trials: int | None) -> TuningSpec:
    """Return the spec of the search itself.

    A training job's own time is the service's business. What AWS calls Hyperband gives up training jobs at rungs, and
    starts none of them again: here that is asynchronous successive halving over random configurations. The resource is
    the number of values of the objective that a training job has printed, as AWS counts it. None is given up before
    ``MinResource``; rungs follow at three, nine, ... times as much, up to ``MaxResource`` without it. A training job is
    stopped once it goes past ``MaxResource``, so that one which comes as far and no farther completes.
    """
    hyperband = spec.strategy.type == "hyperband"
    early_stopping: Any = spec.early_stopping
    if spec.strategy.type == "hyperband" and spec.strategy.resource is not None:
        resource = spec.strategy.resource
        early_stopping = AshaRuleConfig(first=resource.min, eta=_RUNG_FACTOR, last=resource.max)
    return TuningSpec(
        name=None,
        objective=objective,
        parameters=space,
        strategy="random" if hyperband else spec.strategy.type,
        limits={
            "max_trials": trials,
            "max_parallel": spec.limits.max_parallel,
            "max_runtime_seconds": spec.limits.max_runtime_seconds,
        },
        early_stopping=early_stopping,
        completion=spec.completion,
        seed=spec.seed,
        warm_start=spec.warm_start,
    )


def seeded(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with a seed of its own where it has none: AWS draws one, too."""
    config = request["HyperParameterTuningJobConfig"]
    if "RandomSeed" in config:
        return dict(request)
    return {**request, "HyperParameterTuningJobConfig": {**config, "RandomSeed": secrets.randbelow(2**31)}}


def _choices(definition: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    ranges = (
        definition.get("HyperParameterRanges") or request["HyperParameterTuningJobConfig"].get("ParameterRanges") or {}
    )
    return {
        one["Name"]: {repr(decode_value(text)): text for text in one["Values"]}
        for one in ranges.get("CategoricalParameterRanges") or ()
    }


def _quoting(definition: Mapping[str, Any]) -> str:
    return quoting_of(list((definition.get("StaticHyperParameters") or {}).values()))
