"""How a process asks the one that runs a job to stop: one line into a named pipe in the job's directory.

The pipe can be opened for writing only while somebody reads it, so the one who asks learns at once if nobody does.
A pipe left behind by a killed process is harmless.
"""

from __future__ import annotations

import errno
import os
import selectors
import stat
import threading
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self, get_args

from smtune.store import descriptors
from smtune.store.filesystem import StoreWarning
from smtune.store.home import JobDirectory

Command = Literal["stop", "kill"]
"""``stop``: start no new trials and ask the running ones to stop. ``kill``: end them by force."""

_COMMANDS = frozenset(get_args(Command))
_LONGEST_LINE = 100


class Control:
    """Listens for the commands of other processes, from construction to :meth:`close`, or in a ``with`` statement.

    Only the holder of the job's lease may listen. Where the file system has no named pipes, nobody is heard.

    Args:
        directory: The job.
        callback: Called with each command, in a thread of its own. Lines that are no command are ignored.

    Warns:
        StoreWarning: The file system has no named pipes.
    """

    def __init__(self, directory: JobDirectory, callback: Callable[[Command], None]) -> None:
        self._path = directory.control
        self._callback = callback
        self._thread: threading.Thread | None = None
        try:
            self._path.unlink(missing_ok=True)
            os.mkfifo(self._path, 0o600)
            # Also for writing: a pipe whose last writer has gone would otherwise be at its end for ever.
            self._commands = descriptors.keep_from_children(os.open(self._path, os.O_RDWR | os.O_NONBLOCK))
        except OSError as error:
            warnings.warn(
                f"{self._path}: cannot listen for `smtune stop`: {error.strerror}; use Ctrl-C where the job runs",
                StoreWarning,
                stacklevel=2,
            )
            return
        woken, self._wake = os.pipe()
        self._woken = descriptors.keep_from_children(woken)
        descriptors.keep_from_children(self._wake)
        self._thread = threading.Thread(target=self._listen, name=f"smtune-control-{directory.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more; a command that came before has been passed on. Idempotent."""
        if self._thread is None:
            return
        os.write(self._wake, b"\n")
        self._thread.join()
        self._thread = None
        self._path.unlink(missing_ok=True)
        for descriptor in (self._commands, self._woken, self._wake):
            descriptors.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self) -> None:
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._commands, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            closing = False
            while not closing:
                ready = {key.fd for key, _ in selector.select()}
                closing = self._woken in ready
                if self._commands in ready:
                    *lines, rest = (rest + os.read(self._commands, 4096)).split(b"\n")
                    rest = rest[:_LONGEST_LINE]
                    for line in lines:
                        self._obey(line)

    def _obey(self, line: bytes) -> None:
        word = line.decode(errors="replace")
        for command in get_args(Command):
            if word == command:
                self._callback(command)


def send(directory: JobDirectory, command: Command) -> bool:
    """Ask the process that runs a job to do something. Returns at once.

    Args:
        directory: The job.
        command: What it shall do.

    Returns:
        Whether somebody listens.

    Raises:
        ValueError: There is no such command.
    """
    if command not in _COMMANDS:
        raise ValueError(f"{command!r} is no command; send one of {', '.join(sorted(_COMMANDS))}")
    try:
        descriptor = os.open(directory.control, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENXIO):
            return False
        raise
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return False
        # The first line end closes whatever half a line is in the pipe. So short a write is atomic.
        os.write(descriptor, f"\n{command}\n".encode())
    except (BlockingIOError, BrokenPipeError):
        return False
    finally:
        os.close(descriptor)
    return True
