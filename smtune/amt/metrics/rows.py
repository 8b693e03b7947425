"""Proofs of metric regexes as rows of a table for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from smtune.amt.metrics.proof import Match, MetricProof

_WIDEST = 60


class ProofRow(NamedTuple):
    """What a regex read, as texts.

    Attributes:
        metric: Name of the metric.
        matches: In how many lines the regex was found.
        line: The last of them, with its number; shortened around what was captured.
        number: What was read there last.
        verdict: In a word.
    """

    metric: str
    matches: str
    line: str
    number: str
    verdict: str


def proof_rows(proofs: Iterable[MetricProof]) -> list[ProofRow]:
    """Return a row for each metric.

    Numbers are shown as they were printed; what is read instead of a number is in quotation marks.
    """
    return [
        ProofRow(proof.name, str(proof.matches), _line(proof.last), _number(proof.last), proof.verdict)
        for proof in proofs
    ]


def _line(match: Match | None) -> str:
    if match is None:
        return ""
    line = match.line.strip()
    if len(line) > _WIDEST:
        end = line.find(match.captured or "") + len(match.captured or "")
        start = max(0, min(end - _WIDEST * 2 // 3, len(line) - _WIDEST))
        shown = line[start : start + _WIDEST]
        line = ("..." if start else "") + shown + ("..." if start + _WIDEST < len(line) else "")
    return f"{match.line_number}: {line}"


def _number(match: Match | None) -> str:
    if match is None or match.captured is None:
        return ""
    return match.captured if match.number is not None else f'"{match.captured[:_WIDEST]}"'
