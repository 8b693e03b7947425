"""The parts of a spec: limits, and what is trained."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smtune.errors import HIDDEN, Problem, SpecError
from smtune.spec.channels import ChannelField

NAME_PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")
"""SageMaker's rule for names of tuning jobs: one name then works on every backend."""

_CHANNEL_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VARIABLE_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, allow_inf_nan=False)


class Limits(_Part):
    """When to stop starting trials, and when to stop altogether."""

    max_trials: Annotated[int | None, Field(ge=1, description="Trials in all, repeats included.")] = None
    max_parallel: Annotated[int, Field(ge=1, description="Trials at a time.")] = 1
    max_runtime_seconds: Annotated[
        float | None, Field(gt=0, description="Wall-clock seconds of the whole job; running trials are then stopped.")
    ] = None
    max_trial_seconds: Annotated[
        float | None, Field(gt=0, description="Wall-clock seconds of one trial; it is then stopped.")
    ] = None
    max_failures: Annotated[
        int | None,
        Field(
            ge=1,
            description="Failed trials that fail the job. By default only a job whose first 5 trials all fail is failed.",
        ),
    ] = None
    max_cost_usd: Annotated[
        float | None,
        Field(
            gt=0,
            description="What all trials together may cost; running trials are then stopped. On SageMaker, a job that may "
            "cost more is refused.",
        ),
    ] = None
    usd_per_hour: Annotated[
        float | None, Field(gt=0, description="What a trial costs per hour, e.g. the price of its instance.")
    ] = None

    @property
    def price_problem(self) -> Problem | None:
        """What keeps this machine from ending a job at an amount of money: nothing here has a known price."""
        if self.max_cost_usd is None or self.usd_per_hour is not None:
            return None
        rule = "cannot be kept without the price of an hour"
        return Problem("limits.max_cost_usd", self.max_cost_usd, rule, "add limits.usd_per_hour")

    @property
    def max_trial_hours(self) -> float | None:
        """How many hours of trials the money is enough for, or ``None`` if there is no limit."""
        if self.max_cost_usd is None or self.usd_per_hour is None:
            return None
        return self.max_cost_usd / self.usd_per_hour


def _text_values(given: Any) -> Any:
    """Let users write numbers where only text exists, as in environment variables."""
    if not isinstance(given, dict):
        return given
    problems = [
        Problem(
            str(name).partition("=")[0],  # what follows may be meant as the value
            HIDDEN,
            "is no name of an environment variable",
            "use letters, digits and underscores",
        )
        for name, value in given.items()
        if not isinstance(name, str) or not _VARIABLE_NAME.fullmatch(name)
    ]
    if problems:
        raise SpecError(problems)
    plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
    return {name: str(value) if isinstance(value, int | float) else value for name, value in plain.items()}


def _plain_path(given: Any) -> Any:
    return str(given) if hasattr(given, "__fspath__") else given


class Training(_Part):
    """What a trial runs: an entry point with its source directory, or a container that brings its own."""

    entry_point: Annotated[
        str | None, BeforeValidator(_plain_path), Field(description="Training script, relative to source_dir.")
    ] = None
    source_dir: Annotated[
        str,
        BeforeValidator(_plain_path),
        Field(description="Folder with the script and whatever it imports, or s3:// URI of a sourcedir.tar.gz."),
    ] = "."
    image: Annotated[str | None, Field(description="Container image that trains without an entry point.")] = None
    algorithm: Annotated[
        str | None, Field(description="Name or ARN of an algorithm resource of SageMaker, instead of an image.")
    ] = None
    channels: Annotated[
        dict[str, ChannelField],
        Field(description="Channel name to a folder, a file, or an s3:// URI."),
    ] = {}
    environment: Annotated[
        dict[str, str], BeforeValidator(_text_values), Field(description="Environment variables of the script.")
    ] = {}
    output: Annotated[
        str | None,
        BeforeValidator(_plain_path),
        Field(description="Folder for models and other outputs; by default the job's own."),
    ] = None
    preload: Annotated[
        bool,
        Field(
            description="Import the script's libraries once and fork every trial from there. Starts trials many times "
            "faster; a trial is then no fresh interpreter, as it would be in a container."
        ),
    ] = False

    @property
    def has_remote_code(self) -> bool:
        """Whether the code lies in S3, packed as a ``sourcedir.tar.gz``."""
        return self.source_dir.startswith("s3://")

    @model_validator(mode="after")
    def _check(self) -> Training:
        problems = []
        if sum(one is not None for one in (self.entry_point, self.image, self.algorithm)) != 1:
            problems.append(
                Problem(
                    "entry_point",
                    self.entry_point,
                    "needs an entry point or an image, and not both",
                    "name the training script, or the image",
                )
            )
        if self.entry_point is not None:
            path = PurePosixPath(self.entry_point)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                problems.append(
                    Problem("entry_point", self.entry_point, "must lie inside source_dir", "move source_dir up")
                )
        problems += [
            Problem(f"channels.{name}", name, "is no channel name", "use 1 to 64 letters, digits, dots, - and _")
            for name in self.channels
            if not _CHANNEL_NAME.fullmatch(name) or name in (".", "..")
        ]
        if problems:
            raise SpecError(problems)
        return self
