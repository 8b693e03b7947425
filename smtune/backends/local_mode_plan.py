"""What the ``local-mode`` backend checks before it starts anything."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from smtune.amt.images import built_in_definitions
from smtune.backends.base import Plan
from smtune.backends.local_mode_staging import algorithm_of, channel_mode, contract_of, instance_count
from smtune.backends.local_plan import limit_problems, plan_here, remote_problems, search_warnings
from smtune.backends.training_files import file_problems
from smtune.container import metric_regex
from smtune.container.reporting import HYPERGRADIENT
from smtune.errors import Problem, SpecError
from smtune.honesty.evaluation import STANDARD_ERROR
from smtune.sandbox import Rule
from smtune.sandbox.contract import MOST_HOSTS
from smtune.sandbox.docker import Limits
from smtune.sandbox.inputs import channel_problems
from smtune.sandbox.isolation import UNLIMITED, Placement, open_placement
from smtune.spec import SageMaker, Training, TuningSpec
from smtune.spec.problems import closest
from smtune.spec.selection import SECONDS
from smtune.trial import Trial

_FIELDS: Final = {
    "AlgorithmSpecification.TrainingImage": "training.image",
    "AlgorithmSpecification.AlgorithmName": "training.algorithm",
    "CheckpointConfig.LocalPath": "sagemaker.checkpoint_path",
    "HyperParameters.sagemaker_program": "training.entry_point",
}
"""What a training job calls them, to what a spec does."""

_SHOWN_METRICS: Final = 6
_TAB: Final = re.compile(r"\\t|\t")


def plan_local_mode(
    spec: TuningSpec, *, isolation: str, rules: Sequence[Rule], containers: Limits, name: str | None
) -> Plan:
    """Return the plan of a job under the container contract on this machine.

    Args:
        spec: What to tune.
        isolation: What gives each trial its ``/opt/ml``, or ``auto``.
        rules: Which programs stand for which images.
        containers: What containers may use.
        name: Name of the job; by default the spec's own, or one made from the time.

    Raises:
        SpecError: Something is missing or wrong, or the isolation cannot be had here.
        LoweringError: The spec is fine, and needs another backend.
        MissingExtraError: It needs an optional package.
    """
    problems = [*_source_problems(spec), *metric_problems(spec), *limit_problems(spec, None), *_host_problems(spec)]
    lowering = [*remote_problems(spec, "local-mode")]
    remarks: list[str] = []
    schedule: list[str] = []
    chosen: str | None = None
    try:
        placement = open_placement(isolation, algorithm_of(spec), rules=rules, limits=containers)
        if spec.training is not None and not (problems or lowering):
            remarks += _program_remarks(spec, spec.training, placement)
    except SpecError as error:
        problems += map(_in_words_of_the_spec, error.problems)
    else:
        chosen = placement.name
        schedule.append(f"{placement.name}: {placement.description}")
        remarks += _remarks(spec, placement)
        if containers != UNLIMITED and not placement.is_limited:
            rule = f"limits containers, and with isolation {placement.name} there are none"
            problems.append(Problem("containers", str(containers), rule, "use isolation docker, or leave it out"))
    schedule.append(f"metrics, by the training job's expressions: {_listed(spec)}")
    plan = plan_here(
        spec,
        backend="local-mode",
        name=name,
        problems=problems,
        lowering=lowering,
        warnings=[*search_warnings(spec, None), *remarks],
    )
    settings = {"isolation": chosen, "rules": [rule.to_dict() for rule in rules], "containers": asdict(containers)}
    return replace(plan, schedule=(*plan.schedule, *schedule), isolation=chosen, settings=settings)


def metric_definitions(spec: TuningSpec) -> Mapping[str, str]:
    """Return the metrics that a training job would be told of, with their regexes.

    As on SageMaker: those of the spec; or else those that the spec speaks of, as scripts report them with
    :func:`smtune.container.report`; and those that a container of AWS has of its own.
    """
    algorithm = algorithm_of(spec)
    built_in = built_in_definitions(algorithm.image) if spec.training and spec.training.entry_point is None else {}
    found = {**built_in, **spec.metrics} or dict(_reported(_spoken_of(spec)))
    # No expression of a user's could find them: they are reported, and SageMaker has no strategy that follows them.
    derivatives = spec.parameters if spec.strategy.type == "gradient" else ()
    return {**dict(_reported(f"{HYPERGRADIENT}{name}" for name in derivatives)), **found}


def _reported(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        with contextlib.suppress(ValueError):  # no name that a script could report
            yield name, metric_regex(name)


def _listed(spec: TuningSpec) -> str:
    """Return the metrics that are read, the objective first."""
    metric = spec.objective.metric
    names = sorted(metric_definitions(spec), key=lambda name: name != metric)
    more = f" and {len(names) - _SHOWN_METRICS} more" if len(names) > _SHOWN_METRICS else ""
    return f"{', '.join(names[:_SHOWN_METRICS])}{more}" or "none"


def _host_problems(spec: TuningSpec) -> Iterator[Problem]:
    count = instance_count(spec)
    if count > MOST_HOSTS:
        rule = f"is more than {MOST_HOSTS}: the hosts of a trial are processes of this machine"
        yield Problem(
            "sagemaker.instance_count", count, rule, "lower it, for example with --set sagemaker.instance_count=2"
        )


def metric_problems(spec: TuningSpec) -> Iterator[Problem]:
    """Yield an objective that no training job could tell."""
    definitions, metric = metric_definitions(spec), spec.objective.metric
    if metric in definitions:
        return
    if spec.metrics:
        fix = f"write metrics.{metric}: with the regex of a printed line, or leave metrics out and report it"
    else:
        fix = closest(metric, definitions, "name one of them" if definitions else "choose another name")
    yield Problem("objective.metric", metric, f"has no definition: there is {_listed(spec)}", fix)


def _spoken_of(spec: TuningSpec) -> Iterator[str]:
    """Yield the metrics that the search, the choice of the best, and its holdout need."""
    objective = spec.objective
    yield objective.metric
    if objective.holdout_metric is not None:
        yield objective.holdout_metric
    if spec.selection is not None:
        yield f"{objective.metric}{STANDARD_ERROR}"
        if spec.selection.prefer != SECONDS and spec.selection.prefer not in spec.parameters:
            yield spec.selection.prefer


def _source_problems(spec: TuningSpec) -> Iterator[Problem]:
    """Yield what is missing on this machine of what a trial runs, or cannot be had under any placement."""
    training = spec.training
    if training is None:
        fix = "name training.entry_point, or training.image"
        yield Problem("training", None, "is missing: there is nothing to train", fix)
        return
    yield from file_problems(training)
    if training.output is not None and "://" not in training.output and Path(training.output).is_file():
        yield Problem("training.output", training.output, "is a file", "name a folder")
    words = {"S3DataType": "data_type", "RecordWrapperType": "record_wrapper"}
    for name, channel in training.channels.items():
        mode = channel_mode(channel, spec)
        found = channel_problems(
            data_type=channel.data_type, mode=mode, record_wrapper=channel.record_wrapper or "None"
        )
        field = f"training.channels.{name}"
        yield from (replace(one, field=f"{field}.{words[one.field]}") for one in found)
        if not channel.is_remote and channel.data_type == "ManifestFile":
            rule = "lists objects in S3, which are not read here"
            yield Problem(f"{field}.data_type", channel.data_type, rule, "name the folder that holds the data")


def _program_remarks(spec: TuningSpec, training: Training, placement: Placement) -> Sequence[str]:
    """Return what is known of the program before it runs.

    Raises:
        SpecError: There is none, or a hyperparameter cannot be passed on.
    """
    configuration = spec.baseline or spec.parameters.from_unit([0.5] * len(spec.parameters))
    code = None if training.entry_point is None else Path(training.source_dir)
    try:
        contract = contract_of(spec, training, Trial(0, configuration), "plan-000")
    except (TypeError, ValueError) as error:
        raise SpecError([Problem("static", None, str(error), "correct the value")]) from None
    if contract.checkpoints and contract.checkpoint_path.startswith(".."):
        path = contract.checkpoints["LocalPath"]
        raise SpecError([Problem("CheckpointConfig.LocalPath", path, "must lie inside /opt/ml here", "leave it out")])
    return placement.remarks(contract, algorithm_of(spec), code=code)


def _remarks(spec: TuningSpec, placement: Placement) -> Iterator[str]:
    """Yield what the spec asks for and the placement cannot give, and what SageMaker would not read."""
    cloud = spec.sagemaker or SageMaker()
    if cloud.network_isolation and not placement.is_limited:
        yield (
            f"sagemaker.network_isolation: with isolation {placement.name}, trials have the network of this machine; "
            "isolation docker takes it away"
        )
    for key, patch in (("request", cloud.request), ("definition", cloud.definition)):
        for member in sorted(patch.keys() - {"AlgorithmSpecification"}):
            yield f"sagemaker.{key}.{member}: is for AWS, and changes nothing here"
    hosts = instance_count(spec)
    if hosts > 1:
        yield f"sagemaker.instance_count = {hosts}: the hosts of a trial are {hosts} processes of this machine"
    channels = spec.training.channels if spec.training is not None else {}
    for name, channel in channels.items():
        if channel_mode(channel, spec) == "FastFile" and not placement.has_read_only:
            yield f"training.channels.{name}: is read-only on SageMaker, and not with isolation {placement.name}"
    held_out = spec.objective.holdout
    if held_out is not None and held_out not in metric_definitions(spec):
        yield f"objective.holdout = {held_out}: has no definition in metrics, and is not read"
    for name, regex in spec.metrics.items():
        if _TAB.search(regex):
            yield f"metrics.{name}: looks for a tab, which SageMaker's log shows as #011; write #011 instead"


def _in_words_of_the_spec(problem: Problem) -> Problem:
    field = _FIELDS.get(problem.field, problem.field)
    if field not in ("training.image", "training.algorithm"):
        return replace(problem, field=field)
    rule = f"smtune.sandbox.Rule({problem.value!r}, command=(...))"
    fix = f"say what it stands for: LocalModeBackend(rules=[{rule}]); or build it for Docker; or name training.entry_point"
    return replace(problem, field=field, fix=fix)
