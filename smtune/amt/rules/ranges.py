"""What must hold of the ranges of hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator

from smtune.amt.rules.numbers import LIMITS
from smtune.amt.rules.reading import KINDS, Job, Range, entries, text
from smtune.amt.rules.rule import GUIDE, Finding, Rule
from smtune.amt.violations import API_REFERENCE, Severity

_RANGES = f"{GUIDE}automatic-model-tuning-define-ranges.html"
# AMT adds it to the hyperparameters of every training job.
_OWN = "_tuning_objective_metric"
_FEEDBACK = "https://github.com/aws/amazon-sagemaker-feedback/issues/195"


def _ranges(job: Job) -> Iterator[Range]:
    for search in job.searches:
        yield from search.ranges


def _nothing_to_tune(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        if definition.search.named or definition.search.ranges:
            continue
        fix = "name the hyperparameters under AutoParameters" if job.autotunes else "add a range"
        yield Finding(definition.search.path, None, "must hold something to tune", fix)


def _too_many(job: Job) -> Iterator[Finding]:
    most = LIMITS["tuned"].value
    for search in job.searches:
        sizes = [len(entries(search.body.get(f"{kind}ParameterRanges"))) for kind in KINDS]
        if sum(sizes) > most >= max(sizes):  # one list alone is the service model's matter
            rule = f"must hold at most {most} ranges over all kinds"
            yield Finding(search.path, sum(sizes), rule, "make the least important ones static")


def _too_many_hyperparameters(job: Job) -> Iterator[Finding]:
    most = LIMITS["hyperparameters"].value
    for definition in job.definitions:
        names = {name for name in definition.static if isinstance(name, str)}
        names |= {name for _, name in definition.search.named} | {_OWN}
        if len(names) > most >= len(definition.static):
            rule = f"must leave at most {most} hyperparameters together with the tuned ones and {_OWN}, which AMT adds"
            fix = f"there are {len(names)}: pass some as one value, or in a file"
            yield Finding(definition.at("StaticHyperParameters"), len(definition.static), rule, fix)


def _names_twice(job: Job) -> Iterator[Finding]:
    for search in job.searches:
        seen: set[str] = set()
        for path, name in search.named:
            if name in seen:
                yield Finding((*path, "Name"), name, "must have one range only", "take one of them out")
            seen.add(name)


def _tuned_and_static(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        tuned = {name for _, name in definition.search.named}
        for name, value in definition.static.items():
            if name in tuned:
                path = definition.at("StaticHyperParameters", name)
                yield Finding(path, value, "must not be static and tuned at once", "take it out of one of them")


def _own_name(job: Job) -> Iterator[Finding]:
    rule, fix = "is the name of a hyperparameter that AMT sets itself", "take it out"
    for definition in job.definitions:
        if _OWN in definition.static:
            path = definition.at("StaticHyperParameters", _OWN)
            yield Finding(path, definition.static[_OWN], rule, fix, Severity.warning)
        for path, name in definition.search.named:
            if name == _OWN:
                yield Finding((*path, "Name"), name, rule, fix, Severity.warning)


def _values_twice(job: Job) -> Iterator[Finding]:
    for one in _ranges(job):
        seen: set[str] = set()
        for place, value in enumerate(one.values):
            if isinstance(value, str) and value in seen:
                yield Finding((*one.path, "Values", place), value, "must be listed once", "take it out")
            elif isinstance(value, str):
                seen.add(value)


def _not_a_number(job: Job) -> Iterator[Finding]:
    for one in _ranges(job):
        if one.kind == "Categorical":
            continue
        for member in ("MinValue", "MaxValue"):
            written = text(one.body.get(member))
            if written is None or one.bound(member) is not None:
                continue
            kind = "an integer" if one.kind == "Integer" else "a finite number"
            fix = "e.g. 10" if one.kind == "Integer" else "e.g. 0.001 or 1e-3"
            yield Finding((*one.path, member), written, f"must spell {kind}", fix)


def _bounds(one: Range) -> tuple[float, float] | None:
    low, high = one.bound("MinValue"), one.bound("MaxValue")
    return None if low is None or high is None else (low, high)


def _empty(job: Job) -> Iterator[Finding]:
    for one in _ranges(job):
        bounds = _bounds(one)
        if bounds is None or bounds[0] < bounds[1]:
            continue
        if bounds[0] == bounds[1]:
            rule = "must be below MaxValue: AMT takes no range of a single value"
            fix = "make the hyperparameter static"
        else:
            rule, fix = f"must be below MaxValue = {one.body['MaxValue']}", "swap them"
        yield Finding((*one.path, "MinValue"), one.body["MinValue"], rule, fix)


def _logarithmic(job: Job) -> Iterator[Finding]:
    for one in _ranges(job):
        low = one.bound("MinValue")
        if one.scaling == "Logarithmic" and low is not None and low <= 0:
            rule = "must be > 0 for logarithmic scaling"
            fix = "use a small positive number, or linear scaling"
            yield Finding((*one.path, "MinValue"), one.body["MinValue"], rule, fix)


def _reverse_logarithmic(job: Job) -> Iterator[Finding]:
    for one in _ranges(job):
        if one.scaling != "ReverseLogarithmic":
            continue
        if one.kind == "Integer":
            rule = "is for continuous ranges only"
            yield Finding((*one.path, "ScalingType"), one.scaling, rule, "use Linear or Logarithmic")
        rule, fix = "must be in 0 <= x < 1 for reverse logarithmic scaling", "use linear or logarithmic scaling"
        for member in ("MinValue", "MaxValue") if one.kind == "Continuous" else ():
            bound = one.bound(member)
            if bound is not None and not 0 <= bound < 1:
                yield Finding((*one.path, member), one.body[member], rule, fix)


def _automatic_without_autotune(job: Job) -> Iterator[Finding]:
    for search in job.searches:
        if search.automatic and not job.autotunes:
            names = ", ".join(name for _, name in search.automatic)
            rule = "are for jobs with Autotune only"
            yield Finding((*search.path, "AutoParameters"), names, rule, "add Autotune, or give the ranges")


RULES = (
    Rule(
        "something-to-tune",
        "At least one hyperparameter is tuned.",
        f"{API_REFERENCE}HyperParameterTuningJobConfig.html",
        _nothing_to_tune,
    ),
    Rule("ranges-in-sum", "All ranges together are at most 30.", LIMITS["tuned"].source, _too_many),
    Rule(
        "hyperparameters-in-sum",
        "Static and tuned hyperparameters and AMT's own are at most 100.",
        LIMITS["hyperparameters"].source,
        _too_many_hyperparameters,
    ),
    Rule("one-range-each", "A hyperparameter has one range.", _RANGES, _names_twice),
    Rule("tuned-or-static", "A hyperparameter is tuned or static, not both.", _RANGES, _tuned_and_static),
    Rule(
        "own-hyperparameter",
        "The name of the objective metric is set by AMT.",
        f"{API_REFERENCE}HyperParameterTrainingJobDefinition.html",
        _own_name,
    ),
    Rule("different-values", "The values of a categorical range differ.", _FEEDBACK, _values_twice),
    Rule("bounds-are-numbers", "Bounds spell numbers of their kind.", _RANGES, _not_a_number),
    Rule("min-below-max", "The least value is below the greatest; they cannot be equal.", _FEEDBACK, _empty),
    Rule("logarithmic-positive", "Logarithmic scaling is for positive values.", _RANGES, _logarithmic),
    Rule(
        "reverse-logarithmic",
        "Reverse logarithmic scaling is for continuous values in 0 <= x < 1.",
        _RANGES,
        _reverse_logarithmic,
    ),
    Rule(
        "automatic-with-autotune",
        "Ranges are chosen by AMT only in jobs with Autotune.",
        f"{API_REFERENCE}ParameterRanges.html",
        _automatic_without_autotune,
    ),
)
