"""Which image trains: short names of AWS's own containers to addresses in ECR, and what those containers emit.

Pure: the addresses come from :mod:`smtune.amt.image_registry`. Not known: AWS's first XGBoost image (``xgboost:1``), its
other algorithms and frameworks, the images for Graviton (which only serve), and regions that are newer than the table;
for all of these, give the full address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from smtune.amt.image_registry import ACCOUNTS, DOMAINS, REPOSITORIES, TAGS, XGBOOST_METRICS, XGBOOST_REGEX
from smtune.errors import Problem, SpecError
from smtune.spec import Goal
from smtune.spec.problems import closest

_ALIASES: Final[Mapping[str, str]] = {"sklearn": "scikit-learn"}

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/"
    r"(?P<repository>[a-z0-9._/-]+)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class EcrImage(NamedTuple):
    """The parts of an address in the Elastic Container Registry; ``tag`` and ``digest`` may be missing."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None


def image_uri(image: str, region: str) -> str:
    """Return the address of an image.

    >>> image_uri("xgboost:3.0-5", "eu-west-1")
    '141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5'
    >>> image_uri("sklearn:1.4-2", "cn-north-1")
    '450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.4-2-cpu-py3'

    Args:
        image: ``xgboost:VERSION``, ``scikit-learn:VERSION`` or ``sklearn:VERSION``; or an address, which stays as it is.
        region: Where the job will run.

    Raises:
        SpecError: Framework, version or region is not in the table; the fields are ``image`` and ``region``.
    """
    if "/" in image:
        return image
    name, _, version = image.partition(":")
    framework = _ALIASES.get(name, name)
    problems = []
    if framework not in TAGS:
        fix = closest(name, [*TAGS, *_ALIASES], f"there are {_listed(TAGS)}; give the full address of any other image")
        problems.append(Problem("image", image, "is no container of AWS that smtune knows", fix))
    elif _tag(framework, version) is None:
        rule = "has no such version" if version else "names no version"
        listed = f"there are {_listed(TAGS[framework])}"
        newest = list(TAGS[framework])[-1]
        fix = closest(version, TAGS[framework], listed) if version else f"write e.g. {name}:{newest}; {listed}"
        problems.append(Problem("image", image, rule, fix))
    if region not in ACCOUNTS:
        otherwise = f"there are {_listed(ACCOUNTS)}; give the full address of the image for any other region"
        fix = closest(region, ACCOUNTS, otherwise)
        problems.append(Problem("region", region, f"has no {name} container of AWS that smtune knows", fix))
    if problems:
        raise SpecError(problems)
    return f"{ACCOUNTS[region]}.dkr.ecr.{region}.{_domain(region)}/{REPOSITORIES[framework]}:{_tag(framework, version)}"


def parse_ecr(uri: str) -> EcrImage | None:
    """Return the parts of an address in the Elastic Container Registry; ``None`` for an image from elsewhere."""
    matched = _ECR.fullmatch(uri)
    return EcrImage(**matched.groupdict()) if matched else None


def is_managed(uri: str) -> bool:
    """Return whether an image is AWS's own container for XGBoost or scikit-learn.

    >>> is_managed(image_uri("xgboost:1.7-1", "us-east-1"))
    True
    """
    return managed_framework(uri) is not None


def managed_framework(uri: str) -> str | None:
    """Return ``"xgboost"`` or ``"scikit-learn"`` for AWS's own containers, ``None`` for any other image."""
    image = parse_ecr(uri)
    if image is None or ACCOUNTS.get(image.region) != image.account:
        return None
    return next((name for name, repository in REPOSITORIES.items() if repository == image.repository), None)


def built_in_metrics(uri: str) -> Mapping[str, Goal]:
    """Return the metrics that a container emits without a training script, and which way each counts as better.

    SageMaker has their regexes; a request names them without a definition.

    >>> built_in_metrics(image_uri("xgboost:1.7-1", "us-east-1"))["validation:auc"].value
    'Maximize'

    Args:
        uri: Address of an image; any but AWS's XGBoost containers has none.
    """
    if managed_framework(uri) != "xgboost":
        return {}
    return {name: Goal(goal) for name, goal in XGBOOST_METRICS.items()}


def built_in_definitions(uri: str) -> Mapping[str, str]:
    r"""Return the regexes of the metrics that a container emits without a training script.

    They are searched in lines where the service has written a tab as ``#011``.

    >>> built_in_definitions(image_uri("xgboost:1.7-1", "us-east-1"))["validation:auc"]
    '.*\\[[0-9]+\\].*#011validation-auc:([-+]?[0-9]*\\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*'

    Args:
        uri: Address of an image.
    """
    return {name: XGBOOST_REGEX.format(name.replace(":", "-")) for name in built_in_metrics(uri)}


def _tag(framework: str, version: str) -> str | None:
    """Return the tag of a version; the tag itself will do."""
    tags = TAGS[framework]
    return version if version in tags.values() else tags.get(version)


def _domain(region: str) -> str:
    return next((domain for start, domain in DOMAINS.items() if region.startswith(start)), "amazonaws.com")


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names)
