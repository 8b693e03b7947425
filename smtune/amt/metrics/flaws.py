"""What is wrong with a regex, given what it finds in a log; and what would be, had the log other numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smtune.amt.metrics.evidence import SPLITS, Evidence, Hit, Log, number_in
from smtune.amt.metrics.passed import passed_over
from smtune.metric_lines import NUMBER, groups_of, not_portable

_LONGEST_REGEX = 500  # MetricDefinition.Regex of the service
_OTHER_NUMBERS = ("1.2e-05", "-0.3")
_FIX = f"let its first group be {NUMBER}, behind words that only this metric has"


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong.

    Attributes:
        rule: In words, with the number and the line.
        fix: What to do about it if no regex can be proven in its place.
    """

    rule: str
    fix: str = _FIX


def malformed(source: str) -> Flaw | None:
    """Return why a regex cannot be tried at all."""
    try:
        pattern = re.compile(source)
    except re.error as error:
        return Flaw(f"your regex is no regular expression: {error}")
    return None if pattern.groups else Flaw("your regex has no group that holds the number")


def refused(source: str) -> Flaw | None:
    """Return why SageMaker does not take a regex, or takes it for another."""
    if len(source) > _LONGEST_REGEX:
        return Flaw(f"your regex has {len(source)} characters, and SageMaker takes {_LONGEST_REGEX}")
    python_only = not_portable(source)
    if python_only is None:
        return None
    return Flaw(f"your regex has {python_only}, which Python understands and other engines do not")


def flaw(source: str, evidence: Evidence, log: Log) -> Flaw | None:
    """Return why SageMaker does not read the metric from this log, or not the number that it should.

    Args:
        source: A regex that does not take too long.
        evidence: What it finds in the log.
        log: The log.
    """
    if not evidence.hits:
        return _hidden(evidence) or Flaw("your regex is found in no line of the log", "print the metric")
    group = _group(source)
    for hit in evidence.hits:
        found = _misses_number(group, hit)
        if found is not None:
            return found
    last = evidence.hits[-1]
    if last.number is None:
        return _no_number(group, last)
    return (
        _reads_first_of_several(source, last)
        or _ambiguous(source, evidence.hits)
        or _passes_over(group, source, evidence, log)
        or _hidden(evidence)
    )


def doubt(name: str, source: str, evidence: Evidence) -> Flaw | None:
    """Return why SageMaker may not read the metric from another log of the same training.

    Args:
        name: Name of the metric.
        source: A regex without a flaw.
        evidence: What it finds.
    """
    group = _group(source)
    for hit in evidence.hits:
        if hit.number is None:
            return _no_number(group, hit)
    if not any(math.isfinite(hit.number) for hit in evidence.hits if hit.number is not None):
        return _reads(group, evidence.hits[-1], "and no finite number from any line", fix="train until it is finite")
    return _other_split(name, evidence.hits[0]) or _loses_other_numbers(group, source, evidence.hits)


def _group(source: str) -> str:
    """Return how the group is written that reads the value."""
    first = groups_of(source)[0]
    return source[first.start : first.end]


def _hidden(evidence: Evidence) -> Flaw | None:
    if evidence.raw_only is None:
        return None
    number, found = evidence.raw_only
    return Flaw(
        f"your regex is found in line {number} as it was printed, {_quoted(repr(found)[1:-1])}, but not as CloudWatch "
        "shows it: there a tab is #011, and a carriage return is #015 and ends no line"
    )


def _misses_number(group: str, hit: Hit, verb: str = "read") -> Flaw | None:
    """Return in which way a line says another number than what was read from it."""
    if hit.captured is None:
        where = _quoted(hit.excerpt)
        return Flaw(f"your regex is found in {where}, but not with its first group, which holds the value")
    if not hit.captured:
        return _no_number(group, hit, verb)
    return None if hit.number is None else _reads_part(group, hit, hit.captured, verb)


def _reads_part(group: str, hit: Hit, captured: str, verb: str) -> Flaw | None:
    if hit.reads_escape:
        return _reads(group, hit, "with a part of #011, which is a tab as CloudWatch shows it", verb)
    (start, end), (first, last) = hit.span, hit.whole
    if (first, last) != (start, end) and number_in(hit.shown[first:last]) != hit.number:
        return _reads(group, hit, _lost(hit.shown[first:start], hit.shown[end:last]), verb)
    separated = re.match(r"[,_']\d+", hit.shown[end:])
    if separated and captured.lstrip("+-").isdigit() and hit.match.end() == hit.match.end(1):
        rule = f'your regex {group} {verb} {captured} from "{hit.excerpt}{separated[0]}"'
        return Flaw(rule, "print numbers with a point and without separators, as Python does")
    return None


def _lost(before: str, after: str) -> str:
    if after[:1] in ("e", "E"):
        return "without the exponent"
    return "without the sign" if before == "-" else "which is only a part of the number"


def _no_number(group: str, hit: Hit, verb: str = "read") -> Flaw:
    tab = " (#011 is a tab, as CloudWatch shows it)" if "#011" in str(hit.captured) else ""
    return _reads(group, hit, f"which is no number{tab}", verb)


def _passes_over(group: str, source: str, evidence: Evidence, log: Log) -> Flaw | None:
    passed = passed_over(source, evidence, log)
    if passed is None:
        return None
    last = evidence.hits[-1]
    sign = ": it does not take the sign" if passed.number.startswith(("-", "+")) else ""
    taken = f"the last value is then {last.captured} of line {last.line_number}"
    shown = _quoted(passed.excerpt)
    return Flaw(f"your regex {group} passes over {shown} in line {passed.line_number}{sign}; {taken}")


def _reads_first_of_several(source: str, hit: Hit) -> Flaw | None:
    groups = groups_of(source)
    behind = [number for number, group in enumerate(groups, 1) if group.start >= groups[0].end]
    if all(number_in((hit.match[number] or "").strip()) is None for number in behind):
        return None
    return Flaw(f"your regex has {len(groups)} groups, and the first one is read: {hit.captured} from {_line(hit)}")


def _ambiguous(source: str, hits: Sequence[Hit]) -> Flaw | None:
    for hit in hits:
        if hit.rivals:
            rule = (
                f"your regex is found {len(hit.rivals) + 1} times in a line, with different numbers: "
                f"{hit.captured} and {hit.rivals[0]} in {_line(hit)}"
            )
            if "#015" not in hit.shown:
                return Flaw(rule)
            fix = "print each state on a line of its own, or use smtune.container.report"
            return Flaw(f"{rule}; a carriage return, #015, ends no line there", fix)
    labels = _labels(source, hits)
    if len(labels) > 1:
        shown = " and ".join(_quoted(hit.excerpt) for hit in list(labels.values())[:2])
        return Flaw(f"your regex reads different metrics: {shown}")
    return None


def _labels(source: str, hits: Iterable[Hit]) -> dict[str, Hit]:
    """Return the words that values stand behind; those apart only by a number count as one, e.g. ``step3_loss``."""
    labels: dict[str, Hit] = {}
    choice = "|" in source[: groups_of(source)[0].start]
    for hit in hits:
        wanted = choice and hit.match.start() <= hit.label_start
        if hit.label and not wanted:
            labels.setdefault(re.sub(r"\d+", "0", hit.label), hit)
    return labels


def _other_split(name: str, hit: Hit) -> Flaw | None:
    named, read = _splits(set(re.findall(r"[a-z]+", name.lower()))), _splits(hit.words)
    if named and read and not named & read:
        return Flaw(f"your regex reads another part of the data than {name} names: {_line(hit)}")
    return None


def _splits(words: set[str]) -> set[int]:
    return {number for number, split in enumerate(SPLITS) if not words.isdisjoint(split)}


def _loses_other_numbers(group: str, source: str, hits: Iterable[Hit]) -> Flaw | None:
    """Try the line of the last number that is not whole with other numbers in its place."""
    hit = next((one for one in reversed(list(hits)) if not str(one.captured).lstrip("+-").isdigit()), None)
    if hit is None:
        return None
    start, end = hit.span
    log = Log([hit.shown[:start] + number + hit.shown[end:] for number in _OTHER_NUMBERS], seconds=1.0)
    if log.slow(source):
        return Flaw(f"your regex takes too long if {hit.captured} is another number in {_line(hit)}")
    found = {other.line_number: other for other in log.evidence(source).hits}
    for line_number, number in enumerate(_OTHER_NUMBERS, 1):
        other = found.get(line_number)
        if other is None:
            before = hit.shown[hit.label_start if hit.label else hit.match.start() : start]
            sign = ": it does not take the sign" if number.startswith("-") else ""
            return Flaw(f"your regex {group} would pass over {_quoted(before + number)}{sign}")
        lost = _misses_number(group, other, "would read")
        if lost is not None:
            return lost
    return None


def _reads(group: str, hit: Hit, remark: str, verb: str = "read", *, fix: str = _FIX) -> Flaw:
    captured = hit.captured or "the empty string"
    shown = captured if len(captured) <= 40 else captured[:37] + "..."
    return Flaw(f"your regex {group} {verb} {shown} from {_quoted(hit.excerpt)}, {remark}", fix)


def _line(hit: Hit) -> str:
    line = hit.shown.strip()
    return _quoted(line if len(line) <= 100 else line[:97] + "...")


def _quoted(text: str) -> str:
    return f'"{text}"'
