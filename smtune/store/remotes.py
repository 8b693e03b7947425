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
from dataclasses import asdict, dataclass, field, fields, replace
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
    """Return the jobs elsewhere that have a name, whatever its case: at most one per backend.

    Raises:
        StoreError: The file of a job of this name is damaged.
    """
    jobs, damaged = read_remotes()
    for path, error in damaged.items():
        if path.stem == name.lower() and backend in (None, path.parent.name):
            raise error
    return [job for job in jobs if job.name.lower() == name.lower() and (backend is None or job.backend == backend)]


def remote_jobs() -> list[RemoteJob]:
    """Return the jobs elsewhere that are known here, the oldest first; files that are damaged are left out."""
    return read_remotes()[0]


def read_remotes() -> tuple[list[RemoteJob], dict[Path, StoreError]]:
    """Return the jobs elsewhere that are known here, the oldest first, and what is wrong with files that are damaged."""
    jobs, damaged = [], {}
    for path in sorted(_folder().glob("*/*.json")):
        try:
            jobs.append(_decoded(json.loads(path.read_text(encoding="utf-8"))))
        except FileNotFoundError:  # forgotten in this moment
            continue
        except OSError as error:
            damaged[path] = StoreError(f"{path}: cannot be read: {error.strerror}; make it readable")
        except (ValueError, RecursionError):
            again = f"`smtune forget {path.stem}`, then `smtune attach {path.stem}`"
            damaged[path] = StoreError(
                f"{path}: is damaged, so its job is not known here; make it known again: {again}"
            )
    return sorted(jobs, key=lambda job: (job.added_at, job.name)), damaged


def forget_remote(name: str, backend: str | None = None) -> bool:
    """Remove what is known of jobs elsewhere that have a name, whether or not it can be read.

    Returns:
        Whether anything was known.

    Raises:
        StoreError: The file system does not let it.
    """
    found = [path for path in _folder().glob(f"{backend or '*'}/*.json") if path.stem == name.lower()]
    for path in found:
        try:
            path.unlink(missing_ok=True)
            path.with_suffix(".trainings").unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot be removed: {error.strerror}; make its folder writable") from error
    return bool(found)


_TEXT = (str, type(None))
_TYPES: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "backend": (str,),
    "region": _TEXT,
    "profile": _TEXT,
    "endpoint_url": _TEXT,
    "spec": (dict, type(None)),
    "request": (dict, type(None)),
    "added_at": (int, float),
    "seen": (dict,),
}


def _decoded(record: object) -> RemoteJob:
    """Return the job of a file; what a later version may have added is passed over, and so is a ``seen`` that is none.

    Raises:
        ValueError: The file holds something else.
    """
    found = record if isinstance(record, dict) else {}
    known = {one.name: found[one.name] for one in fields(RemoteJob) if one.name in found}
    if not isinstance(known.get("seen"), dict):
        known["seen"] = {}
    wrong = [key for key, value in known.items() if not isinstance(value, _TYPES[key])]
    if wrong or not {"name", "backend"} <= known.keys():
        raise ValueError(record)
    return RemoteJob(**known)


def _folder() -> Path:
    return home() / "remote"
