"""Input data of a training, as users write it: a folder, a file, or an address."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smtune.errors import Problem, SpecError

_FILE_SYSTEM = re.compile(r"(?P<kind>efs|fsx)://(?P<id>fs-[0-9a-f]{8,})(?P<path>/.*)?")


class Channel(BaseModel):
    """Input data of the training.

    All but ``source`` and ``content_type`` is for SageMaker, which copies or streams the data into the container.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    source: Annotated[
        str,
        Field(
            min_length=1,
            description="A folder or a file here, an s3:// URI, efs://fs-ID/PATH, fsx://fs-ID/PATH, or a dataset's ARN.",
        ),
    ]
    content_type: Annotated[str | None, Field(description="MIME type that the script is told, e.g. text/csv.")] = None
    data_type: Annotated[
        Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile", "Converse"],
        Field(description="What the S3 URI is: the beginning of the objects' names, or a list of them."),
    ] = "S3Prefix"
    distribution: Annotated[
        Literal["FullyReplicated", "ShardedByS3Key"],
        Field(description="Whether each of several instances gets all objects, or its share of them."),
    ] = "FullyReplicated"
    input_mode: Annotated[
        Literal["File", "FastFile", "Pipe"] | None, Field(description="By default the training's input_mode.")
    ] = None
    compression: Annotated[Literal["None", "Gzip"] | None, Field(description="How the objects are compressed.")] = None
    record_wrapper: Annotated[
        Literal["None", "RecordIO"] | None, Field(description="Wraps each object in a RecordIO record.")
    ] = None
    shuffle_seed: Annotated[int | None, Field(description="Shuffles the objects, by this seed and the epoch.")] = None
    attributes: Annotated[list[str], Field(description="Attributes of an augmented manifest that are used.")] = []
    instance_groups: Annotated[list[str], Field(description="Instance groups that get these data.")] = []
    writable: Annotated[bool, Field(description="Whether the training may write to the file system.")] = False
    request: Annotated[
        dict[str, Any],
        Field(description="What else SageMaker's Channel says, in its own words: merged into it (RFC 7396)."),
    ] = {}

    @property
    def is_remote(self) -> bool:
        """Whether the data lie somewhere in AWS."""
        return self.source.startswith(("s3://", "https://", "efs://", "fsx://", "arn:"))

    @property
    def file_system(self) -> tuple[str, str, str] | None:
        """Kind (``efs`` or ``fsx``), identifier and path of a file system, or ``None`` for other data."""
        found = _FILE_SYSTEM.fullmatch(self.source)
        return None if found is None else (found["kind"], found["id"], found["path"] or "/")

    @model_validator(mode="after")
    def _check(self) -> Channel:
        if self.source.startswith(("efs://", "fsx://")) and self.file_system is None:
            rule = "is no file system"
            raise SpecError([Problem("source", self.source, rule, "write efs://fs-0123abcd/path, or fsx://...")])
        return self


def _channel(given: Any) -> Any:
    return {"source": str(given)} if isinstance(given, str) or hasattr(given, "__fspath__") else given


ChannelField = Annotated[Channel, BeforeValidator(_channel)]
"""A channel, or just its source."""
