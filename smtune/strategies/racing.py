"""Which configurations are trained again: those that may still be the best.

A race as in F-race and irace (Birattari et al., 2002; Lopez-Ibanez et al., 2016), one training at a time. Trainings of
the same repeat have the same seed, so configurations are compared in pairs wherever there are enough of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smtune.moments import mean, standard_error

PAIRS = 3
"""From so many common repeats on, the test is paired: with fewer, differences do not tell their own spread."""


MOST_FREEDOM = 1000
"""More degrees of freedom count as so many: it would change a quantile in its fourth digit, and cost time."""


@dataclass(slots=True)
class Pooled:
    """A variance to which many samples contribute, each with a mean of its own.

    Attributes:
        squares: Sum of squared deviations from these means; infinite where one of them is too large to be known.
        freedom: Its degrees of freedom.
    """

    squares: float = 0.0
    freedom: int = 0

    def add(self, squares: float, freedom: int) -> None:
        """Let a sample contribute."""
        self.squares += squares
        self.freedom += freedom

    @property
    def variance(self) -> float:
        """The variance; takes a degree of freedom."""
        return self.squares / self.freedom


class Entrant:
    """A configuration in the race.

    Args:
        number: Its first trial.
    """

    __slots__ = ("losses", "number", "trained")

    def __init__(self, number: int) -> None:
        self.number = number
        self.trained = 0
        self.losses: dict[int, float] = {}

    @property
    def mean(self) -> float:
        """Mean loss; infinite where no training succeeded."""
        return mean(self.losses.values()) if self.losses else math.inf


class Race:
    """Decides after each training whether a configuration is trained again; a pure function of the calls, in order.

    A configuration is complete after ``most`` trainings. Before that it goes on unless

    - one of its trainings failed (irace rejects such configurations as well), or
    - it is worse than the incumbent by a one-sided t-test (:func:`chance_of_being_as_good`). As in irace, the level is
      that of each test, not of all of them together.

    The incumbent is the best complete configuration; before there is one, the best of those with the most trainings,
    and no fewer than the challenger has. So a configuration never wins by having been tried less often.

    Args:
        most: Trainings after which a configuration is complete.
        level: A configuration is dropped if the chance that one as good as the incumbent seems so bad is lower.
    """

    def __init__(self, *, most: int, level: float) -> None:
        self._most = most
        self._level = level
        self._undecided: dict[int, Entrant] = {}
        self._best: Entrant | None = None
        self._within = Pooled()
        self._between = Pooled()

    def record(self, entrant: Entrant, repeat: int, loss: float | None) -> None:
        """Take in a training; ``loss`` is ``None`` if it failed."""
        self._undecided[entrant.number] = entrant
        entrant.trained += 1
        if loss is None:
            return
        if entrant.losses:
            before, count = entrant.mean, len(entrant.losses)
            deviation = (loss - before) * math.sqrt(count / (count + 1))  # Welford (1962)
            self._within.add(deviation * deviation, 1)
        entrant.losses[repeat] = loss

    def goes_on(self, entrant: Entrant) -> bool:
        """Decide whether a configuration with nothing under way is trained again; if not, its race is over."""
        if entrant.trained < self._most and not self._drops(entrant):
            return True
        del self._undecided[entrant.number]
        if self._best is not None:
            differences = _differences(entrant.losses, self._best.losses)
            if len(differences) > 1:
                self._between.add(_squares(differences), len(differences) - 1)
        complete = entrant.trained >= self._most and entrant.losses
        if complete and (self._best is None or entrant.mean < self._best.mean):
            self._best = entrant
        return False

    def _drops(self, entrant: Entrant) -> bool:
        if len(entrant.losses) < entrant.trained:
            return True
        incumbent = self._incumbent(entrant)
        if incumbent is None:
            return False
        chance = chance_of_being_as_good(entrant.losses, incumbent.losses, self._within, self._between)
        return chance is not None and chance < self._level

    def _incumbent(self, challenger: Entrant) -> Entrant | None:
        if self._best is not None:
            return self._best
        rivals = [
            one
            for one in self._undecided.values()
            if one is not challenger and len(one.losses) >= len(challenger.losses)
        ]
        return min(rivals, key=lambda one: (-len(one.losses), one.mean, one.number), default=None)


def chance_of_being_as_good(
    challenger: Mapping[int, float], incumbent: Mapping[int, float], within: Pooled, between: Pooled
) -> float | None:
    """Return the one-sided p-value of the hypothesis that the challenger is as good as the incumbent.

    From three common repeats on, the test is paired. Before, it takes a pooled variance: of the losses of the same
    configuration, to compare the means; or of differences in the same repeat, to compare these. Repeats that are hard
    for all make the former large and leave the latter alone, so that with the smaller standard error is used.

    Args:
        challenger: Repeat to loss, at least one.
        incumbent: The same, at least one.
        within: Variance of a loss around the mean of its configuration.
        between: Variance of the difference between two configurations in the same repeat, around its mean.

    Returns:
        ``None`` if nothing tells how noisy the losses are, or if they are too large to be told apart.
    """
    differences = _differences(challenger, incumbent)
    tests = []
    if len(differences) >= PAIRS:
        freedom = len(differences) - 1
        tests.append((standard_error(differences), mean(differences), freedom))
    else:
        if within.freedom:
            error = math.sqrt(within.variance * (1 / len(challenger) + 1 / len(incumbent)))
            tests.append((error, mean(challenger.values()) - mean(incumbent.values()), within.freedom))
        if between.freedom and differences:
            error = math.sqrt(between.variance / len(differences))
            tests.append((error, mean(differences), between.freedom))
    tests = [test for test in tests if math.isfinite(test[0]) and not math.isnan(test[1])]
    if not tests:
        return None
    error, difference, freedom = min(tests)
    if error == 0:
        return 0.0 if difference > 0 else 1.0
    return student_t_survival(difference / error, min(freedom, MOST_FREEDOM))


def _differences(challenger: Mapping[int, float], incumbent: Mapping[int, float]) -> list[float]:
    return [challenger[repeat] - incumbent[repeat] for repeat in sorted(challenger.keys() & incumbent.keys())]


def _squares(differences: Sequence[float]) -> float:
    """Return the sum of squared deviations from the mean; infinite if it is too large."""
    error = standard_error(differences)
    squares = error * error * len(differences) * (len(differences) - 1)
    return math.inf if math.isnan(squares) else squares


def student_t_survival(t: float, freedom: int) -> float:
    """Return the chance that Student's t is larger than ``t``.

    Exact finite sums (Abramowitz and Stegun, 1964, eq. 26.7.3 and 26.7.4).

    >>> round(student_t_survival(2.919986, 2), 6), round(student_t_survival(2.131847, 4), 6)
    (0.05, 0.05)

    Args:
        t: Any number.
        freedom: Degrees of freedom, at least 1.
    """
    angle = math.atan(abs(t) / math.sqrt(freedom))
    square = math.cos(angle) ** 2
    term, total = 1.0, 0.0
    for k in range(freedom % 2 + 2, freedom + 1, 2):
        total += term
        term *= square * (k - 1) / k
    if freedom % 2:
        inside = 2 / math.pi * (angle + math.sin(angle) * math.cos(angle) * total)
    else:
        inside = math.sin(angle) * total
    return 0.5 * (1 - inside) if t > 0 else 0.5 * (1 + inside)
