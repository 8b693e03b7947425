"""Which program of this machine an image stands for.

In this order: the user's rules; the job's own entry point; the script that the hyperparameters name; AWS's container for
XGBoost without a script, which smtune emulates; smtune's own containers. Programs are written as if they had their
folder at ``/opt/ml``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, NoReturn, Self

from smtune.container.values import decode_value
from smtune.errors import Problem, SpecError
from smtune.sandbox.contract import TrainingContract
from smtune.sandbox.environment import inherited_environment
from smtune.sandbox.interpreter import python_program
from smtune.sandbox.namespace import ROOT
from smtune.sandbox.script_mode import PROGRAM_KEY, SUBMIT_DIRECTORY_KEY, Script

CODE: Final = f"{ROOT}/code"
"""Where programs start."""

_XGBOOST: Final = ("*/sagemaker-xgboost:*", "*/sagemaker-xgboost@*", "*/sagemaker-xgboost", "*/xgboost:*")
"""AWS's container for XGBoost, and the first one that it had."""

_OWN: Final = {"*smtune-xgboost*": "xgboost", "*smtune-sklearn*": "sklearn"}
"""How images of smtune's containers are called, to their folder."""

_BESIDE: Final = Path(__file__).parents[2] / "training_containers"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What a job says of its program.

    Attributes:
        image: Address of a container; may be empty.
        name: Name of an algorithm; may be empty.
        entrypoint: Program that replaces the container's own.
        arguments: Its arguments.
    """

    image: str = ""
    name: str = ""
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """What a user says that images stand for.

    At most one of ``command``, ``entry_point`` and ``kind`` is given; without any, the rule only sets interpreter and
    variables.

    Attributes:
        match: Pattern of an image's address or an algorithm's name, with ``*`` and ``?``.
        command: Program and arguments.
        entry_point: Script, relative to ``source_dir``, to be run as the training toolkit does.
        source_dir: Folder of the script.
        kind: ``script-mode`` for the script that the hyperparameters name, ``xgboost`` for AWS's algorithm, ``docker``
            for the image itself, in a container.
        python: Interpreter.
        environment: Variables; those of the job win.
    """

    match: str
    command: tuple[str, ...] = ()
    entry_point: str = ""
    source_dir: Path = Path()
    kind: Literal["", "script-mode", "xgboost", "docker"] = ""
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = [name for name in ("command", "entry_point", "kind") if getattr(self, name)]
        if len(given) > 1:
            rule, fix = f"says {' and '.join(given)}, which exclude each other", "keep one of them"
            raise SpecError([Problem("rule", self.match, rule, fix)])

    @property
    def names_program(self) -> bool:
        """Whether it says what runs, and not only how."""
        return bool(self.command or self.entry_point or self.kind)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the rule that :meth:`to_dict` wrote."""
        return cls(**{**fields, "command": tuple(fields["command"]), "source_dir": Path(fields["source_dir"])})

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, for any process: its folder by an absolute path."""
        source = str(self.source_dir.absolute())
        return {
            **asdict(self),
            "command": list(self.command),
            "source_dir": source,
            "environment": dict(self.environment),
        }


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        argv: Program and arguments.
        env: Its environment, but for what every container of the job has.
        cwd: Where it starts.
        source: Code that it finds in ``/opt/ml/code``.
        remarks: What the user should know.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str = CODE
    source: Path | None = None
    remarks: tuple[str, ...] = ()


def find_program(
    algorithm: Algorithm,
    contract: TrainingContract,
    rules: Sequence[Rule] = (),
    *,
    code: Path | None = None,
    containers: Path = _BESIDE,
) -> Program:
    """Return the program that a job runs.

    Args:
        algorithm: What the job says of it.
        contract: What it is told.
        rules: The user's; the first that matches counts.
        code: The unpacked ``sagemaker_submit_directory``; a channel that it names is found without.
        containers: Folder of smtune's own containers.

    Raises:
        SpecError: The job stands for none, or its script is not there.
    """
    rule = find_rule(algorithm, rules)
    code = _channel_folder(contract, submit_directory(contract)) if code is None else code
    script = rule.entry_point or script_name(contract)
    if rule.command:
        return Program(rule.command, _environment(rule))
    if rule.entry_point:
        return _script(script, rule.source_dir, contract, rule)
    if rule.kind == "xgboost":
        return _xgboost(contract, rule)
    if rule.kind == "docker":
        fix = "take isolation docker, or auto"
        raise SpecError([Problem("isolation", None, f"the rule for {rule.match!r} wants a container of Docker", fix)])
    if algorithm.entrypoint and not rule.kind:
        return Program((*algorithm.entrypoint, *algorithm.arguments), _environment(rule))
    if script is not None or rule.kind == "script-mode":
        return _script(script, code, contract, rule)
    return _container(algorithm.image, contract, rule, containers) or _refuse(algorithm)


def find_rule(algorithm: Algorithm, rules: Sequence[Rule]) -> Rule:
    """Return the first rule that matches; one that says nothing, if there is none."""
    subjects = [subject for subject in (algorithm.image, algorithm.name) if subject]
    return next((rule for rule in rules if any(fnmatchcase(subject, rule.match) for subject in subjects)), Rule("*"))


def script_name(contract: TrainingContract) -> str | None:
    """Return the script that the hyperparameters name, if they name one."""
    return _text(contract, PROGRAM_KEY)


def submit_directory(contract: TrainingContract) -> str | None:
    """Return where the hyperparameters say that the code lies: in S3, or in a channel."""
    return _text(contract, SUBMIT_DIRECTORY_KEY)


def _text(contract: TrainingContract, key: str) -> str | None:
    text = contract.hyperparameters.get(key)
    return None if text is None else str(decode_value(text))  # the SDKs write strings in JSON's quotes


def _script(name: str | None, code: Path | None, contract: TrainingContract, rule: Rule) -> Program:
    """Return the command of the training toolkit."""
    if name is None:
        fix = f"pass {PROGRAM_KEY}, or name an entry_point in the rule"
        raise SpecError([Problem(f"HyperParameters.{PROGRAM_KEY}", None, "is missing: there is no script to run", fix)])
    if code is None:
        fix = f"pass {SUBMIT_DIRECTORY_KEY}, or add a rule with entry_point and source_dir"
        raise SpecError([Problem(f"HyperParameters.{PROGRAM_KEY}", name, "comes without code", fix)])
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not (code / name).is_file():
        there = ", ".join(sorted(path.name for path in code.iterdir())) if code.is_dir() else "nothing"
        fix = f"correct the name; there is {there}"
        raise SpecError([Problem(f"HyperParameters.{PROGRAM_KEY}", name, "is no file in the code", fix)])
    script = Script(contract, name, root=ROOT)
    environment = _environment(rule)
    python_path = [CODE, *filter(None, [environment.get("PYTHONPATH")])]
    return Program(
        argv=(*((rule.python, name) if path.suffix == ".py" else (f"./{name}",)), *script.arguments),
        env={**environment, "PYTHONPATH": os.pathsep.join(python_path), **script.variables, **rule.environment},
        source=code,
        remarks=_requirements(code),
    )


def _xgboost(contract: TrainingContract, rule: Rule) -> Program:
    remarks = []
    if len(contract.hosts) > 1:
        remarks.append("XGBoost's hosts train apart: the first of them makes the model")
    argv = python_program("smtune.sandbox.xgboost_algorithm", python=rule.python)
    return Program(tuple(argv), _environment(rule), remarks=tuple(remarks))


def _container(image: str, contract: TrainingContract, rule: Rule, containers: Path) -> Program | None:
    """Return what a container does of its own accord, if it is one that is known."""
    if any(fnmatchcase(image, pattern) for pattern in _XGBOOST):
        return _xgboost(contract, rule)
    for pattern, folder in _OWN.items():
        if fnmatchcase(image, pattern) and (found := containers / folder / "train.py").is_file():
            return Program((rule.python, str(found), "train"), _environment(rule))
    return None


def _environment(rule: Rule) -> dict[str, str]:
    """Return the environment of a program: programs find the interpreter of the rule as ``python3``, and its ``pip3``."""
    environment = inherited_environment()
    path = [os.path.dirname(os.path.abspath(rule.python)), *filter(None, [environment.get("PATH")])]  # noqa: PTH100, PTH120 - a link to an interpreter is not followed
    return {**environment, "PATH": os.pathsep.join(path), **rule.environment}


def _requirements(code: Path) -> tuple[str, ...]:
    if not (code / "requirements.txt").is_file():
        return ()
    return ("requirements.txt is not installed: what it names has to be there already",)


def _channel_folder(contract: TrainingContract, location: str | None) -> Path | None:
    """Return the folder here of code that lies in a channel."""
    parts = PurePosixPath(location or "").parts
    if parts[:5] != ("/", "opt", "ml", "input", "data") or len(parts) < 6:
        return None
    channel = contract.channels.get(parts[5])
    return None if channel is None or channel.source is None else channel.source.joinpath(*parts[6:])


def _refuse(algorithm: Algorithm) -> NoReturn:
    kind = "TrainingImage" if algorithm.image else "AlgorithmName"
    subject = algorithm.image or algorithm.name
    fix = f"add a rule with match = {subject!r} and a command, or an entry_point with its source_dir"
    raise SpecError(
        [Problem(f"AlgorithmSpecification.{kind}", subject, "stands for no program that is known here", fix)]
    )
