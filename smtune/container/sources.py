"""Where hyperparameters come from: the service's file, the toolkit's variable, the command line."""

from __future__ import annotations

from smtune.container.values import decode_value, encode_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What the service, the SDKs and the toolkit add for themselves.
_SERVICE_KEYS = ("_tuning_objective_metric", "default_user_module_name")
_SERVICE_PREFIX = "sagemaker_"


def merge_sources(
    file_values: Mapping[str, object], toolkit_values: Mapping[str, object], arguments: Mapping[str, str]
) -> dict[str, str]:
    """Merge hyperparameters into one wire text each.

    The later source wins, since it is the nearer to this very process: the file was written for the job, the variable
    for the container, and the command line may have been typed by hand. But the toolkit also copies its variable to
    the command line, and its variable from the file, and loses something each time (JSON quotes, ``1.10``, nested
    values). So a source that only repeats an earlier value leaves it alone.

    Args:
        file_values: ``hyperparameters.json``: key to text.
        toolkit_values: ``SM_HPS``: key to decoded value.
        arguments: Command line: key to text.

    Returns:
        Key to text, to be read with :func:`smtune.container.decode_value`.
    """
    texts = {key: value if isinstance(value, str) else _text(value) for key, value in file_values.items()}
    for key, value in toolkit_values.items():
        if key not in texts or not _is_same(decode_value(texts[key]), value):
            texts[key] = _text(value)
    for argument, text in arguments.items():
        key = argument if argument in texts else underscored(argument, texts)
        if key not in texts or text not in _spellings(decode_value(texts[key])):
            texts[key] = text
    return texts


def parse_arguments(argv: Sequence[str]) -> dict[str, str]:
    """Read ``--key value``, ``--key=value``, ``-k value`` and bare ``--flag``; ignore everything else.

    >>> parse_arguments(["train", "--eta", "-0.5", "--booster=dart", "--verbose"])
    {'eta': '-0.5', 'booster': 'dart', 'verbose': 'true'}
    """
    texts = {}
    position = 0
    while position < len(argv):
        name = _option(argv[position])
        position += 1
        if name is None:
            continue
        key, equals, text = name.partition("=")
        if not equals:
            if position < len(argv) and _option(argv[position]) is None:
                text = argv[position]
                position += 1
            else:
                text = "true"
        texts[key] = text
    return texts


def is_service_key(key: str) -> bool:
    """Whether the service or its SDKs added this hyperparameter for themselves."""
    return key in _SERVICE_KEYS or key.startswith(_SERVICE_PREFIX)


def underscored(key: str, known: Mapping[str, object]) -> str:
    """Return the known key that ``key`` spells with dashes, else ``key``."""
    other = key.replace("-", "_")
    return other if other in known else key


def _option(token: str) -> str | None:
    """Return ``key`` or ``key=value`` of an option; negative numbers are no options."""
    if token.startswith("--"):
        name = token[2:]
        return name if name[:1].isalpha() or name[:1] == "_" else None
    name = token[1:]
    return name if token.startswith("-") and name[:1].isalpha() and name[1:2] in {"", "="} else None


def _text(value: object) -> str:
    """Encode a decoded value, also those that only other tools write."""
    import json

    if value in ("True", "False") and isinstance(value, str):
        return value  # the toolkit does not decode SDK v3's booleans
    try:
        return encode_value(value)
    except ValueError:
        return json.dumps(value)


def _is_same(first: object, second: object) -> bool:
    return type(first) is type(second) and first == second


def _spellings(value: object) -> list[str]:
    """How the toolkit (str, ``k=v`` pairs) and SDK v3's driver (JSON) write a value on the command line."""
    import json

    spellings = [str(value), json.dumps(value)]
    if value is None:
        spellings.append("")
    if isinstance(value, dict):
        spellings.append(",".join("{}={}".format(key, item) for key, item in sorted(value.items())))
    return spellings
