"""Where jobs live: one directory per job below ``$SMTUNE_HOME``."""

from __future__ import annotations

import difflib
import os
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from smtune.errors import JobNotFoundError, Problem, SpecError, StoreError

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")
_LONGEST_NAME = 32


def home() -> Path:
    """Return the directory that holds everything smtune keeps: ``$SMTUNE_HOME``, or ``~/.smtune``.

    Raises:
        StoreError: The user has no home directory.
    """
    chosen = os.environ.get("SMTUNE_HOME")
    try:
        return Path(chosen or "~/.smtune").expanduser().absolute()
    except RuntimeError as error:
        raise StoreError("there is no home directory to keep jobs in; set SMTUNE_HOME to a directory") from error


@dataclass(frozen=True)
class JobDirectory:
    """The place of one job. Naming it creates nothing.

    >>> JobDirectory("churn", Path("/data/smtune")).trial(27)
    PosixPath('/data/smtune/jobs/churn/trials/00027')

    Attributes:
        name: Name of the job, by SageMaker's rule for names of tuning jobs.
        root: The directory that holds all jobs' directories and more, by default :func:`home`.

    Raises:
        SpecError: The name breaks the rule.
    """

    name: str
    root: Path = field(default_factory=home)

    def __post_init__(self) -> None:
        if not _is_legal(self.name):
            rule = "must be 1 to 32 letters, digits and hyphens, with a letter or a digit first and last"
            raise SpecError([Problem("name", self.name, rule, f"use {_legal_name(self.name)}")])

    @property
    def path(self) -> Path:
        """The job's own directory."""
        return self.root / "jobs" / self.name

    @property
    def database(self) -> Path:
        """The job's log; it exists if and only if the job does."""
        return self.path / "job.sqlite"

    @property
    def lock(self) -> Path:
        """Locked by the process that runs the job."""
        return self.path / "lock"

    @property
    def launcher_log(self) -> Path:
        """Locked by the processes that run trials; holds what went wrong with what starts them."""
        return self.path / "launcher.log"

    @property
    def control(self) -> Path:
        """Where the process that runs the job listens."""
        return self.path / "control"

    @property
    def code(self) -> Path:
        """The copy of the training script's folder that all trials run."""
        return self.path / "code"

    def trial(self, number: int) -> Path:
        """Return the directory of a trial."""
        return self.path / "trials" / f"{number:05d}"

    def log(self, number: int) -> Path:
        """Return the file that takes what a trial prints."""
        return self.path / "logs" / f"{number:05d}.txt"

    def make(self) -> None:
        """Create the directory and those above it where they are missing, readable by their owner only.

        Raises:
            StoreError: The file system does not let it.
        """
        try:
            self.root.parent.mkdir(parents=True, exist_ok=True)
            for directory in (self.root, self.path.parent, self.path):
                directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.path}: cannot be created: {error.strerror}; "
                "make it writable, or set SMTUNE_HOME to a directory that is"
            ) from error


def find(name: str, *, elsewhere: Sequence[str] = ()) -> JobDirectory:
    """Return the directory of a job, whatever the case in which its name is written.

    Args:
        name: Name of the job.
        elsewhere: Names of jobs that are known too, and have no directory.

    Raises:
        JobNotFoundError: There is no such job; names those that are spelled alike, and where it looked.
    """
    root = home()
    found = namesake(name, root)
    if found is not None:
        return found
    known = [*names(), *elsewhere]
    near = difflib.get_close_matches(name.lower(), [one.lower() for one in known], n=3)
    spelled = [one for one in known if one.lower() in near]
    hint = (
        f"did you mean {' or '.join(spelled)}?" if spelled else "see `smtune list`" if known else "there are none yet"
    )
    raise JobNotFoundError(f'there is no job "{name}" in {root / "jobs"}; {hint}')


def names() -> list[str]:
    """Return the names of all jobs, oldest first."""
    root = home()
    databases = {name: JobDirectory(name, root).database for name in _candidates(root)}
    created = {name: _created_at(database) for name, database in databases.items() if database.exists()}
    return sorted(created, key=lambda name: (created[name], name))


def namesake(name: str, root: Path) -> JobDirectory | None:
    """Return the existing job whose name differs at most in case: SageMaker takes them for the same."""
    # The listing has the last word on the spelling: some file systems find CHURN where churn is.
    alike = [one for one in _candidates(root) if one.lower() == name.lower()]
    for candidate in sorted(alike, key=lambda one: one != name):
        directory = JobDirectory(candidate, root)
        if directory.database.exists():
            return directory
    return None


def _is_legal(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def _legal_name(name: str) -> str:
    """Return the nearest name that keeps the rule."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")[:_LONGEST_NAME].strip("-") or "tuning"


def _candidates(root: Path) -> list[str]:
    try:
        return [entry.name for entry in (root / "jobs").iterdir() if _is_legal(entry.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"{root / 'jobs'}: cannot be read: {error.strerror}; set SMTUNE_HOME to a directory that can be"
        ) from error


def _created_at(database: Path) -> float:
    """Return when a job was created; that of a damaged one is guessed, so that it does not hide the others."""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            (at,) = connection.execute("SELECT at FROM event WHERE seq = 1").fetchone()
            return float(at)
    except (sqlite3.Error, TypeError):
        try:
            return database.stat().st_mtime
        except OSError:
            return 0.0
