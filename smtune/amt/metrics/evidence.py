"""What a regex finds in a log: where, what its first group captures, and which number stands there as a whole."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smtune.metric_lines import LONGEST_LINE, BoundedSearch, as_cloudwatch_shows

_ESCAPE = re.compile(r"#[01]\d\d")
"""A control character as CloudWatch shows it."""
_NUMERAL = re.compile(r"(?:(?<![\w.)\]])[-+])?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
"""A number; a minus behind a letter is a hyphen."""
_NUMBER = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE)
SPLITS = (
    ("training", "train"),
    ("validation", "valid", "val", "evaluation", "eval", "dev"),
    ("test", "holdout"),
)
"""Words for the same part of the data."""
WORD = rf"(?:(?:{'|'.join(itertools.chain(*SPLITS))})(?:: ?| ))?[A-Za-z_][\w.:/@%-]*"
"""What values stand behind, e.g. ``loss``, ``validation:loss`` or ``val loss``."""
_LABEL = re.compile(rf"(?<![\w.:/@%-])({WORD})[\"']?[\s=:>\"'(\[]*$")
_WIDEST_LABEL = 120
_WIDEST_NUMERAL = 400  # digits of the longest number that Python prints
_NEAR = 40


def plain(shown: str) -> str:
    """Return a line with blanks in place of control characters that CloudWatch shows by numbers, of equal length."""
    return _ESCAPE.sub("    ", shown)


def number_in(text: str) -> float | None:
    """Return the number that a text is, or ``None``: digits with underscores, say, are no number elsewhere.

    >>> number_in("1.2e-05"), number_in("1_000"), number_in("")
    (1.2e-05, None, None)
    """
    return float(text) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Hit:
    """A regex found in a line.

    Attributes:
        line_number: From 1.
        shown: The line as CloudWatch shows it.
        match: Found in it.
        rivals: What else the first group captures further on in the same line, if these are other numbers.
    """

    line_number: int
    shown: str
    match: re.Match[str]
    rivals: tuple[str, ...] = ()

    @property
    def captured(self) -> str | None:
        """What the first group captured, or ``None`` if it took no part."""
        text: str | None = self.match[1]
        return text if text is None else text.strip()

    @property
    def number(self) -> float | None:
        """The number that the first group captured, or ``None``."""
        return number_in(self.captured or "")

    @property
    def span(self) -> tuple[int, int]:
        """Where what was captured stands, without blanks around it."""
        start, end = self.match.span(1)
        text = self.shown[start:end]
        return start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())

    @property
    def reads_escape(self) -> bool:
        """Whether what was captured holds a part of a control character as CloudWatch shows it."""
        start, end = self.span
        return plain(self.shown)[start:end] != self.shown[start:end]

    @property
    def whole(self) -> tuple[int, int]:
        """Where the number stands that what was captured belongs to."""
        start, end = self.span
        offset = max(0, start - _WIDEST_NUMERAL)
        for numeral in _NUMERAL.finditer(plain(self.shown[offset : end + _WIDEST_NUMERAL])):
            first, last = (offset + place for place in numeral.span())
            if first <= start < end <= last:
                return first, last
        return start, end

    @property
    def label(self) -> str:
        """The word that the value stands behind, e.g. ``validation:auc``; empty if there is none."""
        found = _LABEL.search(plain(self.shown[: self.span[0]][-_WIDEST_LABEL:]))
        return found[1] if found else ""

    @property
    def label_start(self) -> int:
        """Where the label begins."""
        before = self.shown[: self.span[0]]
        return before.rfind(self.label)

    @property
    def words(self) -> set[str]:
        """The last words before the value, in small letters."""
        before = plain(self.shown[: self.span[0]][-_WIDEST_LABEL:]).lower()
        return set(re.findall(r"[a-z]+", before)[-2:])

    @property
    def excerpt(self) -> str:
        """The label, or what was matched, up to the end of the number; shortened."""
        label_start, (_, end) = self.label_start, self.whole
        start = label_start if self.label else self.match.start()
        return ("..." if end - start > 2 * _NEAR else "") + self.shown[max(start, end - 2 * _NEAR) : end]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a regex finds in a log.

    Attributes:
        hits: In the order of the lines.
        raw_only: The number of a line and what is found there if it is read as it was printed, though not as CloudWatch
            shows it; ``None`` if there is no such line.
    """

    hits: Sequence[Hit]
    raw_only: tuple[int, str] | None


class Log:
    """The lines of a training's log, as printed and as CloudWatch shows them.

    Args:
        lines: Without their ends; what is beyond 65,536 characters of a line is not looked at.
        seconds: Processor time that a regex may take for 256 lines.
    """

    def __init__(self, lines: Iterable[str], *, seconds: float) -> None:
        self.lines = [line[:LONGEST_LINE] for line in lines]
        self.shown = [as_cloudwatch_shows(line) for line in self.lines]
        self._seconds = seconds
        self._slow: dict[str, tuple[int, int] | None] = {}

    def slow(self, *sources: str) -> dict[str, tuple[int, int]]:
        """Return which regexes take too long, with the first and the last of the lines that they do so for."""
        new = {source: source for source in sources if source not in self._slow}
        if new:
            with BoundedSearch(new, seconds=self._seconds) as search:
                search.feed(self.lines)
                self._slow |= {source: search.slow.get(source) for source in new}
        return {source: span for source in sources if (span := self._slow[source]) is not None}

    def evidence(self, source: str) -> Evidence:
        """Return what a regex finds that does not take too long.

        Raises:
            re.error: It is no regular expression.
        """
        pattern = re.compile(source)
        hits, raw_only = [], None
        for number, (line, shown) in enumerate(zip(self.lines, self.shown, strict=True), 1):
            matches = list(pattern.finditer(shown))
            if matches:
                hits.append(Hit(number, shown, matches[0], _rivals(matches)))
            elif line != shown and raw_only is None:
                found = next(filter(None, map(pattern.search, line.split("\r"))), None)
                raw_only = None if found is None else (number, str(found[0]))
        return Evidence(hits, raw_only)


def _rivals(matches: Sequence[re.Match[str]]) -> tuple[str, ...]:
    first = number_in((matches[0][1] or "").strip())
    others = [(match[1] or "").strip() for match in matches[1:]]
    return tuple(text for text in others if number_in(text) not in (None, first))
