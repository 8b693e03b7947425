"""What a training job prints, from CloudWatch: the log group ``/aws/sagemaker/TrainingJobs``.

Every instance writes a stream of its own, ``JOB/algo-1-1735689600``. Not supported: lines that CloudWatch has not taken
in yet when following ends (it lags by seconds), time ranges, and queries over many jobs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from smtune.backends.aws.troubles import explained
from smtune.errors import AwsError

GROUP: Final = "/aws/sagemaker/TrainingJobs"

_HOST = re.compile(r"(algo-\d+)(?:-\d+)?")
_ACTIONS: Final = "logs:DescribeLogStreams and logs:GetLogEvents"
_SHORTEST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 15.0


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Attributes:
        time: When it was printed.
        host: Which instance printed it, e.g. ``algo-1``.
        text: What it printed.
    """

    time: datetime
    host: str
    text: str


class TrainingLog:
    """The log of a training job, read from where the last reading ended.

    ::

        log = TrainingLog(account.client("logs"), "churn-001-5d0f5aea")
        for line in log.follow(ended=has_ended, wait=stop.wait):
            print(line.host, line.text)

    Args:
        client: boto3's client of CloudWatch Logs.
        job: Name of the training job.
    """

    def __init__(self, client: Any, job: str) -> None:
        self._client = client
        self._job = job
        self._tokens: dict[str, str] = {}  # of each stream that was read: where to go on

    def new_lines(self) -> list[LogLine]:
        """Return the lines since the last call, of all instances, oldest first; none where nothing was printed yet.

        Raises:
            AwsError: CloudWatch refuses, or cannot be reached.
        """
        with self._explained():
            return _in_order(line for stream in self._streams() for line in self._rest_of(stream))

    def last_lines(self, count: int) -> list[LogLine]:
        """Return the last lines of all instances together, oldest first.

        Args:
            count: As many as that, if there are.

        Raises:
            AwsError: CloudWatch refuses, or cannot be reached.
        """
        found: list[LogLine] = []
        with self._explained():
            for stream in self._streams():
                answer = self._events(stream, startFromHead=False, limit=count)
                found += _lines(stream, answer)
        return _in_order(found)[-count:]

    def follow(
        self,
        ended: Callable[[], bool],
        wait: Callable[[float], object],
        *,
        jitter: Callable[[], float] = random.random,
    ) -> Iterator[LogLine]:
        """Yield lines as they come, until the job has ended and nothing new has come since.

        Quiet jobs are asked ever less often, busy ones every second, none of them in step with another. Throttling and a
        lost network are waited out while the job goes on.

        Args:
            ended: Whether the job has ended; asked before every reading.
            wait: Waits so many seconds, or less.
            jitter: A number between 0 and 1.

        Raises:
            AwsError: CloudWatch refuses; or credentials have expired; or the network is lost and the job has ended.
        """
        pause = _SHORTEST_WAIT
        while True:
            over = ended()
            lines = self._new_lines_or_patience(over=over)
            yield from lines
            if over and not lines:
                return
            pause = _SHORTEST_WAIT if lines else min(2 * pause, _LONGEST_WAIT)
            wait(pause * (0.5 + jitter() / 2))

    def _new_lines_or_patience(self, *, over: bool) -> list[LogLine]:
        try:
            return self.new_lines()
        except AwsError as error:
            if over or error.credentials_expired or not error.transient:
                raise
            return []

    def _explained(self) -> Any:
        return explained(f"the log of {self._job}", service="CloudWatch", actions=_ACTIONS)

    def _streams(self) -> list[str]:
        pages = self._client.get_paginator("describe_log_streams").paginate(
            logGroupName=GROUP, logStreamNamePrefix=f"{self._job}/"
        )
        try:
            return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except self._client.exceptions.ResourceNotFoundException:  # the first job of this region makes the group
            return []

    def _rest_of(self, stream: str) -> Iterator[LogLine]:
        """Yield the lines of a stream that were not read yet."""
        while True:
            token = self._tokens.get(stream)
            answer = self._events(stream, startFromHead=True, **({} if token is None else {"nextToken": token}))
            yield from _lines(stream, answer)
            following = answer.get("nextForwardToken")
            if following is None or following == token:  # as CloudWatch says that this is the end for now
                return
            self._tokens[stream] = following

    def _events(self, stream: str, **how: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._client.get_log_events(logGroupName=GROUP, logStreamName=stream, **how)
        except self._client.exceptions.ResourceNotFoundException:
            return {"events": []}
        return answer


def _in_order(lines: Any) -> list[LogLine]:
    """Return lines by their time; those of one instance stay in the order in which it printed them."""
    return sorted(lines, key=lambda line: line.time)


def _lines(stream: str, answer: dict[str, Any]) -> list[LogLine]:
    name = stream.rpartition("/")[2]
    matched = _HOST.fullmatch(name)
    host = matched[1] if matched else name
    return [
        LogLine(datetime.fromtimestamp(event["timestamp"] / 1000, UTC), host, event["message"].rstrip("\r\n"))
        for event in answer["events"]
    ]
