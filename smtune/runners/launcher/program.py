"""The launcher's own process: the parent of all keepers."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping

from smtune.runners.launcher.keeper import adopt_orphans, end_children, keep
from smtune.runners.launcher.script import ForkedScript, preload, run_script
from smtune.runners.launcher.wire import CHUNK, Channel

PATIENCE_SECONDS = 5.0
"""How long keepers have to end their processes when all is over, before the launcher does it."""


class Launcher:
    """Forks keepers, and cleans up after those that were killed.

    Args:
        control: Socket to smtune.
        parent: Process id of smtune.
        imported: Variables that preloaded modules have set, if scripts are to run in forks of the keepers.
    """

    def __init__(self, control: socket.socket, *, parent: int, imported: Mapping[bytes, bytes] | None) -> None:
        control.setblocking(False)
        self._control = Channel(control)
        self._imported = imported
        self._keepers: dict[int, int] = {}  # the process id of each to its number
        self._life, self._life_end = os.pipe()
        self._wakeup, waker = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(waker, False)
        self._parent: int | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        if sys.platform == "linux":
            # The socket's end is not enough: a fork of smtune may hold a copy of it.
            with contextlib.suppress(OSError):  # an old kernel, or a sandbox that forbids it
                self._parent = os.pidfd_open(parent)
                self._selector.register(self._parent, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker)
        self._mine = (self._life_end, self._wakeup, waker, *(() if self._parent is None else (self._parent,)))

    def serve(self) -> None:
        """Work until smtune closes the control socket or is gone, then end everything.

        Raises:
            ForkedScript: In the forks that are to run a script.
        """
        self._control.send({"ready": True})
        while self._turn():
            self._selector.modify(self._control, self._control.events)
        os.close(self._life_end)  # which is the keepers' order to end everything
        self._await_keepers(time.monotonic() + PATIENCE_SECONDS)
        end_children()

    def _await_keepers(self, deadline: float) -> None:
        """Wait for the keepers to end; what a keeper leaves behind that does not, e.g. one that is stopped, is ours."""
        with selectors.DefaultSelector() as wakeups:
            wakeups.register(self._wakeup, selectors.EVENT_READ)
            while self._keepers and (left := deadline - time.monotonic()) > 0:
                for pid in list(self._keepers):
                    if os.waitpid(pid, os.WNOHANG)[0]:
                        del self._keepers[pid]
                if self._keepers and wakeups.select(left):
                    os.read(self._wakeup, CHUNK)

    def _turn(self) -> bool:
        """Wait for something to do, and do it; return whether to go on."""
        for key, _ in self._selector.select():
            if key.fd == self._wakeup:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wakeup, CHUNK)
            elif key.fd == self._parent:
                return False
            else:
                self._control.flush()
                messages = self._control.receive()
                if messages is None:
                    return False
                for message in messages:
                    self._fork(message["keeper"])
        self._bury()
        return True

    def _fork(self, number: int) -> None:
        """Start a keeper with the socket that came along."""
        link = socket.socket(fileno=self._control.descriptors.popleft())
        with link:
            try:
                pid = os.fork()
            except OSError as error:
                fix = "lower limits.max_parallel, or raise the limits that `ulimit -a` shows"
                self._control.send({"keeper": number, "error": f"cannot start a process: {error.strerror}; {fix}"})
                return
            if pid == 0:
                self._abandon()
                keep(link, self._life, imported=self._imported)
        self._keepers[pid] = number

    def _abandon(self) -> None:
        """Close what belongs to the launcher, in a child of it."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._control.close()
        for fd in self._mine:
            os.close(fd)

    def _bury(self) -> None:
        """Look for keepers that were killed, and end what they leave behind: it is the launcher's now."""
        for pid, number in list(self._keepers.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._keepers[pid]
                end_children(spare=self._keepers)
                self._control.send({"keeper": number, "lost": status})


def main() -> None:
    """Serve until the end, or run a script in a fork."""
    control, parent, modules = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is smtune's business
    adopt_orphans()
    names = json.loads(modules)
    before = dict(os.environb)
    if names is not None and not preload(names):
        # Begin anew without imports: with other threads around, forks are unsafe even if an exec follows.
        os.set_inheritable(int(control), True)
        os.execv(sys.executable, [*sys.orig_argv[:-1], "null"])  # noqa: S606 - no shell is wanted
    changed = {name: value for name, value in os.environb.items() if before.get(name) != value}
    imported = None if names is None else changed
    script: list[str] | None = None
    try:
        Launcher(socket.socket(fileno=int(control)), parent=int(parent), imported=imported).serve()
    except ForkedScript as forked:
        script = forked.argv
    if script is not None:
        run_script(script)
