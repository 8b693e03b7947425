"""From the text of a hyperparameter to a value of the type that the script expects."""

from __future__ import annotations

from smtune.container.values import decode_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_KINDS = (bool, int, float, str, list, tuple, dict)  # bool before int: every bool is an int


def coerce(key: str, text: str, default: object) -> object:
    """Read a hyperparameter as the type of its default.

    >>> coerce("max_depth", "6.0", 3), coerce("eta", "1", 0.3), coerce("version", "1.10", "")
    (6, 1.0, '1.10')

    Args:
        key: Its name, for error messages.
        text: Its wire text.
        default: A value of the wanted type; ``None`` takes whatever type the text has.

    Returns:
        The value.

    Raises:
        ValueError: The text cannot be read as that type.
        TypeError: No hyperparameter can have the type of ``default``.
    """
    decoded = decode_value(text)
    if default is None:
        return decoded
    kind = next((kind for kind in _KINDS if isinstance(default, kind)), None)
    if kind is None:
        raise TypeError(
            "the default of hyperparameter {} is of type {}; it must be a bool, int, float, str, list, tuple, dict or "
            "None".format(key, type(default).__name__)
        )
    plain = decoded if isinstance(decoded, str) else text
    try:
        return _convert(kind, plain, decoded)
    except (ValueError, KeyError):
        article = "an" if kind is int else "a"
        raise ValueError(
            "hyperparameter {} = {!r}: must be {} {}, like its default {!r}".format(
                key, plain, article, kind.__name__, default
            )
        ) from None


def _convert(kind: type, plain: str, decoded: Any) -> object:
    if kind is str:
        return plain
    if kind is bool:
        return _BOOLEANS[plain.strip().lower()]
    if kind is int:
        return _whole(plain)
    if kind is float:
        return float(plain)
    if not isinstance(decoded, dict if kind is dict else list):
        raise ValueError(plain)  # noqa: TRY004 - the text is wrong, not the type of an argument
    return kind(decoded)


def _whole(plain: str) -> int:
    try:
        return int(plain)
    except ValueError:
        number = float(plain)
        if not number.is_integer():
            raise
        return int(number)
