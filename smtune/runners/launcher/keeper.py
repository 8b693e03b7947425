"""A keeper: the parent of one process at a time, which ends all that the process started once it is over."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import itertools
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from smtune.runners.launcher.script import ForkedScript
from smtune.runners.launcher.wire import CHUNK, Channel, system_bytes, wire_text
from smtune.sandbox.namespace import Mount, Namespace, enter

PR_SET_CHILD_SUBREAPER = 36

_LONGEST_TEXT = 1 << 17
"""Bytes that an argument or a variable of a program must stay below (Linux: MAX_ARG_STRLEN)."""

_SHELL_SIGNALS = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
"""What Python handles its own way; programs get them as a shell would leave them."""

_LIBC = ctypes.CDLL(None)
_CHILDREN = "/proc/thread-self/children"


class Keeper:
    """Runs one process at a time, as its parent.

    Args:
        link: Socket to smtune.
        life: Readable when the launcher is gone, or wants all keepers to end.
        imported: Variables that preloaded modules have set, if scripts are to run in forks of this process.
    """

    def __init__(self, link: socket.socket, life: int, *, imported: Mapping[bytes, bytes] | None) -> None:
        self._link = Channel(link)
        self._life = life
        self._imported = imported
        self._wanted = True
        self._wakeup, self._waker = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(self._waker, False)
        self._selector = selectors.DefaultSelector()
        for source in (self._link, life, self._wakeup):
            self._selector.register(source, selectors.EVENT_READ)
        adopt_orphans()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker)

    def serve(self) -> None:
        """Run what is requested until smtune or the launcher wants no more.

        Raises:
            ForkedScript: In the forks that are to run a script.
        """
        heard: deque[dict[str, Any]] = deque()
        while self._wanted:
            heard += self._hear()
            while heard:
                message = heard.popleft()
                if message["do"] == "start":  # all else came too late for the process before
                    self._run(message, list(heard))
                    heard.clear()

    def _run(self, request: dict[str, Any], orders: Sequence[Mapping[str, Any]]) -> None:
        """Run one process to its end, and end everything that it started.

        Args:
            request: What to run.
            orders: What smtune said of it in the same breath.
        """
        stdio = [self._link.descriptors.popleft() for _ in range(3)]
        lifeline = Lifeline()
        try:
            leader = self._start(request, stdio, lifeline)
        except (OSError, ValueError) as error:
            lifeline.close()
            self._link.send({"error": _problem(error, request)})
            return
        finally:
            for fd in stdio:
                os.close(fd)
        lifeline.tie(leader)
        self._link.send({"running": leader})
        for order in orders:
            _obey(order, leader)
        status = self.watch(leader)
        end_children()
        lifeline.close()
        os.chdir("/")  # or the folder would be in use, and its file system too
        if request["afterwards"]:
            _clear_up(request)
        if self._wanted:  # otherwise the end was our own doing, and says nothing of the process
            self._link.send({"exit": status})

    def _start(self, request: dict[str, Any], stdio: list[int], lifeline: Lifeline) -> int:
        """Start a process in a session of its own; return its process id.

        Raises:
            OSError: It cannot be started.
            ValueError: No process can have these arguments or variables.
            ForkedScript: In the process itself, if it is to run a script.
        """
        argv = [system_bytes(argument) for argument in request["argv"]]
        environment = {system_bytes(name): system_bytes(value) for name, value in request["env"].items()}
        folder = system_bytes(request["cwd"])
        script = argv[1:] if self._imported is not None and argv[0] == os.fsencode(sys.executable) else []
        forks = bool(script) and not script[0].startswith(b"-")
        if not forks and request["namespace"] is None:
            os.chdir(folder)
            return os.posix_spawnp(
                argv[0],
                argv,
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(stdio)],
                setsid=True,
                setsigdef=_SHELL_SIGNALS,
            )
        if any(b"\0" in text for text in (*argv, *environment, *environment.values())):
            raise ValueError("embedded null byte")
        report = _StartReport()
        leader = os.fork()
        if leader == 0:
            with report.told():
                self._become(stdio, lifeline)
                if request["namespace"] is not None:
                    enter(_namespace(*request["namespace"]))
                os.chdir(folder)
                if not forks:
                    for number in _SHELL_SIGNALS:
                        signal.signal(number, signal.SIG_DFL)
                    os.execvpe(argv[0], argv, environment)  # noqa: S606 - no shell is wanted
                self._inherit(environment)
            raise ForkedScript([os.fsdecode(argument) for argument in script])
        report.hear(leader)
        return leader

    def _become(self, stdio: list[int], lifeline: Lifeline) -> None:
        """Turn this fork into a process of its own."""
        self._abandon()
        lifeline.abandon()
        os.setsid()
        for target, fd in enumerate(stdio):
            os.dup2(fd, target)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _inherit(self, environment: dict[bytes, bytes]) -> None:
        """Take over variables, in a fork that is to run a script."""
        os.environb.clear()
        os.environb.update(self._imported or {})
        os.environb.update(environment)

    def watch(self, leader: int) -> int:
        """Wait for the end of a process, do what smtune says meanwhile, and return the wait status."""
        while True:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == leader:
                    if not lists_children():
                        signal_group(leader, signal.SIGKILL)
                    return ended[1]
            for order in self._hear():
                _obey(order, leader)
            if not self._wanted:
                signal_group(leader, signal.SIGKILL)

    def _hear(self) -> list[dict[str, Any]]:
        """Wait for something to happen; return what smtune said."""
        heard: list[dict[str, Any]] = []
        for key, _ in self._selector.select():
            if key.fd == self._wakeup:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wakeup, CHUNK)
                continue
            messages = self._link.receive() if key.fileobj is self._link else None
            if messages is None:
                self._wanted = False
                self._selector.unregister(key.fileobj)
            heard += messages or ()
        return heard

    def _abandon(self) -> None:
        """Close what belongs to the keeper, in a child of it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        self._link.close()
        for fd in (self._life, self._wakeup, self._waker):
            os.close(fd)


def keep(link: socket.socket, life: int, *, imported: Mapping[bytes, bytes] | None) -> NoReturn:
    """Run processes, one after the other, until smtune or the launcher wants no more.

    Raises:
        ForkedScript: In the forks that are to run a script.
    """
    try:
        Keeper(link, life, imported=imported).serve()
    except Exception:  # a defect; this fork must not go back into the launcher's loop
        traceback.print_exc()
        end_children()
        os._exit(1)
    os._exit(0)


def _clear_up(request: Mapping[str, Any]) -> None:
    """Run the command that clears up after a process, whether or not anybody still wants to know how that ended.

    It may take as long as it likes, unless all is over: then the launcher ends it with this keeper.
    """
    argv = [system_bytes(argument) for argument in request["afterwards"]]
    environment = {system_bytes(name): system_bytes(value) for name, value in request["env"].items()}
    silence = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
    with contextlib.suppress(OSError):  # without it, there is no more to be done
        os.waitpid(os.posix_spawnp(argv[0], argv, environment, file_actions=silence, setsid=True), 0)


def _namespace(base: str, hosts: Sequence[str], mounts: Sequence[tuple[str, str, bool]]) -> Namespace:
    """Return the namespace that smtune wrote down."""
    read = [Mount(_path(source), _path(target), read_only) for source, target, read_only in mounts]
    return Namespace(_path(base), hosts, read)


def _path(text: str) -> str:
    return os.fsdecode(system_bytes(text))


class _StartReport:
    """What a fork tells its keeper before it becomes the program: nothing, or why it cannot."""

    def __init__(self) -> None:
        self._theirs, self._ours = os.pipe()

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Tell what goes wrong inside, and end this process then: it must not go back into the keeper's loop."""
        os.close(self._theirs)
        try:
            yield
        except OSError as error:
            words = [error.errno, error.strerror, error.filename and wire_text(os.fsdecode(error.filename))]
            os.write(self._ours, json.dumps(words).encode())
            os._exit(127)
        except Exception:  # a defect
            traceback.print_exc()
            os._exit(127)
        os.close(self._ours)

    def hear(self, fork: int) -> None:
        """Wait until the fork has begun.

        Raises:
            OSError: It could not.
        """
        os.close(self._ours)
        with open(self._theirs, "rb", buffering=0) as report:  # exec closes the other end
            words = report.read()
        if words:
            os.waitpid(fork, 0)
            raise OSError(*json.loads(words))


class Lifeline:
    """Has the system kill a process group when the keeper ends, however it ends (Linux).

    The process holds one end of a pipe and the keeper the other. The system signals that the pipe has broken, to the
    group that was named, with the signal that was chosen (``F_SETSIG`` in fcntl(2)). Unlike ``PR_SET_PDEATHSIG``,
    which has to be set in the process itself, this lets the process be spawned, at half the price of a fork, and
    reaches its whole group. A process that closes all descriptors which it does not know goes without.
    """

    def __init__(self) -> None:
        self._theirs, self._ours = os.pipe()
        self._open = [self._theirs, self._ours]
        os.set_inheritable(self._theirs, True)

    def tie(self, leader: int) -> None:
        """Have the group of this process depend on the keeper."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # a sandbox that knows no such signals
                fcntl.fcntl(self._theirs, fcntl.F_SETOWN, -leader)
                fcntl.fcntl(self._theirs, fcntl.F_SETSIG, signal.SIGKILL)
                fcntl.fcntl(self._theirs, fcntl.F_SETFL, os.O_ASYNC)
        self._close(self._theirs)

    def abandon(self) -> None:
        """Close the keeper's end, in the process itself."""
        self._close(self._ours)

    def close(self) -> None:
        """Close what is open of it."""
        for fd in list(self._open):
            self._close(fd)

    def _close(self, fd: int) -> None:
        self._open.remove(fd)
        os.close(fd)


def _problem(error: Exception, request: Mapping[str, Any]) -> str:
    """Return why a process was not started, and what would help."""
    name = os.path.basename(request["argv"][0])
    if not isinstance(error, OSError):
        return f"cannot start {name}: {error}"
    text = f"cannot start {name}: {error.strerror}"
    if error.errno == errno.E2BIG:
        argv = request["argv"]
        sizes = [(len(value), f"argument after {option}") for option, value in itertools.pairwise(argv)]
        sizes += [(len(value), f"variable {key}") for key, value in request["env"].items()]
        # Some variables repeat all others, so the least of those that are too long is the cause.
        size, longest = min((one for one in sizes if one[0] >= _LONGEST_TEXT), default=max(sizes))
        return f"{text}: {longest} has {size} characters; pass it in a file of a channel"
    if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return f"{text}; lower limits.max_parallel, or raise the limits that `ulimit -a` shows"
    return f"{text}: {os.fsdecode(error.filename or name)}"


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process group, if there is anybody left in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _obey(order: Mapping[str, Any], leader: int) -> None:
    """Send the signal that is ordered to the group of a child that was not waited for."""
    _signal_child(leader, signal.SIGTERM if order["do"] == "ask" else signal.SIGKILL)
    signal_group(leader, signal.SIGCONT)  # one that was paused hears it too


def _signal_child(leader: int, number: signal.Signals) -> None:
    """Send a signal to the group of a child that was not waited for; a fork may have none of its own yet."""
    with contextlib.suppress(PermissionError):
        try:
            os.killpg(leader, number)
        except ProcessLookupError:
            os.kill(leader, number)


def lists_children() -> bool:
    """Return whether the system tells a process its children (Linux)."""
    return os.path.exists(_CHILDREN)


def end_children(spare: Collection[int] = ()) -> None:
    """End all descendants but the spared children and theirs: the orphans of those that are killed come up to us."""
    while has_children() and lists_children():
        with open(_CHILDREN, "rb", buffering=0) as listing:
            doomed = {int(pid) for pid in listing.read().split()} - set(spare)
        if not doomed:
            break
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        for pid in doomed:
            os.waitpid(pid, 0)


def has_children() -> bool:
    """Return whether this process has any child, were it one that has ended and that nobody has waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends (Linux)."""
    if lists_children():
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
