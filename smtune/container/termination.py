"""How a training ends before its time: asked to by the service, or by an error."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType, TracebackType
    from typing import Any


class StopSignal:
    """Whether the training was asked to stop; see :func:`stop_signal`.

    Attributes:
        requested: ``True`` from the first SIGTERM on.
    """

    __slots__ = ("_earlier", "_installed", "requested")

    def __init__(self) -> None:
        import signal

        self.requested = False
        self._earlier: Any = None
        try:
            self._earlier = signal.signal(signal.SIGTERM, self._receive)
            self._installed = True
        except ValueError:  # only the main thread may handle signals
            self._installed = False

    def _receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        self.requested = True

    def __enter__(self) -> StopSignal:  # noqa: PYI034 - typing.Self is newer than Python 3.8
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        import signal

        if self._installed:
            # None stands for a handler that was not installed from Python; it cannot be installed again from here.
            signal.signal(signal.SIGTERM, signal.SIG_DFL if self._earlier is None else self._earlier)
            self._installed = False


def stop_signal() -> StopSignal:
    """Turn SIGTERM into a flag, so that the script can save its work and leave its loop.

    SageMaker sends SIGTERM and kills 120 seconds later. The flag holds until the end of the ``with`` block, which puts
    the earlier handler back; without ``with``, until the process ends. Further SIGTERMs change nothing, since a process
    group may receive several. In other threads than the main one, which cannot handle signals, it is never set.

    >>> with stop_signal() as stop:
    ...     for epoch in range(3):
    ...         if stop.requested:
    ...             break

    Returns:
        A handle whose ``requested`` is ``True`` once the training was asked to stop.
    """
    return StopSignal()


class _FailureHook:
    """Writes the failure file of the first uncaught exception, then does what was done before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._earlier = sys.excepthook

    def __call__(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        try:
            if not issubclass(kind, KeyboardInterrupt):
                self._write(kind, error, traceback)
        except Exception:  # noqa: S110 - a full or read-only disk must not hide the error itself
            pass
        finally:
            self._earlier(kind, error, traceback)

    def _write(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        import traceback

        # SageMaker shows the first 1024 characters only, so the message comes first.
        message = "".join(traceback.format_exception_only(kind, error))
        details = "".join(traceback.format_exception(kind, error, trace))
        self.path.write_text("{}\n{}".format(message, details), encoding="utf-8", errors="backslashreplace")


def write_failure_file(path: Path) -> None:
    """Write every uncaught exception to ``path``, whose first 1024 characters SageMaker shows as the failure reason.

    The traceback still goes to standard error. ``SystemExit`` and ``KeyboardInterrupt`` are no failures. Nothing
    happens if the directory of ``path`` does not exist, or if this was called before.
    """
    if not isinstance(sys.excepthook, _FailureHook) and path.parent.is_dir():
        sys.excepthook = _FailureHook(path)
