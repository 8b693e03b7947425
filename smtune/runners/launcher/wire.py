"""How messages cross the sockets between smtune, its launcher and the keepers."""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from collections import deque
from typing import Any

CHUNK = 1 << 16
"""How many bytes to read at a time."""

_LENGTH = struct.Struct("!I")
_ROOM = socket.CMSG_SPACE(3 * array.array("i").itemsize)


class Inbox:
    """The receiving end of a socket that also carries descriptors.

    Attributes:
        descriptors: Those that came and were not taken yet, in order; not inherited by programs.
    """

    def __init__(self, link: socket.socket) -> None:
        self.descriptors: deque[int] = deque()
        self._link = link
        self._buffer = bytearray()

    def receive(self) -> list[dict[str, Any]] | None:
        """Read once; return the messages that are complete now, or ``None`` at the end of the stream.

        Raises:
            BlockingIOError: There is nothing now.
        """
        try:
            data, ancillary, _, _ = self._link.recvmsg(CHUNK, _ROOM)
        except ConnectionResetError:  # the other end is gone and left words of ours unread
            return None
        for _, _, content in ancillary:
            for fd in array.array("i", content):
                os.set_inheritable(fd, False)
                self.descriptors.append(fd)
        self._buffer += data
        return unframe(self._buffer) if data else None


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
