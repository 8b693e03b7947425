"""Reads the parents of a warm start, and says what the new job takes over from them."""

from __future__ import annotations

from smtune.backends.aws.session import require_boto3
from smtune.backends.parents import is_on_sagemaker, read_parent
from smtune.errors import Problem, SpecError
from smtune.spec import TuningSpec
from smtune.store import WarmStarted
from smtune.warm_starts import Parent, take_over

_FIELD = "warm_start.parents"


def plan_warm_start(spec: TuningSpec) -> WarmStarted | None:
    """Return what the job takes over from its parents, or ``None`` if it has none.

    Raises:
        SpecError: Parents cannot be read or used.
        MissingExtraError: One is to be read from SageMaker, and boto3 is not installed.
        StoreError: The file of a parent is damaged.
    """
    if spec.warm_start is None:
        return None
    if any(map(is_on_sagemaker, spec.warm_start.parents)):
        require_boto3("a warm start from a SageMaker tuning job")
    parents: list[tuple[str, Parent]] = []
    problems: list[Problem] = []
    for place, name in enumerate(spec.warm_start.parents):
        try:
            parents.append((name, read_parent(name, spec.parameters)))
        except SpecError as error:
            problems += [problem.under(f"{_FIELD}[{place}]") for problem in error.problems]
    places = [place for place, name in enumerate(spec.warm_start.parents) if name in dict(parents)]
    try:
        found = take_over(spec, parents)
    except SpecError as error:
        for problem in error.problems:
            place = int(problem.field.strip("[]"))
            problems.append(Problem(f"{_FIELD}[{places[place]}]", problem.value, problem.rule, problem.fix))
        found = None
    if problems or found is None:
        raise SpecError(problems)
    return found
