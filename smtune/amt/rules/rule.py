"""A rule, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from smtune.amt.rules.reading import Job
from smtune.amt.violations import Path, Severity

GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg/"


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a request breaks a rule; the rule adds its source.

    Attributes:
        path: The culprit, from the request down.
        value: The offending value; ``None`` where it is missing.
        rule: What must hold; reads after the field and the value.
        fix: What to write instead.
        severity: What follows from it.
        message: AWS's own text, if it is known.
    """

    path: Path
    value: Any
    rule: str
    fix: str
    severity: Severity = Severity.error
    message: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold between members of a request.

    Attributes:
        name: Unique, in words joined by hyphens.
        what: The rule in a sentence.
        source: Address of the page where it is written down.
        find: Yields where a job breaks it.
    """

    name: str
    what: str
    source: str
    find: Callable[[Job], Iterator[Finding]]
