"""The wire text of a typed hyperparameter: SageMaker passes every value as a string."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

# SDK v3 sends Python's spelling of booleans from a tuner and JSON's from a trainer.
_PYTHON_BOOLEANS = {"True": True, "False": False}


def encode_value(value: object) -> str:
    """Write a hyperparameter as text that :func:`decode_value` reads back with the same type.

    The text is JSON, so the SageMaker training toolkit, which decodes JSON too, agrees on every type. A plain string
    stays as it is, unless it could be mistaken for something else.

    >>> encode_value(1e-07), encode_value(True), encode_value("gbtree"), encode_value("7"), encode_value([64, 32])
    ('1e-07', 'true', 'gbtree', '"7"', '[64, 32]')

    Args:
        value: A ``str``, ``bool``, ``int``, finite ``float``, or a ``list`` or a ``dict`` with string keys of these.

    Returns:
        Its text.

    Raises:
        ValueError: The value is ``None`` or not a finite number.
        TypeError: The value has another type.
    """
    import json

    if isinstance(value, str):
        return json.dumps(value) if _is_ambiguous(value) else value
    if value is None:
        raise ValueError("a hyperparameter cannot be None: leave it out")
    _check(value)
    return json.dumps(value)


def decode_value(text: str) -> object:
    """Read the value of a hyperparameter from its text.

    Besides what :func:`encode_value` writes, this reads what the SageMaker SDKs write: strings in JSON quotes (v2) and
    ``True`` and ``False`` (v3). Whatever is not one of these is plain text and is left alone.

    >>> decode_value("1e-4"), decode_value("6"), decode_value('"gbtree"'), decode_value("True"), decode_value("NaN")
    (0.0001, 6, 'gbtree', True, 'NaN')
    """
    import json

    if text in _PYTHON_BOOLEANS:
        return _PYTHON_BOOLEANS[text]
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _is_ambiguous(text: str) -> bool:
    """Whether the text would be read as something else by us or by any other reader of JSON."""
    import json

    if text in _PYTHON_BOOLEANS:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _check(value: object) -> None:
    if isinstance(value, float):
        if value - value != 0:  # inf - inf and nan - nan are nan
            raise ValueError("a hyperparameter must be a finite number, not {!r}".format(value))
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("the key {!r} of a hyperparameter must be a str".format(key))
            _check(item)
    elif value is not None and not isinstance(value, (str, int)):
        raise TypeError(
            "a hyperparameter must be a str, bool, int, float, list or dict, not {!r} of type {}; "
            "convert it first, for example with .item() or list()".format(value, type(value).__name__)
        )


def _refuse_constant(name: str) -> NoReturn:
    """Refuse ``NaN`` and ``Infinity``, which ``json`` accepts although they are no JSON."""
    raise ValueError(name)


def _finite(text: str) -> Any:
    value = float(text)
    if value - value != 0:
        raise ValueError(text)
    return value
