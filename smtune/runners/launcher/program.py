"""The launcher's own process: takes requests from smtune and gives each to a new keeper."""

from __future__ import annotations

import array
import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from collections import deque
from typing import Any

from smtune.runners.launcher.keeper import adopt_orphans, end_children, keep
from smtune.runners.launcher.script import ForkedScript, preload, run_script
from smtune.runners.launcher.wire import CHUNK, frame, unframe


class Keeper:
    """What the launcher knows of one keeper."""

    def __init__(self, number: int, pid: int, link: socket.socket) -> None:
        self.number = number
        self.pid = pid
        self.link = link
        self.heard = b""
        self.last_word: dict[str, Any] | None = None


class Launcher:
    """Starts keepers on request and reports what became of their processes.

    Args:
        control: Socket to smtune.
        parent: Process id of smtune.
        forking: Whether scripts run in forks of this process.
    """

    def __init__(self, control: socket.socket, *, parent: int, forking: bool) -> None:
        self._control = control
        self._forking = forking
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._received: deque[int] = deque()
        self._keepers: dict[int, Keeper] = {}
        self._selector = selectors.DefaultSelector()
        self._parent: int | None = None
        control.setblocking(False)
        self._selector.register(control, selectors.EVENT_READ)
        if sys.platform == "linux":
            # The socket's end is not enough: a fork of smtune may hold a copy of it.
            with contextlib.suppress(OSError):  # an old kernel, or a sandbox that forbids it
                self._parent = os.pidfd_open(parent)
                self._selector.register(self._parent, selectors.EVENT_READ)

    def serve(self) -> None:
        """Work until smtune closes the control socket or is gone, then end everything.

        Raises:
            ForkedScript: In the forks that are to run a script.
        """
        with contextlib.suppress(ConnectionError):
            self._send({"ready": True})
            while self._turn():
                pass
        for keeper in self._keepers.values():
            keeper.link.close()  # which is the keeper's order to end everything
        for keeper in self._keepers.values():
            os.waitpid(keeper.pid, 0)
        end_children()

    def _turn(self) -> bool:
        """Wait for something to do, and do it; return whether to go on."""
        for key, _ in self._selector.select():
            if isinstance(key.data, Keeper):
                self._hear(key.data)
            elif key.fd == self._parent or not self._receive():
                return False
        self._flush()
        return True

    def _receive(self) -> bool:
        """Read requests and act on them; return ``False`` at the end of the stream."""
        try:
            data, ancillary, _, _ = self._control.recvmsg(CHUNK, socket.CMSG_SPACE(3 * array.array("i").itemsize))
        except BlockingIOError:
            return True
        for _, _, content in ancillary:
            fds = array.array("i", content)
            for fd in fds:
                os.set_inheritable(fd, False)
            self._received.extend(fds)
        self._incoming += data
        for request in unframe(self._incoming):
            if request["do"] == "start":
                self._start(request)
            elif request["id"] in self._keepers:
                with contextlib.suppress(OSError):  # it is over already
                    self._keepers[request["id"]].link.send(request["do"].encode() + b"\n")
        return bool(data)

    def _start(self, request: dict[str, Any]) -> None:
        stdio = [self._received.popleft() for _ in range(3)]
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError as error:
            ours.close()
            self._send({"id": request["id"], "error": f"cannot start a process: {error.strerror}"})
        else:
            if pid == 0:
                ours.close()
                self._abandon()
                keep(theirs, stdio, request, forking=self._forking)
            keeper = Keeper(request["id"], pid, ours)
            self._keepers[keeper.number] = keeper
            self._selector.register(ours, selectors.EVENT_READ, keeper)
        theirs.close()
        for fd in stdio:
            os.close(fd)

    def _abandon(self) -> None:
        """Close what belongs to the launcher, in a child of it."""
        for keeper in self._keepers.values():
            keeper.link.close()
        self._selector.close()
        self._control.close()
        if self._parent is not None:
            os.close(self._parent)

    def _hear(self, keeper: Keeper) -> None:
        """Pass on what a keeper says; its last word only when it is gone and all is cleaned up."""
        try:
            data = keeper.link.recv(CHUNK)
        except ConnectionResetError:  # it ended before it read our last request
            data = b""
        keeper.heard += data
        while b"\n" in keeper.heard:
            line, _, keeper.heard = keeper.heard.partition(b"\n")
            message = json.loads(line)
            if "running" in message:
                self._send({"id": keeper.number, **message})
            else:
                keeper.last_word = message
        if not data:
            self._selector.unregister(keeper.link)
            keeper.link.close()
            del self._keepers[keeper.number]
            _, status = os.waitpid(keeper.pid, 0)
            if keeper.last_word is None:  # what it had adopted is ours now
                end_children(spare={other.pid for other in self._keepers.values()})
            self._send({"id": keeper.number, **(keeper.last_word or {"lost": status})})

    def _send(self, message: dict[str, Any]) -> None:
        self._outgoing += frame(message)
        self._flush()

    def _flush(self) -> None:
        """Send what the socket takes: waiting here while smtune waits for us to read would be the end of both."""
        with contextlib.suppress(BlockingIOError):
            while self._outgoing:
                del self._outgoing[: self._control.send(self._outgoing)]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)
        self._selector.modify(self._control, events)


def main() -> None:
    """Serve until the end, or run a script in a fork."""
    control, parent, modules = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is smtune's business
    adopt_orphans()
    names = json.loads(modules)
    if names is not None and not preload(names):
        # Begin anew without imports: with other threads around, forks are unsafe even if an exec follows.
        os.set_inheritable(int(control), True)
        os.execv(sys.executable, [*sys.orig_argv[:-1], "null"])  # noqa: S606 - no shell is wanted
    script: list[str] | None = None
    try:
        Launcher(socket.socket(fileno=int(control)), parent=int(parent), forking=names is not None).serve()
    except ForkedScript as forked:
        script = forked.argv
    if script is not None:
        run_script(script)
