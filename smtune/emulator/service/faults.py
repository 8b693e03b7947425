"""Faults on demand: what goes wrong on AWS now and then, made to happen.

>>> from smtune.emulator import Fault, Settings
>>> settings = Settings(faults=[Fault("capacity", "churn-001-*"), Fault("throttling", "Describe*", count=3)])
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal

from smtune.errors import Problem, SpecError

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
    """

    kind: Kind
    match: str = "*"
    count: int | None = 1
    seconds: float = 0.0
    reason: str = ""

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise SpecError([Problem("fault.count", self.count, "must be at least 1", "leave the fault out")])
        if self.seconds < 0.0:
            raise SpecError([Problem("fault.seconds", self.seconds, "must not be negative", "write 0 or more")])

    @property
    def text(self) -> str:
        """What is said of it."""
        return self.reason or _REASONS.get(self.kind, "")


class Faults:
    """Deals out faults, each as often as it may happen. Every call may come from any thread."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin anew: nothing has happened yet."""
        with self._lock:
            self._left = [fault.count for fault in self._faults]

    def draw(self, kind: Kind, name: str) -> Fault | None:
        """Return the fault of a kind that happens now to what has this name, if one does.

        >>> faults = Faults([Fault("capacity", "churn-*")])
        >>> faults.draw("capacity", "churn-001") is None, faults.draw("capacity", "churn-001") is None
        (False, True)
        """
        with self._lock:
            for place, (fault, left) in enumerate(zip(self._faults, self._left, strict=True)):
                if fault.kind == kind and left != 0 and fnmatchcase(name, fault.match):
                    self._left[place] = None if left is None else left - 1
                    return fault
        return None
