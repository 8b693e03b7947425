"""A search space: named parameters in one canonical order, and the unit cube in both directions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from smtune.errors import Problem, SpecError
from smtune.space.foreign import as_parameter
from smtune.space.parameter import Parameter, Value
from smtune.space.ranges import ContinuousParameter, IntegerParameter

Configuration = Mapping[str, Value]
"""One legal value for every parameter of a space, sorted by name."""


class SearchSpace(Mapping[str, Parameter]):
    """An immutable mapping of names to parameters, sorted by name.

    The order of the names is canonical because SageMaker's wire format loses the user's: whatever goes through it
    comes back in this order, and coordinates of the unit cube keep their meaning.

    >>> from smtune.space import ContinuousParameter, IntegerParameter
    >>> space = SearchSpace({"eta": ContinuousParameter(0.01, 1.0, "Logarithmic"), "depth": IntegerParameter(2, 5)})
    >>> space.from_unit([0.0, 0.5])
    {'depth': 2, 'eta': 0.1}
    >>> space.size()
    inf

    Args:
        parameters: Name to a parameter of this package, of the SageMaker SDK, or a distribution of Optuna.

    Raises:
        SpecError: No parameters, a reserved or empty name, or something that is no parameter.
    """

    __slots__ = ("_parameters",)

    def __init__(self, parameters: Mapping[str, object]) -> None:
        if not isinstance(parameters, Mapping):
            raise SpecError([Problem("", parameters, "must map names to parameters", "use a dict of name: parameter")])
        problems: list[Problem] = []
        converted: dict[str, Parameter] = {}
        if not parameters:
            problems.append(Problem("", {}, "a search space needs at least one parameter", "name what may vary"))
        for name in sorted(parameters, key=str):
            problems.extend(problem.under(str(name)) for problem in _name_problems(name))
            try:
                converted[name] = as_parameter(parameters[name])
            except SpecError as error:
                problems.extend(problem.under(str(name)) for problem in error.problems)
        if problems:
            raise SpecError(problems)
        self._parameters = converted

    @classmethod
    def empty(cls) -> Self:
        """Return a space in which nothing varies, as where SageMaker chooses the ranges by itself."""
        space = cls.__new__(cls)
        space._parameters = {}  # noqa: SLF001 - an instance of this very class
        return space

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and self._parameters == other._parameters

    def __hash__(self) -> int:
        return hash(tuple(self._parameters.items()))

    def __repr__(self) -> str:
        return f"SearchSpace({self._parameters!r})"

    def from_unit(self, point: Sequence[float]) -> Configuration:
        """Map a point of the unit cube to a configuration.

        Equal volumes of the cube are equally likely under uniform draws whatever the scaling, so a strategy need not
        know about logarithms.

        Args:
            point: Coordinates in ``[0, 1]``, shape ``(len(self),)``, in canonical order.

        Returns:
            Names to legal values: ``int`` for integers, ``float`` for continuous, the choice for categorical.

        Raises:
            SpecError: ``point`` has another length, or a coordinate lies outside ``[0, 1]``.
        """
        if len(point) != len(self._parameters):
            fix = f"this space has {len(self)}: {', '.join(self)}"
            raise SpecError([Problem("", list(point), "must have one coordinate per parameter", fix)])
        configuration = {}
        for position, (name, parameter) in zip(point, self._parameters.items(), strict=True):
            if not 0 <= position <= 1:
                raise SpecError([Problem(name, position, "must lie in [0, 1]", "clip it")])
            configuration[name] = parameter.from_unit(position)
        return configuration

    def to_unit(self, configuration: Configuration) -> list[float]:
        """Map a legal configuration to its point of the unit cube, shape ``(len(self),)``, in canonical order."""
        return [parameter.to_unit(configuration[name]) for name, parameter in self._parameters.items()]

    def validate(self, configuration: Mapping[str, object]) -> Configuration:
        """Return ``configuration`` with legal, typed values in canonical order.

        Args:
            configuration: One value per parameter; whole floats are taken for integers, integers for floats.

        Raises:
            SpecError: Names are missing or unknown, or values are not legal; all of them at once.
        """
        problems = [
            Problem(str(name), configuration[name], "is no parameter of this space", f"known: {', '.join(self)}")
            for name in configuration
            if name not in self._parameters
        ]
        legal: dict[str, Value] = {}
        for name, parameter in self._parameters.items():
            if name not in configuration:
                problems.append(Problem(name, None, "is missing", "a configuration names every parameter"))
                continue
            try:
                legal[name] = parameter.cast(configuration[name])
            except SpecError as error:
                problems.extend(problem.under(name) for problem in error.problems)
        if problems:
            raise SpecError(problems)
        return legal

    def size(self) -> int | float:
        """Return how many configurations there are; ``math.inf`` if a parameter is a continuum."""
        counts = [parameter.cardinality for parameter in self._parameters.values()]
        return math.prod(count for count in counts if count is not None) if None not in counts else math.inf

    def grid_levels(self, levels: int | Mapping[str, int] | None = None) -> dict[str, tuple[Value, ...]]:
        """Return the values that a grid takes for each parameter.

        A number for a parameter's own name wins; then come its step and its choices, all of them; then ``levels``
        if it is one number for everything else.

        Args:
            levels: Values per parameter along its scaling, for all or by name.

        Raises:
            SpecError: A count is below 1, a name is unknown, or a continuum has neither step nor count.
        """
        named = levels if isinstance(levels, Mapping) else {}
        common = None if isinstance(levels, Mapping) else levels
        problems = [
            Problem(f"levels.{name}", count, "is no parameter of this space", f"known: {', '.join(self)}")
            for name, count in named.items()
            if name not in self._parameters
        ]
        counts = {f"levels.{name}": count for name, count in named.items()} | {"levels": common}
        problems += [
            Problem(field, count, "must be at least 1", "use 3 or more")
            for field, count in counts.items()
            if count is not None and count < 1
        ]
        if problems:
            raise SpecError(problems)
        values: dict[str, tuple[Value, ...]] = {}
        for name, parameter in self._parameters.items():
            free = isinstance(parameter, ContinuousParameter | IntegerParameter) and parameter.step is None
            try:
                values[name] = parameter.levels(named.get(name, common if free else None))
            except SpecError as error:
                problems.extend(problem.under(name) for problem in error.problems)
        if problems:
            raise SpecError(problems)
        return values

    def grid(self, levels: int | Mapping[str, int] | None = None) -> Iterator[Configuration]:
        """Yield every combination of :meth:`grid_levels`, the last name varying fastest.

        Args:
            levels: Values per parameter along its scaling, for all or by name.

        Raises:
            SpecError: As for :meth:`grid_levels`, at once.
        """
        values = self.grid_levels(levels)
        names = tuple(values)
        return (dict(zip(names, combination, strict=True)) for combination in itertools.product(*values.values()))

    def narrowed(self, around: Configuration, factor: float) -> SearchSpace:
        """Return the part of this space near a configuration.

        Ranges keep ``factor`` of their scaled width, shifted so as to stay inside their bounds; ordered choices keep a
        window; unordered ones, which have no neighbourhood, keep the value of ``around``.

        Args:
            around: A legal configuration; it stays legal.
            factor: Share of each width, in ``(0, 1]``.

        Raises:
            SpecError: ``factor`` is out of range, or ``around`` is not legal.
        """
        if not 0 < factor <= 1:
            raise SpecError([Problem("factor", factor, "must lie in (0, 1]", "use 0.25 for a quarter of each range")])
        centre = self.validate(around)
        return SearchSpace({name: part.narrowed(centre[name], factor) for name, part in self._parameters.items()})


def _name_problems(name: object) -> list[Problem]:
    if not isinstance(name, str) or not name.strip():
        return [Problem("", name, "a parameter's name must be text", "use the hyperparameter's name")]
    if name.startswith("sagemaker_") or name == "_tuning_objective_metric":
        return [Problem("", name, "is reserved by SageMaker", "rename the hyperparameter")]
    if len(name) > 256:
        return [Problem("", name, "is longer than 256 characters", "shorten the hyperparameter's name")]
    return []
