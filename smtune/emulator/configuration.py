"""Settings and faults as people write them: in files, and in requests to a running emulator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from smtune.emulator.service.faults import Fault
from smtune.emulator.service.settings import Settings
from smtune.errors import Problem, SpecError
from smtune.sandbox.docker import Limits
from smtune.sandbox.programs import Rule
from smtune.spec.files import read_mapping
from smtune.spec.problems import problems_of

T = TypeVar("T", Fault, Limits, Rule, Settings)


def read_settings(path: Path) -> Settings:
    """Read settings from a YAML, TOML or JSON file, whose keys are the members of :class:`Settings`.

    Paths in it are relative to its folder.

    Raises:
        SpecError: Everything that is wrong with it.
    """
    given = read_mapping(path)
    try:
        return settings_of(given, path.parent)
    except SpecError as error:
        raise SpecError(error.problems, source=str(path)) from None


def settings_of(given: Mapping[str, Any], folder: Path) -> Settings:
    """Return the settings that a mapping means.

    Args:
        given: Its keys are the members of :class:`Settings`; rules and faults are mappings, too.
        folder: Where relative paths begin.

    Raises:
        SpecError: Everything that is wrong with it.
    """
    checked = _checked(_settings_model(), given)
    members = _given(checked)
    for name in ("folder", "data"):
        if members.get(name) is not None:
            members[name] = folder / members[name].expanduser()
    if "containers" in members:
        members["containers"] = Limits(**_given(checked.containers))
    if "rules" in members:
        members["rules"] = _all(Rule, "rules", [_with_paths(_given(one), folder) for one in checked.rules])
        missing = [(place, rule) for place, rule in enumerate(members["rules"]) if not _has_source(rule)]
        if missing:
            fix = "correct the path, which is relative to the file's folder"
            raise SpecError(
                Problem(f"rules[{place}].source_dir", str(rule.source_dir), f"has no {rule.entry_point}", fix)
                for place, rule in missing
            )
    if "faults" in members:
        members["faults"] = _all(Fault, "faults", map(_given, checked.faults))
    return Settings(**members)


def faults_of(given: object) -> tuple[Fault, ...]:
    """Return the faults that a mapping, or a list of them, means; their keys are the members of :class:`Fault`.

    Raises:
        SpecError: Everything that is wrong with them.
    """
    several = given if isinstance(given, list) else [given]
    return settings_of({"faults": several}, Path()).faults  # type: ignore[return-value]  # a tuple, see there


def _has_source(rule: Rule) -> bool:
    return not rule.entry_point or (rule.source_dir / rule.entry_point).is_file()


def _with_paths(rule: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a rule with paths that do not depend on where the emulator was started."""
    paths = {"source_dir": folder / rule.get("source_dir", Path()).expanduser()} if "entry_point" in rule else {}
    if "/" in rule.get("python", ""):
        paths["python"] = str(folder / Path(rule["python"]).expanduser())
    return {**rule, **paths}


def _all(kind: type[T], name: str, given: Iterable[Mapping[str, Any]]) -> tuple[T, ...]:
    made, problems = [], []
    for place, members in enumerate(given):
        try:
            made.append(kind(**members))
        except SpecError as error:
            problems += [problem.under(f"{name}[{place}]") for problem in error.problems]
    if problems:
        raise SpecError(problems)
    return tuple(made)


def _checked(model: type[BaseModel], given: Mapping[str, Any]) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise SpecError(_with_fix(problem) for problem in problems_of(error, model)) from None


def _with_fix(problem: Problem) -> Problem:
    """Return a problem whose fix does not speak of specs."""
    if problem.fix.endswith("`smtune schema`"):
        return replace(problem, fix="see Settings, Rule and Fault of smtune.emulator")
    return problem


def _given(model: BaseModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in model.model_fields_set}


@cache
def _settings_model() -> type[BaseModel]:
    return _model(Settings, containers=_model(Limits), rules=tuple[_model(Rule), ...], faults=tuple[_model(Fault), ...])  # type: ignore[misc]


def _model(kind: type[T], **types: Any) -> type[BaseModel]:
    """Return a model of the members of a dataclass, some of them with other types."""
    hints = {**get_type_hints(kind), **types}
    members: dict[str, Any] = {one.name: (hints[one.name], _default(one)) for one in fields(kind)}
    return create_model(kind.__name__, __config__=ConfigDict(extra="forbid"), **members)


def _default(member: Field[Any]) -> Any:
    """Return what stands for a member that is not given; ``...`` if it must be."""
    return ... if member.default is MISSING and member.default_factory is MISSING else None
