"""What all requests of an emulator share: the gate, and the services that answer them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from threading import Lock, RLock, Thread
from typing import Any, Final, Protocol

from smtune.emulator.moto_plugin.kept_objects import write_all
from smtune.emulator.service.aws import Aws
from smtune.emulator.service.data_directory import DataDirectory
from smtune.emulator.service.faults import Faults
from smtune.emulator.service.kept_jobs import KeptJobs
from smtune.emulator.service.settings import Settings

TARGET: Final = "SageMaker."
"""How the header ``X-Amz-Target`` begins, which tells SageMaker's operation."""


class Service(Protocol):
    """SageMaker's jobs of one account and region, as the plug-in sees them. Every call may come from any thread."""

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request, or raise a ``ServiceError``."""

    def reset(self) -> None:
        """Forget everything and kill what runs, without waiting for it."""

    def close(self) -> None:
        """Reset, and wait until nothing is left; calls are refused from then on."""


class ServiceFactory(Protocol):
    """Makes the service of an account and region."""

    def __call__(self, aws: Aws, settings: Settings, *, account: str, region: str, kept: KeptJobs | None) -> Service:
        """Make it; nothing runs before it is called, unless some of what was ``kept`` was under way."""


class Plugin:
    """One emulator inside moto.

    moto's state knows no locks (its dictionaries are iterated while others insert), so every request to it passes the
    *gate*, one at a time, and so does what training jobs write. The service has locks of its own: its operations pass
    beside the gate, or a training job that waits for the gate and a request that waits for the job would wait for ever.
    For the same reason moto's reset only puts services aside; they are killed when its locks are released
    (:meth:`settle`).

    Attributes:
        gate: To be held while moto's state is touched.
        faults: What goes wrong with all of them.
        url: Where it listens, if it does.
        settings: How services behave that are made from now on.
        operations: Names of SageMaker's operations that the service answers.
        directory: Keeps its state for emulators to come; ``None`` while it keeps nothing.
    """

    def __init__(self, settings: Settings, factory: ServiceFactory, operations: Collection[str]) -> None:
        self.gate: Final = RLock()
        self.faults: Final = Faults.of(settings.faults)
        self.settings = replace(settings, faults=self.faults)
        self.url: str | None = None
        self.operations: Final = frozenset(operations)
        self.directory: DataDirectory | None = None
        self._factory = factory
        self._lock = Lock()
        self._aside: list[Service] = []
        self._closing: list[Thread] = []

    def service(self, aws: Aws, account: str, region: str) -> Service:
        """Make the service of an account and region."""
        directory = self.directory
        kept = None if directory is None else KeptJobs(directory, account=account, region=region)
        return self._factory(aws, self.settings, account=account, region=region, kept=kept)

    def passage(self, target: str) -> AbstractContextManager[object]:
        """Return what a request has to hold, by its header ``X-Amz-Target``."""
        is_own = target.startswith(TARGET) and target.removeprefix(TARGET) in self.operations
        return nullcontext() if is_own else self._at_the_gate()

    @contextmanager
    def _at_the_gate(self) -> Iterator[None]:
        """Hold the gate, and keep what has changed, before anybody is told.

        Raises:
            StoreError: The disk does not let it.
        """
        with self.gate:
            yield
            if self.directory is not None:
                write_all()
                self.directory.records.commit()

    def put_aside(self, service: Service) -> None:
        """Take over a service whose state was reset."""
        with self._lock:
            self._aside.append(service)

    def settle(self) -> None:
        """Kill what the services still run that were put aside. To be called without any lock."""
        with self._lock:
            services, self._aside = self._aside, []
            closing = [Thread(target=service.close, name="smtune-close", daemon=True) for service in services]
            self._closing = [thread for thread in self._closing if thread.is_alive()] + closing
        for service in services:
            service.reset()
        for thread in closing:
            thread.start()

    def wait(self) -> None:
        """Wait until nothing is left of all services that were put aside."""
        self.settle()
        with self._lock:
            closing, self._closing = self._closing, []
        for thread in closing:
            thread.join()


Undo = Callable[[], object]
"""Takes back one change of moto."""
