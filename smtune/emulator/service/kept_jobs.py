"""What is kept of the jobs of an account in a region."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from smtune.emulator.service.data_directory import DataDirectory
from smtune.emulator.service.records import Write
from smtune.emulator.service.training_job import Metric, State, TrainingJob, Transition
from smtune.errors import StoreError


@dataclass(frozen=True, slots=True)
class KeptTuning:
    """A tuning job as it was last seen.

    Attributes:
        number: Names the folder of its search.
        request: What created it.
        created_at: When, seconds since the epoch.
        status: Where it stood.
        failure_reason: Why it failed.
        ended_at: When it ended.
    """

    number: int
    request: Mapping[str, Any]
    created_at: float
    status: str
    failure_reason: str | None = None
    ended_at: float | None = None


class KeptJobs:
    """Notes jobs as they change, and finds those of an emulator before. Every call may come from any thread.

    Notes are written when :meth:`commit` is called. Once the directory has forgotten everything, or is closed, this one
    notes nothing any more: what it would note belongs to jobs of before.

    Args:
        directory: Where.
        account: Number of the account.
        region: Its region.
    """

    def __init__(self, directory: DataDirectory, *, account: str, region: str) -> None:
        self._directory = directory
        self._place = f"{account}/{region}"
        self._epoch = directory.records.epoch

    @property
    def searches(self) -> Path:
        """Takes the logs of searches."""
        return self._directory.searches(self._place)

    @property
    def read_only(self) -> bool:
        """Whether jobs are only looked at."""
        return self._directory.read_only

    def commit(self) -> None:
        """Write what was noted.

        Raises:
            StoreError: The disk does not let it.
        """
        self._directory.records.commit()

    def _note(self, kind: str, name: str, write: Write) -> None:
        self._directory.records.note((kind, self._place, name), write, epoch=self._epoch)

    # --- training jobs ----------------------------------------------------------------------------------------

    def trainings(self, *, deleted: bool = False) -> list[TrainingJob]:
        """Return the training jobs as they were last seen, the oldest first.

        Args:
            deleted: Return those that were deleted instead, as far as they belong to tuning jobs, which still tell of them.

        Raises:
            StoreError: They cannot be read.
        """
        columns = "request, arn, tuning_job, created_at, state"
        rows = self._directory.records.rows(
            f"SELECT {columns} FROM training WHERE place = ? AND deleted = ? ORDER BY id",  # noqa: S608 - our own names
            self._place,
            deleted,
        )
        try:
            return [self._training(*row) for row in rows]
        except (LookupError, TypeError, ValueError) as error:
            raise self._damaged("training", error) from error

    def _training(self, request: str, arn: str, tuning_job: str | None, created_at: float, state: str) -> TrainingJob:
        return TrainingJob(
            json.loads(request),
            arn=arn,
            tuning_job=tuning_job,
            created_at=created_at,
            state=_state(json.loads(state)),
            changed=self.training_changed,
        )

    def add_training(self, job: TrainingJob) -> None:
        """Note a new training job; one of the same name is replaced: it keeps its place in the order, not its metrics."""
        name, values = job.name.lower(), (json.dumps(job.asked), job.arn, job.tuning_job, job.created_at)

        def write(cursor: Any) -> None:
            cursor.execute("DELETE FROM metric WHERE place = ? AND training = ?", (self._place, job.name))
            cursor.execute(
                "INSERT INTO training (place, name, request, arn, tuning_job, created_at, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (place, name) WHERE NOT deleted DO UPDATE SET request = excluded.request,"
                " arn = excluded.arn, tuning_job = excluded.tuning_job, created_at = excluded.created_at,"
                " state = excluded.state",
                (self._place, name, *values, _encoded(job.state)),
            )

        self._note("training", name, write)

    def training_changed(self, job: TrainingJob) -> None:
        """Note that a training job is no longer as it was; its end is written at once."""
        name = job.name.lower()

        def write(cursor: Any) -> None:
            sql = "UPDATE training SET state = ? WHERE place = ? AND name = ? AND NOT deleted"
            cursor.execute(sql, (_encoded(job.state), self._place, name))

        self._note("training state", name, write)
        if job.has_ended:
            self.commit()

    def delete_training(self, job: TrainingJob) -> None:
        """Write that a training job is gone."""
        change = "DELETE FROM training" if job.tuning_job is None else "UPDATE training SET deleted = 1"
        sql, values = f"{change} WHERE place = ? AND name = ? AND NOT deleted", (self._place, job.name.lower())
        self._note("training", job.name.lower(), lambda cursor: cursor.execute(sql, values))
        self.commit()

    # --- tuning jobs ------------------------------------------------------------------------------------------

    def tunings(self) -> list[KeptTuning]:
        """Return all tuning jobs as they were last seen, the oldest first.

        Raises:
            StoreError: They cannot be read.
        """
        rows = self._directory.records.rows(
            "SELECT number, request, created_at, state FROM tuning WHERE place = ? ORDER BY id", self._place
        )
        try:
            return [
                KeptTuning(number, json.loads(request), created_at, **json.loads(state))
                for number, request, created_at, state in rows
            ]
        except (LookupError, TypeError, ValueError) as error:
            raise self._damaged("tuning", error) from error

    def keep_tuning(self, job: KeptTuning) -> None:
        """Note a tuning job as it is now, and write it."""
        name = str(job.request["HyperParameterTuningJobName"]).lower()
        state = {"status": job.status, "failure_reason": job.failure_reason, "ended_at": job.ended_at}
        values = (self._place, name, job.number, json.dumps(job.request), job.created_at, json.dumps(state))

        def write(cursor: Any) -> None:
            cursor.execute(
                "INSERT INTO tuning (place, name, number, request, created_at, state) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET state = excluded.state",
                values,
            )

        self._note("tuning", name, write)
        self.commit()

    def delete_tuning(self, name: str, number: int) -> None:
        """Note that a tuning job is gone, and remove the log of its search."""
        folder = (self.searches / str(number)).relative_to(self._directory.path).as_posix()
        sql, values = "DELETE FROM tuning WHERE place = ? AND name = ?", (self._place, name.lower())
        self._note("tuning", name.lower(), lambda cursor: cursor.execute(sql, values))
        self._directory.records.throw_away(folder, epoch=self._epoch)
        self.commit()
        self._directory.remove(folder)

    # --- tags -------------------------------------------------------------------------------------------------

    def tags(self) -> dict[str, dict[str, str]]:
        """Return the tags by ARN.

        Raises:
            StoreError: They cannot be read.
        """
        rows = self._directory.records.rows("SELECT arn, tags FROM tags WHERE place = ?", self._place)
        try:
            return {json.loads(arn): dict(json.loads(tags)) for arn, tags in rows}
        except (TypeError, ValueError) as error:
            raise self._damaged("tags", error) from error

    def keep_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        """Note the tags of a job."""
        values = (self._place, json.dumps(arn), json.dumps(dict(tags)))
        self._note("tags", arn, lambda cursor: cursor.execute("REPLACE INTO tags VALUES (?, ?, ?)", values))

    def delete_tags(self, arn: str) -> None:
        """Note that a job has no tags any more."""
        values = (self._place, json.dumps(arn))
        sql = "DELETE FROM tags WHERE place = ? AND arn = ?"
        self._note("tags", arn, lambda cursor: cursor.execute(sql, values))

    def _damaged(self, table: str, error: Exception) -> StoreError:
        return StoreError(
            f"{self._directory.path}: its table {table} is damaged ({error!r}); restore the directory from a copy"
        )


def _encoded(state: State) -> str:
    members = {one.name: getattr(state, one.name) for one in fields(state)}
    return json.dumps({**members, "metrics": dict(state.metrics)})


def _state(members: Mapping[str, Any]) -> State:
    transitions = tuple(Transition(*one) for one in members["transitions"])
    metrics = MappingProxyType({name: Metric(*one) for name, one in members["metrics"].items()})
    return State(**{**members, "transitions": transitions, "metrics": metrics})
