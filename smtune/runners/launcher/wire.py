"""How messages cross the sockets between smtune, its launcher and the keepers."""

from __future__ import annotations

import array
import json
import os
import selectors
import socket
import struct
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

CHUNK = 1 << 16
"""How many bytes to read at a time."""

_LENGTH = struct.Struct("!I")
_ROOM = socket.CMSG_SPACE(3 * array.array("i").itemsize)


class Channel:
    """One end of a socket that carries messages, and descriptors with them; never waits unless the socket does.

    Attributes:
        socket: The socket.
        descriptors: Those that came and were not taken yet, in order; not inherited by programs.
    """

    def __init__(self, link: socket.socket) -> None:
        self.socket = link
        self.descriptors: deque[int] = deque()
        self._incoming = bytearray()
        self._outgoing: deque[tuple[bytes, Sequence[int]]] = deque()

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self.socket.fileno()

    @property
    def events(self) -> int:
        """What to watch it for, in the words of :mod:`selectors`."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send a message as far as there is room; :meth:`flush` sends the rest.

        Args:
            message: Plain JSON.
            descriptors: Go with it, and are closed.
        """
        self._outgoing.append((frame(message), descriptors))
        self.flush()

    def flush(self) -> None:
        """Send what has been waiting for room; nothing of it any more if the other end is gone."""
        while self._outgoing:
            data, descriptors = self._outgoing[0]
            try:
                sent = socket.send_fds(self.socket, [data], descriptors) if descriptors else self.socket.send(data)
            except BlockingIOError:
                return
            except OSError:  # `receive` tells
                sent = len(data)
            for fd in descriptors:
                os.close(fd)
            if sent < len(data):
                self._outgoing[0] = (data[sent:], ())
            else:
                self._outgoing.popleft()

    def receive(self) -> list[dict[str, Any]] | None:
        """Read once; return the messages that are complete now, or ``None`` at the end of the stream."""
        try:
            data, ancillary, _, _ = self.socket.recvmsg(CHUNK, _ROOM)
        except BlockingIOError:
            return []
        except OSError:  # the other end is gone and left words of ours unread
            return None
        for _, _, content in ancillary:
            for fd in array.array("i", content):
                os.set_inheritable(fd, False)
                self.descriptors.append(fd)
        self._incoming += data
        return unframe(self._incoming) if data else None

    def close(self) -> None:
        """Close the socket, and the descriptors that were not sent or not taken."""
        for fd in (*self.descriptors, *(fd for _, descriptors in self._outgoing for fd in descriptors)):
            os.close(fd)
        self.descriptors.clear()
        self._outgoing.clear()
        self.socket.close()


def frame(message: Mapping[str, Any]) -> bytes:
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
