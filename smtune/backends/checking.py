"""Everything about a job that can be known before it is paid for: ``smtune check``.

The spec against the rules of the place where it is to run, its metric regexes on the log of a short trial here, and,
with credentials, what the account has. What could not be looked at is listed, never passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smtune.amt.images import built_in_metrics, image_uri
from smtune.amt.metrics import (
    MetricProof,
    Verdict,
    metric_regexes,
    objective_problem,
    prove_metrics,
    reported_metrics,
)
from smtune.backends.account_questions import AccountOptions, ask_account
from smtune.backends.amt_plan import examine
from smtune.backends.amt_request_cost import request_cost
from smtune.backends.base import Backend, Plan
from smtune.backends.local_mode import LocalModeBackend
from smtune.backends.rehearsal import Rehearsal, rehearse
from smtune.errors import Problem, SpecError
from smtune.metric_lines import LONGEST_LINE, LONGEST_LOG, LogFile, read_log, without_tracebacks
from smtune.spec import Goal, TuningSpec
from smtune.spec.problems import closest
from smtune.trial import TrialStatus

_SHOWN_LINES = 8

_ANY_REGION = "us-east-1"
"""Containers are the same everywhere."""

_BETTER = {Goal.Maximize: "higher", Goal.Minimize: "lower"}


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found.

    Attributes:
        problems: What is wrong, all at once.
        warnings: What is legal, and should be known first.
        proofs: What each metric regex read.
        unchecked: What could not be checked, and why.
        plan: What would be submitted; ``None`` if there are problems that keep it from being known.
        rehearsal: The trial that was run here, or ``None``.
    """

    problems: tuple[Problem, ...]
    warnings: tuple[str, ...] = ()
    proofs: tuple[MetricProof, ...] = ()
    unchecked: tuple[str, ...] = ()
    plan: Plan | None = None
    rehearsal: Rehearsal | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "ok": not self.problems,
            "problems": [
                {"field": one.field, "value": _plain(one.value), "rule": one.rule, "fix": one.fix, "source": one.source}
                for one in self.problems
            ],
            "warnings": list(self.warnings),
            "metrics": list(map(_proof, self.proofs)),
            "unchecked": list(self.unchecked),
            "estimate": None if self.plan is None or self.plan.estimate is None else self.plan.estimate.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Looks:
    """How far a check goes.

    Attributes:
        log: What a training printed, to be read instead of running one.
        trial: Whether to run a short trial here.
        seconds: How long it may take.
        account: Whether to ask AWS; ``None`` if there seem to be credentials.
    """

    log: Path | None = None
    trial: bool = True
    seconds: float = 60.0
    account: bool | None = None


def check(
    spec: TuningSpec, backend: Backend, looks: Looks, *, name: str | None = None, account: AccountOptions | None = None
) -> Check:
    """Return everything that is wrong with a job, and what could not be looked at.

    Args:
        spec: What to tune.
        backend: Where it is to run.
        looks: How far to go.
        name: Name of the job; by default the spec's own.
        account: Which account is asked, and where.
    """
    options = account or AccountOptions()
    on_aws = backend.name == "amt"
    problems, plan = _plan(spec, backend, name, options)
    found = _prove(spec, looks, backend) if spec.training is not None or looks.log is not None else _Proved()
    # What is missing here was told by the plan, too.
    known = {problem.field for problem in problems}
    problems += [problem for problem in found.problems if problem.field not in known]
    unchecked = list(found.unchecked)
    if on_aws:
        refused, open_questions = ask_account(spec, plan, options, wanted=looks.account)
        problems += refused
        unchecked += open_questions
    if plan is not None and found.rehearsal is not None and found.rehearsal.status is TrialStatus.Completed:
        cost = request_cost(plan.request, plan.spec, found.rehearsal.seconds) if on_aws else None
        plan = plan if cost is None else replace(plan, estimate=cost.estimate)
    warnings = [*(plan.warnings if plan is not None else ()), *found.warnings]
    return Check(tuple(problems), tuple(warnings), found.proofs, tuple(unchecked), plan, found.rehearsal)


def _plan(
    spec: TuningSpec, backend: Backend, name: str | None, options: AccountOptions
) -> tuple[list[Problem], Plan | None]:
    if backend.name == "amt":
        findings = examine(spec, name=name, region=options.region, profile=options.profile)
        return list(findings.problems), findings.plan
    try:
        return [], backend.plan(spec, name=name)
    except SpecError as error:
        return list(error.problems), None


@dataclass(frozen=True, slots=True)
class _Proved:
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    proofs: tuple[MetricProof, ...] = ()
    unchecked: tuple[str, ...] = ()
    rehearsal: Rehearsal | None = None


def _prove(spec: TuningSpec, looks: Looks, backend: Backend) -> _Proved:
    """Try the metric regexes on what a training prints."""
    if looks.log is not None:
        try:
            return _of_log(spec, _text_log(looks.log), None)
        except SpecError as error:
            return _Proved(problems=error.problems)
    if spec.training is not None and spec.training.entry_point is None:
        return _of_containers(spec)
    if not looks.trial:
        return _Proved(unchecked=("metrics: no trial was run here, and no --log was given",))
    try:
        placement = backend.placement(spec) if isinstance(backend, LocalModeBackend) else None
        rehearsal = rehearse(spec, seconds=looks.seconds, placement=placement)
    except SpecError as error:
        reasons = "; ".join(f"{one.field} {one.rule}" for one in error.problems)
        return _Proved(unchecked=(f"metrics: no trial can be run here ({reasons}); give the log of one with --log",))
    return _of_log(spec, rehearsal.log, rehearsal)


def _text_log(path: Path) -> LogFile:
    log = read_log(path)
    if log.binary:
        fix = "name a file with what a training printed"
        raise SpecError([Problem("log", str(path), "is a binary file", fix)])
    return log


def _of_log(spec: TuningSpec, log: LogFile, rehearsal: Rehearsal | None) -> _Proved:
    # Code in a traceback is no metric, and a training that works shows none.
    lines = log.lines if rehearsal is None else without_tracebacks(log.lines)
    reported = reported_metrics(lines)
    regexes = metric_regexes(spec.metrics, spec.objective.metric, reported)
    proofs = tuple(prove_metrics(regexes, lines))
    missing = objective_problem(spec.metrics, spec.objective.metric, reported)
    unseen = [one.name for one in proofs if one.verdict is Verdict.Unmatched and not one.hidden]
    if missing is not None:
        unseen = [spec.objective.metric, *(name for name in unseen if name != spec.objective.metric)]
    unchecked: list[str] = []
    if rehearsal is not None and rehearsal.status is not TrialStatus.Completed and unseen:
        # What a trial did not come to print says nothing of a regex.
        unchecked, missing = [_unseen(unseen, rehearsal)], None
        proofs = tuple(replace(one, problem=None) if one.name in unseen else one for one in proofs)
    problems = [one.problem for one in proofs if one.problem is not None and one.verdict is not Verdict.Doubtful]
    doubts = [_sentence(one.problem) for one in proofs if one.problem is not None and one.verdict is Verdict.Doubtful]
    if missing is not None:  # a regex that nobody wrote cannot be at fault
        problems = [missing, *(one for one in problems if one.field != f"metrics.{spec.objective.metric}")]
    if rehearsal is not None and rehearsal.status is TrialStatus.Failed:
        problems.insert(0, _failure(spec, rehearsal))
    warnings = (*doubts, *_untold(spec, reported), *_not_read(log))
    return _Proved(tuple(problems), warnings, proofs, tuple(unchecked), rehearsal)


def _unseen(names: Sequence[str], rehearsal: Rehearsal) -> str:
    until = f"within {rehearsal.seconds:.0f} s" if rehearsal.status is TrialStatus.Stopped else "before it failed"
    fix = "give it longer with --trial-seconds, or give the log of a whole training with --log"
    return f"metrics: the trial printed no {', '.join(names)} {until}; {fix}"


def _not_read(log: LogFile) -> Iterator[str]:
    """Yield what of a log was not looked at."""
    if log.cut:
        yield f"log: only its first {LONGEST_LOG >> 20} MiB were read"
    if log.shortened:
        lines = "1 line" if log.shortened == 1 else f"{log.shortened} lines"
        yield f"log: of {lines} only the first {LONGEST_LINE:,} characters were read"


def _sentence(problem: Problem) -> str:
    return f"{problem.subject} {problem.rule}; {problem.fix}"


def _failure(spec: TuningSpec, rehearsal: Rehearsal) -> Problem:
    script = spec.training.entry_point if spec.training is not None else None
    shown = ", ".join(f"{name} {value}" for name, value in rehearsal.configuration.items())
    rule = f"fails with {shown}: {rehearsal.failure_reason}"
    return Problem("training.entry_point", script, rule, "mend it; its last lines are below")


def _untold(spec: TuningSpec, reported: Sequence[str]) -> Iterator[str]:
    """Yield which metrics a script reports that SageMaker would not keep."""
    told = {*spec.metrics, spec.objective.metric, spec.objective.holdout_metric}
    untold = [name for name in reported if name not in told]
    if untold:
        every = ", ".join([*spec.metrics] or [spec.objective.metric])
        yield (
            f"metrics: {', '.join(untold)} {'is' if len(untold) == 1 else 'are'} reported, and SageMaker is not told of "
            f"{'it' if len(untold) == 1 else 'them'}; write metrics: [{every}, {', '.join(untold)}]"
        )


def _of_containers(spec: TuningSpec) -> _Proved:
    """Return what is known of the metrics of a container that brings its own training."""
    image = spec.training.image if spec.training is not None else None
    try:
        known = {} if image is None else built_in_metrics(image_uri(image, _ANY_REGION))
    except SpecError:  # an image that is not known was told by the plan
        known = {}
    if not known:
        return _Proved(unchecked=("metrics: the image brings its own training; give the log of one with --log",))
    metric, goal = spec.objective.metric, spec.objective.goal
    if metric not in known:
        fix = closest(metric, known, f"it has {', '.join(known)}")
        return _Proved(problems=(Problem("objective.metric", metric, "is no metric of the built-in algorithm", fix),))
    if known[metric] is not goal:
        return _Proved(warnings=(f"objective.goal = {goal}: {metric} is the better the {_BETTER[known[metric]]}",))
    return _Proved()


def last_lines(rehearsal: Rehearsal) -> Sequence[str]:
    """Return the end of what a trial printed."""
    return rehearsal.lines[-_SHOWN_LINES:]


def _proof(proof: MetricProof) -> dict[str, Any]:
    """Return a proof as plain JSON values, which know no number that is infinite or none."""
    last, value = proof.last, proof.value
    return {
        "metric": proof.name,
        "regex": proof.regex,
        "matches": proof.matches,
        "line_number": None if last is None else last.line_number,
        "line": None if last is None else last.line,
        "captured": None if last is None else last.captured,
        "number": value if value is not None and math.isfinite(value) else None,
        "verdict": proof.verdict.value,
        "suggestion": proof.suggestion,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


__all__ = ["AccountOptions", "Check", "Looks", "check", "last_lines"]
