"""``Search``: finds jobs by what their descriptions hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from smtune.amt.times import read_time
from smtune.emulator.service.errors import validation
from smtune.emulator.service.listing import page

_NAMED = {"HyperParameters": "HyperParameters", "Metrics": "FinalMetricDataList", "Tags": "Tags"}
"""How searches call members whose entries have names of their own, to what descriptions call them."""

_NAMES = {"TrainingJob": "TrainingJobName", "HyperParameterTuningJob": "HyperParameterTuningJobName"}


def search(request: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what ``Search`` answers.

    Args:
        request: Of resources ``TrainingJob`` or ``HyperParameterTuningJob``.
        found: Descriptions of all of them, with their tags.

    Raises:
        ServiceError: An operator is unknown, or the token is none of this search.
    """
    resource = request["Resource"]
    expression = request.get("SearchExpression") or {}
    matching = [one for one in found if _matches(one, expression)]
    by = request.get("SortBy") or "LastModifiedTime"
    numeric = any(_is_number(_value(one, by)) for one in matching)
    entries, token = page(
        matching,
        request,
        sort=lambda one: _sortable(_value(one, by), numeric=numeric),
        name=lambda one: str(one[_NAMES[resource]]),
        order="Descending",
    )
    answer: dict[str, Any] = {"Results": [{resource: one} for one in entries]}
    return answer if token is None else {**answer, "NextToken": token}


def _matches(description: Mapping[str, Any], expression: Mapping[str, Any]) -> bool:
    """Return whether all, or any, of an expression's parts hold."""
    held = [_holds(description, one) for one in expression.get("Filters") or ()]
    held += [_matches(description, one) for one in expression.get("SubExpressions") or ()]
    for nested in expression.get("NestedFilters") or ():
        found = _value(description, nested["NestedPropertyName"])
        entries = found if isinstance(found, list) else ()
        filters = [
            {**one, "Name": one["Name"].removeprefix(f"{nested['NestedPropertyName']}.")} for one in nested["Filters"]
        ]
        held.append(any(all(_holds(entry, one) for one in filters) for entry in entries))
    if not held:
        return True
    return any(held) if expression.get("Operator") == "Or" else all(held)


def _holds(description: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    operator = condition.get("Operator") or "Equals"
    if operator not in _OPERATORS:
        raise validation(f"Unknown operator {operator}.")
    return _OPERATORS[operator](_value(description, condition["Name"]), condition.get("Value", ""))


def _compared(operator: str, value: Any, wanted: str) -> bool:
    if value is None:
        return False
    try:
        first = float(value)
    except (TypeError, ValueError):
        return False
    try:
        second = float(wanted)
    except ValueError:
        try:
            second = read_time(wanted)
        except ValueError:
            return False
    if operator.endswith("OrEqualTo") and first == second:
        return True
    return first > second if operator.startswith("Greater") else first < second


def _value(description: Any, path: str) -> Any:
    """Return the member at a dotted path; of tags, metrics and hyperparameters the value of what the path names."""
    member, _, name = path.partition(".")
    if name and member in _NAMED:
        return _entry(_entry(description, _NAMED[member]), name)
    here = description
    for part in path.split("."):
        here = _entry(here, part)
    return here


def _entry(value: Any, name: str) -> Any:
    """Return the member of a mapping, or of the entry of a list, that has a name; names may have dots."""
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, list):
        entries = [one for one in value if isinstance(one, Mapping)]
        named = [one for one in entries if name in (one.get("Key"), one.get("MetricName"), one.get("ChannelName"))]
        return named[0].get("Value") if named else None
    return None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _sortable(value: Any, *, numeric: bool) -> float | str:
    """Return what a value is sorted by; what is missing comes first."""
    if numeric:
        return float(value) if _is_number(value) else -math.inf
    return _text(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


_OPERATORS: Mapping[str, Callable[[Any, str], bool]] = {
    "Equals": lambda value, wanted: _text(value) == wanted,
    "NotEquals": lambda value, wanted: _text(value) != wanted,
    "Contains": lambda value, wanted: value is not None and wanted in _text(value),
    "Exists": lambda value, _wanted: value is not None,
    "NotExists": lambda value, _wanted: value is None,
    "In": lambda value, wanted: _text(value) in wanted.split(","),
    **{
        name: partial(_compared, name)
        for name in ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")
    },
}
