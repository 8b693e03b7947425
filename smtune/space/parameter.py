"""What every kind of parameter promises."""

from __future__ import annotations

from abc import ABC, abstractmethod

Value = str | int | float | bool
"""What a parameter can be set to."""


class Parameter(ABC):
    """A named thing's legal values, and their place on the unit interval.

    Equal lengths of the interval are equally likely under uniform draws whatever the scaling, and every one of
    finitely many values owns an equal share on its scaled axis.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def cardinality(self) -> int | None:
        """How many values are legal, or ``None`` for a continuum."""

    @abstractmethod
    def from_unit(self, position: float) -> Value:
        """Return the legal value at ``position`` in ``[0, 1]``."""

    @abstractmethod
    def to_unit(self, value: Value) -> float:
        """Return the position in ``[0, 1]`` of a legal value; finitely many values sit in the middle of their share."""

    @abstractmethod
    def level(self, index: int) -> Value:
        """Return the ``index``-th legal value, ascending from 0; defined where :attr:`cardinality` is a number."""

    @abstractmethod
    def index(self, value: Value) -> int:
        """Return the place of a legal value, the inverse of :meth:`level`."""

    @abstractmethod
    def cast(self, value: object) -> Value:
        """Return the legal value that ``value`` means.

        Raises:
            SpecError: It means none; the field of the problem is empty.
        """

    @abstractmethod
    def levels(self, count: int | None) -> tuple[Value, ...]:
        """Return at most ``count`` legal values, spread evenly along the scaling, ends included, ascending.

        Args:
            count: ``None`` for every legal value.

        Raises:
            SpecError: ``count`` is ``None`` and the values are a continuum, or too many to list.
        """

    @abstractmethod
    def narrowed(self, around: Value, factor: float) -> Parameter:
        """Return the same parameter on ``factor`` of its scaled width, around a legal value, inside its bounds."""
