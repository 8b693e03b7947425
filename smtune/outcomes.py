"""From what a runner reports to what the log and the strategy are told: the states of a trial, and its outcome."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import replace

from smtune.runners.base import Ended, Measured
from smtune.stopping import Decision
from smtune.store import TrialEnded, TrialMeasured
from smtune.trial import Trial, TrialStatus


def fresh(trial: Trial) -> Trial:
    """Return a trial that starts; one that was paused before goes on from what it reported."""
    if trial.paused:
        return replace(trial, started_at=None)
    return Trial(trial.number, trial.parameters, origin=trial.origin, repeat=trial.repeat, resource=trial.resource)


def measured(trial: Trial, event: Measured | TrialMeasured, *, metric: str) -> Trial:
    """Return a trial after a report.

    Args:
        trial: As it stood.
        event: What it reported.
        metric: Name of the objective.
    """
    return replace(
        trial,
        metrics={**trial.metrics, **event.metrics},
        step=trial.step if event.step is None else event.step,
        objective=event.metrics.get(metric, trial.objective),
    )


def ended(trial: Trial, outcome: TrialEnded) -> Trial:
    """Return a trial with its outcome."""
    return replace(
        trial,
        status=outcome.status,
        objective=outcome.objective,
        failure_reason=outcome.reason,
        ended_at=outcome.at,
        paused=outcome.paused,
        metrics=trial.metrics if outcome.metrics is None else outcome.metrics,
    )


def judge(
    trial: Trial, event: Ended, *, metric: str, decision: Decision | None = None, stop_reason: str | None = None
) -> TrialEnded:
    """Return the outcome of a trial: code that ends well has failed all the same without a usable objective.

    Args:
        trial: With all that it reported.
        event: How its code ended.
        metric: Name of the objective.
        decision: That it was to stop, if that was decided on what it had reported.
        stop_reason: Why else it was asked to stop, if it was.
    """
    if decision is not None:
        return _decided(event, decision)
    status, reason, objective = event.status, event.reason, trial.metrics.get(metric)
    if status is TrialStatus.Stopped:
        reason = stop_reason or reason
    elif status is TrialStatus.Completed:
        reason = _without_result(metric, trial, event.reason)
        status = TrialStatus.Completed if reason is None else TrialStatus.Failed
    return TrialEnded(
        number=event.number,
        status=status,
        objective=None if status is TrialStatus.Failed else _usable(objective),
        reason=reason,
        log_tail=list(event.log_tail),
        at=event.at,
    )


def _decided(event: Ended, decision: Decision) -> TrialEnded:
    """Return what was decided, however the code ended afterwards: that depends on how soon it heard."""
    return TrialEnded(
        number=event.number,
        status=TrialStatus.Stopped,
        objective=_usable(decision.objective),
        reason=decision.reason,
        log_tail=list(event.log_tail),
        paused=decision.goes_on,
        ran_out=decision.goes_on and event.status is TrialStatus.Completed,
        metrics=dict(decision.metrics),
        at=event.at,
    )


def _usable(objective: float | None) -> float | None:
    return objective if objective is not None and math.isfinite(objective) else None


def _without_result(metric: str, trial: Trial, remark: str | None) -> str | None:
    """Return why a trial that ended well has no usable objective, or ``None`` if it has one."""
    objective = trial.metrics.get(metric)
    if objective is None:
        return _missing_objective(metric, trial.metrics, remark)
    if not math.isfinite(objective):
        where = "" if trial.step is None else f" at step {trial.step}"
        return f"reported {metric} = {objective}{where}"
    return None


def _missing_objective(metric: str, reported: Mapping[str, float], remark: str | None) -> str:
    """Return why a trial that ended well has no objective, with what may help."""
    known = ", ".join(sorted(reported)) or "no metric at all"
    near = difflib.get_close_matches(metric, reported, n=1)
    if near:
        hint: str | None = f"did you mean {near[0]!r}?"
    elif remark is None and not reported:
        hint = "call smtune.container.report in the script, or name a regular expression under metrics"
    else:
        hint = remark
    return "; ".join(filter(None, (f"never reported the objective {metric!r}", f"it reported {known}", hint)))
