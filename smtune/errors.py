"""What can go wrong, named by what the caller should do next.

::

    SmtuneError
    ├── SpecError                the spec is wrong: every problem names field, value, rule and fix
    │   └── LoweringError        the spec is fine, but this backend cannot express it
    ├── JobError
    │   ├── JobExistsError       take another name, or resume
    │   ├── JobNotFoundError     look at `smtune list`
    │   ├── JobBusyError         another process runs it: watch it, or stop it first
    │   └── JobFailedError       carries the failures grouped by cause, with their last log lines
    ├── TrialError               one trial failed; the job goes on
    ├── SearchExhaustedError     no further configuration, now or ever
    ├── MissingExtraError        says which `pip install` helps
    ├── AwsError                 AWS refused, or could not be reached: says whether to wait, to sign in, or to change something
    └── StoreError               the job's file cannot be read or written
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

HIDDEN = "(hidden)"
"""Stands in errors for what may be a secret."""

_SECRET = re.compile(r"passw|secret|token|credential|api_?key|access_?key|private_?key", re.IGNORECASE)


def speaks_of_secrets(name: str) -> bool:
    """Return whether what has this name may be a secret.

    >>> speaks_of_secrets("API_TOKEN"), speaks_of_secrets("eta")
    (True, False)
    """
    return _SECRET.search(name) is not None


class SmtuneError(Exception):
    """Base class of everything that smtune raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a spec.

    Attributes:
        field: Dotted path of the field, e.g. ``parameters.eta.min``; empty for the whole.
        value: The offending value as the user wrote it.
        rule: What the field must satisfy.
        fix: What to write instead.
        source: Where the rule is written down, e.g. an address; empty for rules of smtune's own.
    """

    field: str
    value: Any
    rule: str
    fix: str
    source: str = ""

    def under(self, prefix: str) -> Problem:
        """Return the same problem as seen from the mapping that holds the field.

        >>> Problem("min", 0, "must be > 0", "use 1e-4").under("parameters.eta").field
        'parameters.eta.min'
        >>> Problem("[1]", "a b", "is no name", "use a-b").under("parents").field
        'parents[1]'
        """
        dot = "." if self.field and not self.field.startswith("[") else ""
        return replace(self, field=f"{prefix}{dot}{self.field}")

    @property
    def subject(self) -> str:
        """The field with its value, shortened to stay on one line."""
        shown = self.value if isinstance(self.value, str) else repr(self.value)
        shown = " ".join(shown.split())
        if len(shown) > 60:
            shown = shown[:57] + "..."
        return f"{self.field} = {shown}" if self.field else shown

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule}; {self.fix}"


class SpecError(SmtuneError, ValueError):
    """The spec is wrong. All its problems are reported at once.

    >>> print(SpecError([Problem("min", 3, "must not be above max = 1", "swap them")]))
    min = 3: must not be above max = 1; swap them
    """

    def __init__(self, problems: Iterable[Problem], *, source: str | None = None) -> None:
        """Collect the problems.

        Args:
            problems: At least one.
            source: Where the spec came from, e.g. a file name.
        """
        self.problems = tuple(problems)
        self.source = source
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1 and self.source is None:
            return str(self.problems[0])
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        head = f"{self.source}: {count}" if self.source else count
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild_spec_error, (type(self), self.problems, self.source))


def _rebuild_spec_error(kind: type[SpecError], problems: tuple[Problem, ...], source: str | None) -> SpecError:
    return kind(problems, source=source)


class LoweringError(SpecError):
    """The backend cannot express this spec; each problem names a backend or a value that works."""


class JobError(SmtuneError):
    """Something about a whole tuning job."""


class JobExistsError(JobError):
    """A job of this name is already there; nothing was started."""


class JobNotFoundError(JobError):
    """No job of this name is known here."""


class JobBusyError(JobError):
    """Another process is running this job right now."""


class JobFailedError(JobError):
    """The job ended without what it was started for.

    Attributes:
        failures: Cause to the numbers of the trials that failed for it, most frequent first.
    """

    def __init__(self, message: str, *, failures: Mapping[str, tuple[int, ...]] | None = None) -> None:
        """Keep the failures, grouped by cause."""
        super().__init__(message)
        self.failures = dict(failures or {})


class TrialError(SmtuneError):
    """One trial failed; raised only for callers who ask for that trial's value."""


class SearchExhaustedError(SmtuneError):
    """The strategy has no configuration to offer."""


class MissingExtraError(SmtuneError, ImportError):
    """An optional dependency is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        """Name the use and the remedy.

        Args:
            what: What the user asked for, e.g. ``"TuningResult.to_dataframe"``.
            extra: The extra that brings it, e.g. ``"pandas"``.
        """
        super().__init__(f'{what} needs an optional package: pip install "smtune[{extra}]"')
        self.extra = extra

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild_missing_extra, (str(self), self.extra))


def _rebuild_missing_extra(message: str, extra: str) -> MissingExtraError:
    error = MissingExtraError.__new__(MissingExtraError)
    ImportError.__init__(error, message)
    error.extra = extra
    return error


class AwsError(SmtuneError):
    """AWS refused, or could not be reached.

    The texts of boto3 may hold passwords of proxies, tokens or signed addresses. They are in no attribute, and neither
    is the original error; only ``words`` are AWS's own, and what looks like a secret is taken out of them.

    Attributes:
        what: What was attempted, e.g. ``the upload to s3://bucket/train`` or the name of a job.
        rule: Why that failed.
        fix: What to do about it.
        words: What the service says, where that tells more than ``rule``; else empty.
        code: The service's error code, e.g. ``AccessDenied``, or the kind of boto3's own error, e.g. ``NoRegionError``.
        transient: Whether the same call may succeed later: throttling, a fault of AWS, the network, expired credentials.
        credentials_expired: Whether somebody has to sign in again before that.
    """

    def __init__(
        self,
        what: str,
        rule: str,
        fix: str,
        *,
        words: str = "",
        code: str = "",
        transient: bool = False,
        credentials_expired: bool = False,
    ) -> None:
        """Keep what a caller decides by."""
        super().__init__(what, rule, fix)
        self.what, self.rule, self.fix, self.words = what, rule, fix, words
        self.code, self.transient, self.credentials_expired = code, transient, credentials_expired

    def __str__(self) -> str:
        said = f" ({self.words})" if self.words else ""
        return f"{self.what}: {self.rule}{said}; {self.fix}"


class StoreError(SmtuneError):
    """The file that keeps a job cannot be read or written."""
