"""Faults on demand: what goes wrong on AWS now and then, made to happen.

>>> from smtune.emulator import Fault, Settings
>>> settings = Settings(faults=[Fault("capacity", "churn-001-*"), Fault("throttling", "Describe*", count=3)])
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

from smtune.errors import Problem, SpecError
from smtune.spec.problems import closest

Kind = Literal["failure", "capacity", "interruption", "slow-start", "no-metric", "throttling"]

_REASONS: Final = {
    "failure": "InternalServerError: We encountered an internal error. Please try again.",
    "capacity": "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML"
    " instance type.",
    "throttling": "Rate exceeded",
}
"""What is said of a fault which brings no reason of its own."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens to training jobs, or to requests.

    Attributes:
        kind: ``failure``: the job fails once it should train. ``capacity``: it fails for want of instances.
            ``interruption``: its instances are taken away, and it starts anew from its checkpoints; only managed spot
            training knows that. ``slow-start``: it waits for its instances. ``no-metric``: nothing is read of what it
            prints. ``throttling``: a request is refused, to be sent again.
        match: Pattern of the names of training jobs, or of operations that are throttled, with ``*`` and ``?``.
        count: How often it happens; ``None`` for every time.
        seconds: How long instances are waited for, where a start is slow or there is no capacity; after how long of
            training an interruption comes. ``Settings.speed`` shortens the former.
        reason: The ``FailureReason``, or the message; empty for that of the kind.

    Raises:
        SpecError: There is no such kind, or a number is out of its range.
    """

    kind: Kind
    match: str = "*"
    count: int | None = 1
    seconds: float = 0.0
    reason: str = ""

    def __post_init__(self) -> None:
        kinds = get_args(Kind)
        if self.kind not in kinds:
            known = ", ".join(kinds)
            fix = closest(str(self.kind), kinds, "write one of them")
            raise SpecError([Problem("kind", self.kind, f"must be one of {known}", fix)])
        if self.count is not None and self.count < 1:
            raise SpecError([Problem("count", self.count, "must be at least 1", "leave the fault out")])
        if not 0.0 <= self.seconds < math.inf:
            raise SpecError([Problem("seconds", self.seconds, "must be a number, and not negative", "write 0 or more")])

    @property
    def text(self) -> str:
        """What is said of it."""
        return self.reason or _REASONS.get(self.kind, "")


class Faults:
    """Faults that happen as often as each may, and may become more while the emulator runs.

    Every call may come from any thread.

    >>> faults = Faults()  # for emulate(Settings(faults=faults))
    >>> faults.add([Fault("capacity", "churn-*")])
    >>> list(faults)
    [Fault(kind='capacity', match='churn-*', count=1, seconds=0.0, reason='')]

    Args:
        faults: Those that there are from the start, and again after a reset.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._first = tuple(faults)
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int | None]] = []
        self.reset()

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> Faults:
        """Return faults as they are if they can become more, else new ones that can."""
        return faults if isinstance(faults, Faults) else cls(faults)

    def __iter__(self) -> Iterator[Fault]:
        """Yield what may still happen, with the number of times that are left."""
        with self._lock:
            left = [(fault, count) for fault, count in self._left if count != 0]
        return (replace(fault, count=count) for fault, count in left)

    def add(self, faults: Iterable[Fault]) -> None:
        """Let more happen, until the next reset."""
        with self._lock:
            self._left += [(fault, fault.count) for fault in faults]

    def clear(self) -> None:
        """Let nothing happen any more, until the next reset."""
        with self._lock:
            self._left = []

    def reset(self) -> None:
        """Begin anew: nothing has happened yet, and nothing was added."""
        with self._lock:
            self._left = [(fault, fault.count) for fault in self._first]

    def draw(self, kind: Kind, name: str) -> Fault | None:
        """Return the fault of a kind that happens now to what has this name, if one does.

        >>> faults = Faults([Fault("capacity", "churn-*")])
        >>> faults.draw("capacity", "churn-001") is None, faults.draw("capacity", "churn-001") is None
        (False, True)
        """
        with self._lock:
            for place, (fault, left) in enumerate(self._left):
                if fault.kind == kind and left != 0 and fnmatchcase(name, fault.match):
                    self._left[place] = fault, None if left is None else left - 1
                    return fault
        return None
