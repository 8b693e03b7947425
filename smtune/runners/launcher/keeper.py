"""A keeper: the parent of one process, which ends all that the process started once it is over."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

from smtune.runners.launcher.script import ForkedScript
from smtune.runners.launcher.wire import CHUNK, system_bytes

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def keep(link: socket.socket, stdio: list[int], request: dict[str, Any], *, forking: bool) -> NoReturn:
    """Run one process and end everything that it started.

    Raises:
        ForkedScript: In the process itself, if it is to run a script.
    """
    try:
        _keep(link, stdio, request, forking=forking)
    except Exception:  # a defect; this fork must not go back into the launcher's loop
        traceback.print_exc()
        end_children()
    os._exit(1)


def _keep(link: socket.socket, stdio: list[int], request: dict[str, Any], *, forking: bool) -> NoReturn:
    adopt_orphans()
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup_end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakeup_end)
    report, report_end = os.pipe()
    keeper = os.getpid()
    try:
        leader = os.fork()
    except OSError as error:
        say(link, {"error": f"cannot start a process: {error.strerror}"})
        os._exit(0)
    if leader == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        link.close()
        for fd in (wakeup, wakeup_end, report):
            os.close(fd)
        become(request, stdio, report_end, keeper=keeper, forking=forking)
    for fd in (*stdio, report_end):
        os.close(fd)
    with open(report, "rb") as stream:  # noqa: PTH123 - ends when the program runs, or tells why it does not
        problem = stream.read().decode(errors="replace")
    if not problem:
        say(link, {"running": leader})
    status = watch(link, wakeup, leader)
    end_children()
    say(link, {"error": problem} if problem else {"exit": status})
    os._exit(0)


def watch(link: socket.socket, wakeup: int, leader: int) -> int:
    """Wait for the end of the leader, do what the launcher says meanwhile, and return the wait status."""
    selector = selectors.DefaultSelector()
    selector.register(link, selectors.EVENT_READ)
    selector.register(wakeup, selectors.EVENT_READ)
    while True:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == leader:
                if not children_file():
                    signal_group(leader, signal.SIGKILL)
                return ended[1]
        for key, _ in selector.select():
            if key.fd == wakeup:
                os.read(wakeup, CHUNK)
                continue
            try:
                command = link.recv(CHUNK)
            except ConnectionResetError:  # the launcher died with words of ours unread
                command = b""
            if b"ask" in command:
                signal_group(leader, signal.SIGTERM)
            if not command or b"end" in command:
                signal_group(leader, signal.SIGKILL)
                selector.unregister(link)


def become(request: dict[str, Any], stdio: list[int], report: int, *, keeper: int, forking: bool) -> NoReturn:
    """Turn this fork into the requested process.

    Raises:
        ForkedScript: To have the script run in this very process.
    """
    try:
        os.setsid()
        end_with(keeper)
        for target, fd in enumerate(stdio):
            os.dup2(fd, target)
            os.close(fd)
        os.chdir(system_bytes(request["cwd"]))
        argv = [system_bytes(argument) for argument in request["argv"]]
        environment = {system_bytes(name): system_bytes(value) for name, value in request["env"].items()}
        script = argv[1:] if forking and argv[0] == os.fsencode(sys.executable) else []
        if not script or script[0].startswith(b"-"):
            execute(argv, environment)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environb.clear()
        os.environb.update(environment)
    except Exception as error:  # whatever it is, smtune reports it, and this fork must not go on
        cause = f"{error.strerror}: {os.fsdecode(error.filename or '')}" if isinstance(error, OSError) else str(error)
        os.write(report, f"cannot start {Path(request['argv'][0]).name}: {cause}".encode(errors="replace"))
        os._exit(127)
    os.close(report)
    raise ForkedScript([os.fsdecode(argument) for argument in script])


def execute(argv: list[bytes], environment: dict[bytes, bytes]) -> NoReturn:
    """Replace this process by a program that finds the signals as a shell would leave them."""
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(argv[0], argv, environment)  # noqa: S606 - a shell is what we do not want


def say(link: socket.socket, message: dict[str, Any]) -> None:
    """Tell the launcher, if it is still there."""
    with contextlib.suppress(OSError):
        link.sendall(json.dumps(message).encode() + b"\n")


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process group, if there is anybody left in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def children_file() -> Path | None:
    """Return the file that lists the children of this process, where the system has one (Linux)."""
    path = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return path if path.exists() else None


def end_children(spare: Collection[int] = ()) -> None:
    """End all descendants but the spared children and theirs: the orphans of those that are killed come up to us."""
    listing = children_file()
    while listing and (doomed := {int(pid) for pid in listing.read_text().split()} - set(spare)):
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        for pid in doomed:
            os.waitpid(pid, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends (Linux)."""
    if children_file():
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with(parent: int) -> None:
    """Have the system kill this process when its parent ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the request
            os._exit(1)
