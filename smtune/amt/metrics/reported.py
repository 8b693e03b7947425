"""The metrics that a script reports with :func:`smtune.container.report`, and the regexes that SageMaker needs for them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from smtune.amt.metrics.suggestions import likeness
from smtune.container.reporting import metric_regex, parse_report
from smtune.errors import Problem

_ALIKE = 0.6


def reported_metrics(lines: Iterable[str]) -> list[str]:
    """Return the names of the metrics that a log reports, in the order in which they first come.

    >>> reported_metrics(["smtune: step=0; train:auc=0.9; validation:auc=0.8", "auc=0.7"])
    ['train:auc', 'validation:auc']
    """
    names: dict[str, None] = {}
    for line in lines:
        for state in line.split("\r"):
            report = parse_report(state)
            names |= dict.fromkeys(report.metrics if report is not None else {})
    return list(names)


def metric_regexes(metrics: Mapping[str, str], objective: str, reported: Iterable[str]) -> dict[str, str]:
    """Return the metrics that SageMaker must be told of, the objective first, with their regexes.

    Args:
        metrics: Metric name to regex, for what is printed and not reported.
        objective: Name of the objective metric.
        reported: Names of metrics that are reported.
    """
    regexes = dict(metrics)
    for name in (objective, *reported):
        if name not in regexes:
            try:
                regexes[name] = metric_regex(name)
            except ValueError:  # only the objective's: see `objective_problem`
                continue
    return dict(sorted(regexes.items(), key=lambda item: item[0] != objective))


def objective_problem(metrics: Mapping[str, str], objective: str, reported: Iterable[str]) -> Problem | None:
    """Return what is wrong if the objective is neither reported nor found by a regex.

    >>> print(objective_problem({}, "validation:auc", ["train-auc", "validation-auc"]))
    objective.metric = validation:auc: is not reported; the log has train-auc, validation-auc; did you mean validation-auc?

    Args:
        metrics: Metric name to regex.
        objective: Name of the objective metric.
        reported: Names of metrics that are reported.
    """
    names = list(dict.fromkeys([*reported, *metrics]))
    if objective in names:
        return None
    if not names:
        fix = f"call smtune.container.report({{{objective!r}: ...}}), or give the regex of a printed line in metrics"
        return Problem("objective.metric", objective, "is not reported, and metrics has no regex for it", fix)
    nearest = max(names, key=lambda name: likeness(objective, name))
    alike = likeness(objective, nearest) >= _ALIKE or bool(difflib.get_close_matches(objective, [nearest]))
    fix = f"did you mean {nearest}?" if alike else "name one of them, or report it"
    return Problem("objective.metric", objective, f"is not reported; the log has {', '.join(names)}", fix)
