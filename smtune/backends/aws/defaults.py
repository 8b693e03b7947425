"""What SageMaker's config files set for every job: role, bucket, network, keys, tags; read without the SageMaker SDK.

Two files are read where the SDK reads them, and merged as it does: an administrator's
(``/etc/xdg/sagemaker/config.yaml``, or where ``SAGEMAKER_ADMIN_CONFIG_OVERRIDE`` points) and the user's
(``~/.config/sagemaker/config.yaml``, or ``SAGEMAKER_USER_CONFIG_OVERRIDE``), which wins. SageMaker Studio names a role of
its own, which holds where neither file does.

The files have no section for tuning jobs: as in the SDK, ``SageMaker.TrainingJob`` is for the training jobs within them.
Not supported: files in S3, the SDK's module sections but ``Session``, ``ProfilerConfig``, and looking up the role of an
old notebook instance, whose metadata name none. Keys that are not read are not checked.

Source: ``sagemaker/core/config/config.py`` and ``config_schema.py`` of aws/sagemaker-python-sdk.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from smtune.backends.aws.session import ROLE_ARN
from smtune.errors import Problem, SpecError

RESOURCE_METADATA: Final = Path("/opt/ml/metadata/resource-metadata.json")
"""Where Studio and notebook instances say what they are."""

_BUCKET = re.compile(r"[a-z0-9][.\-a-z0-9]{1,61}[a-z0-9]")
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class AccountDefaults:
    """What holds where a spec says nothing; ``None`` and empty where the files say nothing either.

    Attributes:
        role: ARN of the role that training jobs assume.
        bucket: S3 bucket for code, data and results.
        prefix: How keys in that bucket begin.
        security_groups: Of the VPC that training jobs are attached to.
        subnets: Of the same VPC.
        network_isolation: Whether training containers have no network.
        encrypt_inter_container_traffic: Whether instances of one training job talk in secret.
        output_kms_key: Encrypts models and outputs.
        volume_kms_key: Encrypts the volumes of the instances.
        tags: Key to value.
        environment: Variables of the training containers. They may be secrets: do not print them.
        sources: Attribute to the file that set it.
    """

    role: str | None = None
    bucket: str | None = None
    prefix: str | None = None
    security_groups: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    network_isolation: bool | None = None
    encrypt_inter_container_traffic: bool | None = None
    output_kms_key: str | None = None
    volume_kms_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict)


def read_defaults(environ: Mapping[str, str] | None = None, *, metadata: Path = RESOURCE_METADATA) -> AccountDefaults:
    """Read the administrator's and the user's config file, and the role of this machine.

    Args:
        environ: Environment variables; ``None`` for those of this process.
        metadata: What SageMaker Studio says of itself; need not exist.

    Raises:
        SpecError: A file that a variable names is not there or lies in S3, a file is no YAML, or a value is not what
            SageMaker takes. The field of a problem is the file and the dotted key.
    """
    environ = os.environ if environ is None else environ
    problems: list[Problem] = []
    defaults = AccountDefaults()
    for place in _places(environ):
        document = _load(place, problems)
        if document is not None:
            defaults = _overlaid(defaults, _values(document, place.path, problems), str(place.path))
    if problems:
        raise SpecError(problems)
    if defaults.role is None:
        role = _role_of_this_machine(metadata)
        if role is not None:
            defaults = _overlaid(defaults, {"role": role}, str(metadata))
    return defaults


class _Place(NamedTuple):
    """Where a file is: at ``given``, if the variable says so."""

    path: Path
    variable: str
    given: str | None


def _places(environ: Mapping[str, str]) -> list[_Place]:
    """Return the administrator's file and the user's, as the package ``platformdirs`` places them for the SDK."""
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        system, own = Path("/Library/Application Support"), home / "Library/Application Support"
    else:
        system, own = Path("/etc/xdg"), home / ".config"
    system = Path(environ.get("XDG_CONFIG_DIRS", "").split(os.pathsep)[0].strip() or system)
    own = Path(environ.get("XDG_CONFIG_HOME", "").strip() or own)
    return [_place(environ, kind, folder) for kind, folder in (("ADMIN", system), ("USER", own))]


def _place(environ: Mapping[str, str], kind: str, folder: Path) -> _Place:
    variable = f"SAGEMAKER_{kind}_CONFIG_OVERRIDE"
    given = environ.get(variable)
    path = Path(given) if given else folder / "sagemaker" / "config.yaml"
    return _Place(path / "config.yaml" if path.is_dir() else path, variable, given or None)


def _load(place: _Place, problems: list[Problem]) -> Any:
    """Return the contents of a file; ``None`` for an empty one, and one that need not be there."""
    import yaml

    if place.given is not None and place.given.startswith("s3://"):
        rule = "is in S3, where smtune does not read its configuration"
        problems.append(Problem(place.variable, place.given, rule, "copy it to this machine and name the copy"))
        return None
    try:
        return yaml.safe_load(place.path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if place.given is not None:
            problems.append(Problem(place.variable, place.given, "there is no such file", "correct it, or unset it"))
    except OSError as error:
        problems.append(Problem(str(place.path), None, f"cannot be read: {error.strerror}", "make it readable"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        problems.append(Problem(str(place.path), None, f"is no YAML{where}", "correct it"))
    return None


def _values(document: Any, path: Path, problems: list[Problem]) -> dict[str, Any]:
    """Return what a file sets, by attribute; what is wrong with it joins the problems."""
    if not isinstance(document, Mapping):
        problems.append(Problem(str(path), None, "must be a mapping", 'begin with SchemaVersion: "1.0"'))
        return {}
    if document.get("SchemaVersion") != "1.0":
        rule, fix = "must be the text 1.0", 'write SchemaVersion: "1.0", with the quotes'
        problems.append(Problem(f"{path}: SchemaVersion", document.get("SchemaVersion"), rule, fix))
    found: dict[str, Any] = {}
    problems += [
        Problem(f"{path}: {section}", None, "must be a mapping", "indent its keys below it")
        for section in _SECTIONS
        if not isinstance(_at(document, section) or {}, Mapping)
    ]
    for attribute, (key, read) in _KEYS.items():
        value = _at(document, key)
        if value is not None:
            try:
                found[attribute] = read(value)
            except SpecError as error:
                problems += [problem.under(f"{path}: {key}") for problem in error.problems]
    return found


def _at(document: Any, key: str) -> Any:
    """Return what a dotted key leads to; ``None`` where it leads nowhere."""
    for name in key.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(name)
    return document


def _overlaid(defaults: AccountDefaults, values: Mapping[str, Any], source: str) -> AccountDefaults:
    """Return the defaults with those of a file that comes later: mappings are merged, everything else is replaced."""
    sources = {**defaults.sources, **dict.fromkeys(values, source)}
    environment = {**defaults.environment, **values.get("environment", {})}
    return replace(defaults, **{**values, "environment": environment, "sources": sources})


def _role_of_this_machine(metadata: Path) -> str | None:
    with suppress(OSError, ValueError):
        said = json.loads(metadata.read_text(encoding="utf-8"))
        role = said.get("ExecutionRoleArn") if isinstance(said, Mapping) else None
        return role if isinstance(role, str) and ROLE_ARN.fullmatch(role) else None
    return None


def _bad(value: Any, rule: str, fix: str) -> SpecError:
    return SpecError([Problem("", value, rule, fix)])


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _bad(value, "must be a text", "put it in quotes")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _bad(value, "must be true or false", "write true or false, without quotes")
    return value


def _role(value: Any) -> str:
    if ROLE_ARN.fullmatch(_text(value)) is None:
        raise _bad(value, "is no ARN of a role", "write e.g. arn:aws:iam::123456789012:role/sagemaker")
    return str(value)


def _bucket(value: Any) -> str:
    if _BUCKET.fullmatch(_text(value)) is None:
        raise _bad(value, "is no name of a bucket", "write its name only: 3 to 63 of a-z, 0-9, '.' and '-'")
    return str(value)


def _prefix(value: Any) -> str:
    return _text(value).strip("/")


def _identifiers(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise _bad(value, "must be a list of identifiers", "write e.g. [subnet-0123, subnet-4567]")
    return tuple(value)


def _tags(value: Any) -> Mapping[str, str]:
    tags = value if isinstance(value, list) else [value]
    if not all(isinstance(tag, Mapping) and set(tag) == {"Key", "Value"} for tag in tags):
        raise _bad(value, "must be a list of tags", "write e.g. [{Key: team, Value: churn}]")
    if not all(isinstance(text, str) for tag in tags for text in tag.values()):
        raise _bad(value, "must hold texts", "put keys and values in quotes")
    return {tag["Key"]: tag["Value"] for tag in tags}


def _environment(value: Any) -> Mapping[str, str]:
    """Read variables; their values may be secrets, so that no problem holds one."""
    if not isinstance(value, Mapping):
        raise _bad(None, "must be a mapping", "write e.g. {LOG_LEVEL: debug}")
    problems = []
    for name, text in value.items():
        if not isinstance(name, str) or _VARIABLE.fullmatch(name) is None:
            problems.append(Problem("", name, "is no name of a variable", "use letters, digits and _"))
        elif not isinstance(text, str):
            problems.append(Problem(name, None, f"must be a text, not {type(text).__name__}", "put it in quotes"))
    if problems:
        raise SpecError(problems)
    return dict(value)


_JOB: Final = "SageMaker.TrainingJob"
_SESSION: Final = "SageMaker.PythonSDK.Modules.Session"
_KEYS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "role": (f"{_JOB}.RoleArn", _role),
    "bucket": (f"{_SESSION}.DefaultS3Bucket", _bucket),
    "prefix": (f"{_SESSION}.DefaultS3ObjectKeyPrefix", _prefix),
    "security_groups": (f"{_JOB}.VpcConfig.SecurityGroupIds", _identifiers),
    "subnets": (f"{_JOB}.VpcConfig.Subnets", _identifiers),
    "network_isolation": (f"{_JOB}.EnableNetworkIsolation", _flag),
    "encrypt_inter_container_traffic": (f"{_JOB}.EnableInterContainerTrafficEncryption", _flag),
    "output_kms_key": (f"{_JOB}.OutputDataConfig.KmsKeyId", _text),
    "volume_kms_key": (f"{_JOB}.ResourceConfig.VolumeKmsKeyId", _text),
    "tags": (f"{_JOB}.Tags", _tags),
    "environment": (f"{_JOB}.Environment", _environment),
}
"""Attribute to the dotted key in the files, and what reads its value."""

_SECTIONS: Final = tuple(
    dict.fromkeys(key[:end] for key, _ in _KEYS.values() for end, letter in enumerate(key) if letter == ".")
)
"""Every section above a key, outermost first."""
