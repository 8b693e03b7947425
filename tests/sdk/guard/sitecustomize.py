"""Keeps a program, and all Python programs that it starts, on this machine: Python runs this before them.

Whoever looks up a name or connects to an address that is not this machine's is refused, and noted in the file that the
variable ``REFUSED`` names.
"""

import ipaddress
import os
import sys
from pathlib import Path


def _is_here(host):
    if host in {None, "", b"", "localhost", b"localhost"}:
        return True
    text = host.decode() if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _host(event, arguments):
    """Return the host that an event is about; ``None`` if it is about none."""
    if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        return arguments[0]
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = arguments[1]
        return address[0] if isinstance(address, tuple) and address and isinstance(address[0], str | bytes) else None
    return None


def _guard(event, arguments):
    if not event.startswith("socket."):
        return
    host = _host(event, arguments)
    if not _is_here(host):
        with Path(os.environ["REFUSED"]).open("a", encoding="utf-8") as refused:
            refused.write(f"{event} {host} by {' '.join(sys.orig_argv)}\n")
        raise ConnectionRefusedError(f"{host} is not this machine")


sys.addaudithook(_guard)
