"""One thing that is wrong with a request to AMT: where, what must hold instead, and what AWS would say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from smtune.errors import HIDDEN, speaks_of_secrets

API_REFERENCE = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_"

Path = tuple[str | int, ...]


class Severity(StrEnum):
    """What follows from a violation."""

    error = "error"
    """AWS refuses the request, or the job cannot work."""
    quota = "quota"
    """Above the default quota, which AWS raises on request."""
    warning = "warning"
    """Legal, but surely not meant."""
    unknown = "unknown"
    """A member that the recorded service model does not have; a newer service may."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a request breaks.

    Attributes:
        path: Members, positions in lists and keys of maps, from the request down to the culprit. For what is missing,
            where it belongs.
        value: The offending value; ``None`` where it is missing, ``"(hidden)"`` where it may be a secret. Lists and
            mappings are abbreviated.
        rule: What must hold; reads after the field and the value.
        fix: What to write instead.
        source: Address of the page where the rule is written down.
        severity: What follows from it.
        message: What AWS answers, where its text is known; else a sentence of smtune's.
    """

    path: Path
    value: Any
    rule: str
    fix: str
    source: str
    severity: Severity
    message: str

    @property
    def field(self) -> str:
        """The path in dotted form, e.g. ``Tags[0].Key``."""
        return dotted(self.path)


def dotted(path: Path) -> str:
    """Return a path as people write it.

    >>> dotted(("TrainingJobDefinitions", 0, "RoleArn"))
    'TrainingJobDefinitions[0].RoleArn'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def wired(path: Path) -> str:
    """Return a path as AWS's messages spell it: lower first letters, positions counted from one.

    >>> wired(("TrainingJobDefinitions", 0, "RoleArn"))
    'trainingJobDefinitions.1.member.roleArn'
    """
    return ".".join(f"{part + 1}.member" if isinstance(part, int) else part[:1].lower() + part[1:] for part in path)


def shareable(path: Path, value: object) -> object:
    """Return a value as reports may show it.

    Lists and mappings are abbreviated. Hidden are the environment, and hyperparameters whose name speaks of a secret.

    >>> shareable(("Tags",), [{"Key": "a"}]), shareable(("StaticHyperParameters", "api_key"), "12345")
    ('[...]', '(hidden)')
    """
    if "Environment" in path or ("StaticHyperParameters" in path[:-1] and speaks_of_secrets(str(path[-1]))):
        return HIDDEN
    if isinstance(value, Mapping):
        return "{...}"
    return "[...]" if isinstance(value, list | tuple) else value
