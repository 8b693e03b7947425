"""What is looked at in every call of a client: how long the answer takes, and whether it is AWS's.

A wrong endpoint, a proxy or a login page may take a connection and never answer, or answer 200 with a page of its own,
which botocore reads as an answer without any members.
"""

from __future__ import annotations

import logging
from threading import Timer, local
from typing import Any, Final

PATIENCE_SECONDS: Final = 10.0
"""So long may an answer take until somebody is told."""

_LOG = logging.getLogger(__name__)


def look_at_answers(client: Any, patience: float = PATIENCE_SECONDS) -> None:
    """Have every answer of a client looked at; errors are raised by its calls.

    What takes long is a warning of the logger ``smtune.backends.aws.answers``, which is on stderr unless the program
    says otherwise.

    Args:
        client: boto3's client of a service.
        patience: Seconds after which it is told that an answer has not come yet.
    """
    events = client.meta.events
    waiting = _Waiting(client.meta.service_model.service_name, client.meta.endpoint_url, patience)
    events.register("before-send", waiting.begin)
    for ended in ("before-parse", "response-received"):  # the second one also where there was no answer
        events.register(ended, waiting.end)
    events.register("after-call", _check)


class _Waiting:
    """Tells once per attempt that an answer has not come yet; threads may share it."""

    def __init__(self, service: str, url: str, patience: float) -> None:
        self._service = service
        self._host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]  # without a password
        self._patience = patience
        self._own = local()

    def begin(self, **_event: object) -> None:
        self.end()
        timer = Timer(self._patience, self._tell)
        timer.daemon = True
        self._own.timer = timer
        timer.start()

    def end(self, **_event: object) -> None:
        timer: Timer | None = getattr(self._own, "timer", None)
        if timer is not None:
            timer.cancel()

    def _tell(self) -> None:
        _LOG.warning("%s at %s has not answered for %g s; still waiting", self._service, self._host, self._patience)


def _check(http_response: Any, parsed: dict[str, Any], model: Any, **_event: object) -> None:
    """Refuse an answer that says it went well, and has nothing of what AWS always answers.

    Raises:
        ResponseParserError: It is not AWS's.
    """
    from botocore.parsers import ResponseParserError

    if http_response.status_code >= 300 or model.output_shape is None or model.has_streaming_output:
        return
    begin = (http_response.content or b"").lstrip()[:14].lower()
    required = model.output_shape.required_members
    if begin.startswith((b"<!doctype html", b"<html")) or (
        required and not any(member in parsed for member in required)
    ):
        raise ResponseParserError("not an answer of AWS")
