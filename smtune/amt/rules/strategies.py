"""What must hold of the strategy, of its limits and of what ends a job."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from smtune.amt.rules.numbers import LIMITS
from smtune.amt.rules.reading import Job, integer, mapping
from smtune.amt.rules.rule import GUIDE, Finding, Rule
from smtune.amt.violations import API_REFERENCE, Path, Severity

_HOW = f"{GUIDE}automatic-model-tuning-how-it-works.html"
_PRACTICE = f"{GUIDE}automatic-model-tuning-considerations.html"
_HYPERBAND = f"{API_REFERENCE}HyperbandStrategyConfig.html"
_CONFIG = f"{API_REFERENCE}HyperParameterTuningJobConfig.html"
_TOP = "HyperParameterTuningJobConfig"
_LIMITS = (_TOP, "ResourceLimits")
_JOBS = (*_LIMITS, "MaxNumberOfTrainingJobs")
_PARALLEL = (*_LIMITS, "MaxParallelTrainingJobs")
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
_BAND: Path = (_TOP, "StrategyConfig", "HyperbandStrategyConfig")


def _grid_of_categories(job: Job) -> Iterator[Finding]:
    if job.strategy != "Grid":
        return
    for search in job.searches:
        for one in search.ranges:
            if one.kind != "Categorical":
                rule = f"is {one.kind.lower()}: Grid takes categorical ranges only"
                yield Finding(one.path, one.name, rule, "list its values, or use Random or Bayesian")


def _grid_count(job: Job) -> Iterator[Finding]:
    if job.strategy != "Grid" or job.many or any(one.kind != "Categorical" for one in job.search.ranges):
        return
    product, given = job.search.count, job.limit("MaxNumberOfTrainingJobs")
    if product is None:
        return
    most = LIMITS["training_jobs"].value
    if product > most:
        rule = f"must have at most {most} combinations for Grid"
        yield Finding(job.search.path, product, rule, "take values out, or use Random")
    elif given is not None and given != product:
        rule = f"must equal the {product} combinations of the grid"
        yield Finding(_JOBS, given, rule, f"leave it out, or use {product}")


def _combinations(job: Job) -> Iterator[Finding]:
    product, given = job.search.count, job.limit("MaxNumberOfTrainingJobs")
    if job.strategy == "Grid" or job.many or product is None or given is None or product >= given:
        return
    message = (
        "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter combinations "
        f"for the provided ranges [{float(product)}] must be equal or greater than the value of MaxNumberOfJobs, "
        f"[{given}]. Provide additional ranges."
    )
    rule = f"must not exceed the {product} combinations of the ranges"
    yield Finding(_JOBS, given, rule, f"use {product}, or widen the ranges", message=message)


def _training_jobs(job: Job) -> Iterator[Finding]:
    given = job.limit("MaxNumberOfTrainingJobs")
    usual, raised = LIMITS["training_jobs"].value, LIMITS["random_training_jobs"].value
    if given is None or given <= usual or job.strategy not in ("Bayesian", "Random", "Hyperband", "Grid"):
        return
    if job.strategy != "Random":
        rule = f"must be at most {usual} for {job.strategy}"
        yield Finding(_JOBS, given, rule, f"use {usual} or less, or Random")
    elif given > raised:
        yield Finding(_JOBS, given, f"must be at most {raised} for Random", f"use {raised} or less")
    else:
        rule = f"is above the default quota of {usual} training jobs"
        yield Finding(_JOBS, given, rule, "ask AWS to raise the quota, or lower it", Severity.quota)


def _parallel(job: Job) -> Iterator[Finding]:
    given = job.limit("MaxParallelTrainingJobs")
    usual, raised = LIMITS["parallel"].value, LIMITS["raised_parallel"].value
    if given is not None and given > raised:
        yield Finding(_PARALLEL, given, f"must be at most {raised}", f"use {raised} or less")
    elif given is not None and given > usual:
        rule = f"is above the default quota of {usual} training jobs at the same time"
        yield Finding(_PARALLEL, given, rule, "ask AWS to raise the quota, or lower it", Severity.quota)


def _runtime(job: Job) -> Iterator[Finding]:
    given, usual = job.limit("MaxRuntimeInSeconds"), LIMITS["tuning_seconds"].value
    if given is not None and given > usual:
        rule = f"is above the {usual} seconds (30 days) that a tuning job may run by default"
        fix = "lower it, or split the job by a warm start"
        yield Finding((*_LIMITS, "MaxRuntimeInSeconds"), given, rule, fix, Severity.quota)


def _all_at_once(job: Job) -> Iterator[Finding]:
    jobs, parallel = job.limit("MaxNumberOfTrainingJobs"), job.limit("MaxParallelTrainingJobs")
    if jobs is None or parallel is None or parallel < jobs:
        return
    if job.strategy == "Bayesian" and jobs > 1:
        rule = f"lets all {jobs} training jobs start at once: Bayesian learns from none of them, as Random would"
        yield Finding(_PARALLEL, parallel, rule, "use a tenth of the training jobs, or less", Severity.warning)
    elif parallel > jobs:
        rule = f"is more than MaxNumberOfTrainingJobs = {jobs}"
        yield Finding(_PARALLEL, parallel, rule, f"use {jobs} or less", Severity.warning)


def _endless(job: Job) -> Iterator[Finding]:
    bounded = job.config.get("TuningJobCompletionCriteria") or "MaxRuntimeInSeconds" in mapping(
        job.config.get("ResourceLimits")
    )
    if job.strategy == "Grid" or job.autotunes or bounded or "ResourceLimits" not in job.config:
        return
    if "MaxNumberOfTrainingJobs" not in mapping(job.config["ResourceLimits"]):
        rule = "is missing, and nothing else ends the job before AMT's own limit"
        yield Finding(_JOBS, None, rule, "say how many training jobs you want", Severity.warning)


def _hyperband_maximum(job: Job) -> Iterator[Finding]:
    band = mapping(mapping(job.config.get("StrategyConfig")).get("HyperbandStrategyConfig"))
    if job.strategy != "Hyperband":
        return
    most, path = LIMITS["hyperband_resource"].value, (*_BAND, "MaxResource")
    if "MaxResource" in band:
        given = integer(band["MaxResource"])
        if given is not None and given > most:
            yield Finding(path, given, f"must be at most {most}", f"use {most} or less")
        return
    for definition in job.definitions:
        inferred = _epochs(definition.static)
        if inferred is None:
            rule = f"is required where no static hyperparameter {', '.join(_EPOCHS[:-1])} or {_EPOCHS[-1]} says it"
            yield Finding(path, None, rule, "add the number of epochs that the longest training job runs")
            return
        name, epochs = inferred
        if epochs > most:
            at = definition.at("StaticHyperParameters", name)
            yield Finding(at, definition.static[name], f"must be at most {most} for Hyperband", f"use {most} or less")


def _epochs(static: Mapping[str, object]) -> tuple[str, int] | None:
    """Return the static hyperparameter that Hyperband takes the greatest resource from, and its value."""
    for name in _EPOCHS:
        given = static.get(name)
        if not isinstance(given, str) or len(given) > 20:
            continue
        try:
            value = json.loads(given)
            epochs = int(value) if isinstance(value, str) else value  # the SDK's version 2 quotes
        except ValueError:
            continue
        if isinstance(epochs, int) and not isinstance(epochs, bool) and epochs > 0:
            return name, epochs
    return None


def _hyperband_order(job: Job) -> Iterator[Finding]:
    band = mapping(mapping(job.config.get("StrategyConfig")).get("HyperbandStrategyConfig"))
    least, most = integer(band.get("MinResource")), integer(band.get("MaxResource"))
    if least is not None and most is not None and least > most:
        yield Finding((*_BAND, "MinResource"), least, f"must not be above MaxResource = {most}", "swap them")


def _hyperband_stops_itself(job: Job) -> Iterator[Finding]:
    if job.strategy == "Hyperband" and job.stops_early:
        rule = "must be Off for Hyperband, which stops training jobs by itself"
        yield Finding((_TOP, "TrainingJobEarlyStoppingType"), "Auto", rule, "use Off")


def _foreign_config(job: Job) -> Iterator[Finding]:
    if job.strategy in ("Bayesian", "Random", "Grid") and "HyperbandStrategyConfig" in mapping(
        job.config.get("StrategyConfig")
    ):
        yield Finding(_BAND, job.strategy, f"is for Hyperband only, not for {job.strategy}", "take it out")


def _never_improving(job: Job) -> Iterator[Finding]:
    criteria = mapping(job.config.get("TuningJobCompletionCriteria"))
    given = integer(mapping(criteria.get("BestObjectiveNotImproving")).get("MaxNumberOfTrainingJobsNotImproving"))
    jobs = job.limit("MaxNumberOfTrainingJobs")
    if given is not None and jobs is not None and given >= jobs:
        path = (_TOP, "TuningJobCompletionCriteria", "BestObjectiveNotImproving", "MaxNumberOfTrainingJobsNotImproving")
        rule = f"is never reached: it is not below MaxNumberOfTrainingJobs = {jobs}"
        yield Finding(path, given, rule, f"use less than {jobs}", Severity.warning)


RULES = (
    Rule("grid-categorical", "Grid takes categorical ranges only.", _HOW, _grid_of_categories),
    Rule("grid-count", "Grid runs each combination once, of at most 750.", _HOW, _grid_count),
    Rule(
        "enough-combinations",
        "Discrete ranges have at least as many combinations as there are training jobs.",
        "https://github.com/aws/amazon-sagemaker-operator-for-k8s/issues/123",
        _combinations,
    ),
    Rule(
        "training-jobs",
        "A job has at most 750 training jobs; Random up to 10000 after a raised quota.",
        LIMITS["training_jobs"].source,
        _training_jobs,
    ),
    Rule(
        "parallel-training-jobs",
        "At most 10 training jobs run at once, up to 100 after a raised quota.",
        LIMITS["parallel"].source,
        _parallel,
    ),
    Rule("tuning-runtime", "A tuning job runs at most 30 days.", LIMITS["tuning_seconds"].source, _runtime),
    Rule("all-at-once", "A search that learns needs training jobs to learn from.", _PRACTICE, _all_at_once),
    Rule("has-an-end", "Something ends the job.", f"{API_REFERENCE}ResourceLimits.html", _endless),
    Rule("hyperband-maximum", "Hyperband knows its greatest resource, at most 20000.", _HYPERBAND, _hyperband_maximum),
    Rule("hyperband-order", "Hyperband's least resource is not above its greatest.", _HYPERBAND, _hyperband_order),
    Rule("hyperband-stops-itself", "Hyperband excludes early stopping.", _CONFIG, _hyperband_stops_itself),
    Rule("foreign-strategy-config", "The configuration is that of the strategy.", _CONFIG, _foreign_config),
    Rule(
        "reachable-criterion",
        "Criteria of completion can be reached.",
        f"{API_REFERENCE}BestObjectiveNotImproving.html",
        _never_improving,
    ),
)
