"""What came of a job, in a few lines for the person who ran it."""

from __future__ import annotations

from smtune.progress.texts import (
    clean,
    duration_text,
    left_out_text,
    mean_text,
    objective_text,
    parameters_text,
    trials_text,
)
from smtune.results import (
    JobStatus,
    TuningResult,
    WarmStartParent,
    WarmStartResult,
    stopped_early,
    was_interrupted,
)
from smtune.spec import Goal, WarmStartType
from smtune.trial import Trial, TrialStatus

_SHOWN_CAUSES = 5
_SHOWN_NUMBERS = 8
_SHOWN_HOLDOUTS = 4


def summary(result: TuningResult, *, trials_shown: bool = False, reference: str | None = None) -> str:
    """Return how the job ended, its best trial, the untuned default beside it, failures by cause, and what to do next.

    Args:
        result: A job, at its end or under way.
        trials_shown: Whether the trials themselves are in sight already: who asked for them is also told why no
            expected score can be given.
        reference: How commands are told of the job, by default by its name.

    Returns:
        Lines without a final line end, safe to print whatever the scripts reported.
    """
    lines = [_headline(result)]
    best = result.best
    if best is not None:
        lines.append(_line("best", f"{_score(result, best)}   {parameters_text(best.parameters, ', ')}".rstrip()))
        lines += _picked(result)
        lines += _expected(result, explain=trials_shown)
        lines += _comparison(result, best)
        lines += [_line("warning", clean(text)) for text in (result.warning,) if text is not None]
    if result.isolation is not None:
        lines.append(_line("where", clean(result.place)))
    if result.cost_usd is not None:
        lines.append(_line("cost", f"{result.cost_usd:.2f} USD for {duration_text(result.trial_seconds)} of trials"))
    if result.warm_start is not None:
        lines.append(f"  {_warm_start_text(result.warm_start)}{_best_of_parents(result)}")
    lines += [_line("failed", text) for text in _causes(result)]
    commands = [
        command
        for command in _next_commands(result, clean(reference or result.name))
        if not (trials_shown and "smtune show" in command)
    ]
    if commands:
        lines.append(_line("next", " · ".join(commands)))
    return "\n".join(lines)


def without_result(result: TuningResult) -> str:
    """Return why a job has no best trial."""
    name = clean(result.name)
    if result.counts["Completed"]:
        return f"no trial of {name} has a result: its trials reported no {clean(result.metric)}"
    return f"no trial of {name} has completed (it is {result.status})"


def _line(label: str, text: str) -> str:
    return f"  {label:<8} {text}"


def _score(result: TuningResult, trial: Trial) -> str:
    known = next((one for one in result.evaluations if one.trial.number == trial.number), None)
    score = objective_text(trial.objective)
    if known is not None:
        score = mean_text(trial.objective, known.standard_error, known.trainings)
    return f"trial {trial.number}   {clean(result.metric)} {score}"


def _picked(result: TuningResult) -> list[str]:
    """Return which configuration the rule of selection recommends, and why."""
    chosen, best = result.pick, result.best
    if chosen is None:
        return []
    trial = chosen.evaluation.trial
    if trial is best:
        return [_line("picked", f"the best: {clean(chosen.reason)}")]
    text = f"{_score(result, trial)}   {parameters_text(trial.parameters, ', ')}"
    return [_line("picked", text), _line("", clean(chosen.reason))]


def _expected(result: TuningResult, *, explain: bool) -> list[str]:
    """Return what the best is expected to score, or why that cannot be told."""
    known, best = result.expectation, result.best
    if known is None or best is None:
        return []
    if isinstance(known, str):
        return [_line("expected", f"not estimated: {known}")] if explain else []
    expected = objective_text(result.goal.sign * known.loss)
    operation = "minus" if result.goal is Goal.Maximize else "plus"
    optimism = f"{known.optimism:.2g} optimism of choosing among {known.among}"
    return [
        _line(
            "expected",
            f"{clean(result.metric)} {expected}   (best {objective_text(best.objective)} {operation} {optimism})",
        )
    ]


def _headline(result: TuningResult) -> str:
    counts = result.counts
    name, status = clean(result.name), result.status
    most = "at most " if result.repeats.race else ""
    of = f" of {most}{result.planned_trials}" if result.planned_trials is not None else ""
    if status is JobStatus.Stopped:
        kept = sum(trial.status.ended and not was_interrupted(trial) for trial in result.trials)
        onward = f"continue with: smtune resume {name}" if result.resumable else f"build on it: warm_start: [{name}]"
        return f"{name} {status}: {kept}{of} trials kept · {onward}"
    took = "" if result.started_at is None or result.ended_at is None else _took(result.ended_at - result.started_at)
    early = sum(map(stopped_early, result.trials))
    took = f", {early} stopped early{took}" if early else took
    reason = f" · {clean(result.failure_reason)}" if result.failure_reason else ""
    return f"{name} {status}: {counts['Completed']}{of} trials{took}{reason}"


def _took(seconds: float) -> str:
    return f" in {duration_text(max(0.0, seconds))}"


def _comparison(result: TuningResult, best: Trial) -> list[str]:
    """Return what the best and the untuned default scored, above all on data that took no part in the selection."""
    default = result.baseline
    lines = []
    if default is not None and default.objective is not None:
        note = "the best as well" if default is best else "untuned"
        lines.append(_line("default", f"{_score(result, default)}   ({note})"))
    elif default is not None and default.status.ended:
        lines.append(_line("default", f"trial {default.number}   {default.status} without a result"))
    holdout = result.holdout(best)
    untuned = result.holdout(default) if default is not None and default is not best else {}
    twin = result.holdout_metric
    for name in sorted(holdout, key=lambda name: (name != twin, name))[:_SHOWN_HOLDOUTS]:
        text = f"{clean(name)} {objective_text(holdout[name])}"
        if name in untuned:
            text += f"   (untuned default {objective_text(untuned[name])}"
            gain = result.goal.sign * (untuned[name] - holdout[name])
            text += ": tuning gained nothing here)" if name == twin and not gain > 0 else ")"
        lines.append(_line("holdout", text))
    return lines


def _warm_start_text(warm_start: WarmStartResult) -> str:
    how = "" if warm_start.type == WarmStartType.IdenticalDataAndAlgorithm else "tried first, the best of "
    return f"warm start: {how}{', '.join(map(_parent_text, warm_start.parents))}"


def _parent_text(parent: WarmStartParent) -> str:
    used = clean(parent.name) if parent.used is None else f"{trials_text(parent.used)} of {clean(parent.name)}"
    return f"{used} ({clean(left_out_text(parent.left_out))})" if parent.left_out else used


def _best_of_parents(result: TuningResult) -> str:
    """Return the best that the parents have, where it may be compared with the job's own."""
    parent = result.best_parent
    best = None if parent is None else parent.best
    if parent is None or best is None:
        return ""
    return f"; their best {clean(result.metric)} {objective_text(best.objective)} (trial {best.number} of {clean(parent.name)})"


def _causes(result: TuningResult) -> list[str]:
    causes = result.failures()
    texts = []
    for cause, numbers in list(causes.items())[:_SHOWN_CAUSES]:
        shown = ", ".join(str(number) for number in numbers[:_SHOWN_NUMBERS])
        more = ", ..." if len(numbers) > _SHOWN_NUMBERS else ""
        plural = "s" if len(numbers) > 1 else ""
        texts.append(f"{len(numbers)} x {clean(cause)}   (trial{plural} {shown}{more})")
    if len(causes) > _SHOWN_CAUSES:
        texts.append(f"and {len(causes) - _SHOWN_CAUSES} more causes")
    return texts


def _next_commands(result: TuningResult, name: str) -> list[str]:
    if not result.status.ended:
        running = [trial.number for trial in result.trials if trial.status is TrialStatus.InProgress]
        return [
            f"smtune watch {name}",
            *(f"smtune logs {name} {number} --follow" for number in running[:1]),
            f"smtune stop {name}",
        ]
    failures = result.failures()
    commands = [f"smtune show {name}"]
    commands += [f"smtune logs {name} {numbers[0]}" for numbers in list(failures.values())[:1]]
    return [*commands, f"smtune best {name} --output json"] if result.best is not None else commands
