"""Searches lines for regexes, as a program of its own: run by :mod:`smtune.metric_lines.search`, which can end it.

Reads one JSON value per line from standard input: first the regexes; then batches of lines, each line as a list of its
forms; and after a batch the numbers of the regexes to search it for. Answers each of these with ``[matches, numbers]``:
in how many lines the regex was found in any form, and in how many of them its first group was a number.

A mapping of ``regexes`` and ``lines`` is answered with a JSON value for each regex: ``[line, value]`` wherever what its
first group captures is a number, the first form counts in which it is found.

A search that takes more processor time than the first argument says, in seconds, ends the process: nothing within it
could, as :mod:`re` lets no other code run meanwhile.

It runs without smtune, so that it starts within an instant.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterable, Sequence


def main() -> None:
    """Answer until nothing is asked any more."""
    seconds = float(sys.argv[1])
    patterns = [re.compile(source) for source in json.loads(sys.stdin.readline())]
    lines: list[list[str]] = []
    for message in map(json.loads, sys.stdin):
        if isinstance(message, list):
            lines = message
        elif isinstance(message, dict):
            for source in message["regexes"]:
                pattern = re.compile(source)
                signal.setitimer(signal.ITIMER_PROF, seconds)
                values = _values(pattern, message["lines"])
                signal.setitimer(signal.ITIMER_PROF, 0)
                print(json.dumps(values), flush=True)  # noqa: T201 - its answer
        else:
            signal.setitimer(signal.ITIMER_PROF, seconds)  # its signal, left alone, kills
            found = [_is_number(_captured(patterns[message], forms)) for forms in lines]
            signal.setitimer(signal.ITIMER_PROF, 0)
            print(json.dumps([len(found) - found.count(None), found.count(True)]), flush=True)  # noqa: T201 - its answer


def _values(pattern: re.Pattern[str], lines: Sequence[Iterable[str]]) -> list[tuple[int, float]]:
    """Return the numbers that a regex reads, with the places of their lines."""
    values = []
    for place, forms in enumerate(lines):
        match = next(filter(None, map(pattern.search, forms)), None)
        if match is not None and match[1] is not None:
            try:
                values.append((place, float(match[1])))
            except ValueError:
                continue
    return values


def _captured(pattern: re.Pattern[str], forms: Iterable[str]) -> list[str]:
    """Return what the first group captures wherever the regex is found, in all forms of a line."""
    return [match[1] or "" for form in forms for match in pattern.finditer(form)]


def _is_number(texts: list[str]) -> bool | None:
    """Return whether one of the texts is a number, or ``None`` if there is no text at all."""
    if not texts:
        return None
    for text in texts:
        try:
            float(text)
        except ValueError:
            continue
        return True
    return False


if __name__ == "__main__":
    main()
