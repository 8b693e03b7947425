"""The training contract as one frozen object: hyperparameters, channels, directories, hosts."""

from __future__ import annotations

import os
import sys

from smtune.container.coercion import coerce
from smtune.container.repeats import read_repeat
from smtune.container.sources import is_service_key, merge_sources, parse_arguments, underscored
from smtune.container.termination import write_failure_file
from smtune.container.values import decode_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

_BASE = "/opt/ml"
_CHANNEL_VARIABLE = "SM_CHANNEL_"


class Environment:
    """What a training script can know about where it runs.

    The same in a bare container (files under ``/opt/ml``), under the SageMaker training toolkit (``SM_*`` variables),
    and on a laptop (command line only). Build it with :meth:`current`.

    Attributes:
        job_name: Name of the training job, or ``None`` outside one.
        hosts: Names of all hosts of the job, at least one.
        current_host: Name of this host.
        objective_metric: Name of the metric that a tuning job optimises with this training, or ``None``.
        repeat: Which training of the same configuration this is, from 0; to be added to seeds.
        base_dir: What stands for ``/opt/ml`` here, or ``None`` outside a training container.
    """

    __slots__ = (
        "_channels",
        "_content_types",
        "_directories",
        "_texts",
        "base_dir",
        "current_host",
        "hosts",
        "job_name",
        "objective_metric",
        "repeat",
    )

    base_dir: Path | None
    job_name: str | None
    hosts: tuple[str, ...]
    current_host: str
    objective_metric: str | None
    repeat: int
    _texts: dict[str, str]
    _channels: dict[str, Path]
    _content_types: dict[str, str]
    _directories: dict[str, Path]

    def __init__(self, environ: Mapping[str, str], argv: Sequence[str], base_dir: Path | None) -> None:
        def keep(**values: object) -> None:
            for name, value in values.items():
                object.__setattr__(self, name, value)

        texts = merge_sources(
            _read_config(base_dir, "hyperparameters.json"), _read_variable(environ, "SM_HPS", {}), parse_arguments(argv)
        )
        inputs = _read_variable(environ, "SM_INPUT_DATA_CONFIG", {}) or _read_config(base_dir, "inputdataconfig.json")
        resources = _read_config(base_dir, "resourceconfig.json")
        hosts = tuple(_read_variable(environ, "SM_HOSTS", []) or resources.get("hosts") or ["localhost"])
        keep(
            base_dir=base_dir,
            job_name=environ.get("TRAINING_JOB_NAME") or _decoded(texts.get("sagemaker_job_name")),
            hosts=hosts,
            current_host=environ.get("SM_CURRENT_HOST") or resources.get("current_host") or hosts[0],
            objective_metric=_decoded(texts.get("_tuning_objective_metric")),
            repeat=read_repeat(environ),
            _texts={key: text for key, text in texts.items() if not is_service_key(key)},
            _channels=_find_channels(environ, base_dir, inputs),
            _content_types={
                name: config["ContentType"] for name, config in inputs.items() if config.get("ContentType")
            },
            _directories=_find_directories(environ, base_dir),
        )

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: an environment is read once and never changes."""
        raise AttributeError("Environment is frozen: cannot set {}".format(name))

    @classmethod
    def current(
        cls,
        environ: Mapping[str, str] | None = None,
        argv: Sequence[str] | None = None,
        base_dir: str | os.PathLike[str] | None = None,
    ) -> Environment:
        """Read the environment of this process, or a given one.

        Read from the process itself, it also makes sure that an uncaught exception leaves its message in the file
        that SageMaker shows as the reason of a failure.

        Args:
            environ: Environment variables; default ``os.environ``.
            argv: Command line without the program; default ``sys.argv[1:]``.
            base_dir: What stands for ``/opt/ml``; default ``SAGEMAKER_BASE_DIR``, else what ``SM_INPUT_DIR`` lies in,
                else ``/opt/ml`` if there is one.

        Raises:
            ValueError: A file or a variable of the contract is not valid JSON.
        """
        from pathlib import Path

        variables = os.environ if environ is None else environ
        arguments = sys.argv[1:] if argv is None else argv
        base = _find_base(variables) if base_dir is None else Path(base_dir)
        if environ is None:
            # Before anything can go wrong, so that a broken contract is reported as well.
            output = variables.get("SM_OUTPUT_DIR") or (base and base / "output")
            if output:
                write_failure_file(Path(output) / "failure")
        return cls(variables, arguments, base)

    def hyperparameters(self, defaults: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Return the hyperparameters, typed; see :func:`smtune.container.hyperparameters`."""
        values = dict(defaults or {})
        for given, text in self._texts.items():
            key = given if given in values else underscored(given, values)
            values[key] = coerce(key, text, values[key]) if key in values else decode_value(text)
        return values

    def channels(self) -> dict[str, Path]:
        """Return where the data of each channel lies, sorted by name."""
        return dict(self._channels)

    def channel(self, name: str) -> Path:
        """Return where the data of a channel lies.

        Raises:
            LookupError: There is no such channel; the message lists those that there are.
        """
        if name in self._channels:
            return self._channels[name]
        if self._channels:
            raise LookupError("no channel {!r}; there are: {}".format(name, ", ".join(self._channels)))
        raise LookupError(
            "no channel {!r}: there are none here. Outside a training container, say where its data lies with the "
            "environment variable {}{}, for example {}{}=data/{}".format(
                name, _CHANNEL_VARIABLE, name.upper(), _CHANNEL_VARIABLE, name.upper(), name
            )
        )

    def content_type(self, name: str) -> str | None:
        """Return the content type of a channel as the job states it, e.g. ``"text/csv"``, or ``None``."""
        return self._content_types.get(name)

    def model_dir(self) -> Path:
        """Return the directory whose content becomes the model artifact; it exists."""
        return _existing(self._directories["model"])

    def output_dir(self) -> Path:
        """Return the directory for further results, such as plots; it exists."""
        return _existing(self._directories["output"])

    def checkpoint_dir(self) -> Path:
        """Return the directory that survives an interruption of the job; it exists."""
        return _existing(self._directories["checkpoints"])


def hyperparameters(defaults: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Return the hyperparameters of this training, typed.

    Hyperparameters travel as strings; numbers, booleans, lists and dictionaries come back as such. Those that SageMaker
    adds for itself are left out. A key with dashes is the same as a default's key with underscores.

    Args:
        defaults: Values of missing hyperparameters. A given value is read as the type of its default: an ``int``
            default accepts ``6.0`` but not ``6.5``, a ``bool`` default accepts ``true``, ``false``, ``1`` and ``0``, a
            ``str`` default keeps the text as it is. Hyperparameters without a default are returned as well.

    Returns:
        Name to value.

    Raises:
        ValueError: A value cannot be read as the type of its default; the message names key, value and type.
        TypeError: A default has a type that no hyperparameter can have.
    """
    return Environment.current().hyperparameters(defaults)


def channel(name: str) -> Path:
    """Return where the data of a channel lies, e.g. ``channel("train")``.

    Raises:
        LookupError: There is no such channel; the message lists those that there are.
    """
    return Environment.current().channel(name)


def channels() -> dict[str, Path]:
    """Return where the data of each channel lies, sorted by name."""
    return Environment.current().channels()


def model_dir() -> Path:
    """Return the directory whose content becomes the model artifact; it exists."""
    return Environment.current().model_dir()


def output_dir() -> Path:
    """Return the directory for further results, such as plots; it exists."""
    return Environment.current().output_dir()


def checkpoint_dir() -> Path:
    """Return the directory that survives an interruption of the job; it exists."""
    return Environment.current().checkpoint_dir()


def _find_base(environ: Mapping[str, str]) -> Path | None:
    from pathlib import Path

    if environ.get("SAGEMAKER_BASE_DIR"):
        return Path(environ["SAGEMAKER_BASE_DIR"])
    if environ.get("SM_INPUT_DIR"):
        return Path(environ["SM_INPUT_DIR"]).parent
    base = Path(_BASE)
    return base if (base / "input" / "config").is_dir() else None


def _find_directories(environ: Mapping[str, str], base: Path | None) -> dict[str, Path]:
    from pathlib import Path

    root = base or Path()
    stated = _read_config(base, "checkpointconfig.json").get("LocalPath")
    return {
        "model": Path(environ.get("SM_MODEL_DIR") or root / "model"),
        "output": Path(environ.get("SM_OUTPUT_DATA_DIR") or (root / "output" / "data" if base else root / "output")),
        "checkpoints": Path(stated or root / "checkpoints"),
    }


def _find_channels(environ: Mapping[str, str], base: Path | None, inputs: Mapping[str, object]) -> dict[str, Path]:
    from pathlib import Path

    data = base / "input" / "data" if base else None
    # Variables are upper case, so the true names come from elsewhere where they can.
    names = {*_read_variable(environ, "SM_CHANNELS", []), *inputs}
    upper = {name.upper() for name in names}
    prefix = len(_CHANNEL_VARIABLE)
    variables = [name[prefix:] for name in environ if name.startswith(_CHANNEL_VARIABLE) and environ[name]]
    names.update(name.lower() for name in variables if name not in upper)
    if not names and data and data.is_dir():
        names = {entry.name for entry in data.iterdir() if entry.is_dir()}
    places = {}
    for name in sorted(names):
        place = environ.get(_CHANNEL_VARIABLE + name.upper())
        if place:
            places[name] = Path(place)
        elif data:
            places[name] = data / name
    return places


def _read_config(base: Path | None, name: str) -> Any:
    path = base / "input" / "config" / name if base else None
    if path is None or not path.is_file():
        return {}
    return _parse(path.read_text(encoding="utf-8"), str(path), dict)


def _read_variable(environ: Mapping[str, str], name: str, default: Any) -> Any:
    text = environ.get(name)
    return _parse(text, "environment variable " + name, type(default)) if text else default


def _parse(text: str, origin: str, kind: type) -> Any:
    import json

    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError("{} is not valid JSON: {}".format(origin, error)) from error
    if not isinstance(value, kind):
        raise ValueError("{} must hold a JSON {}, not {!r}".format(origin, kind.__name__, value))  # noqa: TRY004 - as above
    return value


def _decoded(text: str | None) -> str | None:
    return None if text is None else str(decode_value(text))


def _existing(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
