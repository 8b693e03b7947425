"""Regexes in place of one that is flawed; each is proven on the same log before it is offered."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smtune.amt.metrics.evidence import WORD, Evidence, Log, plain
from smtune.amt.metrics.flaws import doubt, flaw, malformed, refused
from smtune.metric_lines import ANY_NUMBER, NUMBER, corrected, groups_of

_ENTRY = re.compile(
    rf"(?<![\w.:/@%-])(?P<label>{WORD.removesuffix('*')}{{0,100}}?)(?P<joint>[\"']?(?:\s{{0,8}}[=:]\s{{0,8}}|\s{{1,8}}))"
    r"(?=[-+]?(?:\d|\.\d))"
)
"""A word, what joins it to a number, and the number."""
_METACHARACTERS = re.compile(r"[.^$*+?{}\[\]()|\\]")
_WORDS = re.compile("[A-Za-z]{2}")
_LOOKED_AT = 20_000
"""Lines in which words are looked for."""
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Entry:
    """A word with a number behind it, as logs have them.

    Attributes:
        label: The word, e.g. ``validation:auc``.
        joint: What stands between the two, as CloudWatch shows it.
    """

    label: str
    joint: str


def entries_of(log: Log) -> list[Entry]:
    """Return the words of a log that have numbers behind them, each once, in order."""
    entries: dict[Entry, None] = {}
    for shown in log.shown[:_LOOKED_AT]:
        for found in _ENTRY.finditer(plain(shown)):
            entries[Entry(found["label"], shown[slice(*found.span("joint"))])] = None
    return list(entries)


def suggest(name: str, source: str, evidence: Evidence | None, log: Log) -> str | None:
    """Return a regex that reads the metric from the log without a flaw or a doubt, or ``None``.

    Args:
        name: Name of the metric.
        source: A regex that does not.
        evidence: What it finds, or ``None`` if it was not tried.
        log: The log.
    """
    bars = any("#015" in shown for shown in log.shown)
    candidates = (
        beginning + candidate
        for group in (NUMBER, ANY_NUMBER)
        for kind in (_corrections(source, group), _by_label(name, evidence, log, group))
        for candidate, beginning in itertools.product(kind, ("", "^.*") if bars else ("",))
    )
    return next((candidate for candidate in candidates if _is_proven(name, candidate, log)), None)


def _is_proven(name: str, source: str, log: Log) -> bool:
    if malformed(source) or refused(source) or log.slow(source):
        return False
    evidence = log.evidence(source)
    return flaw(source, evidence, log) is None and doubt(name, source, evidence) is None


def _corrections(source: str, number: str) -> Iterator[str]:
    """Yield the regex with the group of a number in place of a group, the last group first, and with CloudWatch's tabs.

    A number behind no word at all could be of any metric.
    """
    escaped = source.replace("\t", "#011").replace(r"\t", "#011")
    for text in dict.fromkeys((escaped, re.sub(r"\\s([*+?]?)", r"(?:\\s|#011)\1", escaped))):
        for group in range(len(groups_of(source)), 0, -1):
            correction = corrected(text, group=group, number=number)
            if correction is not None and _WORDS.search(correction.replace(number, "")):
                yield correction


def _by_label(name: str, evidence: Evidence | None, log: Log, number: str) -> Iterator[str]:
    """Yield regexes for the words in the log that are most like the metric's name, or that the regex found."""
    entries = entries_of(log)
    alike = sorted(entries, key=lambda entry: likeness(name, entry.label), reverse=True)
    wanted = [entry for entry in alike if likeness(name, entry.label) >= _ALIKE][:3]
    found = {hit.label for hit in evidence.hits[:_LOOKED_AT]} if evidence is not None else set()
    if len(found) == 1:
        wanted += [entry for entry in entries if entry.label in found]
    for entry in dict.fromkeys(wanted):
        yield _regex(entry, entries, number)


def _regex(entry: Entry, entries: Sequence[Entry], number: str) -> str:
    """Return the regex of a word; it begins at its start if others end alike."""
    others = any(other.label != entry.label and other.label.endswith(entry.label) for other in entries)
    before = r"(?:^|#011|[^-\w.:/@])" if others else ""
    wide = "*" if entry.joint.strip() else "+"
    joint = re.sub(r"\s+", f" {wide}", _escaped(entry.joint))
    return f"{before}{_escaped(entry.label)}{joint}{number}"


def _escaped(text: str) -> str:
    """Escape what regexes have a meaning for, and nothing else: engines differ in what else may be escaped."""
    return _METACHARACTERS.sub(r"\\\g<0>", text)


def likeness(name: str, label: str) -> float:
    """Return how alike two names of metrics are, from 0 to 1; one that says more than the other is alike."""
    one, other = _words(name), _words(label)
    ratio = difflib.SequenceMatcher(None, " ".join(one), " ".join(other)).ratio()
    contained = bool(one and other) and (set(one) <= set(other) or set(other) <= set(one))
    return max(ratio, (_ALIKE + ratio) / 1.6) if contained else ratio


def _words(name: str) -> list[str]:
    aliases = {"val": "validation", "valid": "validation", "training": "train", "acc": "accuracy"}
    words = re.findall(r"[a-z]+|\d+", name.lower())
    return [aliases.get(word, word) for word in words]
