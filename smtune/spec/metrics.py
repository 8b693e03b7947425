"""Regular expressions that find metrics in a log, as users write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from smtune.container import metric_regex
from smtune.errors import Problem, SpecError


def _patterns(given: Any) -> Any:
    """Take names alone for metrics that are reported with ``smtune.container.report``."""
    if isinstance(given, list | tuple):
        return _reported(given)
    if not isinstance(given, Mapping):
        return given
    problems = []
    for name, pattern in given.items():
        rule = _pattern_rule(pattern)
        if rule:
            example = r"auc=([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)"
            problems.append(Problem(str(name), pattern, rule, f"write one group around the number, e.g. {example}"))
    if problems:
        raise SpecError(problems)
    return given


def _reported(names: Sequence[object]) -> dict[str, str]:
    problems, patterns = [], {}
    for place, name in enumerate(names):
        try:
            patterns[str(name)] = metric_regex(name)  # type: ignore[arg-type]  # it checks that itself
        except ValueError as error:
            problems.append(Problem(f"[{place}]", name, f"is no name of a reported metric: {error}", "use another"))
    if problems:
        raise SpecError(problems)
    return patterns


def _pattern_rule(pattern: object) -> str | None:
    """Return what is wrong with a metric's regular expression, if anything."""
    if not isinstance(pattern, str):
        return "must be text"
    if len(pattern) > 500:
        return "is longer than 500 characters"
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        return f"is no regular expression: {error}"
    return None if compiled.groups >= 1 else "has no group that holds the number"


MetricsField = Annotated[dict[str, str], BeforeValidator(_patterns, json_schema_input_type=dict[str, str] | list[str])]
"""Metric to the regular expression that finds it in a log line; a list of names for metrics that are reported."""
