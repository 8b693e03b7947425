"""Choices."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from smtune.container import encode_value
from smtune.errors import Problem, SpecError
from smtune.space.parameter import Parameter, Value


@dataclass(frozen=True, slots=True, init=False)
class CategoricalParameter(Parameter):
    """One of finitely many values.

    >>> CategoricalParameter(["gbtree", "dart"]).from_unit(0.75)
    'dart'

    Args:
        values: The choices: text, numbers or booleans, which keep their type. Their order is kept; draws depend on it.
        ordered: Whether neighbours in this order are similar (an ordinal, such as batch sizes).

    Raises:
        SpecError: No values, a duplicate, or something else than text, numbers and booleans.
    """

    values: tuple[Value, ...]
    ordered: bool
    _places: dict[tuple[type, Value], int] = field(repr=False, compare=False)

    def __init__(self, values: Iterable[Value] | Value, *, ordered: bool = False) -> None:
        given = [_plain(value) for value in _listed(values)]
        problems = []
        places: dict[tuple[type, Value], int] = {}
        if not given:
            problems.append(Problem("values", [], "needs at least one value", "list the choices"))
        for value in given:
            if not _is_value(value):
                problems.append(
                    Problem("values", value, "must be text, a finite number or a boolean", "write it as text")
                )
            elif (type(value), value) in places:
                problems.append(Problem("values", value, "stands twice", "list every choice once"))
            else:
                places[type(value), value] = len(places)
        if problems:
            raise SpecError(problems)
        object.__setattr__(self, "values", tuple(given))
        object.__setattr__(self, "ordered", ordered)
        object.__setattr__(self, "_places", places)

    @property
    def cardinality(self) -> int:
        """How many choices there are."""
        return len(self.values)

    def from_unit(self, position: float) -> Value:
        """Return the choice at ``position`` in ``[0, 1]``."""
        return self.values[min(int(position * len(self.values)), len(self.values) - 1)]

    def to_unit(self, value: Value) -> float:
        """Return the middle of the choice's share of ``[0, 1]``."""
        return (self.index(value) + 0.5) / len(self.values)

    def level(self, index: int) -> Value:
        """Return the ``index``-th choice."""
        return self.values[index]

    def index(self, value: Value) -> int:
        """Return the place of a choice."""
        return self._places[type(value), value]

    def cast(self, value: object) -> Value:
        """Return the choice that ``value`` means; ``"16"`` and ``16`` mean the same where only one of them is there.

        Raises:
            SpecError: It is none of the choices.
        """
        value = _plain(value)
        if _is_value(value):
            place = self._places.get((type(value), value))
            if place is not None:
                return self.values[place]
            alike = [known for known in self.values if _text(known) == _text(value)]
            if alike:
                return alike[0]
        choices = ", ".join(str(known) for known in self.values)
        raise SpecError([Problem("", value, "is none of the choices", f"use one of {choices}")])

    def levels(self, count: int | None) -> tuple[Value, ...]:
        """Return the choices; of ordered ones at most ``count``, spread evenly, ends included."""
        total = len(self.values)
        if count is None or count >= total or not self.ordered:
            return self.values
        places = [(total - 1) // 2] if count == 1 else [round(i * (total - 1) / (count - 1)) for i in range(count)]
        return tuple(self.values[place] for place in dict.fromkeys(places))

    def narrowed(self, around: Value, factor: float) -> CategoricalParameter:
        """Return the choices near ``around``: a window if they are ordered, else ``around`` alone."""
        if not self.ordered:
            return CategoricalParameter([around])
        total = len(self.values)
        size = max(1, round(total * factor))
        start = min(max(self.index(around) - size // 2, 0), total - size)
        return CategoricalParameter(self.values[start : start + size], ordered=True)


def _listed(values: Any) -> list[Any]:
    """Return the values in their order; one alone stands for a list of one."""
    if isinstance(values, AbstractSet):
        fix = "use a list: draws depend on the order"
        raise SpecError([Problem("values", values, "is a set, whose order changes from run to run", fix)])
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        return [values]
    return list(values)


def _plain(value: Any) -> Any:
    """Return Python's own number or text for numpy's; anything else as it is."""
    if isinstance(value, str):
        return str.__str__(value)
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def _is_value(value: object) -> TypeGuard[Value]:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _text(value: Value) -> str:
    """Return the bare text of a value, which is what remains of it on a command line."""
    return value if isinstance(value, str) else encode_value(value)
