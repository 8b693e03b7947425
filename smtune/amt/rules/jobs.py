"""What must hold of a job as a whole: its definitions together, its parents, its tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smtune.amt.rules.numbers import LIMITS
from smtune.amt.rules.reading import Job, entries, mapping, text
from smtune.amt.rules.rule import GUIDE, Finding, Rule
from smtune.amt.violations import API_REFERENCE, Severity

_REQUEST = f"{API_REFERENCE}CreateHyperParameterTuningJob.html"
_SEVERAL = f"{GUIDE}multiple-algorithm-hpo-create-tuning-jobs.html"
_WARM = f"{GUIDE}automatic-model-tuning-warm-start.html"
_TOP = "HyperParameterTuningJobConfig"
_PARENTS = ("WarmStartConfig", "ParentHyperParameterTuningJobs")


def _one_or_many(job: Job) -> Iterator[Finding]:
    one, many = "TrainingJobDefinition" in job.request, "TrainingJobDefinitions" in job.request
    if one and many:
        rule = "must not stand beside TrainingJobDefinition"
        yield Finding(
            ("TrainingJobDefinitions",), None, rule, "put all definitions in the list, or keep the single one"
        )
    elif not one and not many:
        rule = "is required, or TrainingJobDefinitions"
        yield Finding(("TrainingJobDefinition",), None, rule, "say what a training job runs")


def _objectives(job: Job) -> Iterator[Finding]:
    top = (_TOP, "HyperParameterTuningJobObjective")
    if job.many:
        for member in ("HyperParameterTuningJobObjective", "ParameterRanges"):
            if member in job.config:
                rule = "must not stand beside TrainingJobDefinitions"
                yield Finding((_TOP, member), None, rule, "give each definition its own")
        return
    if "TrainingJobDefinition" not in job.request:
        return
    if "HyperParameterTuningJobObjective" not in job.config:
        yield Finding(top, None, "is required", "name the metric, and Maximize or Minimize")
    for definition in job.definitions:
        for member in ("TuningObjective", "HyperParameterRanges"):
            if definition.path == ("TrainingJobDefinition",) and member in definition.body:
                rule = "is for TrainingJobDefinitions only"
                yield Finding(definition.at(member), None, rule, f"move it to {_TOP}")


def _complete_definitions(job: Job) -> Iterator[Finding]:
    if not job.many:
        return
    for definition in job.definitions:
        for member in ("DefinitionName", "TuningObjective", "HyperParameterRanges"):
            if member not in definition.body:
                rule = "is required in each of TrainingJobDefinitions"
                yield Finding(definition.at(member), None, rule, "add it")


def _names_of_definitions(job: Job) -> Iterator[Finding]:
    seen: set[str] = set()
    for definition in job.definitions:
        name = text(definition.body.get("DefinitionName"))
        if name is not None and name in seen:
            rule = "must be the name of one definition only"
            yield Finding(definition.at("DefinitionName"), name, rule, "rename one of them")
        elif name is not None:
            seen.add(name)


def _many_exclude(job: Job) -> Iterator[Finding]:
    if not job.many:
        return
    if job.stops_early:
        rule = "must be Off with TrainingJobDefinitions"
        fix = "use Off, or one TrainingJobDefinition"
        yield Finding((_TOP, "TrainingJobEarlyStoppingType"), "Auto", rule, fix)
    if "WarmStartConfig" in job.request:
        rule = "must not stand beside TrainingJobDefinitions"
        yield Finding(("WarmStartConfig",), None, rule, "take it out, or use one TrainingJobDefinition")


def _environment(job: Job) -> Iterator[Finding]:
    most = LIMITS["environment"].value
    sizes = [len(definition.part("Environment")) for definition in job.definitions]
    if sum(sizes) > most >= max(sizes):
        rule = f"must hold at most {most} variables over all definitions"
        yield Finding(("TrainingJobDefinitions",), sum(sizes), rule, "pass some of them as hyperparameters")


def _parents(job: Job) -> Iterator[Finding]:
    warm = mapping(job.request.get("WarmStartConfig"))
    own = (text(job.request.get("HyperParameterTuningJobName")) or "").lower()
    seen: set[str] = set()
    for place, parent in enumerate(entries(warm.get("ParentHyperParameterTuningJobs"))):
        path = (*_PARENTS, place, "HyperParameterTuningJobName")
        name = text(mapping(parent).get("HyperParameterTuningJobName"))
        if isinstance(parent, Mapping) and "HyperParameterTuningJobName" not in parent:
            yield Finding(path, None, "is required", "name the job to learn from")
        if name is None:
            continue
        if name.lower() == own:
            rule = "must be another job: names are not case sensitive"
            yield Finding(path, name, rule, "take it out, or give the new job another name")
        if name.lower() in seen:
            rule = "must be listed once: names are not case sensitive"
            yield Finding(path, name, rule, "take it out")
        seen.add(name.lower())


def _warm_strategy(job: Job) -> Iterator[Finding]:
    if "WarmStartConfig" in job.request and job.strategy in ("Hyperband", "Grid"):
        rule = "is not among the strategies that AWS documents for a warm start"
        fix = "use Bayesian or Random, or start cold"
        yield Finding((_TOP, "Strategy"), job.strategy, rule, fix, Severity.warning)


def _tags(job: Job) -> Iterator[Finding]:
    seen: set[str] = set()
    for place, tag in enumerate(entries(job.request.get("Tags"))):
        key, path = text(mapping(tag).get("Key")), ("Tags", place, "Key")
        if key is None:
            continue
        if key in seen:
            yield Finding(path, key, "must be the key of one tag only", "take one of them out")
        if key.lower().startswith("aws:"):
            yield Finding(path, key, "must not start with aws:, which is reserved", "rename it")
        seen.add(key)


RULES = (
    Rule("one-or-many-definitions", "There is one definition, or a list of them.", _REQUEST, _one_or_many),
    Rule(
        "objective-and-ranges-in-place",
        "The objective and the ranges stand in the configuration for one definition, in each definition for a list.",
        f"{API_REFERENCE}HyperParameterTrainingJobDefinition.html",
        _objectives,
    ),
    Rule("complete-definitions", "Each definition of a list is complete.", _SEVERAL, _complete_definitions),
    Rule("names-of-definitions", "Definitions have different names.", _SEVERAL, _names_of_definitions),
    Rule("single-algorithm-only", "A list excludes early stopping and warm start.", _SEVERAL, _many_exclude),
    Rule(
        "environment-in-sum",
        "All definitions together hold at most 48 environment variables.",
        LIMITS["environment"].source,
        _environment,
    ),
    Rule("other-parents", "Parents are different jobs, and not the job itself.", _WARM, _parents),
    Rule("warm-strategy", "A warm start is documented for Bayesian and Random.", _WARM, _warm_strategy),
    Rule("tags", "Keys of tags differ, and are not reserved.", f"{API_REFERENCE}Tag.html", _tags),
)
