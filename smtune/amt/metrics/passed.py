"""Lines that a regex passes over although they have the shape of those that it is found in: ``auc=-0.5`` among ``auc=0.5``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smtune.amt.metrics.evidence import Evidence, Hit, Log, number_in

_NUMBER = r"(?P<number>[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[nN]a[nN]|[iI]nf(?:inity)?))(?![\w.])"
_SHAPES = 20
"""Different texts before a number that are looked for; hits beyond them are those of a regex that reads anything."""
_LOOKED_AT = 1000
"""Lines that are tried with another number, the last ones."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A number that a regex does not read, and would if it were another one.

    Attributes:
        line_number: From 1.
        excerpt: From the beginning of its shape to the end of the number.
        number: As it is printed.
    """

    line_number: int
    excerpt: str
    number: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    passed: PassedOver
    start: int
    shown: str


def passed_over(source: str, evidence: Evidence, log: Log) -> PassedOver | None:
    """Return the last number that a regex passes over, or ``None``.

    That a line is of the right shape does not mean that it is meant: ``top1=0.5`` and ``top5=0.9`` are of one shape. It is
    passed over for its number alone if the regex is found there once a number is put in its place that was read.

    Args:
        source: A regex that does not take too long.
        evidence: What it finds in the log.
        log: The log.
    """
    read = next((hit.captured for hit in reversed(evidence.hits) if hit.number is not None), None)
    candidates = [] if read is None else list(_candidates(evidence.hits, log, read))
    if not candidates:
        return None
    tried = Log([one.shown for one in candidates], seconds=1.0)
    if tried.slow(source):
        return None
    for hit in tried.evidence(source).hits:
        candidate = candidates[hit.line_number - 1]
        if hit.span[0] <= candidate.start < hit.span[1]:
            return candidate.passed
    return None


def _candidates(hits: Sequence[Hit], log: Log, read: str) -> Iterator[_Candidate]:
    """Yield lines of the shape of hits, the last one first, with what was read in place of their number."""
    shapes = [re.compile(shape + _NUMBER) for shape in _shapes(hits)]
    found_in = {hit.line_number for hit in hits}
    looked_at = 0
    for number in range(len(log.shown), 0, -1):
        if number in found_in:
            continue
        shown = log.shown[number - 1]
        for found in (found for shape in shapes for found in shape.finditer(shown)):
            start, end = found.span("number")
            token = found["number"]
            if number_in(token) is None:
                continue
            passed = PassedOver(number, found[0], token)
            for text in dict.fromkeys((read, read.rjust(len(token)))):  # numbers may be aligned right
                place = start + len(text) - len(text.lstrip())
                yield _Candidate(passed, place, shown[:start] + text + shown[end:])
            looked_at += 1
        if looked_at >= _LOOKED_AT:
            return


def _shapes(hits: Sequence[Hit]) -> list[str]:
    """Return the texts before the numbers as regexes, with any digits and any number of blanks."""
    shapes: dict[str, None] = {}
    for hit in reversed(hits):
        begin = hit.label_start if hit.label else hit.match.start()
        before = hit.shown[begin : hit.span[0]]
        blanks = re.sub(r"(?:\\ )+", r" *", re.escape(before))
        shapes[("(?<![\\w.:/@%-])" if hit.label else "") + re.sub(r"\d+", r"\\d+", blanks)] = None
        if len(shapes) == _SHAPES:
            break
    return list(shapes)
