"""Which jobs elsewhere are known here: a small file per job, that says where it lives.

What happens to such a job is kept where it lives. Here is what it takes to ask for it again: backend, region, profile
(its name, never a credential), the spec as the user wrote it, and what was last seen of the job. A spec may hold secrets
of the user's own among its environment variables, so nobody else may read these files.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from smtune.errors import StoreError
from smtune.store.home import home


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job that lives elsewhere.

    Attributes:
        name: Its name there.
        backend: Which backend speaks to it, e.g. ``"amt"``.
        region: The AWS region, or ``None`` if that does not say where it lives.
        profile: Name of the profile in AWS's configuration files, or ``None`` for the usual one.
        endpoint_url: Where the service is, or ``None`` for AWS's own.
        spec: The spec as plain values, or ``None`` if it was not started from here.
        request: What was sent to start it, or ``None``.
        added_at: When it became known here: seconds since the epoch.
        seen: What was last seen of it: the result as plain values, without its trials.
    """

    name: str
    backend: str
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    spec: Mapping[str, Any] | None = None
    request: Mapping[str, Any] | None = None
    added_at: float = 0.0
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file that holds it."""
        return _folder() / self.backend / f"{self.name.lower()}.json"

    def save(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            StoreError: The file system does not let it.
        """
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        try:
            self.path.parent.parent.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.path.parent.parent, self.path.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            try:
                draft.touch(mode=0o600, exist_ok=False)
                draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
                os.replace(draft, self.path)  # noqa: PTH105 - the atomic one
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            fix = "make it writable, or set SMTUNE_HOME to a directory that is"
            raise StoreError(f"{self.path}: cannot be written: {error.strerror}; {fix}") from error

    def with_seen(self, seen: Mapping[str, Any]) -> RemoteJob:
        """Return the job with what was seen of it now."""
        return replace(self, seen=seen)

    def forget(self) -> None:
        """Remove the file. Idempotent."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def find_remote(name: str, backend: str | None = None) -> list[RemoteJob]:
    """Return the jobs elsewhere that have a name, whatever its case: at most one per backend."""
    return [
        job for job in remote_jobs() if job.name.lower() == name.lower() and (backend is None or job.backend == backend)
    ]


def remote_jobs() -> list[RemoteJob]:
    """Return the jobs elsewhere that are known here, the oldest first; files that cannot be read are left out."""
    found = []
    for path in _folder().glob("*/*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError):
            found.append(RemoteJob(**json.loads(path.read_text(encoding="utf-8"))))
    return sorted(found, key=lambda job: (job.added_at, job.name))


def _folder() -> Path:
    return home() / "remote"
