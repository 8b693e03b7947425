"""What signals do: while a job is waited for they are all a ``KeyboardInterrupt``; else SIGTERM unwinds like Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class TerminatedError(BaseException):
    """SIGTERM came: what is open is closed on the way out."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise :class:`TerminatedError` once for SIGTERM, so that temporary folders go and processes end, as with Ctrl-C."""
    came = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        if not came:  # what is closed already must not be interrupted
            came = True
            raise TerminatedError

    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Interruptions:
    """Handles these signals alike; those that come outside of :meth:`raised` wait for it.

    So a job is never left between its start and the waiting for it, and its result is printed whole. A third signal
    always gets through. Under ``nohup``, which has it ignored, SIGHUP stays without effect.

    Attributes:
        signals: Numbers of the signals that came, in their order.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []
        self._raising = False
        self._waiting = False

    def __enter__(self) -> Self:
        ignored = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS if number not in ignored}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raise ``KeyboardInterrupt``, with the name of the signal, for one that came before, or comes inside."""
        self._raising = True
        try:
            if self._waiting:
                self._waiting = False
                raise KeyboardInterrupt(signal.Signals(self.signals[-1]).name)
            yield
        finally:
            self._raising = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.signals.append(number)
        if self._raising or len(self.signals) > 2:
            raise KeyboardInterrupt(signal.Signals(number).name)
        self._waiting = True
