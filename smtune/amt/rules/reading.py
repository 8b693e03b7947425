"""Requests as rules read them: whatever has the wrong type counts as absent, for the service model reports it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from smtune.amt.violations import Path

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_LONGEST_NUMBER = 256

_CONFIG = "HyperParameterTuningJobConfig"
_OBJECTIVE = "HyperParameterTuningJobObjective"

KINDS = ("Integer", "Continuous", "Categorical")


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping as it is, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> Sequence[Any]:
    """Return a list as it is, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def text(value: object) -> str | None:
    """Return a text as it is, else nothing."""
    return value if isinstance(value, str) else None


def integer(value: object) -> int | None:
    """Return an integer as it is, else nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(written: str, kind: str) -> float | None:
    """Return the number that a bound of an integer or a continuous range spells, or nothing.

    >>> number("1e-3", "Continuous"), number("10", "Integer"), number("1.5", "Integer"), number("inf", "Continuous")
    (0.001, 10, None, None)
    """
    if len(written) > _LONGEST_NUMBER:
        return None
    if kind == "Integer":
        return int(written) if _INTEGER.fullmatch(written) else None
    value = float(written) if _NUMBER.fullmatch(written) else math.inf
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Range:
    """A range of a hyperparameter.

    Attributes:
        path: Of the entry.
        kind: ``Integer``, ``Continuous`` or ``Categorical``.
        body: The entry itself.
    """

    path: Path
    kind: str
    body: Mapping[str, Any]

    @property
    def name(self) -> str | None:
        """Name of the hyperparameter."""
        return text(self.body.get("Name"))

    @property
    def scaling(self) -> str | None:
        """Type of scaling, if one is given."""
        return text(self.body.get("ScalingType"))

    @property
    def values(self) -> Sequence[Any]:
        """Values of a categorical range."""
        return entries(self.body.get("Values"))

    def bound(self, member: str) -> float | None:
        """Return ``MinValue`` or ``MaxValue``, if it spells a number."""
        written = text(self.body.get(member))
        return None if written is None or self.kind == "Categorical" else number(written, self.kind)

    @cached_property
    def count(self) -> int | None:
        """Number of different values; nothing for continuous ranges and for what cannot be counted."""
        if self.kind == "Categorical":
            return len({one for one in self.values if isinstance(one, str)}) or None
        low, high = self.bound("MinValue"), self.bound("MaxValue")
        if self.kind == "Continuous" or low is None or high is None or low > high:
            return None
        return int(high) - int(low) + 1


@dataclass(frozen=True)
class Search:
    """What one algorithm searches over.

    Attributes:
        path: Of the ``ParameterRanges``, wherever they belong.
        body: The ranges by kind, as given.
    """

    path: Path
    body: Mapping[str, Any]

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """All ranges, in the order of the request."""
        known = {f"{kind}ParameterRanges": kind for kind in KINDS}
        return tuple(
            Range((*self.path, member, place), known[member], body)
            for member, bodies in self.body.items()
            if member in known
            for place, body in enumerate(entries(bodies))
            if isinstance(body, Mapping)
        )

    @cached_property
    def automatic(self) -> tuple[tuple[Path, str], ...]:
        """Path and name of each hyperparameter whose range Autotune chooses."""
        found = entries(self.body.get("AutoParameters"))
        return tuple(
            ((*self.path, "AutoParameters", place), body["Name"])
            for place, body in enumerate(found)
            if isinstance(body, Mapping) and isinstance(body.get("Name"), str)
        )

    @cached_property
    def named(self) -> tuple[tuple[Path, str], ...]:
        """Path and name of each tuned hyperparameter."""
        return (*((one.path, one.name) for one in self.ranges if one.name is not None), *self.automatic)

    @cached_property
    def count(self) -> int | None:
        """Number of combinations; nothing if a range is continuous or cannot be counted, or if there is none."""
        counts = [one.count for one in self.ranges]
        if not counts or self.automatic:
            return None
        known = [count for count in counts if count is not None]
        return math.prod(known) if len(known) == len(counts) else None


@dataclass(frozen=True)
class Definition:
    """What the training jobs of one algorithm have in common.

    Attributes:
        path: Of the definition.
        body: As given.
        search: What its algorithm searches over.
        objective_path: Of its objective, wherever it belongs.
        objective: As given.
    """

    path: Path
    body: Mapping[str, Any]
    search: Search
    objective_path: Path
    objective: Mapping[str, Any]

    def at(self, *path: str | int) -> Path:
        """Return the path of something below the definition."""
        return (*self.path, *path)

    def part(self, member: str) -> Mapping[str, Any]:
        """Return a mapping in the definition, empty if there is none."""
        return mapping(self.body.get(member))

    @property
    def static(self) -> Mapping[str, Any]:
        """Hyperparameters that are not tuned."""
        return self.part("StaticHyperParameters")

    @property
    def channels(self) -> tuple[tuple[Path, Mapping[str, Any]], ...]:
        """Path and body of each channel."""
        found = entries(self.body.get("InputDataConfig"))
        return tuple(
            (self.at("InputDataConfig", place), body) for place, body in enumerate(found) if isinstance(body, Mapping)
        )


@dataclass(frozen=True)
class Job:
    """A request to create a tuning job."""

    request: Mapping[str, Any]

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """``HyperParameterTuningJobConfig``."""
        return mapping(self.request.get(_CONFIG))

    @property
    def strategy(self) -> str | None:
        """How AMT searches."""
        return text(self.config.get("Strategy"))

    @property
    def stops_early(self) -> bool:
        """Whether AMT shall stop training jobs early."""
        return self.config.get("TrainingJobEarlyStoppingType") == "Auto"

    @property
    def autotunes(self) -> bool:
        """Whether AMT shall choose what the request leaves open."""
        return "Autotune" in self.request

    @property
    def many(self) -> bool:
        """Whether definitions are given as a list, each with its own ranges and objective."""
        return "TrainingJobDefinitions" in self.request and "TrainingJobDefinition" not in self.request

    def limit(self, member: str) -> int | None:
        """Return one of the ``ResourceLimits``."""
        return integer(mapping(self.config.get("ResourceLimits")).get(member))

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """All definitions, each with its ranges and its objective."""
        return tuple(self._definitions())

    @cached_property
    def searches(self) -> tuple[Search, ...]:
        """What each definition searches over, and what stands beside them."""
        found = [definition.search for definition in self.definitions]
        if all(search is not self.search for search in found):
            found.insert(0, self.search)
        return tuple(found)

    @cached_property
    def search(self) -> Search:
        """The ranges that stand in the configuration of the job."""
        return Search((_CONFIG, "ParameterRanges"), mapping(self.config.get("ParameterRanges")))

    def _definitions(self) -> Iterator[Definition]:
        single = self.request.get("TrainingJobDefinition")
        if isinstance(single, Mapping):
            objective = mapping(self.config.get(_OBJECTIVE))
            yield Definition(("TrainingJobDefinition",), single, self.search, (_CONFIG, _OBJECTIVE), objective)
        for place, body in enumerate(entries(self.request.get("TrainingJobDefinitions"))):
            if isinstance(body, Mapping):
                path = ("TrainingJobDefinitions", place)
                search = Search((*path, "HyperParameterRanges"), mapping(body.get("HyperParameterRanges")))
                objective = mapping(body.get("TuningObjective"))
                yield Definition(path, body, search, (*path, "TuningObjective"), objective)


@dataclass(frozen=True)
class TrainingRequest(Job):
    """A request to create a training job, read as the one definition of a tuning job that searches over nothing."""

    def _definitions(self) -> Iterator[Definition]:
        yield Definition((), self.request, Search((), {}), (), {})
