"""A process's own ``/opt/ml``: a private mount namespace (Linux), entered before the program starts.

Only this process and its descendants see it, and the kernel drops it with the last of them, however they end. The
host's ``/opt`` stays as it is. Network and process ids are the host's: whoever starts the process has to end its
descendants, as :mod:`smtune.runners.launcher` does.

Whoever is not root gets a user namespace too, in which he remains who he is.

Needs the standard library only, and little of it: processes enter between ``fork`` and ``exec``.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile its annotations, in the time of two forks.

import ctypes
import errno
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

ROOT = "/opt/ml"
"""Where a training finds what it is given, and leaves what it makes."""

_OPT, _HOSTS = "/opt", "/etc/hosts"

# <sched.h>, <sys/mount.h>
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_KEPT_FLAGS = (
    (os.ST_NOSUID, os.ST_NODEV, os.ST_NOEXEC, os.ST_NOATIME, os.ST_NODIRATIME, os.ST_RELATIME)
    if sys.platform == "linux"
    else ()
)

_LIBC = ctypes.CDLL(None, use_errno=True)


class Mount(NamedTuple):
    """A folder or a file that a process sees below ``/opt/ml``.

    Attributes:
        source: What it is; absolute.
        target: Where it is seen: a path of the same kind that is there already, relative to ``/opt/ml``.
        read_only: Whether nothing can be written there.
    """

    source: str
    target: str
    read_only: bool = False


class Namespace(NamedTuple):
    """What a process sees that others do not.

    Attributes:
        base: The folder that it has as ``/opt/ml``; absolute.
        hosts: Names that mean this machine.
        mounts: What lies elsewhere, and is seen in that folder.
    """

    base: str
    hosts: Sequence[str] = ()
    mounts: Sequence[Mount] = ()


def enter(namespace: Namespace) -> None:
    """Move this process, which must have one thread, into a namespace of its own.

    Raises:
        OSError: The kernel refuses, or a folder is missing. The process is of no use then.
    """
    _unshare()
    _mount(None, "/", flags=_MS_REC | _MS_PRIVATE)
    # Their paths may lead through what is covered now.
    base = os.open(namespace.base, os.O_PATH | os.O_DIRECTORY)
    held = [os.open(mount.source, os.O_PATH) for mount in namespace.mounts]
    _rebuild_opt()
    if namespace.hosts:
        _add_hosts(namespace.hosts)
    _bind(base, ROOT)
    os.close(base)
    for mount, source in zip(namespace.mounts, held, strict=True):
        target = f"{ROOT}/{mount.target}"
        _bind(source, target)
        os.close(source)
        if mount.read_only:
            status = os.statvfs(target).f_flag
            kept = sum(flag for flag in _KEPT_FLAGS if status & flag)  # or the kernel refuses, in a user namespace
            _mount(None, target, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept)


@cache
def unavailable() -> str | None:
    """Return why processes cannot have an ``/opt/ml`` of their own here; ``None`` if they can.

    It is tried out, once, in a process that does nothing else.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no mount namespaces"
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="smtune-") as base:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", __file__, base], capture_output=True, text=True, check=False, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    if done.returncode:
        return done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
    return None


def _unshare() -> None:
    if _LIBC.unshare(_CLONE_NEWNS) == 0:
        return
    if ctypes.get_errno() != errno.EPERM:
        raise _error("unshare")
    user, group = os.geteuid(), os.getegid()
    if _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNS):
        raise _error("unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "wb", buffering=0) as file:
            file.write(text.encode())


def _rebuild_opt() -> None:
    """Cover ``/opt`` by a small file system with what it had, but with an empty ``/opt/ml``."""
    with os.scandir(_OPT) as scan:
        entries = [(entry.name, entry.is_symlink(), entry.is_dir()) for entry in scan if entry.path != ROOT]
    held = [os.open(f"{_OPT}/{name}", os.O_PATH | os.O_NOFOLLOW) for name, _, _ in entries]
    _mount("tmpfs", _OPT, kind="tmpfs", options="size=64k,mode=755")
    os.mkdir(ROOT)
    for (name, is_link, is_folder), source in zip(entries, held, strict=True):
        path = f"{_OPT}/{name}"
        if is_link:
            os.symlink(os.readlink("", dir_fd=source), path)
        else:
            if is_folder:
                os.mkdir(path)
            else:
                os.close(os.open(path, os.O_CREAT))
            _bind(source, path)
        os.close(source)


def _add_hosts(names: Sequence[str]) -> None:
    """Cover the list of hosts by a longer one."""
    with open(_HOSTS, "rb", buffering=0) as file:
        content = file.read()
    path = f"{_OPT}/.hosts"
    with open(path, "wb", buffering=0) as file:
        file.write(content + b"\n" + b"".join(b"127.0.0.1 %b\n" % name.encode() for name in names))
    _mount(path, _HOSTS, flags=_MS_BIND)
    os.unlink(path)


def _bind(source: int, target: str) -> None:
    """Show what a descriptor stands for under another name too, with all that is mounted below it."""
    _mount(f"/proc/self/fd/{source}", target, flags=_MS_BIND | _MS_REC)


def _mount(source: str | None, target: str, *, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    if _LIBC.mount(*texts, ctypes.c_ulong(flags), options.encode()):
        raise _error(target)


def _error(name: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), name)


def _probe(base: str) -> None:
    """Enter a namespace, and see whether it is what it should be."""
    name = "algo-1.invalid"
    os.mkdir(f"{base}/seen")
    enter(Namespace(base, hosts=[name], mounts=[Mount(base, "seen", read_only=True)]))
    if not (os.path.samefile(base, ROOT) and os.path.samefile(base, f"{ROOT}/seen")):
        sys.exit(f"{ROOT} is not the folder that was put there")
    with open(_HOSTS, encoding="utf-8") as file:
        if name not in file.read():
            sys.exit(f"{_HOSTS} is not the file that was put there")


if __name__ == "__main__":
    try:
        _probe(sys.argv[1])
    except OSError as problem:
        sys.exit(f"{problem.filename}: {problem.strerror}")
