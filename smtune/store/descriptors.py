"""File descriptors that a forked child must not keep: a lock or a pipe's end would outlive the process that owns it.

``exec`` closes them anyway; worker processes that are forked and never call it (multiprocessing, data loaders) do not.
"""

from __future__ import annotations

import contextlib
import os

_private: set[int] = set()


def keep_from_children(descriptor: int) -> int:
    """Have every child that is forked from now on close a descriptor, and return it."""
    _private.add(descriptor)
    return descriptor


def close(descriptor: int) -> None:
    """Close a descriptor given to :func:`keep_from_children`."""
    _private.discard(descriptor)
    os.close(descriptor)


def _close_in_child() -> None:
    while _private:
        with contextlib.suppress(OSError):
            os.close(_private.pop())


os.register_at_fork(after_in_child=_close_in_child)
