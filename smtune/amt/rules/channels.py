"""What must hold of the channels that bring data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smtune.amt.rules.reading import Definition, Job, entries, mapping, text
from smtune.amt.rules.rule import GUIDE, Finding, Rule
from smtune.amt.violations import API_REFERENCE, Path, Severity

_CHANNEL = f"{API_REFERENCE}Channel.html"
_S3 = f"{API_REFERENCE}S3DataSource.html"
_DATA = f"{GUIDE}model-access-training-data.html"
_SOURCES = ("S3DataSource", "FileSystemDataSource", "DatasetSource")


def _channels(job: Job) -> Iterator[tuple[Definition, Path, Mapping[str, Any]]]:
    for definition in job.definitions:
        for path, channel in definition.channels:
            yield definition, path, channel


def _mode(definition: Definition, channel: Mapping[str, Any]) -> str | None:
    given = channel.get("InputMode", definition.part("AlgorithmSpecification").get("TrainingInputMode"))
    return text(given)


def _names(job: Job) -> Iterator[Finding]:
    for definition in job.definitions:
        seen: set[str] = set()
        for path, channel in definition.channels:
            name = text(channel.get("ChannelName"))
            if name is not None and name in seen:
                yield Finding((*path, "ChannelName"), name, "must name one channel only", "rename one of them")
            elif name is not None:
                seen.add(name)


def _one_source(job: Job) -> Iterator[Finding]:
    for _, path, channel in _channels(job):
        source = channel.get("DataSource")
        if not isinstance(source, Mapping):
            continue
        given = [member for member in _SOURCES if member in source]
        if len(given) != 1:
            rule = f"must hold exactly one of {', '.join(_SOURCES)}"
            fix = f"keep one of {', '.join(given)}" if given else "add an S3DataSource"
            yield Finding((*path, "DataSource"), ", ".join(given) or None, rule, fix)


def _file_systems(job: Job) -> Iterator[Finding]:
    for definition, path, channel in _channels(job):
        if "FileSystemDataSource" not in mapping(channel.get("DataSource")):
            continue
        mode = _mode(definition, channel)
        if mode in ("Pipe", "FastFile"):
            rule = "must be File for a file system"
            yield Finding((*path, "InputMode"), mode, rule, "set it to File")
        if "VpcConfig" not in definition.body:
            rule = f"is required to reach the file system of channel {channel.get('ChannelName')}"
            yield Finding(definition.at("VpcConfig"), None, rule, "add subnets and security groups that reach it")


def _manifests(job: Job) -> Iterator[Finding]:
    for definition, path, channel in _channels(job):
        source = mapping(mapping(channel.get("DataSource")).get("S3DataSource"))
        augmented = source.get("S3DataType") == "AugmentedManifestFile"
        where = (*path, "DataSource", "S3DataSource")
        mode = _mode(definition, channel)
        if augmented and mode in ("File", "FastFile"):
            rule = f"can only be read in Pipe mode, not in {mode} mode"
            yield Finding((*where, "S3DataType"), "AugmentedManifestFile", rule, "set the channel's InputMode to Pipe")
        if augmented and not entries(source.get("AttributeNames")):
            rule = "is required for an AugmentedManifestFile"
            yield Finding((*where, "AttributeNames"), None, rule, "name the attributes to read")
        if "AttributeNames" in source and "S3DataType" in source and not augmented:
            rule = "is for an AugmentedManifestFile only"
            yield Finding((*where, "AttributeNames"), None, rule, "take it out", Severity.warning)


def _pipe_only(job: Job) -> Iterator[Finding]:
    for definition, path, channel in _channels(job):
        for member in ("CompressionType", "RecordWrapperType"):
            given, mode = text(channel.get(member)), _mode(definition, channel)
            if given not in (None, "None") and mode in ("File", "FastFile"):
                rule = f"is used in Pipe mode only, not in {mode} mode"
                yield Finding((*path, member), given, rule, "take it out, or use Pipe", Severity.warning)


def _groups(job: Job) -> Iterator[Finding]:
    for definition, path, channel in _channels(job):
        source = mapping(mapping(channel.get("DataSource")).get("S3DataSource"))
        given = entries(definition.part("ResourceConfig").get("InstanceGroups"))
        known = {name for group in given if (name := text(mapping(group).get("InstanceGroupName"))) is not None}
        for place, name in enumerate(entries(source.get("InstanceGroupNames"))):
            if isinstance(name, str) and name not in known:
                where = (*path, "DataSource", "S3DataSource", "InstanceGroupNames", place)
                fix = f"the groups are {', '.join(sorted(known))}" if known else "there is none: take it out"
                yield Finding(where, name, "must be one of the InstanceGroups", fix)


RULES = (
    Rule("channels-once", "Channels have different names.", _CHANNEL, _names),
    Rule("one-data-source", "A channel has one data source.", f"{API_REFERENCE}DataSource.html", _one_source),
    Rule("file-systems", "File systems are mounted, through a VPC.", _DATA, _file_systems),
    Rule("augmented-manifests", "Augmented manifests name attributes, and are piped.", _S3, _manifests),
    Rule("pipe-only", "Compression and record wrapping are for Pipe mode.", _CHANNEL, _pipe_only),
    Rule("known-groups", "Channels go to groups of instances that there are.", _S3, _groups),
)
