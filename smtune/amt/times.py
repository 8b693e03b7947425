"""Times as SageMaker tells them: seconds since the epoch on the wire, or what boto3 and the command line make of them."""

from __future__ import annotations

from datetime import UTC, datetime


def read_time(time: object) -> float:
    """Return a time in seconds since the epoch (UTC).

    >>> read_time("2026-03-01T06:07:00.5+01:00"), read_time(1772341620.5)
    (1772341620.5, 1772341620.5)

    Args:
        time: A number of seconds, text in ISO 8601, or a ``datetime``; without a time zone it is UTC.

    Raises:
        TypeError, ValueError: It is none of these.
    """
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    if isinstance(time, datetime):
        return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
    return float(time)  # type: ignore[arg-type]


def read_optional_time(time: object) -> float | None:
    """Return a time as :func:`read_time` does, or ``None`` for ``None``."""
    return None if time is None else read_time(time)


def write_time(seconds: float) -> float:
    """Return a time as the service writes it: to the millisecond."""
    return round(seconds, 3)
