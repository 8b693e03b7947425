"""An emulator on a loopback address, for clients in other processes."""

from __future__ import annotations

import errno
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Final

from smtune.emulator.clients import REGION, endpoint_environment
from smtune.emulator.emulation import Served, check_region, require_moto, variables
from smtune.emulator.service.settings import Settings
from smtune.errors import Problem, SpecError

if TYPE_CHECKING:
    from smtune.emulator.moto_plugin.plugin import Plugin

_POLL_SECONDS: Final = 0.02
"""How soon a server sees that it is to end."""


@contextmanager
def serving(
    port: int = 0, host: str = "127.0.0.1", *, settings: Settings | None = None, region: str = REGION
) -> Iterator[Served]:
    """Run an emulator that listens, until the ``with`` block ends; nothing of it is left then.

    Args:
        port: Where it listens; 0 for any free port.
        host: A loopback address. Whoever reaches an emulator can have programs run here.
        settings: How it behaves.
        region: Where its role and its bucket are.

    Yields:
        The emulator; clients need its ``url``.

    Raises:
        MissingExtraError: moto or flask are not installed.
        SpecError: The host is no loopback address, or the port or the data directory is not to be had.
        StoreError: What the data directory holds is damaged.
    """
    require_moto("an emulator that listens", server=True)
    check_region(region)
    with closing(listen(host, port)) as listener:
        from smtune.emulator.moto_plugin.account import furnish
        from smtune.emulator.moto_plugin.install import forgetting, installed
        from smtune.emulator.moto_plugin.keeping import keeping

        with variables(), installed(settings) as plugin, forgetting(), keeping(plugin):
            furnish(plugin, region)
            with answering(plugin, listener, region) as url:
                yield Served(region, url, plugin.faults)


@contextmanager
def answering(plugin: Plugin, listener: socket.socket, region: str) -> Iterator[str]:
    """Answer whoever connects to a socket, and let training jobs know where that is.

    Args:
        plugin: The emulator, which is installed.
        listener: A socket that listens.
        region: Where the role and the bucket are.

    Yields:
        The emulator's address.

    Raises:
        StoreError: What is known of jobs that were under way is damaged.
    """
    from smtune.emulator.moto_plugin.keeping import go_on
    from smtune.emulator.moto_plugin.web import Application, Server

    server = Server(listener, Application(plugin, region))
    url = f"http://{'[{}]' if ':' in server.host else '{}'}:{{}}".format(server.host, server.port)
    endpoint = endpoint_environment(url, region)
    before, plugin.url = plugin.settings, url
    plugin.settings = replace(before, environment={**endpoint, **before.environment})
    thread = Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="smtune-emulator")
    try:
        go_on(plugin)
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()
    finally:
        server.server_close()
        server.hang_up()
        plugin.settings, plugin.url = before, None


def serve(
    port: int = 0,
    host: str = "127.0.0.1",
    *,
    settings: Settings | None = None,
    region: str = REGION,
    ready: Callable[[Served], object] = lambda _: None,
) -> int:
    """Run an emulator until SIGINT, SIGTERM or SIGHUP; in the main thread of a process.

    Args:
        port: Where it listens; 0 for any free port.
        host: A loopback address.
        settings: How it behaves.
        region: Where its role and its bucket are.
        ready: Called once clients may come.

    Returns:
        The number of the signal.

    Raises:
        MissingExtraError, SpecError, StoreError: As of :func:`serving`.
    """
    with _signals() as wait, serving(port, host, settings=settings, region=region) as emulator:
        ready(emulator)
        return wait()


@contextmanager
def _signals() -> Iterator[Callable[[], int]]:
    """Yield what waits for a signal, and return its number; it may have come already."""
    read_end, write_end = os.pipe()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def note(number: int, _frame: FrameType | None) -> None:
        os.write(write_end, bytes([number]))

    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: os.read(read_end, 1)[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Return a socket that listens on a loopback address.

    Raises:
        SpecError: The host is another one, or the port is not to be had.
    """
    address = _loopback(host)
    if not 0 <= port <= 65535:
        raise SpecError([Problem("port", port, "must be between 0 and 65535", "use 0 for any free port")])
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        rule = (
            f"is taken: another program listens on {host}:{port}"
            if error.errno == errno.EADDRINUSE
            else f"cannot be had on {host}: {error.strerror}"
        )
        raise SpecError(
            [Problem("port", port, rule, "end that program, or use another port; 0 for any free one")]
        ) from None
    return listener


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    with suppress(ValueError):
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        if address.is_loopback:
            return address
    rule = "must be a loopback address: whoever reaches an emulator can have programs run here"
    raise SpecError([Problem("host", host, rule, "use 127.0.0.1")])
