"""Configurations as points that a model can measure distances between.

Every point is *snapped*: it is exactly the code of the configuration that it decodes to, before any kernel sees it, so
that the model is flat where rounding makes the objective flat (Garrido-Merchan and Hernandez-Lobato, 2020, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from smtune.space import CategoricalParameter, Configuration, Parameter, SearchSpace

Points: TypeAlias = NDArray[np.float64]
"""Codes, shape ``(count, dimensions)``."""

Keys: TypeAlias = NDArray[np.uint64]
"""One number per point; equal for equal points, and only for these but for one chance in 2**64."""

MOST_LEVELS = 1000
"""Parameters with more levels are taken for continua: their steps are too fine to matter."""


class Coding:
    """Maps a space to points and back.

    A coordinate is the position in the unit interval along the scaling; the index of the choice for unordered
    categorical parameters, where only equality means anything. Parameters of a single value have no coordinate.

    Args:
        space: What to code.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._names = [name for name, parameter in space.items() if parameter.cardinality != 1]
        self._parameters: list[Parameter] = [space[name] for name in self._names]
        self.nominal = np.array([_is_nominal(parameter) for parameter in self._parameters], dtype=bool)
        """Which coordinates are unordered, shape ``(dimensions,)``."""
        self.counts = np.array([_levels(parameter) for parameter in self._parameters], dtype=np.int64)
        """How many levels each coordinate has, 0 for a continuum; shape ``(dimensions,)``."""
        self._codes = [
            _codes(parameter, count) if count and not nominal else None
            for parameter, count, nominal in zip(self._parameters, self.counts, self.nominal, strict=True)
        ]
        self._edges = [None if codes is None else _edges(codes) for codes in self._codes]
        multipliers = np.random.default_rng(20200401).integers(1, 2**63, len(self._names), dtype=np.uint64)
        self._multipliers = multipliers * np.uint64(2) + np.uint64(1)

    @property
    def dimensions(self) -> int:
        """How many coordinates a point has."""
        return len(self._names)

    def encode(self, configuration: Configuration) -> NDArray[np.float64]:
        """Return the point of a legal configuration, shape ``(dimensions,)``."""
        point = np.empty(self.dimensions)
        for place, (name, parameter) in enumerate(zip(self._names, self._parameters, strict=True)):
            codes = self._codes[place]
            if codes is not None:
                point[place] = codes[parameter.index(configuration[name])]
            elif self.nominal[place]:
                point[place] = parameter.index(configuration[name])
            else:
                point[place] = parameter.to_unit(configuration[name])
        return point

    def decode(self, point: Sequence[float]) -> Configuration:
        """Return the configuration of a point."""
        values = {name: parameter.from_unit(0.5) for name, parameter in self._space.items()}
        for place, (name, parameter) in enumerate(zip(self._names, self._parameters, strict=True)):
            if self.nominal[place]:
                values[name] = parameter.level(int(point[place]))
            else:
                values[name] = parameter.from_unit(float(point[place]))
        return values

    def from_cube(self, cube: Points) -> Points:
        """Return the snapped points of positions in the unit cube; a position's volume is its probability."""
        points = cube.copy()
        points[:, self.nominal] = np.floor(cube[:, self.nominal] * self.counts[self.nominal])
        points[:, self.nominal] = np.minimum(points[:, self.nominal], self.counts[self.nominal] - 1)
        return self.snap(points)

    def snap(self, points: Points) -> Points:
        """Move coordinates in ``[0, 1]`` to the level that owns them; those of continua and choices stay."""
        snapped = points.copy()
        for place, (codes, edges) in enumerate(zip(self._codes, self._edges, strict=True)):
            if codes is not None and edges is not None:
                snapped[:, place] = codes[np.searchsorted(edges, points[:, place], side="right")]
        return snapped

    def keys(self, points: Points) -> Keys:
        """Return a number for each point by which equal ones are recognised, shape ``(count,)``."""
        whole = np.rint(points * 2.0**40).astype(np.uint64)
        keys: Keys = (whole * self._multipliers).sum(axis=1, dtype=np.uint64)
        return keys

    def all_points(self) -> Points:
        """Return every point of a finite space, shape ``(size, dimensions)``."""
        axes = [
            np.arange(count, dtype=np.float64) if codes is None else codes
            for codes, count in zip(self._codes, self.counts, strict=True)
        ]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, self.dimensions)


def _is_nominal(parameter: Parameter) -> bool:
    return isinstance(parameter, CategoricalParameter) and not parameter.ordered


def _levels(parameter: Parameter) -> int:
    levels = parameter.cardinality
    if levels is None or (levels > MOST_LEVELS and not _is_nominal(parameter)):
        return 0
    return levels


def _codes(parameter: Parameter, count: int) -> NDArray[np.float64]:
    """Return the position of every level: the middle of its share of the unit interval."""
    return np.array([parameter.to_unit(parameter.level(index)) for index in range(count)])


def _edges(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inner bounds of the levels' shares, whose middles are known and which begin at 0."""
    edges = np.empty(len(codes))
    edge = 0.0
    for index, code in enumerate(codes):
        edge = 2 * code - edge
        edges[index] = edge
    return edges[:-1]
