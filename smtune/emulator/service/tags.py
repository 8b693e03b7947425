"""The tags of all jobs of an account in a region."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from smtune.emulator.service.kept_jobs import KeptJobs


class Tags:
    """Tags by ARN, which is not case sensitive. Every call may come from any thread.

    Args:
        kept: Keeps them for emulators to come, and has those of the ones before; ``None`` keeps nothing.

    Raises:
        StoreError: What was kept cannot be read.
    """

    def __init__(self, kept: KeptJobs | None = None) -> None:
        self._kept = kept
        self._tags = {} if kept is None else kept.tags()
        self._lock = threading.Lock()

    def of(self, arn: str) -> list[dict[str, str]]:
        """Return the tags of a job as the service lists them; none of one that is not there."""
        with self._lock:
            tags = dict(self._tags.get(arn.lower(), {}))
        return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]

    def begin(self, arn: str, tags: Mapping[str, str]) -> None:
        """Give a new job its tags."""
        with self._lock:
            self._put(arn, tags)

    def add(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags to those of a job, or change their values."""
        with self._lock:
            self._put(arn, {**self._tags.get(arn.lower(), {}), **tags})

    def remove(self, arn: str, keys: Iterable[str]) -> None:
        """Take tags away from a job, as far as it has them."""
        with self._lock:
            gone = set(keys)
            self._put(arn, {key: value for key, value in self._tags.get(arn.lower(), {}).items() if key not in gone})

    def forget(self, arn: str) -> None:
        """Forget the tags of a job that is deleted."""
        with self._lock:
            self._tags.pop(arn.lower(), None)
            if self._kept is not None:
                self._kept.delete_tags(arn.lower())

    def clear(self) -> None:
        """Forget the tags of all jobs. What was kept stays."""
        with self._lock:
            self._tags.clear()

    def _put(self, arn: str, tags: Mapping[str, str]) -> None:
        self._tags[arn.lower()] = dict(tags)
        if self._kept is not None:
            self._kept.keep_tags(arn.lower(), tags)


def tags_of(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of a request by their keys."""
    return {one["Key"]: one["Value"] for one in request.get("Tags") or ()}
