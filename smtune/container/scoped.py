"""A value that holds within a block, for the thread (or task) that entered it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import ContextVar
    from types import TracebackType
    from typing import Any


class Scoped:
    """Set a context variable within a ``with`` block, so that functions in several threads can be told apart.

    Args:
        variable: Which one.
        value: What it is within the block; afterwards it is what it was before.
    """

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[Any], value: object) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._variable.reset(self._token)
