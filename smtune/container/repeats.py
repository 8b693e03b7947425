"""Which of several trainings of the same configuration this is."""

from __future__ import annotations

import contextvars
import os

from smtune.container.scoped import Scoped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "SMTUNE_REPEAT"
"""The environment variable that tells a script."""

_repeat: contextvars.ContextVar[int | None] = contextvars.ContextVar("smtune_repeat", default=None)


def repeat() -> int:
    """Return which training of the same configuration this is, from 0.

    The same for the same repeat of every configuration, so that all of them meet the same luck. Add it to the seed of
    whatever is drawn at random; a script that does not gets the same score again and again, which tells nothing::

        random.seed(params["seed"] + repeat())

    Returns:
        0 outside a tuning job, and where each configuration is trained once.

    Raises:
        ValueError: The environment variable ``SMTUNE_REPEAT`` is no whole number.
    """
    number = _repeat.get()
    return read_repeat(os.environ) if number is None else number


def read_repeat(environ: Mapping[str, str]) -> int:
    """Return what the environment variable says.

    Raises:
        ValueError: It is no whole number.
    """
    text = environ.get(VARIABLE) or "0"
    if not text.isdecimal():
        raise ValueError("environment variable {} = {!r}: must be a whole number from 0".format(VARIABLE, text))
    return int(text)


class repeated(Scoped):  # noqa: N801 - reads as a verb where it is used, like contextlib.suppress
    """Let :func:`repeat` answer with a number within a block; for the thread (or task) that entered it.

    >>> with repeated(2):
    ...     repeat()
    2
    """

    __slots__ = ()

    def __init__(self, number: int) -> None:
        super().__init__(_repeat, number)
