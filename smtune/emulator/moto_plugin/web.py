"""moto as one application for a web server, at the gate."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final
from xml.sax.saxutils import escape

from moto.moto_server import werkzeug_app
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wsgi import get_input_stream

from smtune.emulator.moto_plugin import shims
from smtune.emulator.moto_plugin.account import furnish
from smtune.emulator.moto_plugin.plugin import Plugin
from smtune.emulator.moto_plugin.responses import Answer, refusal
from smtune.emulator.moto_plugin.visitors import FAULTS, answer_faults, is_foreign, keep_out
from smtune.emulator.service.errors import ServiceError
from smtune.errors import StoreError

RESET: Final = "/moto-api/reset"
"""Where moto forgets everything."""

_NOT_IMPLEMENTED: Final = HTTPStatus.NOT_IMPLEMENTED

_IN_MEMORY: Final = 16 * 1024 * 1024

_RequestHandler: Any = getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)
"""How the moto at hand wants requests to be read; older versions have no wishes."""


class Application:
    """A WSGI application.

    Requests are read before they pass the gate, and answered behind it, so that a slow client holds up nobody.

    Args:
        plugin: The emulator, which is installed.
        region: Whose role and bucket are there again after a reset.
    """

    def __init__(self, plugin: Plugin, region: str) -> None:
        self._plugin = plugin
        self._region = region
        self._moto = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        target, path = environ.get("HTTP_X_AMZ_TARGET", ""), environ["PATH_INFO"]
        with SpooledTemporaryFile(_IN_MEMORY) as body:
            copyfileobj(get_input_stream(environ), body)
            body.seek(0)
            environ["wsgi.input"], environ["wsgi.input_terminated"] = body, True
            if is_foreign(environ):
                return _told(keep_out(), start_response)
            if path == FAULTS:
                return _told(answer_faults(self._plugin.faults, environ["REQUEST_METHOD"], body.read()), start_response)
            try:
                with self._plugin.passage(target):
                    chunks = self._answer(environ, start_response, body)
                    if path == RESET:
                        furnish(self._plugin, self._region)
            except NotImplementedError as error:
                chunks = _refuse(error, start_response, in_json=bool(target))
            except StoreError as error:  # what it did cannot be kept
                start_response("500 Internal Server Error", [("Content-Type", "application/xml")], sys.exc_info())
                chunks = [f"<Error><Code>InternalError</Code><Message>{escape(str(error))}</Message></Error>".encode()]
        self._plugin.settle()
        return chunks

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any], body: IO[bytes]) -> list[bytes]:
        shim = shims.lacking(environ.get("HTTP_X_AMZ_TARGET", ""), environ["PATH_INFO"])
        if shim is not None:
            return _told(shim(self._plugin.gate, body.read()), start_response)
        answer = self._moto(environ, start_response)
        try:
            return list(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()


def _refuse(error: NotImplementedError, start_response: Callable[..., Any], *, in_json: bool) -> list[bytes]:
    """Answer for a service that moto has in part, in the form in which its clients read errors."""
    message = f"Neither this emulator nor its moto implements it: {error}"
    if in_json:
        _, headers, text = refusal(ServiceError("NotImplemented", message, status=_NOT_IMPLEMENTED))
    else:
        headers = {"Content-Type": "text/xml"}
        told = f"<Code>NotImplemented</Code><Message>{escape(message)}</Message>"
        text = f"<ErrorResponse><Error>{told}</Error></ErrorResponse>"
    start_response(f"{_NOT_IMPLEMENTED} {_NOT_IMPLEMENTED.phrase}", list(headers.items()))
    return [text.encode()]


def _told(answer: Answer, start_response: Callable[..., Any]) -> list[bytes]:
    status, headers, text = answer
    start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
    return [text.encode()]


class _QuietHandler(_RequestHandler):  # type: ignore[misc]  # which one it is, is known when moto is
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name in werkzeug
        """Say nothing about requests."""


class Server(ThreadedWSGIServer):
    """A server on a socket that listens already; one thread per connection.

    Args:
        listener: The socket; whoever opened it closes it.
        application: What answers.
    """

    def __init__(self, listener: socket.socket, application: Application) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__(host, port, application, _QuietHandler, fd=listener.fileno())
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin to serve a connection."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End all connections: clients keep them for later, and their threads would wait for that."""
        for connection in self._connections.copy():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
