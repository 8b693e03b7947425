"""What a job takes over from earlier ones, as users write it: ``warm_start: [churn-1, churn-2]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from smtune.errors import Problem, SpecError
from smtune.spec.parts import NAME_PATTERN
from smtune.spec.problems import problems_of

TUNING_JOB_ARN = re.compile(
    r"arn:aws[a-z-]*:sagemaker:(?P<region>[a-z0-9-]+):\d{12}:hyper-parameter-tuning-job/(?P<name>[a-zA-Z0-9-]+)"
)
"""The ARN of a SageMaker tuning job."""

AMT_PREFIX = "amt:"
"""Begins a parent that is a SageMaker tuning job in the region of the user's own AWS configuration."""

MOST_PARENTS = 5
"""As many as SageMaker takes."""


class WarmStartType(StrEnum):
    """SageMaker's words for what a job has in common with its parents."""

    IdenticalDataAndAlgorithm = "IdenticalDataAndAlgorithm"
    TransferLearning = "TransferLearning"


def _parents(given: Any) -> Any:
    """Let one parent stand for a list of one, and refuse what names no job."""
    parents = [given] if isinstance(given, str) or hasattr(given, "__fspath__") else given
    if not isinstance(parents, list | tuple):
        return parents
    if not 1 <= len(parents) <= MOST_PARENTS:
        fix = "leave out the least useful" if parents else "name one, or leave warm_start out"
        raise SpecError([Problem("", list(parents), f"must be 1 to {MOST_PARENTS} jobs", fix)])
    texts = [str(one) if hasattr(one, "__fspath__") else one for one in parents]
    problems = [problem.under(f"[{place}]") for place, one in enumerate(texts) for problem in _problems(one)]
    problems += [
        Problem(f"[{place}]", one, "stands twice", "name every parent once")
        for place, one in enumerate(texts)
        if one in texts[:place]
    ]
    if problems:
        raise SpecError(problems)
    return texts


def _problems(parent: object) -> list[Problem]:
    if not isinstance(parent, str):
        return [Problem("", parent, "must be text", "name a job, a .json file, or a SageMaker tuning job's ARN")]
    name = parent.removeprefix(AMT_PREFIX)
    if is_json_file(parent) or TUNING_JOB_ARN.fullmatch(parent) or NAME_PATTERN.fullmatch(name):
        return []
    rule = "is neither a job's name, nor a .json file, nor the ARN of a SageMaker tuning job"
    return [Problem("", parent, rule, "see `smtune list` for names; for SageMaker's jobs write the ARN, or amt:NAME")]


def is_json_file(parent: str) -> bool:
    """Return whether a parent is the path of a file.

    >>> is_json_file("./old.json"), is_json_file("churn-1")
    (True, False)
    """
    return parent.lower().endswith(".json")


class WarmStart(BaseModel):
    """Earlier jobs, and what they have in common with this one. Their trials count against no limit of this job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parents: Annotated[
        list[str],
        BeforeValidator(_parents, json_schema_input_type=list[str] | str),
        Field(
            min_length=1,
            max_length=MOST_PARENTS,
            description="Jobs that have ended: names, .json files with results, ARNs of SageMaker tuning jobs.",
        ),
    ]
    type: Annotated[
        WarmStartType,
        Field(
            description="IdenticalDataAndAlgorithm: their results count as if they were this job's own. "
            "TransferLearning: their objectives are on another scale; their best configurations are tried first."
        ),
    ] = WarmStartType.IdenticalDataAndAlgorithm


def read_warm_start(given: Any) -> Any:
    """Return the warm start that a list of parents, a mapping, or an object means.

    >>> read_warm_start(["churn-1"]).type
    <WarmStartType.IdenticalDataAndAlgorithm: 'IdenticalDataAndAlgorithm'>

    Raises:
        SpecError: Everything that is wrong, with paths relative to the warm start.
    """
    if given is None or isinstance(given, WarmStart):
        return given
    fields = given if isinstance(given, Mapping) else {"parents": given}
    try:
        return WarmStart(**fields)
    except ValidationError as error:
        raise SpecError(problems_of(error, WarmStart)) from None


WarmStartField = Annotated[
    WarmStart | None,
    BeforeValidator(read_warm_start, json_schema_input_type=list[str] | str | WarmStart | None),
]
"""A warm start, or ``None`` for none."""
