"""An emulator in this process: clients of AWS in it, of whatever kind, talk to it unawares."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Final

from smtune.emulator.clients import ACCOUNT, NOWHERE, REGION, ROLE, default_bucket, endpoint_environment
from smtune.emulator.service.faults import Faults
from smtune.emulator.service.settings import Settings
from smtune.errors import MissingExtraError, Problem, SpecError

_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")


@dataclass(frozen=True, slots=True)
class Emulator:
    """What users need to know of an emulator.

    Attributes:
        region: The region that clients take, where nobody says otherwise.
        url: Where it listens; ``None`` if it does not.
        faults: What goes wrong in it; more can be added at any time.
    """

    region: str
    url: str | None = None
    faults: Faults = field(default_factory=Faults)

    @property
    def account(self) -> str:
        """The number of the account."""
        return ACCOUNT

    @property
    def role(self) -> str:
        """The ARN of an execution role."""
        return ROLE

    @property
    def bucket(self) -> str:
        """The SageMaker SDK's default bucket, which exists."""
        return default_bucket(self.region)


@dataclass(frozen=True, slots=True)
class Served(Emulator):
    """An emulator that listens."""

    url: str


@contextmanager
def emulate(settings: Settings | None = None, *, serve: bool = True, region: str | None = None) -> Iterator[Emulator]:
    """Have boto3 talk to an emulated AWS, in which SageMaker's jobs really train; a decorator, too.

    Around moto's ``mock_aws``, with its rules: nothing that boto3 asks leaves the machine, also if its client or session
    was made before the block; state is gone at the end, unless ``Settings(data=...)`` keeps it; blocks may be
    nested, and share their state then. An execution role and the default bucket are there from the start.

    Example::

        with smtune.emulator.emulate() as emulator:
            sagemaker = boto3.client("sagemaker")
            sagemaker.create_hyper_parameter_tuning_job(...)  # with RoleArn=emulator.role

    Args:
        settings: How it behaves; ``None`` for the usual, or for those of the block around this one.
        serve: Whether it listens on a loopback address as well, so that training jobs can use AWS themselves. Otherwise
            their requests go nowhere.
        region: The region of the bucket, and of clients where nobody says otherwise; by default ``AWS_DEFAULT_REGION``.

    Yields:
        The emulator.

    Raises:
        MissingExtraError: moto is not installed.
        SpecError: Its data directory cannot be had.
        StoreError: What the directory holds is damaged.
        RuntimeError: There is an emulator in this process already, with other settings.
    """
    require_moto("smtune.emulator.emulate", server=serve)
    from smtune.emulator.moto_plugin.account import furnish
    from smtune.emulator.moto_plugin.install import installed, mock_aws, reach_earlier_clients
    from smtune.emulator.moto_plugin.keeping import go_on, keeping

    chosen = region or os.environ.get("AWS_DEFAULT_REGION") or REGION
    check_region(chosen)
    reach_earlier_clients()
    changed = variables(AWS_DEFAULT_REGION=chosen, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true")
    with changed, installed(settings) as plugin, mock_aws(), keeping(plugin):
        furnish(plugin, chosen)
        if plugin.url is not None:  # that of the block around this one
            yield Emulator(chosen, plugin.url, plugin.faults)
            return
        if not serve:
            plugin.settings = replace(
                plugin.settings,
                environment={**endpoint_environment(NOWHERE, chosen), **plugin.settings.environment},
            )
            go_on(plugin)
            yield Emulator(chosen, faults=plugin.faults)
            return
        from smtune.emulator.server import answering, listen

        with closing(listen()) as listener, answering(plugin, listener, chosen) as url:
            yield Emulator(chosen, url, plugin.faults)


def check_region(region: str) -> None:
    """Refuse what is the name of no region.

    Raises:
        SpecError: It is not.
    """
    if _REGION.fullmatch(region) is None:
        raise SpecError([Problem("region", region, "is no AWS region", "write e.g. eu-west-1")])


def require_moto(what: str, *, server: bool = False) -> None:
    """Ask for the optional packages before anything else is done.

    Args:
        what: What the user asked for.
        server: Whether it listens.

    Raises:
        MissingExtraError: moto is not installed, or what its server needs.
    """
    needed = ("moto", "boto3", *(("flask", "flask_cors") if server else ()))
    if any(find_spec(name) is None for name in needed):
        raise MissingExtraError(what, "emulator")


@contextmanager
def variables(**values: str | None) -> Iterator[None]:
    """Set environment variables, or take them away, and set them back.

    Profiles are taken away always: moto and boto3 refuse everything if one is named that is not there.
    """
    values = {"AWS_PROFILE": None, "AWS_DEFAULT_PROFILE": None, **values}
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
