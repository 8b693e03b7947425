"""The check of a ``CreateHyperParameterTuningJob`` request, before anything is sent, and of ``CreateTrainingJob``.

Everything at once: what the service model demands of each member, and the rules between members that AWS's pages and
its answers state. Pure: nothing is asked of AWS, and no AWS library is needed::

    from smtune.amt.limits import Severity, check_request

    refused = [found for found in check_request(request) if found.severity is Severity.error]

What only an account can tell is left out: whether role, bucket, image and parents exist, and what is left of quotas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smtune.amt.rules import LIMITS, RULES, TRAINING_RULES, Finding, Limit, Rule
from smtune.amt.rules.reading import Job, TrainingRequest
from smtune.amt.shapes import check_shapes
from smtune.amt.violations import Path, Severity, Violation, dotted, shareable

__all__ = ["LIMITS", "RULES", "Limit", "Rule", "Severity", "Violation", "check_request", "check_training_request"]


def check_request(request: Mapping[str, Any]) -> list[Violation]:
    """Return all that is wrong with a request, in the order of the request; what is missing comes after what is there.

    Never raises, whatever JSON holds. A value of the wrong type is reported once, and counts as absent for the rules
    between members.

    Args:
        request: As boto3 takes it.
    """
    violations = check_shapes(request)
    if isinstance(request, Mapping):
        job = Job(request)
        violations += [_violation(rule, found) for rule in RULES for found in rule.find(job)]
    return sorted(violations, key=lambda violation: _place(request, violation.path))


def check_training_request(request: Mapping[str, Any]) -> list[Violation]:
    """Return which rules between its members a ``CreateTrainingJob`` request breaks, in the order of the request.

    Never raises, whatever JSON holds. What the service model demands of each member is left to botocore's own model,
    which has the shapes of this request.

    Args:
        request: As boto3 takes it.
    """
    job = TrainingRequest(request)
    violations = [_violation(rule, found) for rule in TRAINING_RULES for found in rule.find(job)]
    return sorted(violations, key=lambda violation: _place(request, violation.path))


def _violation(rule: Rule, found: Finding) -> Violation:
    value = shareable(found.path, found.value)
    message = found.message or f"{dotted(found.path)} {found.rule}"
    return Violation(found.path, value, found.rule, found.fix, rule.source, found.severity, message)


def _place(request: object, path: Path) -> list[int]:
    """Return where a path lies in a request, as a key to sort by."""
    places: list[int] = []
    here: Any = request
    for part in path:
        if isinstance(here, Mapping):
            names = [str(name) for name in here]
            places.append(names.index(str(part)) if str(part) in names else len(names))
            here = here.get(part)
        else:
            places.append(part if isinstance(part, int) else 0)
            here = here[part] if isinstance(here, list | tuple) and isinstance(part, int) and part < len(here) else None
    return places
