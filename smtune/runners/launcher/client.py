"""smtune's end of a launcher."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smtune.runners.launcher.notices import Broken, Exited, Notice, Running, describe_exit
from smtune.runners.launcher.wire import CHUNK, frame, unframe, wire_text

_ROOT = Path(__file__).parents[3]
# The program must find this package wherever it lies, and the code that it runs must not find the package's folder.
_BOOT = """
import importlib, sys
root, module = sys.argv[1:3]
del sys.argv[1:3]
sys.path.insert(0, root)
program = importlib.import_module(module)
sys.path.remove(root)
program.main()
"""
_PATIENCE_SECONDS = 10.0
"""How long :meth:`LauncherClient.close` waits: only a process that the kernel cannot kill takes longer than an instant."""


class LauncherClient:
    """Starts processes in sessions of their own, and ends them with all their descendants.

    Args:
        environment: Environment of the launcher; processes get their own.
        preload: Modules to import beforehand, for Python scripts that then run in forks of the launcher; ``None``
            starts every script in a fresh interpreter.
    """

    def __init__(self, environment: Mapping[str, str], *, preload: Sequence[str] | None = None) -> None:
        self._outgoing: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._incoming = bytearray()
        self._processes: set[int] = set()
        self._ready = False
        self._owner = os.getpid()
        self._errors = _scratch_file()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
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
            self._socket.close()
            self._forget_errors()
            raise
        finally:
            theirs.close()

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._socket.fileno()

    @property
    def sending(self) -> bool:
        """Whether the descriptor is to be watched for writing too."""
        return bool(self._outgoing)

    def start(
        self, process: int, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, stdio: tuple[int, int, int]
    ) -> None:
        """Start a process.

        Args:
            process: A number that no other live process has.
            argv: Program and arguments.
            env: Its whole environment.
            cwd: Its working directory.
            stdio: Descriptors for its standard input, output and error; the caller may close them afterwards.
        """
        self._processes.add(process)
        request = {
            "do": "start",
            "id": process,
            "argv": [wire_text(argument) for argument in argv],
            "env": {wire_text(name): wire_text(value) for name, value in env.items()},
            "cwd": wire_text(cwd),
        }
        self._send(request, tuple(os.dup(fd) for fd in stdio))

    def ask(self, process: int) -> None:
        """Send SIGTERM to the group of a process."""
        self._send({"do": "ask", "id": process})

    def end(self, process: int) -> None:
        """Kill a process with all its descendants."""
        if self._ready:
            self._send({"do": "end", "id": process})
        else:  # it hangs in an import and would never read this
            self._program.kill()

    def flush(self) -> None:
        """Send what has been waiting for room."""
        while self._outgoing:
            data, fds = self._outgoing[0]
            try:
                sent = socket.send_fds(self._socket, [data], fds) if fds else self._socket.send(data)
            except BlockingIOError:
                return
            except OSError:  # it died: `receive` tells
                sent = len(data)
            for fd in fds:
                os.close(fd)
            if sent < len(data):
                self._outgoing[0] = (data[sent:], ())
            else:
                self._outgoing.popleft()

    def receive(self) -> list[Notice]:
        """Return what has happened, without waiting.

        Returns:
            Notices in order. If the launcher died, one for every process that was alive, and :attr:`died` is true.
        """
        data: bytes | None = None
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        self._incoming += data
        notices: list[Notice] = []
        for message in unframe(self._incoming):
            if "ready" in message:
                self._ready = True
            else:
                notices.append(self._notice(message))
        if not data:
            notices += self._mourn()
        return notices

    @property
    def died(self) -> bool:
        """Whether the launcher is gone: it cannot start anything any more."""
        return self._program.returncode is not None

    def close(self) -> None:
        """End all processes by force, and the launcher."""
        if os.getpid() != self._owner or self._socket.fileno() < 0:
            return  # a fork holds only copies; and closing twice does no harm
        for _, fds in self._outgoing:
            for fd in fds:
                os.close(fd)
        self._outgoing.clear()
        if not self._ready:  # it may be importing for long, and has no processes yet
            self._program.kill()
        with contextlib.suppress(OSError):  # it is dead already
            self._socket.shutdown(socket.SHUT_WR)
        if not self._has_hung_up(within=_PATIENCE_SECONDS):
            self._program.kill()
        self._program.wait()
        self._socket.close()
        self._forget_errors()

    def _has_hung_up(self, *, within: float) -> bool:
        """Wait for the launcher to close its end, which it does when all is cleaned up."""
        deadline = time.monotonic() + within
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                try:
                    if not self._socket.recv(CHUNK):
                        return True
                except OSError:
                    return True
        return False

    def _send(self, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
        self._outgoing.append((frame(message), fds))
        self.flush()

    def _notice(self, message: dict[str, Any]) -> Notice:
        process = message["id"]
        if "running" in message:
            return Running(process)
        self._processes.discard(process)
        if "exit" in message:
            return Exited(process, os.waitstatus_to_exitcode(message["exit"]))
        if "error" in message:
            return Broken(process, message["error"])
        status = os.waitstatus_to_exitcode(message["lost"])
        return Broken(process, f"the process that watched over it ended: {describe_exit(status)}")

    def _mourn(self) -> list[Notice]:
        code = self._program.wait()
        last_line = self._last_error_line()
        reason = f"the launcher died: {describe_exit(code)}" + (f": {last_line}" if last_line else "")
        notices = [Broken(process, reason) for process in sorted(self._processes)]
        self._processes.clear()
        return list(notices)

    def _forget_errors(self) -> None:
        if self._errors != subprocess.DEVNULL:
            os.close(self._errors)

    def _last_error_line(self) -> str:
        if self._errors == subprocess.DEVNULL:
            return ""
        size = os.fstat(self._errors).st_size
        lines = os.pread(self._errors, 4096, max(0, size - 4096)).decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")


def python_program(module: str, *, isolated: bool = False) -> list[str]:
    """Return the command that calls ``main`` of one of smtune's modules.

    Args:
        module: Its full name.
        isolated: Whether it needs nothing but the standard library, not even the user's settings of Python.
    """
    return [sys.executable, *(["-I", "-S"] if isolated else ["-P"]), "-c", _BOOT, str(_ROOT), module]


def _scratch_file() -> int:
    """Return a nameless file for what the launcher says when it fails."""
    try:
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    except OSError:  # a full disk: its last words are lost, no more
        return subprocess.DEVNULL
