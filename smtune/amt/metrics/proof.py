"""What each metric's regex reads from the log of a training, line by line; what it misses, and what would not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from smtune.amt.metrics.evidence import Evidence, Log
from smtune.amt.metrics.flaws import Flaw, doubt, flaw, malformed, refused
from smtune.amt.metrics.suggestions import entries_of, suggest
from smtune.errors import Problem

_DOCUMENTATION = "https://docs.aws.amazon.com/sagemaker/latest/dg/"
DEFINE_METRICS = _DOCUMENTATION + "automatic-model-tuning-define-metrics-variables.html"
METRIC_DEFINITION = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_MetricDefinition.html"


class Verdict(StrEnum):
    """What a log proves of a regex."""

    Proven = "proven"
    """It reads the whole number from every line that it is found in, and would read any other there."""
    Doubtful = "doubtful"
    """It reads this log, and may not read another one of the same training."""
    Unmatched = "never matched"
    """It is found in no line as CloudWatch shows it."""
    Wrong = "wrong"
    """It reads no number, a part of one, or that of another metric; or SageMaker does not take it."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a regex read from a line.

    Attributes:
        line_number: From 1.
        line: As CloudWatch shows it: control characters as ``#`` and three octal digits.
        captured: What the first group captured; ``None`` if it took no part.
        number: The number that this is, or ``None``.
    """

    line_number: int
    line: str
    captured: str | None
    number: float | None


@dataclass(frozen=True, slots=True)
class MetricProof:
    """What a log proves of a metric's regex.

    Attributes:
        name: Name of the metric.
        regex: As it was given.
        verdict: In a word.
        matches: In how many lines it was found.
        first: The first of them, or ``None``.
        last: The last of them, or ``None``. SageMaker takes the last value of an objective.
        problem: What is wrong, or in doubt, or ``None`` if the regex is proven; its field is ``metrics.NAME``.
        suggestion: A regex that was proven on the same log, or ``None`` if there is none, or no need for one.
        hidden: Whether it is found in no line as CloudWatch shows it, but in one as it was printed.
    """

    name: str
    regex: str
    verdict: Verdict
    matches: int = 0
    first: Match | None = None
    last: Match | None = None
    problem: Problem | None = None
    suggestion: str | None = None
    hidden: bool = False

    @property
    def value(self) -> float | None:
        """The number that was read last, which SageMaker takes for an objective, or ``None``."""
        return self.last.number if self.last is not None else None


def prove_metrics(definitions: Mapping[str, str], lines: Iterable[str], *, seconds: float = 1.0) -> list[MetricProof]:
    r"""Try the regexes of metrics on the lines of a training's log as SageMaker does.

    Each regex is searched in each line as CloudWatch shows it: a tab is ``#011`` there, and a carriage return, which ends
    no line, is ``#015``. It is proven if its first group captures a whole number in all of them, all of the same metric,
    and still does with another number in its place: ``([0-9\.]+)`` reads 0.93, and would read 1.2 from 1.2e-05.

    No regex can keep it from returning: they are searched in a process that is ended if one takes too long
    (:class:`smtune.metric_lines.BoundedSearch`).

    >>> [proof] = prove_metrics({"validation:auc": r"auc=([0-9\.]+)"}, ["validation:auc=1.2e-05"])
    >>> print(proof.problem.rule)
    your regex ([0-9\.]+) read 1.2 from "validation:auc=1.2e-05", without the exponent
    >>> proof.verdict.value, proof.suggestion
    ('wrong', 'auc=([-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?)')

    Args:
        definitions: Metric name to regex, as SageMaker gets them.
        lines: Without the newlines that end them; what is beyond 65,536 characters of a line is not looked at.
        seconds: Processor time that a regex may take for 256 lines.

    Returns:
        One for each metric, in their order.
    """
    log = Log(lines, seconds=seconds)
    log.slow(*(source for source in definitions.values() if malformed(source) is None))  # all in one process
    return [_prove(name, source, log) for name, source in definitions.items()]


def _prove(name: str, source: str, log: Log) -> MetricProof:
    broken = malformed(source)
    if broken is not None:
        return _flawed(name, source, broken, log, None)
    slow = log.slow(source)
    if slow:
        first, last = slow[source]
        longest = max(map(len, log.lines[first - 1 : last]))
        rule = f"your regex takes too long in lines {first} to {last} of the log, of up to {longest} characters"
        return _flawed(name, source, Flaw(rule, "repeat nothing that is repeated within"), log, None)
    evidence = log.evidence(source)
    found = refused(source)
    if found is not None:
        return _flawed(name, source, found, log, evidence, address=METRIC_DEFINITION)
    found = flaw(source, evidence, log)
    if found is not None:
        verdict = Verdict.Wrong if evidence.hits else Verdict.Unmatched
        return _flawed(name, source, found, log, evidence, verdict=verdict)
    found = doubt(name, source, evidence)
    if found is not None:
        return _flawed(name, source, found, log, evidence, verdict=Verdict.Doubtful)
    return MetricProof(name, source, Verdict.Proven, *_matches(evidence))


def _flawed(
    name: str,
    source: str,
    found: Flaw,
    log: Log,
    evidence: Evidence | None,
    *,
    verdict: Verdict = Verdict.Wrong,
    address: str = DEFINE_METRICS,
) -> MetricProof:
    suggestion = suggest(name, source, evidence, log)
    fix = f"use {suggestion}" if suggestion is not None else found.fix
    if suggestion is None and verdict is Verdict.Unmatched:
        labels = list(dict.fromkeys(entry.label for entry in entries_of(log)))[:8]
        fix += (
            f"; the log has numbers behind {', '.join(labels)}" if labels else "; the log has no numbers behind words"
        )
    problem = Problem(f"metrics.{name}", source, found.rule, fix, address)
    hidden = evidence is not None and not evidence.hits and evidence.raw_only is not None
    return MetricProof(
        name, source, verdict, *_matches(evidence), problem=problem, suggestion=suggestion, hidden=hidden
    )


def _matches(evidence: Evidence | None) -> tuple[int, Match | None, Match | None]:
    if evidence is None or not evidence.hits:
        return 0, None, None
    hits = evidence.hits
    first, last = (Match(hit.line_number, hit.shown, hit.captured, hit.number) for hit in (hits[0], hits[-1]))
    return len(hits), first, last
