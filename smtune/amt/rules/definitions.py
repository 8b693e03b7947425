"""What must hold of the algorithm in a definition, of its metrics and of how long it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from smtune.amt.images import parse_ecr
from smtune.amt.rules.numbers import LIMITS
from smtune.amt.rules.reading import Definition, Job, entries, integer, mapping, text
from smtune.amt.rules.rule import GUIDE, Finding, Rule
from smtune.amt.violations import API_REFERENCE, Path, Severity

_ALGORITHM = f"{API_REFERENCE}HyperParameterAlgorithmSpecification.html"
_METRICS = f"{GUIDE}automatic-model-tuning-define-metrics-variables.html"
_STOPPING = f"{API_REFERENCE}StoppingCondition.html"
_SPOT = f"{GUIDE}model-managed-spot-training.html"
# Repositories of the built-in algorithms: https://docs.aws.amazon.com/sagemaker/latest/dg/common-info-all-im-models.html
_BUILT_IN = frozenset(
    {
        "blazingtext",
        "factorization-machines",
        "forecasting-deepar",
        "image-classification",
        "ipinsights",
        "kmeans",
        "knn",
        "lda",
        "linear-learner",
        "ntm",
        "object-detection",
        "object2vec",
        "pca",
        "randomcutforest",
        "sagemaker-xgboost",
        "semantic-segmentation",
        "seq2seq",
        "xgboost",
    }
)
_ARN_REGION = re.compile(r"arn:[a-z0-9-]+:[a-z0-9-]+:([a-z0-9-]+):")


def _one_algorithm(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        algorithm = definition.body.get("AlgorithmSpecification")
        if not isinstance(algorithm, Mapping):
            continue
        image, name = "TrainingImage" in algorithm, "AlgorithmName" in algorithm
        path = definition.at("AlgorithmSpecification")
        if image and name:
            rule = "must not stand beside TrainingImage"
            yield Finding((*path, "AlgorithmName"), algorithm["AlgorithmName"], rule, "take one of them out")
        elif not image and not name:
            rule = "is required, or AlgorithmName"
            yield Finding((*path, "TrainingImage"), None, rule, "add the address of an image")


def _brings_metrics(definition: Definition) -> bool:
    """Whether the algorithm defines its metrics itself, or that cannot be told."""
    algorithm = definition.part("AlgorithmSpecification")
    image = text(algorithm.get("TrainingImage"))
    if image is None:
        return True
    found = parse_ecr(image)
    return found is not None and found.repository in _BUILT_IN and "sagemaker_program" not in definition.static


def _objective_defined(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        metric = text(definition.objective.get("MetricName"))
        given = definition.part("AlgorithmSpecification").get("MetricDefinitions", [])
        if metric is None or not isinstance(given, list | tuple):
            continue
        names = [name for one in given if (name := text(mapping(one).get("Name"))) is not None]
        if metric in names or (not names and _brings_metrics(definition)):
            continue
        rule = "must be one of the MetricDefinitions" if names else "needs MetricDefinitions that define it"
        fix = f"defined are {', '.join(names)}" if names else "add a metric of that name and the regex that finds it"
        message = (
            "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
            "definitions."
        )
        yield Finding((*definition.objective_path, "MetricName"), metric, rule, fix, message=message)


def _metrics_twice(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        seen: set[str] = set()
        for place, one in enumerate(entries(definition.part("AlgorithmSpecification").get("MetricDefinitions"))):
            name = text(mapping(one).get("Name"))
            if name is not None and name in seen:
                path = definition.at("AlgorithmSpecification", "MetricDefinitions", place, "Name")
                yield Finding(path, name, "must name one metric only", "take one of them out")
            elif name is not None:
                seen.add(name)


def _runtime(job: Job) -> Iterator[Finding]:
    most = LIMITS["training_seconds"].value
    for definition in job.definitions:
        given = integer(definition.part("StoppingCondition").get("MaxRuntimeInSeconds"))
        if given is not None and given > most:
            path = definition.at("StoppingCondition", "MaxRuntimeInSeconds")
            yield Finding(path, given, f"must be at most {most} (28 days)", f"use {most} or less")


def _spot(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        stopping = definition.body.get("StoppingCondition")
        if not isinstance(stopping, Mapping):
            continue
        path = definition.at("StoppingCondition", "MaxWaitTimeInSeconds")
        wait, spot = integer(stopping.get("MaxWaitTimeInSeconds")), definition.body.get("EnableManagedSpotTraining")
        if "MaxWaitTimeInSeconds" in stopping and spot in (None, False):
            message = "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
            rule = "is for managed spot training only"
            given = stopping["MaxWaitTimeInSeconds"]
            yield Finding(path, given, rule, "take it out, or set EnableManagedSpotTraining", message=message)
        elif spot is True:
            yield from _waits(stopping, path, wait)


def _waits(stopping: Mapping[str, object], path: Path, wait: int | None) -> Iterator[Finding]:
    default = LIMITS["default_training_seconds"].value
    runs = integer(stopping.get("MaxRuntimeInSeconds", default))
    if "MaxWaitTimeInSeconds" not in stopping:
        rule = "is required for managed spot training"
        yield Finding(path, None, rule, "use MaxRuntimeInSeconds, and the time that you can wait for capacity")
    elif wait is not None and runs is not None and wait < runs:
        rule = f"must not be below MaxRuntimeInSeconds = {runs}, which it includes"
        yield Finding(path, wait, rule, f"use {runs} or more")


def _spot_without_checkpoints(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        if definition.body.get("EnableManagedSpotTraining") is True and "CheckpointConfig" not in definition.body:
            rule = "is missing: an interrupted training job starts again from nothing"
            fix = "add an S3Uri, and save to /opt/ml/checkpoints"
            yield Finding(definition.at("CheckpointConfig"), None, rule, fix, Severity.warning)


def _regions(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        seen: dict[str, Path] = {}
        for path, written in _places(definition):
            region = _region(written)
            if region is None:
                continue
            if seen and region not in seen:
                first = next(iter(seen))
                rule = f"is in {region}, and {seen[first][-1]} is in {first}"
                yield Finding(path, written, rule, "name what is in the region of the job", Severity.warning)
            seen.setdefault(region, path)


def _region(written: str) -> str | None:
    image, arn = parse_ecr(written), _ARN_REGION.match(written)
    return image.region if image else arn[1] if arn else None


def _places(definition: Definition) -> Iterator[tuple[Path, str]]:
    members = (
        ("AlgorithmSpecification", "TrainingImage"),
        ("AlgorithmSpecification", "AlgorithmName"),
        ("OutputDataConfig", "KmsKeyId"),
        ("ResourceConfig", "VolumeKmsKeyId"),
        ("ResourceConfig", "TrainingPlanArn"),
        ("HyperParameterTuningResourceConfig", "VolumeKmsKeyId"),
    )
    for outer, inner in members:
        written = text(definition.part(outer).get(inner))
        if written is not None:
            yield definition.at(outer, inner), written


RULES = (
    Rule("one-algorithm", "There is an image or a named algorithm, not both.", _ALGORITHM, _one_algorithm),
    Rule(
        "objective-is-a-metric",
        "The objective is a defined metric, unless a built-in algorithm brings its own.",
        _METRICS,
        _objective_defined,
    ),
    Rule("metrics-once", "A metric is defined once.", _METRICS, _metrics_twice),
    Rule("training-runtime", "A training job runs at most 28 days.", LIMITS["training_seconds"].source, _runtime),
    Rule("spot-wait", "Managed spot training waits at least as long as it runs.", _STOPPING, _spot),
    Rule("spot-checkpoints", "What can be interrupted saves checkpoints.", _SPOT, _spot_without_checkpoints),
    Rule(
        "one-region",
        "Image, algorithm and keys are in the region of the job.",
        "https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html",
        _regions,
    ),
)
