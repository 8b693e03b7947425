"""Channels of a training as SageMaker has them: ``InputDataConfig``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smtune.amt.patches import apply_patch, canonical, make_patch
from smtune.spec import Channel, checked

_FILE_SYSTEMS = {"efs": "EFS", "fsx": "FSxLustre"}


def encode_channel(name: str, channel: Channel) -> dict[str, Any]:
    """Return a ``Channel``."""
    encoded: dict[str, Any] = {"ChannelName": name, "DataSource": _source(channel)}
    members = {
        "ContentType": channel.content_type,
        "CompressionType": channel.compression,
        "RecordWrapperType": channel.record_wrapper,
        "InputMode": channel.input_mode,
        "ShuffleConfig": None if channel.shuffle_seed is None else {"Seed": channel.shuffle_seed},
    }
    encoded |= {key: value for key, value in members.items() if value is not None}
    return dict(apply_patch(encoded, channel.request))


def _source(channel: Channel) -> dict[str, Any]:
    if channel.file_system is not None:
        kind, identifier, path = channel.file_system
        mode = "rw" if channel.writable else "ro"
        source = {"FileSystemId": identifier, "FileSystemAccessMode": mode, "FileSystemType": _FILE_SYSTEMS[kind]}
        return {"FileSystemDataSource": {**source, "DirectoryPath": path}}
    if channel.source.startswith("arn:"):
        return {"DatasetSource": {"DatasetArn": channel.source}}
    source = {
        "S3DataType": channel.data_type,
        "S3Uri": channel.source,
        "S3DataDistributionType": channel.distribution,
    }
    lists = {"AttributeNames": channel.attributes, "InstanceGroupNames": channel.instance_groups}
    return {"S3DataSource": {**source, **{key: value for key, value in lists.items() if value}}}


def decode_channel(encoded: Mapping[str, Any]) -> Channel:
    """Return the channel that a ``Channel`` means, with whatever smtune has no word for in its ``request``.

    Raises:
        SpecError: It cannot be read.
        KeyError: A required member is missing.
    """
    fields: dict[str, Any] = {
        **_fields_of(encoded["DataSource"]),
        "content_type": encoded.get("ContentType"),
        "compression": encoded.get("CompressionType"),
        "record_wrapper": encoded.get("RecordWrapperType"),
        "input_mode": encoded.get("InputMode"),
        "shuffle_seed": (encoded.get("ShuffleConfig") or {}).get("Seed"),
    }
    known = checked(Channel, fields, f"training.channels.{encoded['ChannelName']}")
    rest = make_patch(canonical(encode_channel(encoded["ChannelName"], known)), canonical(encoded))
    return known.model_copy(update={"request": rest})


def _fields_of(source: Mapping[str, Any]) -> dict[str, Any]:
    if source.get("FileSystemDataSource") is not None:
        system = source["FileSystemDataSource"]
        kind = "efs" if system["FileSystemType"] == "EFS" else "fsx"
        path = f"{kind}://{system['FileSystemId']}/{system['DirectoryPath'].removeprefix('/')}"
        return {"source": path, "writable": system["FileSystemAccessMode"] == "rw"}
    if source.get("DatasetSource") is not None:
        return {"source": source["DatasetSource"]["DatasetArn"]}
    objects = source["S3DataSource"]
    return {
        "source": objects["S3Uri"],
        "data_type": objects["S3DataType"],
        "distribution": objects.get("S3DataDistributionType") or "FullyReplicated",
        "attributes": list(objects.get("AttributeNames") or ()),
        "instance_groups": list(objects.get("InstanceGroupNames") or ()),
    }
