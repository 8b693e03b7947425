"""How messages cross the control socket."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

CHUNK = 1 << 16
"""How many bytes to read at a time."""

_LENGTH = struct.Struct("!I")


def frame(message: dict[str, Any]) -> bytes:
    """Return a message as it is sent."""
    body = json.dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


def unframe(buffer: bytearray) -> list[dict[str, Any]]:
    """Take the complete messages off the front of what was received."""
    messages = []
    while len(buffer) >= _LENGTH.size:
        end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
        if len(buffer) < end:
            break
        messages.append(json.loads(buffer[_LENGTH.size : end]))
        del buffer[:end]
    return messages


def wire_text(text: str) -> str:
    """Return the bytes that the system would see as UTF-8 with escapes, whatever encoding is the system's."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def system_bytes(text: str) -> bytes:
    """Return the bytes behind a text that :func:`wire_text` made."""
    return text.encode("utf-8", "surrogateescape")
