"""Puts an emulator into moto, and takes it out again."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.client import BaseClient
from botocore.session import Session
from moto import mock_aws
from moto.cloudwatch.models import CloudWatchBackend
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.model_instances import reset_model_data
from moto.core.models import botocore_stubber
from moto.iam.responses import IamResponse
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse
from moto.s3.models import S3Backend
from moto.sagemaker.models import sagemaker_backends
from moto.sagemakermetrics.models import sagemakermetrics_backends

from smtune.emulator.moto_plugin import shims
from smtune.emulator.moto_plugin.keeping import attaching, forgetting_all
from smtune.emulator.moto_plugin.models import AmtSageMakerBackend
from smtune.emulator.moto_plugin.plugin import Plugin, ServiceFactory, Undo
from smtune.emulator.service.settings import Settings

__all__ = ["forgetting", "install", "installed", "mock_aws", "reach_earlier_clients", "uninstall"]

_LOCK: Final = Lock()
_reached = False
_ACTIVE: list[tuple[Plugin, Settings | None, list[Undo]]] = []
"""The emulator in this process with its settings as they were asked for; once per :func:`install`, the same each time."""


def reach_earlier_clients() -> None:
    """Have clients and sessions of botocore that were made before moto was imported talk to it, too.

    moto is in those that are made afterwards. As in those, it does nothing while nobody mocks AWS.
    """
    global _reached  # noqa: PLW0603 - once for a process
    with _LOCK:
        if _reached:
            return
        _reached = True
    for one in gc.get_objects():
        if isinstance(one, BaseClient):
            _reach(one.meta.events)
        elif isinstance(one, Session):
            _reach(one.get_component("event_emitter"))


def _reach(events: Any) -> None:
    """Register moto's handler where it is not: twice, every request would be answered twice."""
    emitter = getattr(events, "_emitter", events)  # behind the one that knows old names of services
    if botocore_stubber not in emitter._handlers.prefix_search("before-send"):  # noqa: SLF001 - it cannot be asked
        events.register("before-send", botocore_stubber)


@contextmanager
def installed(settings: Settings | None) -> Iterator[Plugin]:
    """Have an emulator in moto for the time of a ``with`` block.

    Args:
        settings: How it behaves, as for :func:`install`.

    Raises:
        RuntimeError: Another emulator is in place, with other settings.
    """
    plugin = install(settings)
    try:
        yield plugin
    finally:
        uninstall()


@contextmanager
def forgetting() -> Iterator[None]:
    """Leave no state in moto after a ``with`` block, unless somebody in this process uses it for himself."""
    try:
        yield
    finally:
        if not botocore_stubber.enabled:
            BackendDict.reset()
            reset_model_data()


def install(
    settings: Settings | None = None,
    *,
    service_factory: ServiceFactory | None = None,
    operations: Collection[str] | None = None,
) -> Plugin:
    """Let moto's SageMaker be an emulator, until as many calls of :func:`uninstall`.

    What moto's SageMaker knew before is put away, and comes back then.

    Args:
        settings: How it behaves; ``None`` for the usual, or for those of the emulator that is in place.
        service_factory: Makes the services; by default, and without ``operations``, SageMaker's jobs that really run.
        operations: Which operations they answer.

    Raises:
        RuntimeError: Another emulator is in place, with other settings: a process has one moto.
    """
    with _LOCK:
        if _ACTIVE:
            plugin, given, _ = _ACTIVE[-1]
            if settings is not None and settings != given:
                raise RuntimeError("an emulator with other settings is in use in this process; end it first")
            _ACTIVE.append((plugin, given, []))
            return plugin
        if service_factory is None or operations is None:
            from smtune.emulator.service.operations import OPERATIONS, Service

            service_factory, operations = Service, OPERATIONS
        plugin = Plugin(settings or Settings(), service_factory, operations)
        _ACTIVE.append((plugin, settings, _patch(plugin)))
        return plugin


def uninstall() -> None:
    """Take back one :func:`install`, and wait until nothing is left of what was reset since.

    The last one resets everything, and leaves moto as it was.
    """
    with _LOCK:
        plugin, _, undone = _ACTIVE.pop()
        if not _ACTIVE:
            with plugin.gate:
                for account in list(sagemaker_backends.values()):
                    account.reset()
                for undo in reversed(undone):
                    undo()
    plugin.wait()


def _patch(plugin: Plugin) -> list[Undo]:
    """Change moto, and return what takes that back."""
    undone: list[Undo] = []
    for backends in (sagemaker_backends, sagemakermetrics_backends):  # the latter hold some of the former
        undone.append(partial(_refill, backends, dict(backends)))
        backends.clear()
    _replace(undone, sagemaker_backends, "backend", lambda _: partial(AmtSageMakerBackend, plugin=plugin))
    _replace(undone, BotocoreStubber, "process_request", partial(_gated, plugin))
    for kept in (S3Backend, LogsBackend, CloudWatchBackend):
        _replace(undone, kept, "__init__", partial(attaching, plugin))
    _replace(undone, BackendDict, "reset", partial(forgetting_all, plugin))
    if shims.lacks_simulation():
        _replace(undone, IamResponse, "simulate_principal_policy", lambda _: shims.simulate_principal_policy)
    if shims.lacks_stream_prefixes():
        _replace(undone, LogsResponse, "filter_log_events", shims.with_stream_prefixes)
    return undone


def _refill(backends: Any, before: dict[str, Any]) -> None:
    backends.clear()
    backends.update(before)


def _replace(undone: list[Undo], owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replace an attribute by what is made of it."""
    original = getattr(owner, name, None)
    if original is None:
        undone.append(partial(delattr, owner, name))
    else:
        undone.append(partial(setattr, owner, name, original))
    setattr(owner, name, make(original))


def _gated(plugin: Plugin, original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return moto's answer to a client in this process, at the gate."""

    def process_request(stubber: Any, request: Any) -> Any:
        target = request.headers.get("X-Amz-Target") or ""
        target = target.decode("latin-1") if isinstance(target, bytes) else target
        shim = shims.lacking(target, urlsplit(request.url).path)
        if shim is not None:
            with plugin.passage(target):
                return shim(plugin.gate, request.body)
        with plugin.passage(target):
            answer = original(stubber, request)
        plugin.settle()
        return answer

    return process_request
