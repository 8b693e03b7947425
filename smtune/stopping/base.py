"""The interface of every rule that gives up trials."""

from __future__ import annotations

from abc import ABC, abstractmethod

from smtune.trial import Trial


class StoppingRule(ABC):
    """Decides which running trials are not worth their time; a pure function of what it was told, in order.

    A worked sequence::

        rule.begin(3)                     # trial 3 starts, or starts afresh
        rule.report(3, 0.52, step=1)      # -> None: go on
        rule.report(3, 0.51, step=2)      # -> "0.51 at step 2 is worse than ...": give it up
        rule.end(trial_3)

    An ``end`` may come without a ``begin``, and reports may come after one that gave the trial up. The work of a
    report grows at most with the logarithm of the number of trials.
    """

    @abstractmethod
    def begin(self, number: int) -> None:
        """Forget what an earlier attempt of a trial reported."""

    @abstractmethod
    def report(self, number: int, value: float, step: int | None) -> str | None:
        """Take in a value of the objective that a running trial reported.

        Args:
            number: Trial number.
            value: May be nan or infinite.
            step: The script's own count, or ``None``.

        Returns:
            Why the trial should be given up, with the numbers, or ``None``.
        """

    @abstractmethod
    def end(self, trial: Trial) -> None:
        """Learn from an ended trial, and forget what is needed for running ones only."""


class NoRule(StoppingRule):
    """Lets every trial run to its end."""

    def begin(self, number: int) -> None:
        """Keep nothing."""

    def report(self, number: int, value: float, step: int | None) -> str | None:  # noqa: ARG002
        """Let the trial go on."""
        return None

    def end(self, trial: Trial) -> None:
        """Keep nothing."""


class Course:
    """How far one attempt of a trial has come.

    Attributes:
        reports: How many points of its course it reported.
    """

    __slots__ = ("_by_step", "reports")

    def __init__(self) -> None:
        self.reports = 0
        self._by_step = False

    def advance(self, step: int | None) -> int | None:
        """Count a report.

        Returns:
            Its step, or its count where the script has no steps. ``None`` for a report without a step after some
            with one: that is the outcome, which functions return at their end, and no point of the course.
        """
        if step is None and self._by_step:
            return None
        self._by_step = step is not None
        self.reports += 1
        return self.reports if step is None else step

    def place(self, position: int) -> str:
        """Return where in its training the trial is, in words."""
        return f"step {position}" if self._by_step else f"report {position}"
