"""Joins moto's state with an emulator's directory for as long as it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend, cloudwatch_backends
from moto.logs.models import LogsBackend, logs_backends
from moto.s3.models import S3Backend, s3_backends
from moto.sagemaker.models import sagemaker_backends

from smtune.emulator.moto_plugin.kept_objects import KeptBuckets
from smtune.emulator.moto_plugin.kept_telemetry import KeptTelemetry
from smtune.emulator.moto_plugin.models import AmtSageMakerBackend
from smtune.emulator.moto_plugin.plugin import Plugin
from smtune.emulator.service.data_directory import DataDirectory

Backend = S3Backend | LogsBackend | CloudWatchBackend


@contextmanager
def keeping(plugin: Plugin) -> Iterator[None]:
    """Keep an emulator's state in the directory of its settings during a ``with`` block.

    What is there is there again at once, but nothing goes on before :func:`go_on`. At the end what runs is given up as if
    the emulator had been killed.

    Args:
        plugin: The emulator, which is installed.

    Raises:
        SpecError: The directory cannot be had.
        StoreError: What it holds is damaged.
    """
    settings = plugin.settings
    if settings.data is None or plugin.directory is not None:
        yield
        return
    directory = DataDirectory(settings.data, read_only=not settings.resume)
    try:
        with plugin.gate:
            plugin.directory = directory
            accounts: list[Any] = [*s3_backends.values(), *logs_backends.values(), *cloudwatch_backends.values()]
            for backend in [backend for account in accounts for backend in account.values()]:
                attach(plugin, backend)
        yield
    finally:
        for backend in _sagemaker_backends():
            backend.close()
        with plugin.gate:
            plugin.directory = None
            directory.close()


def attach(plugin: Plugin, backend: Backend) -> None:
    """Give a part of moto what is kept of it.

    Raises:
        StoreError: It is damaged.
    """
    directory = plugin.directory
    if directory is None:
        return
    if isinstance(backend, S3Backend):
        KeptBuckets(backend, directory)
        return
    kept = KeptTelemetry(directory, backend.account_id, backend.region_name)
    if isinstance(backend, LogsBackend):
        kept.load_logs(backend)
    else:
        kept.load_metrics(backend)


def attaching(plugin: Plugin, original: Callable[..., None]) -> Callable[..., None]:
    """Return the initialiser of a part of moto, which then has what is kept of it."""

    def initialise(backend: Backend, *args: Any, **members: Any) -> None:
        original(backend, *args, **members)
        attach(plugin, backend)

    return initialise


def forgetting_all(plugin: Plugin, original: Callable[[], None]) -> staticmethod[[], None]:
    """Return moto's reset, which then resets the directory, too; one that is only looked at is left alone."""

    def reset() -> None:
        if plugin.directory is not None:
            plugin.directory.forget()
            if plugin.directory.read_only:
                plugin.directory = None
        original()

    return staticmethod(reset)


def go_on(plugin: Plugin) -> None:
    """Go on with what was under way when the emulator before ended.

    Raises:
        StoreError: What is known of it is damaged.
    """
    if plugin.directory is None or plugin.directory.read_only:
        return
    for (place,) in plugin.directory.records.rows("SELECT place FROM training UNION SELECT place FROM tuning"):
        account, region = place.split("/")
        backend = sagemaker_backends[account][region]
        if isinstance(backend, AmtSageMakerBackend):
            backend.service  # noqa: B018 - it goes on once it is there


def _sagemaker_backends() -> list[AmtSageMakerBackend]:
    return [
        backend
        for account in list(sagemaker_backends.values())
        for backend in list(account.values())
        if isinstance(backend, AmtSageMakerBackend)
    ]
