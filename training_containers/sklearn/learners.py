"""Let an estimator learn: at once, epoch by epoch, or stage by stage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from settings import Settings  # type: ignore[import-not-found] # beside this file, wherever that is
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from tabular import Table  # type: ignore[import-not-found]

# Measuring an ensemble costs as much as it has stages, so measuring each stage would cost their square.
_MOST_REPORTS = 50


class Learner(ABC):
    """One estimator and the rows that it learns from.

    Attributes:
        pipeline: Takes raw features; complete once :meth:`advance` was called.
    """

    def __init__(self, settings: Settings, table: Table) -> None:
        self._settings = settings
        self._estimator = settings.build()
        self._features = table.features
        self._labels = table.labels
        self.pipeline = Pipeline([("model", self._estimator)])
        if settings.scale:
            scaler = StandardScaler()
            self._features = scaler.fit_transform(table.features)
            self.pipeline = Pipeline([("scale", scaler), ("model", self._estimator)])

    @abstractmethod
    def steps(self) -> Sequence[int | None]:
        """Return the number of each step, from 0; ``[None]`` for an estimator that learns at once."""

    @abstractmethod
    def advance(self, step: int | None) -> None:
        """Learn up to the end of this step, given those before it."""


class AtOnce(Learner):
    """Learns everything in one step."""

    def steps(self) -> Sequence[int | None]:
        """Return the only step."""
        return [None]

    def advance(self, step: int | None) -> None:  # noqa: ARG002 - there is one only
        """Fit the estimator."""
        self._estimator.fit(self._features, self._labels)


class ByEpochs(Learner):
    """Passes over all rows once per epoch, each time in another order."""

    def __init__(self, settings: Settings, table: Table) -> None:
        super().__init__(settings, table)
        self._classes = {"classes": np.unique(self._labels)} if settings.task == "classification" else {}
        self._generator = np.random.default_rng(settings.seed)

    def steps(self) -> Sequence[int | None]:
        """Return the epochs."""
        return range(self._settings.epochs)

    def advance(self, step: int | None) -> None:  # noqa: ARG002 - every epoch is like the other
        """Pass over the rows once."""
        order = self._generator.permutation(len(self._labels))
        size = self._settings.batch_size or len(order)
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            self._estimator.partial_fit(self._features[rows], self._labels[rows], **self._classes)


class ByStages(Learner):
    """Adds trees to a boosted ensemble."""

    def __init__(self, settings: Settings, table: Table) -> None:
        super().__init__(settings, table)
        self._stages = self._estimator.n_estimators
        self._estimator.set_params(warm_start=True)

    def steps(self) -> Sequence[int | None]:
        """Return the last stage of each step."""
        chunk = -(-self._stages // _MOST_REPORTS)
        return [min(first + chunk, self._stages) - 1 for first in range(0, self._stages, chunk)]

    def advance(self, step: int | None) -> None:
        """Add the trees up to this stage."""
        self._estimator.set_params(n_estimators=self._stages if step is None else step + 1)
        self._estimator.fit(self._features, self._labels)


def make_learner(settings: Settings, table: Table) -> Learner:
    """Return a learner for the chosen model."""
    kinds: dict[str, type[Learner]] = {"at once": AtOnce, "by epochs": ByEpochs, "by stages": ByStages}
    return kinds[settings.model.learns](settings, table)
