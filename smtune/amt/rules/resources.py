"""What must hold of the instances that training jobs run on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smtune.amt.rules.reading import Definition, Job, entries, integer, mapping, text
from smtune.amt.rules.rule import Finding, Rule
from smtune.amt.violations import API_REFERENCE, Path, Severity

_DEFINITION = f"{API_REFERENCE}HyperParameterTrainingJobDefinition.html"
_RESOURCE = f"{API_REFERENCE}ResourceConfig.html"
_TUNING = f"{API_REFERENCE}HyperParameterTuningResourceConfig.html"
# Families of training instances without a disk of their own, and with one.
_NO_DISK = frozenset(
    (
        "c4",
        "c5",
        "c5n",
        "c6i",
        "c7i",
        "c8i",
        "m4",
        "m5",
        "m6i",
        "m7i",
        "m8i",
        "p2",
        "p3",
        "r5",
        "r6i",
        "r7i",
        "r8i",
        "t3",
    )
)
_OWN_DISK = frozenset(
    ("g4dn", "g5", "g6", "g6e", "p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "r5d", "trn1", "trn1n", "trn2")
)


def _parts(job: Job, member: str) -> Iterator[tuple[Definition, Path, Mapping[str, Any]]]:
    for definition in job.definitions:
        part = definition.body.get(member)
        if isinstance(part, Mapping):
            yield definition, definition.at(member), part


def _one_config(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        plain = "ResourceConfig" in definition.body
        tuning = "HyperParameterTuningResourceConfig" in definition.body
        if plain and tuning:
            rule = "must not stand beside ResourceConfig"
            path = definition.at("HyperParameterTuningResourceConfig")
            yield Finding(path, None, rule, "take one of them out")
        elif not plain and not tuning:
            rule = "is required, or HyperParameterTuningResourceConfig"
            yield Finding(definition.at("ResourceConfig"), None, rule, "say which instances to use")


def _instances(job: Job) -> Iterator[Finding]:
    for _, path, part in _parts(job, "ResourceConfig"):
        if not any(member in part for member in ("InstanceGroups", "InstancePreferences")):
            yield from _plain_instances(path, part)
    for _, path, part in _parts(job, "HyperParameterTuningResourceConfig"):
        if "InstanceConfigs" not in part:
            yield from _plain_instances(path, part)


def _plain_instances(path: Path, part: Mapping[str, Any]) -> Iterator[Finding]:
    kind = text(part.get("InstanceType"))
    if "InstanceType" not in part:
        yield Finding((*path, "InstanceType"), None, "is required", "e.g. ml.m5.xlarge")
    if "InstanceCount" not in part:
        yield Finding((*path, "InstanceCount"), None, "is required", "use 1, or more for distributed training")
    elif integer(part["InstanceCount"]) == 0:
        yield Finding((*path, "InstanceCount"), 0, "must be at least 1", "use 1, or more for distributed training")
    if kind is not None and _family(kind) in _NO_DISK and not part.get("VolumeSizeInGB"):
        rule = f"is required for {kind}, which has no disk of its own"
        yield Finding((*path, "VolumeSizeInGB"), part.get("VolumeSizeInGB"), rule, "e.g. 30")


def _family(kind: str) -> str:
    """Return the family of an instance type.

    >>> _family("ml.m5.xlarge")
    'm5'
    """
    return kind.removeprefix("ml.").partition(".")[0]


def _keys(job: Job) -> Iterator[Finding]:
    for member in ("ResourceConfig", "HyperParameterTuningResourceConfig"):
        for _, path, part in _parts(job, member):
            kind = text(part.get("InstanceType"))
            if kind is not None and _family(kind) in _OWN_DISK and part.get("VolumeKmsKeyId"):
                rule = f"is not for {kind}, whose own disk is encrypted by its hardware"
                yield Finding((*path, "VolumeKmsKeyId"), part["VolumeKmsKeyId"], rule, "take it out")


def _beside(path: Path, part: Mapping[str, Any], members: Sequence[str], other: str) -> Iterator[Finding]:
    """Yield the members that exclude another one, which is there."""
    for member in members:
        if member in part:
            yield Finding((*path, member), part[member], f"must not stand beside {other}", "take one of them out")


def _configs(job: Job) -> Iterator[Finding]:
    for _, path, part in _parts(job, "HyperParameterTuningResourceConfig"):
        if "InstanceConfigs" not in part:
            continue
        yield from _beside(path, part, ("InstanceType", "InstanceCount", "VolumeSizeInGB"), "InstanceConfigs")


def _groups(job: Job) -> Iterator[Finding]:
    for _, path, part in _parts(job, "ResourceConfig"):
        if "InstanceGroups" not in part:
            continue
        yield from _beside(path, part, ("InstanceType", "InstanceCount"), "InstanceGroups")
        seen: set[str] = set()
        for place, group in enumerate(entries(part["InstanceGroups"])):
            name = text(mapping(group).get("InstanceGroupName"))
            if name is not None and name in seen:
                where = (*path, "InstanceGroups", place, "InstanceGroupName")
                yield Finding(where, name, "must name one group only", "rename one of them")
            elif name is not None:
                seen.add(name)
            if integer(mapping(group).get("InstanceCount")) == 0:
                where = (*path, "InstanceGroups", place, "InstanceCount")
                yield Finding(where, 0, "must be at least 1", "use 1, or take the group out")


def _preferences(job: Job) -> Iterator[Finding]:
    for definition, path, part in _parts(job, "ResourceConfig"):
        if "InstancePreferences" not in part:
            continue
        yield from _beside(
            path, part, ("InstanceType", "InstanceGroups", "InstancePlacementConfig"), "InstancePreferences"
        )
        if definition.body.get("EnableManagedSpotTraining") is True:
            rule = "must not be true with InstancePreferences"
            yield Finding(definition.at("EnableManagedSpotTraining"), True, rule, "take one of them out")
        yield from _each_preference(path, part)


def _each_preference(path: Path, part: Mapping[str, Any]) -> Iterator[Finding]:
    where = (*path, "InstancePreferences")
    preferences = [(place, mapping(one)) for place, one in enumerate(entries(part["InstancePreferences"]))]
    counted = sum("InstanceCount" in one for _, one in preferences)
    if preferences and counted + ("InstanceCount" in part) * len(preferences) != len(preferences):
        rule = "must all hold an InstanceCount, or none and ResourceConfig one for all"
        yield Finding(where, None, rule, "say the number of instances once")
    seen: set[str] = set()
    for place, one in preferences:
        kind = text(one.get("InstanceType"))
        if kind is not None and kind in seen:
            yield Finding((*where, place, "InstanceType"), kind, "must be listed once", "take it out")
        elif kind is not None:
            seen.add(kind)
        if "TrainingPlanArns" in one and "TrainingPlanArn" in part:
            rule = "must not stand beside the TrainingPlanArn of ResourceConfig"
            yield Finding((*where, place, "TrainingPlanArns"), None, rule, "take one of them out")


def _read_only(job: Job) -> Iterator[Finding]:
    for _, path, part in _parts(job, "ResourceConfig"):
        for member in ("SelectedInstanceType", "SelectedInstanceCount"):
            if member in part:
                yield Finding((*path, member), part[member], "is for answers only", "take it out")


def _keep_alive(job: Job) -> Iterator[Finding]:
    for _, path, part in _parts(job, "ResourceConfig"):
        seconds = integer(part.get("KeepAlivePeriodInSeconds"))
        if seconds:
            rule = "has no effect on tuning jobs, which keep instances between training jobs by themselves"
            yield Finding((*path, "KeepAlivePeriodInSeconds"), seconds, rule, "take it out", Severity.warning)


RULES = (
    Rule("one-resource-config", "There is one of the two configurations.", _DEFINITION, _one_config),
    Rule("instances", "Type, number and disk of the instances are given.", _RESOURCE, _instances),
    Rule("volume-key", "A key is given only for disks that are attached.", _RESOURCE, _keys),
    Rule("instance-configs", "A list of instances excludes single ones.", _TUNING, _configs),
    Rule("instance-groups", "Groups of instances exclude single ones, and have different names.", _RESOURCE, _groups),
    Rule("instance-preferences", "Preferences exclude other ways, and count instances once.", _RESOURCE, _preferences),
    Rule("read-only", "What AWS selected is no part of a request.", _RESOURCE, _read_only),
    Rule("keep-alive", "Tuning jobs keep warm pools of their own.", _TUNING, _keep_alive),
)
