"""Requests that are no AWS client's: of pages in web browsers, and of those who want something to go wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlsplit

from smtune.emulator.configuration import faults_of
from smtune.emulator.moto_plugin.responses import Answer, answer, read_json, refusal
from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.faults import Faults
from smtune.errors import SpecError

FAULTS: Final = "/smtune/faults"
"""Where faults are told (GET), added (POST) and taken away (DELETE)."""


def is_foreign(environ: Mapping[str, Any]) -> bool:
    """Return whether a page asks that a web browser has from elsewhere.

    Whoever reaches an emulator can have programs run here, and a browser lets every page send requests to this machine:
    under its own name, or under another's that was made to mean it. Whoever names no address that can be read is foreign.

    Args:
        environ: Of a WSGI request.
    """
    host, origin = environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")
    try:
        name = urlsplit(f"//{host}").hostname or ""
        source = None if origin is None else urlsplit(origin).netloc
    except ValueError:
        return True
    if host and not _is_loopback(name):
        return True
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        return True
    return source is not None and source != host


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return False


def keep_out() -> Answer:
    """Answer a request that is foreign."""
    text = "This emulator does not answer pages of web browsers from elsewhere: it runs programs on this machine."
    return refusal(ServiceError("AccessDeniedException", text, status=403))


def answer_faults(faults: Faults, method: str, body: bytes) -> Answer:
    """Answer a request for :data:`FAULTS` with those that may still happen.

    Args:
        faults: Of the emulator.
        method: ``GET``; ``POST`` adds those of the body, a mapping or a list of them; ``DELETE`` takes all away.
        body: In JSON.
    """
    try:
        if method == "POST":
            faults.add(faults_of(read_json(body)))
        elif method == "DELETE":
            faults.clear()
        elif method != "GET":
            return refusal(ServiceError("MethodNotAllowed", "Use GET, POST or DELETE.", status=405))
    except ServiceError as error:
        return refusal(error)
    except SpecError as error:
        problems = [{**asdict(problem), "value": repr(problem.value)} for problem in error.problems]
        return answer(400, {"__type": "ValidationException", "message": str(error), "problems": problems})
    return answer(200, {"faults": [asdict(fault) for fault in faults]})
