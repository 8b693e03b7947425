"""How numbers, times and other people's text look on one line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from smtune.space import Value
from smtune.trial import Trial

# Control sequences (colours, cursor) and operating-system commands (titles, links), as ECMA-48 defines them.
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


def objective_text(value: float | None) -> str:
    """Return at most six significant digits, or nothing.

    >>> objective_text(0.99341237), objective_text(None), objective_text(float("nan"))
    ('0.993412', '', 'nan')
    """
    return "" if value is None else f"{value:.6g}"


def mean_text(mean: float | None, error: float | None, trainings: int = 1) -> str:
    """Return a mean with its standard error, both to the second digit of the error, and what it is the mean of.

    >>> mean_text(0.99137, 0.00123, 3), mean_text(0.99137, 0.0123), mean_text(0.99137, None)
    ('0.9914 ± 0.0012 (3 trainings)', '0.991 ± 0.012', '0.99137')
    >>> mean_text(2e307, 1.5e306)
    '2e+307 ± 1.5e+306'
    """
    text = objective_text(mean)
    if mean is not None and error is not None and error > 0 and math.isfinite(error):
        digits = min(max(1 - math.floor(math.log10(error)), 0), 15)
        plain = max(abs(mean), error) < 1e9
        text = f"{mean:.{digits}f} ± {error:.{digits}f}" if plain else f"{text} ± {error:.2g}"
    elif error == 0:
        text += " ± 0"
    return f"{text} ({trainings} trainings)" if trainings > 1 else text


def running_objective_text(trial: Trial, metric: str) -> str:
    """Return what a running trial reported last, marked as what may still change, or nothing."""
    text = objective_text(trial.metrics.get(metric))
    return f"{text}*" if text else ""


def value_text(value: Value) -> str:
    """Return a parameter's value: four significant digits, and text cut to 24 characters.

    >>> [value_text(value) for value in (0.0731234, 200, True, "gbtree")]
    ['0.07312', '200', 'true', 'gbtree']
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    return cut(clean(str(value)), 24)


def parameters_text(parameters: Mapping[str, Value], separator: str = "  ") -> str:
    """Return names and values on one line.

    >>> parameters_text({"eta": 0.0731234, "max_depth": 5}, ", ")
    'eta 0.07312, max_depth 5'
    """
    return separator.join(f"{clean(name)} {value_text(value)}" for name, value in parameters.items())


def trials_text(count: int) -> str:
    """Return a number of trials.

    >>> trials_text(1), trials_text(35)
    ('1 trial', '35 trials')
    """
    return f"{count} trial" if count == 1 else f"{count} trials"


def left_out_text(reasons: Mapping[str, int]) -> str:
    """Return how many trials of a parent are left out, and why.

    >>> left_out_text({"eta outside 0.01 to 0.5": 2}), left_out_text({"no result": 3, "no depth": 1})
    ('2 left out: eta outside 0.01 to 0.5', '4 left out: 3 x no result, 1 x no depth')
    """
    counted = sorted(reasons.items(), key=lambda item: -item[1])
    texts = [reason if len(counted) == 1 else f"{count} x {reason}" for reason, count in counted]
    return f"{sum(reasons.values())} left out: {', '.join(texts)}"


def clean(text: str) -> str:
    r"""Return text that stays on its line and moves no cursor: without escape sequences, unprintable characters blank.

    >>> clean("\x1b[31mexit\tcode 1\x1b[0m\n")
    'exit code 1'
    """
    plain = _ESCAPE_SEQUENCE.sub("", text)
    return " ".join("".join(character if character.isprintable() else " " for character in plain).split())


def clean_lines(text: str) -> str:
    r"""Return text whose lines keep their indentation, and hold nothing that is not printable.

    >>> clean_lines("one\x1b[2J\n  two\r")
    'one\n  two'
    """
    return "\n".join(" " * (len(line) - len(line.lstrip(" "))) + clean(line) for line in text.split("\n"))


def cut(text: str, width: int) -> str:
    """Return text of at most ``width`` characters; what was cut is shown by an ellipsis.

    >>> cut("abcdef", 4), cut("abcd", 4), cut("abcdef", 0)
    ('abc…', 'abcd', '')
    """
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""


def clock_text(seconds: float) -> str:
    """Return minutes and seconds, with hours only where there are any.

    >>> clock_text(41.2), clock_text(3723)
    ('0:41', '1:02:03')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration_text(seconds: float) -> str:
    """Return a duration as people say it.

    >>> [duration_text(seconds) for seconds in (0.42, 52.3, 200, 7500)]
    ['0.4 s', '52 s', '3 min 20 s', '2 h 5 min']
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def interrupted_by(signal: str) -> str:
    """Return what begins the news of an interruption.

    Args:
        signal: Name of the signal; nothing for Ctrl-C in a program of one's own.

    >>> interrupted_by("SIGINT"), interrupted_by("SIGTERM")
    ('^C', 'stopped by SIGTERM:')
    """
    return "^C" if signal in ("", "SIGINT") else f"stopped by {signal}:"


def reason_text(trial: Trial, job_name: str) -> str:
    """Return why a trial failed, and where to read more."""
    return f"{clean(trial.failure_reason or 'unknown reason')} (smtune logs {job_name} {trial.number})"
