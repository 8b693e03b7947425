"""How a metric's regex is written: its groups, what only Python understands, and how it would read a whole number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
"""A group that captures a number with its sign and its exponent, of constructs that every regex engine knows."""
ANY_NUMBER = r"([-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[nN]a[nN]|[iI]nf(?:inity)?))"
"""The same for logs in which numbers may be infinite, or none."""
_NOT_PORTABLE = re.compile(r"\(\?(?:P[<=>]\w*>?|\(\w+\)|#|[aLu](?=[a-zA-Z]*[-:)]))")
"""Named groups as Python writes them, conditions, comments, and Python's own flags."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group that captures.

    Attributes:
        start: Where its parenthesis opens.
        inner: Where what it captures begins: behind the parenthesis and, if it has one, its name.
        end: Behind the parenthesis that closes it.
    """

    start: int
    inner: int
    end: int


def groups_of(source: str) -> list[Group]:
    r"""Return the capturing groups of a regex, in the order of their numbers.

    >>> [(group.start, group.end) for group in groups_of(r"\(a[(](?:b(c))(d)")]
    [(10, 13), (14, 17)]
    """
    opened: list[tuple[int, int | None]] = []
    groups = []
    for position in _syntax(source):
        if source[position] == ")":
            start, inner = opened.pop() if opened else (position, None)
            if inner is not None:
                groups.append(Group(start, inner, position + 1))
        elif source[position + 1 : position + 2] != "?":
            opened.append((position, position + 1))
        elif source.startswith("(?P<", position):
            opened.append((position, source.find(">", position) + 1))
        else:
            opened.append((position, None))
    return sorted(groups, key=lambda group: group.start)


def not_portable(source: str) -> str | None:
    """Return the first construct of a regex that is Python's alone, or ``None``.

    SageMaker's engine is not Python's.

    >>> not_portable(r"(?i)loss=(?P<value>.*)")
    '(?P<value>'
    """
    for position in _syntax(source):
        found = _NOT_PORTABLE.match(source, position)
        if found:
            return found[0]
    return None


def corrected(source: str, *, group: int = 1, number: str = NUMBER) -> str | None:
    r"""Return a regex that has a whole number in one of its groups, and no other group that captures.

    Whether it still finds anything is for the caller to try.

    >>> corrected(r"epoch (\d+) loss=([0-9.]+)", group=2) == r"epoch (?:\d+) loss=" + NUMBER
    True

    Args:
        source: A regex.
        group: The group's number, from 1.
        number: The group that takes its place.

    Returns:
        ``None`` if there is no such group, or the regex cannot be shown in one line.
    """
    groups = groups_of(source)
    if len(groups) < group or not source.isprintable():
        return None
    kept = groups[group - 1]
    outside = [one for one in groups if one.end <= kept.start or one.start >= kept.end]
    before = _without_captures(source[: kept.start], [one for one in outside if one.end <= kept.start], 0)
    after = _without_captures(source[kept.end :], [one for one in outside if one.start >= kept.end], kept.end)
    return before + number + after


def _without_captures(part: str, groups: Sequence[Group], offset: int) -> str:
    for one in reversed(groups):
        part = part[: one.start - offset] + "(?:" + part[one.inner - offset :]
    return part


def _syntax(source: str) -> list[int]:
    """Return where the parentheses are that are neither escaped nor in a class or a comment."""
    places, position = [], 0
    while position < len(source):
        if source[position] == "\\":
            position += 2
        elif source[position] == "[":
            position = _behind_class(source, position)
        else:
            if source[position] in "()":
                places.append(position)
            comment = source.startswith("(?#", position)
            position = source.find(")", position) if comment and ")" in source[position:] else position + 1
    return places


def _behind_class(source: str, position: int) -> int:
    position += 2 if source.startswith("[^", position) else 1
    position += source.startswith("]", position)  # a bracket that comes first closes nothing
    while position < len(source) and source[position] != "]":
        position += 2 if source[position] == "\\" else 1
    return position + 1
