"""The program of a worker process: calls one function for one trial after the other.

Its standard input is a socket to smtune with messages as of :mod:`smtune.runners.launcher.wire`. First comes what it
needs to find the function, ``{"function": base64 of a pickle, "preparation": {...}}``, answered by ``{"ready": true}``
or ``{"unusable": reason, "tail": [...]}``; then, for each ``{"parameters": {...}, "repeat": 0}``, it says ``{"started": true}``,
``{"metrics": {...}, "step": 3}`` for each report, and ``{"ended": reason or null, "tail": [...]}``.
"""

from __future__ import annotations

import base64
import os
import pickle
import socket
from collections.abc import Callable, Iterator
from typing import Any

from smtune.runners.evaluation import Failure, evaluate, failure_of
from smtune.runners.launcher.wire import CHUNK, frame, unframe

finding_function = False
"""Whether this is a worker that imports the caller's main module to find the function there."""


def main() -> None:
    """Serve until smtune closes the socket."""
    link = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    messages = _messages(link)
    setup = next(messages, None)
    if setup is None:
        return
    found = _find(setup)
    if isinstance(found, Failure):
        link.sendall(frame({"unusable": found.reason, "tail": found.tail}))
        return
    link.sendall(frame({"ready": True}))
    for request in messages:
        link.sendall(frame({"started": True}))
        failure = evaluate(
            found,
            request["parameters"],
            objective=setup["objective"],
            repeat=request["repeat"],
            sink=lambda step, metrics: link.sendall(frame({"metrics": metrics, "step": step})),
        )
        link.sendall(frame({"ended": failure and failure.reason, "tail": failure.tail if failure else ()}))


def _messages(link: socket.socket) -> Iterator[dict[str, Any]]:
    buffer = bytearray()
    while data := link.recv(CHUNK):
        buffer += data
        yield from unframe(buffer)


def _find(setup: dict[str, Any]) -> Callable[[dict[str, Any]], Any] | Failure:
    global finding_function  # noqa: PLW0603 - what it tells is true of the whole process
    finding_function = True
    try:
        from multiprocessing.spawn import prepare  # it knows how to import a main module without running it as such

        prepare(setup["preparation"])
        found: Callable[[dict[str, Any]], Any] = pickle.loads(base64.b64decode(setup["function"]))  # noqa: S301
    except BaseException as error:  # a main module may even exit
        return failure_of(error)
    finally:
        finding_function = False
    return found
