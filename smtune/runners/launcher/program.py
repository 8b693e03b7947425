"""The launcher's own process: takes requests from smtune and gives each to a keeper that has nothing to do."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from smtune.runners.launcher.keeper import adopt_orphans, end_children, keep
from smtune.runners.launcher.script import ForkedScript, preload, run_script
from smtune.runners.launcher.wire import Inbox, frame


class Slot:
    """A keeper, as the launcher knows it.

    Attributes:
        pid: The keeper.
        link: Socket to it.
        inbox: The launcher's end of the socket.
        number: The process that it runs, or ``None`` while it has nothing to do.
    """

    def __init__(self, pid: int, link: socket.socket) -> None:
        self.pid = pid
        self.link = link
        self.inbox = Inbox(link)
        self.number: int | None = None


class Launcher:
    """Has keepers run processes, and reports what becomes of these.

    Args:
        control: Socket to smtune.
        parent: Process id of smtune.
        forking: Whether scripts run in forks of this process.
    """

    def __init__(self, control: socket.socket, *, parent: int, forking: bool) -> None:
        self._control = control
        self._forking = forking
        self._inbox = Inbox(control)
        self._outgoing = bytearray()
        self._slots: list[Slot] = []
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
        for slot in self._slots:
            slot.link.close()  # which is the keeper's order to end everything
        for slot in self._slots:
            os.waitpid(slot.pid, 0)
        end_children()

    def _turn(self) -> bool:
        """Wait for something to do, and do it; return whether to go on."""
        for key, _ in self._selector.select():
            if isinstance(key.data, Slot):
                self._hear(key.data)
            elif key.fd == self._parent or not self._receive():
                return False
        self._flush()
        return True

    def _receive(self) -> bool:
        """Read requests and act on them; return ``False`` at the end of the stream."""
        try:
            requests = self._inbox.receive()
        except BlockingIOError:
            return True
        for request in requests or ():
            number = request["id"]
            if request["do"] == "start":
                self._start(number, request)
            else:
                for slot in self._slots:
                    if slot.number == number:
                        _tell(slot, {"do": request["do"]})
        return requests is not None

    def _start(self, number: int, request: dict[str, Any]) -> None:
        slot = None
        try:
            slot = next((slot for slot in self._slots if slot.number is None), None) or self._new_slot()
        except OSError as error:
            self._send({"id": number, "error": f"cannot start a process: {error.strerror}"})
        # Only now, so that a new keeper closes its copies with the others.
        stdio = [self._inbox.descriptors.popleft() for _ in range(3)]
        if slot is not None:
            slot.number = number
            _tell(slot, request, stdio)
        for fd in stdio:
            os.close(fd)

    def _new_slot(self) -> Slot:
        """Start a keeper.

        Raises:
            OSError: The system does not let it.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                raise
            if pid == 0:
                ours.close()
                self._abandon()
                keep(theirs, forking=self._forking)
        slot = Slot(pid, ours)
        self._slots.append(slot)
        self._selector.register(ours, selectors.EVENT_READ, slot)
        return slot

    def _abandon(self) -> None:
        """Close what belongs to the launcher, in a child of it."""
        for slot in self._slots:
            slot.link.close()
        for fd in self._inbox.descriptors:
            os.close(fd)
        self._selector.close()
        self._control.close()
        if self._parent is not None:
            os.close(self._parent)

    def _hear(self, slot: Slot) -> None:
        """Pass on what a keeper says. Its process is over, and all cleaned up, with the word of its end."""
        messages = slot.inbox.receive()
        for message in messages or ():
            self._send({"id": slot.number, **message})
            if "running" not in message:
                slot.number = None
        if messages is None:
            self._lose(slot)

    def _lose(self, slot: Slot) -> None:
        """Bury a keeper that ended although nobody told it to, and end what it leaves behind."""
        self._selector.unregister(slot.link)
        slot.link.close()
        self._slots.remove(slot)
        _, status = os.waitpid(slot.pid, 0)
        end_children(spare={other.pid for other in self._slots})  # what it had adopted is ours now
        if slot.number is not None:
            self._send({"id": slot.number, "lost": status})

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


def _tell(slot: Slot, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Send a message to a keeper. If it is gone, the end of its link tells."""
    data = frame(message)
    with contextlib.suppress(OSError):
        sent = socket.send_fds(slot.link, [data], fds) if fds else 0
        slot.link.sendall(data[sent:])


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
