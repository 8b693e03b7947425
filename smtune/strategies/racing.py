"""Which configurations are trained again: those that may still be the best.

A race as in F-race and irace (Birattari et al., 2002; Lopez-Ibanez et al., 2016), one training at a time. Trainings of
the same repeat have the same seed, so configurations are compared in pairs wherever there are enough of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean, stdev

PAIRS = 3
"""From so many common repeats on, the test is paired: with fewer, differences do not tell their own spread."""


MOST_FREEDOM = 1000
"""More degrees of freedom count as so many: it would change a quantile in its fourth digit, and cost time."""


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
        return math.fsum(self.losses.values()) / len(self.losses) if self.losses else math.inf


class Race:
    """Decides after each training whether a configuration is trained again; a pure function of the calls, in order.

    A configuration is complete after ``most`` trainings. Before that it goes on unless

    - one of its trainings failed (irace rejects such configurations as well), or
    - it is worse than the incumbent by a one-sided t-test: paired over the common repeats from three of them on;
      before, with the variance within configurations, pooled over all that were trained more than once. As in irace,
      the level is that of each test, not of all of them together.

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
        self._squares = 0.0
        self._freedom = 0

    def record(self, entrant: Entrant, repeat: int, loss: float | None) -> None:
        """Take in a training; ``loss`` is ``None`` if it failed."""
        self._undecided[entrant.number] = entrant
        entrant.trained += 1
        if loss is None:
            return
        if entrant.losses:
            before, count = entrant.mean, len(entrant.losses)
            self._squares += (loss - before) ** 2 * count / (count + 1)  # Welford (1962)
            self._freedom += 1
        entrant.losses[repeat] = loss

    def goes_on(self, entrant: Entrant) -> bool:
        """Decide whether a configuration with nothing under way is trained again; if not, its race is over."""
        if entrant.trained < self._most and not self._drops(entrant):
            return True
        del self._undecided[entrant.number]
        if entrant.trained >= self._most and (self._best is None or entrant.mean < self._best.mean):
            self._best = entrant
        return False

    def _drops(self, entrant: Entrant) -> bool:
        if len(entrant.losses) < entrant.trained:
            return True
        incumbent = self._incumbent(entrant)
        if incumbent is None:
            return False
        chance = chance_of_being_as_good(entrant.losses, incumbent.losses, self._squares, self._freedom)
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
    challenger: Mapping[int, float], incumbent: Mapping[int, float], squares: float, freedom: int
) -> float | None:
    """Return the one-sided p-value of the hypothesis that the challenger is as good as the incumbent.

    Args:
        challenger: Repeat to loss, at least one.
        incumbent: The same, at least one.
        squares: Sum of squared deviations from the mean of their configuration, over all configurations.
        freedom: Degrees of freedom of that sum.

    Returns:
        ``None`` if nothing tells how noisy the losses are.
    """
    common = challenger.keys() & incumbent.keys()
    if len(common) >= PAIRS:
        differences = [challenger[repeat] - incumbent[repeat] for repeat in sorted(common)]
        freedom = len(differences) - 1
        difference, error = fmean(differences), stdev(differences) / math.sqrt(len(differences))
    elif freedom:
        difference = fmean(challenger.values()) - fmean(incumbent.values())
        error = math.sqrt(squares / freedom * (1 / len(challenger) + 1 / len(incumbent)))
    else:
        return None
    if error == 0:
        return 0.0 if difference > 0 else 1.0
    return student_t_survival(difference / error, min(freedom, MOST_FREEDOM))


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
