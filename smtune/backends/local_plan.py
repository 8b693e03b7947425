"""What the local backend checks before it starts anything."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from smtune.backends.base import Plan
from smtune.backends.training_files import file_problems
from smtune.backends.warm_start import plan_warm_start
from smtune.errors import LoweringError, Problem, SpecError
from smtune.spec import Training, TuningSpec
from smtune.store import WarmStarted
from smtune.strategies import strategy_of
from smtune.strategies.presets import choose, preset_outline, shared_trials
from smtune.warm_starts import warnings_of

_OPEN_FILES, _OPEN_FILES_PER_TRIAL = 40, 6
"""Descriptors of this process: store, locks and libraries; log, pipe and link of a trial, and those on their way."""


def plan_local(spec: TuningSpec, *, function: object, name: str | None) -> Plan:
    """Return the plan of a job on this machine.

    Args:
        spec: What to tune.
        function: The Python function that takes the place of the spec's training, if there is one.
        name: Name of the job; by default the spec's own, or one made from the time.

    Raises:
        SpecError: Something is missing or wrong.
        LoweringError: The spec is fine, and needs another backend.
        MissingExtraError: It needs an optional package.
    """
    return plan_here(
        spec,
        backend="local",
        name=name,
        problems=[*source_problems(spec.training, function), *limit_problems(spec, function)],
        lowering=[*lowering_problems(spec)],
        warnings=[*search_warnings(spec, function)],
    )


def plan_here(
    spec: TuningSpec,
    *,
    backend: str,
    name: str | None,
    problems: Sequence[Problem],
    lowering: Sequence[Problem],
    warnings: Sequence[str],
) -> Plan:
    """Return the plan of a job whose strategy decides here.

    Args:
        spec: What to tune.
        backend: Where it will run.
        name: Name of the job; by default the spec's own, or one made from the time.
        problems: What the backend has found wrong.
        lowering: What needs another backend.
        warnings: What else the user should know.

    Raises:
        SpecError: Something is missing or wrong.
        LoweringError: The spec is fine, and needs another backend.
        MissingExtraError: It needs an optional package.
    """
    chosen = name or spec.name or time.strftime("tuning-%y%m%d-%H%M%S-") + secrets.token_hex(2)
    named = spec if spec.name == chosen else TuningSpec.from_dict({**spec.to_dict(), "name": chosen})
    problems = list(problems)
    warm_start: WarmStarted | None = None
    try:
        warm_start = plan_warm_start(spec)
    except SpecError as error:
        problems += error.problems
    problems += _strategy_problems(spec, warm_start) if spec.parameters else ()
    if problems:
        raise SpecError([*problems, *lowering])
    if lowering:
        raise LoweringError(lowering)
    return Plan(
        backend=backend,
        name=chosen,
        spec=named,
        request=named.to_dict(),
        trials=named.planned_trials,
        warnings=(*warnings, *(() if warm_start is None else warnings_of(warm_start, spec.baseline))),
        warm_start=warm_start,
        schedule=tuple(_schedule(spec)),
    )


def _schedule(spec: TuningSpec) -> list[str]:
    strategy, limits = spec.strategy, spec.limits
    configurations = shared_trials(limits.max_trials, spec.repeats.min)
    if strategy.type == "chain" and strategy.preset is not None:
        return preset_outline(strategy.preset, spec.parameters, configurations=configurations, repeats=spec.repeats.min)
    if strategy.type == "auto":
        choice = choose(spec.parameters, configurations=configurations, max_parallel=limits.max_parallel)
        return [f"auto chose {choice.reason}"]
    if strategy.type not in ("hyperband", "asha") or strategy.resource is None:
        return []
    from smtune.strategies.multifidelity import outline

    return outline(strategy, strategy.resource, max_trials=limits.max_trials)


def source_problems(training: Training | None, function: object) -> Iterator[Problem]:
    """Yield what is missing on this machine of what a trial runs."""
    if function is not None:
        if training is not None:
            yield Problem(
                "training", "given", "and a function cannot both be what a trial runs", "leave one of them out"
            )
        if not callable(function):
            yield Problem("function", function, "cannot be called", "give a function(parameters) -> float")
        return
    if training is None:
        fix = "name training.entry_point, or give tune(spec, function=...) a Python function"
        yield Problem("training", None, "is missing: there is nothing to train", fix)
        return
    yield from file_problems(training)
    if training.output is not None and "://" not in training.output and Path(training.output).is_file():
        yield Problem("training.output", training.output, "is a file", "name a folder")


def _strategy_problems(spec: TuningSpec, warm_start: WarmStarted | None) -> Iterator[Problem]:
    """Yield what only the strategy itself knows of its settings, e.g. a step of a chain that never ends."""
    try:
        strategy = strategy_of(spec)
    except SpecError as error:
        yield from (problem.under("strategy") for problem in error.problems)
        return
    if warm_start is not None:
        strategy.warm_start(warm_start.learned)
        if spec.baseline is not None:
            strategy.enqueue(spec.baseline)
        if strategy.exhausted and not warm_start.tried_first:
            names = ", ".join(parent["name"] for parent in warm_start.parents)
            rule = "leave nothing to try: they have trained every configuration"
            yield Problem("warm_start.parents", names, rule, "widen the ranges, or leave a parent out")


def limit_problems(spec: TuningSpec, function: object) -> Iterator[Problem]:
    """Yield an amount of money without a price, and more trials at a time than this process may have files open for."""
    if spec.limits.price_problem is not None:
        yield spec.limits.price_problem
    if function is not None:
        return
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _OPEN_FILES + _OPEN_FILES_PER_TRIAL * spec.limits.max_parallel
    if most not in (resource.RLIM_INFINITY, -1) and most < needed:
        rule = f"needs up to {needed} open files, and this process may have {most}"
        yield Problem("limits.max_parallel", spec.limits.max_parallel, rule, f"lower it, or call `ulimit -n {needed}`")


def lowering_problems(spec: TuningSpec) -> Iterator[Problem]:
    """Yield what needs another backend than ``local``."""
    for key in ("image", "algorithm") if spec.training is not None else ():
        if getattr(spec.training, key) is not None:
            fix = "name its training script with training.entry_point, or use backend local-mode"
            rule = "cannot run without what stands for its container"
            yield Problem(f"training.{key}", getattr(spec.training, key), rule, fix)
    yield from remote_problems(spec, "local")


def remote_problems(spec: TuningSpec, backend: str) -> Iterator[Problem]:
    """Yield what no backend of this machine can do: what lies in S3, and what only AWS's own tuning has.

    Args:
        spec: What to tune.
        backend: Which of them it is.
    """
    training = spec.training
    if spec.definitions is not None:
        rule = "are for SageMaker, which tunes several algorithms in one job"
        yield Problem("definitions", sorted(spec.definitions), rule, "use backend amt, or a job for each of them")
    if not spec.parameters:
        rule = "is left to SageMaker's Autotune, which is not here"
        yield Problem("parameters", {}, rule, "use backend amt, or name what may vary")
    if training is None:
        return
    if training.entry_point is not None and training.has_remote_code:
        fix = "copy it here, and name the folder"
        yield Problem("training.source_dir", training.source_dir, f"cannot be read by backend {backend}", fix)
    for name, channel in training.channels.items():
        if channel.is_remote:
            fix = f"copy it here (aws s3 sync {channel.source} data/{name}) and name that folder"
            yield Problem(f"training.channels.{name}", channel.source, f"cannot be read by backend {backend}", fix)
    if training.output is not None and "://" in training.output:
        fix = "name a folder, or leave it out"
        yield Problem("training.output", training.output, f"cannot be written by backend {backend}", fix)


def search_warnings(spec: TuningSpec, function: object) -> Iterator[str]:
    """Yield what is legal and may not be meant, of any job whose strategy decides here."""
    if function is not None and spec.metrics:
        yield "metrics: regular expressions are for scripts; a function returns or reports its metrics"
    if spec.selection is not None and spec.repeats.max == 1:
        yield (
            f"selection: {spec.selection.rule} takes standard errors: set repeats: 3, or report "
            f'"{spec.objective.metric}:se" as the cross-validation of training_containers does'
        )
    planned = spec.planned_trials
    if planned is not None and spec.limits.max_parallel > planned:
        yield f"limits.max_parallel = {spec.limits.max_parallel} is more than the number of trials, {planned}"
    short = [name for name in (*spec.parameters, *spec.static) if len(name) == 1]
    if short and function is None:
        shown = ", ".join(f"-{name}" for name in short)
        yield f"one-letter hyperparameters reach the script's command line as {shown}, as SageMaker's toolkit passes them"
