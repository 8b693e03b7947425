"""Turns pydantic's errors into problems that name field, value, rule and fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from smtune.errors import HIDDEN, Problem, SpecError, speaks_of_secrets

M = TypeVar("M", bound=BaseModel)

_RULES = {
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
}
_FIXES = {
    "missing": "add it",
    "int_type": "write a whole number, without quotes",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number, without quotes",
    "float_parsing": "write a number",
    "finite_number": "write a finite number, or leave it out",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "string_type": "put it in quotes",
    "string_too_short": "name it",
    "list_type": "write a list: [a, b]",
    "dict_type": "write a mapping of names to values",
    "model_type": "write a mapping of names to values",
    "greater_than": "raise it",
    "greater_than_equal": "raise it",
    "less_than": "lower it",
    "less_than_equal": "lower it",
}

_ENVIRONMENT = "environment"
_OF_NO_SECRETS = {"parameters", "metrics", "channels"}
"""Keys below which names speak of what is searched, measured or read: ``max_tokens``."""


def closest(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a fix that names the known word nearest to ``word``, or ``otherwise``."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else otherwise


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return every problem of a validation, with dotted paths as the user would write them.

    Args:
        error: What pydantic raised.
        model: The model that was validated; its keys are offered for misspelt ones.
    """
    problems: list[Problem] = []
    for detail in error.errors(include_url=False):
        path = _path(detail["loc"])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, SpecError):
            problems.extend(problem.under(path) if path else problem for problem in cause.problems)
        elif detail["type"] == "extra_forbidden":
            known = _keys_at(model, detail["loc"][:-1])
            fix = closest(str(detail["loc"][-1]), known, f"known keys: {', '.join(known)}")
            problems.append(Problem(path, _outline(detail["input"]), "is no known key", fix))
        elif detail["type"] == "missing":
            problems.append(Problem(path, None, "is missing", _FIXES["missing"]))
        else:
            fix = _FIXES.get(detail["type"], "see `smtune schema`")
            rule = _RULES.get(detail["type"]) or _rule(detail["msg"])
            problems.append(Problem(path, detail["input"], rule, fix))
    return list(map(without_secrets, problems))


def without_secrets(problem: Problem) -> Problem:
    """Return a problem that shows neither the environment nor what has the name of a secret.

    >>> print(without_secrets(Problem("training.environment.A", "12345", "must be text", "quote it")))
    training.environment.A = (hidden): must be text; quote it
    """
    path = re.split(r"[.\[\]]+", problem.field)
    if not _is_secret(path):
        return replace(problem, value=_outline(problem.value)) if _holds_secrets(problem.value) else problem
    rule = problem.rule
    for text in (repr(problem.value), str(problem.value)):
        rule = rule.replace(text, HIDDEN) if len(text) > 1 else rule
    return replace(problem, value=problem.value if problem.value is None else HIDDEN, rule=rule)


def _is_secret(path: list[str]) -> bool:
    return _ENVIRONMENT in path or (_OF_NO_SECRETS.isdisjoint(path) and speaks_of_secrets(path[-1]))


def _holds_secrets(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_secret([str(key)]) or _holds_secrets(one) for key, one in value.items())
    return isinstance(value, list | tuple) and any(map(_holds_secrets, value))


def _outline(value: Any) -> Any:
    """Return a value without what it holds: nobody knows what is below a key that is misspelt."""
    if isinstance(value, Mapping):
        return "{...}"
    return "[...]" if isinstance(value, list | tuple) else value


def checked(model: type[M], fields: Mapping[str, Any], path: str) -> M:
    """Return the model with these fields.

    Raises:
        SpecError: Everything that is wrong, with paths below ``path``.
    """
    try:
        return model(**fields)
    except ValidationError as error:
        raise SpecError(problem.under(path) for problem in problems_of(error, model)) from None


def _rule(message: str) -> str:
    return message.replace("Input should be", "must be").replace("String should", "must").removeprefix("Value error, ")


def _path(location: tuple[int | str, ...]) -> str:
    """Return a location as users write it, e.g. ``strategy.steps[1].trials``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the model that stands at ``location`` below ``model``."""
    current = model
    for part in location:
        if isinstance(part, str) and part in current.model_fields:
            current = next(_models_in(current.model_fields[part].annotation), current)
    return list(current.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)
