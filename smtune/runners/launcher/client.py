"""smtune's end of a launcher."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smtune.runners.launcher.notices import Broken, Exited, Notice, Running, describe_exit
from smtune.runners.launcher.wire import Channel, wire_text
from smtune.sandbox.interpreter import python_program
from smtune.sandbox.namespace import Namespace

_PATIENCE_SECONDS = 10.0
"""How long :meth:`LauncherClient.close` waits: only a process that the kernel cannot kill takes longer than an instant."""


class _Keeper:
    """A keeper, as smtune knows it.

    Attributes:
        link: Channel to it.
        process: The number of the process that it runs, or ``None`` while it has nothing to do.
        silent: Whether it has closed its end: it is gone, and the launcher will tell.
    """

    def __init__(self, link: Channel) -> None:
        self.link = link
        self.process: int | None = None
        self.silent = False

    def is_there(self) -> bool:
        """Return whether an idle keeper still listens."""
        try:
            return bool(self.link.socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False


class LauncherClient:
    """Starts processes in sessions of their own, and ends them with all their descendants.

    Args:
        environment: Environment of the launcher; processes get their own.
        preload: Modules to import beforehand, for Python scripts that then run in forks of the launcher; ``None``
            starts every script in a fresh interpreter.
        log: File for what the launcher says when it fails. It is locked (``flock``, shared) until the launcher and
            its keepers are gone, even if this process is killed.
    """

    def __init__(
        self, environment: Mapping[str, str], *, preload: Sequence[str] | None = None, log: Path | None = None
    ) -> None:
        self._keepers: dict[int, _Keeper] = {}
        self._next = 0
        self._ready = preload is None
        """Whether it hears: one that imports may do so for long."""
        self._owner = os.getpid()
        self._errors = _error_file(log)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._control = Channel(ours)
        modules = json.dumps(None if preload is None else list(preload))
        arguments = [str(theirs.fileno()), str(os.getpid()), modules]
        program = python_program("smtune.runners.launcher.program", isolated=preload is None)
        try:
            self._program = subprocess.Popen(
                [*program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
                env=dict(environment),
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal reaches whole process groups
            )
        except BaseException:
            ours.close()
            self._forget_errors()
            raise
        finally:
            theirs.close()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._control, selectors.EVENT_READ)

    def fileno(self) -> int:
        """Return the descriptor to watch: it is readable when :meth:`receive` has something to do."""
        return self._selector.fileno()

    def start(
        self,
        process: int,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        stdio: tuple[int, int, int],
        namespace: Namespace | None = None,
        afterwards: Sequence[str] = (),
    ) -> None:
        """Start a process.

        Args:
            process: A number that no other live process has.
            argv: Program and arguments.
            env: Its whole environment.
            cwd: Its working directory.
            stdio: Descriptors for its standard input, output and error; the caller may close them afterwards.
            namespace: What it has for ``/opt/ml``, where ``argv`` and ``cwd`` may lie then.
            afterwards: Command that clears up once it is gone, however it ended, were it that this process was killed;
                only then its end is told.

        Raises:
            OSError: There are no descriptors left; nothing was started.
        """
        keeper = self._idle_keeper()
        request = {
            "do": "start",
            "argv": [wire_text(argument) for argument in argv],
            "env": {wire_text(name): wire_text(value) for name, value in env.items()},
            "cwd": wire_text(cwd),
            "namespace": namespace
            and [
                wire_text(namespace.base),
                namespace.hosts,
                [[wire_text(one.source), wire_text(one.target), one.read_only] for one in namespace.mounts],
            ],
            "afterwards": [*map(wire_text, afterwards)],
        }
        copies = _copies(stdio)
        keeper.process = process
        self._send(keeper.link, request, copies)

    def ask(self, process: int) -> None:
        """Send SIGTERM to the group of a process; one that has not begun, because imports take long, just ends."""
        if self._ready:
            self._tell(process, "ask")
        else:
            self._program.kill()

    def end(self, process: int) -> None:
        """Kill a process with all its descendants."""
        if self._ready:
            self._tell(process, "end")
        else:  # it hangs in an import and would never read this
            self._program.kill()

    def receive(self) -> list[Notice]:
        """Send what waits for room, and return what has happened, without waiting.

        Returns:
            Notices in order. If the launcher died, one for every process that was alive, and :attr:`died` is true.
        """
        notices: list[Notice] = []
        for key, mask in self._selector.select(0):
            if isinstance(key.data, _Keeper) and key.data.silent:
                continue  # it was buried in this very turn
            if mask & selectors.EVENT_WRITE:
                self._flush(key.fileobj)
            if isinstance(key.data, _Keeper):
                notices += self._hear(key.data)
            else:
                notices += self._hear_launcher()
        return notices

    @property
    def died(self) -> bool:
        """Whether the launcher is gone: it cannot start anything any more."""
        return self._program.returncode is not None

    def close(self) -> None:
        """End all processes by force, and the launcher."""
        if os.getpid() != self._owner or self._control.fileno() < 0:
            return  # a fork holds only copies; and closing twice does no harm
        self._selector.close()
        for keeper in self._keepers.values():
            keeper.link.close()
        if not self._ready:  # it may be importing for long, and has no processes yet
            self._program.kill()
        with contextlib.suppress(OSError):  # it is dead already
            self._control.socket.shutdown(socket.SHUT_WR)
        if not self._has_hung_up(within=_PATIENCE_SECONDS):
            self._program.kill()
        self._program.wait()
        self._control.close()
        self._forget_errors()

    def _has_hung_up(self, *, within: float) -> bool:
        """Wait for the launcher to close its end, which it does when all is cleaned up."""
        deadline = time.monotonic() + within
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                if self._control.receive() is None:
                    return True
        return False

    def _idle_keeper(self) -> _Keeper:
        """Return a keeper that has nothing to do, a new one if need be."""
        for keeper in self._keepers.values():
            if keeper.process is None and not keeper.silent and keeper.is_there():
                return keeper
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        keeper = _Keeper(Channel(ours))
        self._keepers[self._next] = keeper
        self._selector.register(keeper.link, selectors.EVENT_READ, keeper)
        self._send(self._control, {"keeper": self._next}, (theirs.detach(),))
        self._next += 1
        return keeper

    def _tell(self, process: int, what: str) -> None:
        for keeper in self._keepers.values():
            if keeper.process == process and not keeper.silent:
                self._send(keeper.link, {"do": what})

    def _send(self, channel: Channel, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        channel.send(message, descriptors)
        self._watch(channel)

    def _flush(self, channel: Any) -> None:
        channel.flush()
        self._watch(channel)

    def _watch(self, channel: Channel) -> None:
        key = self._selector.get_key(channel)
        if key.events != channel.events:
            self._selector.modify(channel, channel.events, key.data)

    def _hear(self, keeper: _Keeper) -> list[Notice]:
        """Return what a keeper says of its process."""
        messages = keeper.link.receive() if not keeper.silent else []
        if messages is None:
            keeper.silent = True
            self._selector.unregister(keeper.link)
        notices: list[Notice] = []
        for message in messages or ():
            process = -1 if keeper.process is None else keeper.process
            if "running" in message:
                notices.append(Running(process))
                continue
            keeper.process = None
            if "exit" in message:
                notices.append(Exited(process, os.waitstatus_to_exitcode(message["exit"])))
            else:
                notices.append(Broken(process, message["error"]))
        return notices

    def _hear_launcher(self) -> list[Notice]:
        messages = self._control.receive()
        if messages is None:
            return self._mourn()
        notices: list[Notice] = []
        for message in messages:
            if "ready" in message:
                self._ready = True
                continue
            keeper = self._keepers.pop(message["keeper"])
            notices += self._hear(keeper)  # its last words
            reason = message.get("error")
            if reason is None:
                status = os.waitstatus_to_exitcode(message["lost"])
                reason = f"the process that watched over it ended: {describe_exit(status)}"
            notices += self._bury(keeper, reason)
        return notices

    def _mourn(self) -> list[Notice]:
        code = self._program.wait()
        last_line = self._last_error_line()
        reason = f"the launcher died: {describe_exit(code)}" + (f": {last_line}" if last_line else "")
        if not self._ready:
            reason += " (while it imported what the script imports; training.preload: false does without)"
        self._selector.unregister(self._control)
        notices: list[Notice] = []
        for keeper in self._keepers.values():
            notices += self._hear(keeper)
            notices += self._bury(keeper, reason)
        self._keepers.clear()
        return notices

    def _bury(self, keeper: _Keeper, reason: str) -> list[Notice]:
        """Forget a keeper that is gone; return what became of its process."""
        if not keeper.silent:
            keeper.silent = True
            self._selector.unregister(keeper.link)
        keeper.link.close()
        return [] if keeper.process is None else [Broken(keeper.process, reason)]

    def _forget_errors(self) -> None:
        if self._errors != subprocess.DEVNULL:
            os.close(self._errors)

    def _last_error_line(self) -> str:
        if self._errors == subprocess.DEVNULL:
            return ""
        size = os.fstat(self._errors).st_size
        lines = os.pread(self._errors, 4096, max(0, size - 4096)).decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")


def _copies(descriptors: Sequence[int]) -> tuple[int, ...]:
    """Duplicate descriptors, all or none of them."""
    copies: list[int] = []
    try:
        for descriptor in descriptors:
            copies.append(os.dup(descriptor))  # noqa: PERF401 - those that succeeded must be known
    except OSError:
        for copy in copies:
            os.close(copy)
        raise
    return tuple(copies)


def _error_file(path: Path | None) -> int:
    """Open a file for what the launcher says when it fails; a nameless one, if there is no path."""
    try:
        if path is None:
            with tempfile.TemporaryFile() as file:
                return os.dup(file.fileno())
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError:  # a full disk: its last words are lost, no more
        return subprocess.DEVNULL
    return descriptor
