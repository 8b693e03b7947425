"""What must hold of a single training job: the rules of a tuning job's definitions that are its too, and its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smtune.amt.rules import channels, definitions, jobs, resources
from smtune.amt.rules.reading import Job
from smtune.amt.rules.rule import GUIDE, Finding, Rule
from smtune.amt.violations import API_REFERENCE

_REQUEST = f"{API_REFERENCE}CreateTrainingJob.html"
_WARM_POOLS = f"{GUIDE}train-warm-pools.html"
_OF_TUNING_JOBS = frozenset({"objective-is-a-metric", "one-resource-config", "instance-configs", "keep-alive"})
"""Rules of definitions that make no sense for a training job."""
_OF_BOTH = frozenset({"tags"})
"""Rules of whole tuning jobs that hold of training jobs."""


def _complete(job: Job) -> Iterator[Finding]:
    if "ServerlessJobConfig" in job.request:  # brings both
        return
    for member, fix in (
        ("AlgorithmSpecification", "say what it runs"),
        ("ResourceConfig", "say which instances to use"),
    ):
        if member not in job.request:
            where = f"{member[0].lower()}{member[1:]}"
            message = f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: Member must not be null"
            yield Finding((member,), None, "is required", fix, message=message)


def _warm_pools(job: Job) -> Iterator[Finding]:
    resources = job.request.get("ResourceConfig")
    if not isinstance(resources, Mapping) or not resources.get("KeepAlivePeriodInSeconds"):
        return
    path, seconds = ("ResourceConfig", "KeepAlivePeriodInSeconds"), resources["KeepAlivePeriodInSeconds"]
    if job.request.get("EnableManagedSpotTraining") is True:
        yield Finding(path, seconds, "is not for managed spot training", "take one of them out")
    if "InstanceGroups" in resources:
        yield Finding(path, seconds, "is not for InstanceGroups", "take one of them out")


TRAINING_RULES = (
    *(rule for rule in definitions.RULES if rule.name not in _OF_TUNING_JOBS),
    *(rule for rule in channels.RULES if rule.name not in _OF_TUNING_JOBS),
    *(rule for rule in resources.RULES if rule.name not in _OF_TUNING_JOBS),
    *(rule for rule in jobs.RULES if rule.name in _OF_BOTH),
    Rule("complete-training-job", "Algorithm and instances are given.", _REQUEST, _complete),
    Rule("warm-pools", "Warm pools are kept for on-demand instances of one type.", _WARM_POOLS, _warm_pools),
)
"""All rules of training jobs, to be asked about a :class:`~smtune.amt.rules.reading.TrainingRequest`."""
