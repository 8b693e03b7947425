"""One search on one task: simulated workers, the best value so far, the CPU seconds that the search itself took."""

from __future__ import annotations

import heapq
import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.search_peers import Search, Setting, Subject
from benchmarks.search_tasks import Configuration, load, observer

DURATIONS = (0.5, 1.5)
"""Least and greatest duration of a simulated trial."""


@dataclass(frozen=True, slots=True)
class Key:
    """What tells one run from all others; runs of different subjects are compared where the rest is equal."""

    task: str
    subject: str
    seed: int
    workers: int = 1
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one search.

    Attributes:
        key: Which search it was.
        best: The least value that was known to be possible.
        median: The median value of random configurations.
        curve: By finished trials, the true value of the configuration with the least value seen so far.
        cpu: By finished trials, the CPU seconds spent so far on asking and telling.
    """

    key: Key
    best: float
    median: float
    curve: list[float]
    cpu: list[float]


def run(key: Key, subject: Subject, trials: int, cache: Path) -> Run:
    """Run one search.

    Args:
        key: Which search.
        subject: What searches.
        trials: How many trials are started, and finish.
        cache: The folder of values that tasks keep.
    """
    task = load(key.task, key.seed, cache)
    search = subject.start(task.space, Setting(key.seed, key.workers))
    observe = observer(task, key.task, key.seed, key.noise)
    curve, cpu = [], []
    least, incumbent = math.inf, math.inf
    for seen, true, spent in simulate(search, observe, durations(key, trials), workers=key.workers):
        if seen < least:
            least, incumbent = seen, true
        curve.append(incumbent)
        cpu.append(round(spent, 6))
    return Run(key, task.best, task.median, curve, cpu)


def durations(key: Key, trials: int) -> list[float]:
    """Return how long each trial takes, by the order in which they start; the same for all subjects."""
    draw = random.Random(f"{key.seed} {key.task}")
    return [draw.uniform(*DURATIONS) for _ in range(trials)]


def simulate(
    search: Search,
    observe: Callable[[Configuration], tuple[float, float]],
    durations: Sequence[float],
    *,
    workers: int,
) -> Iterator[tuple[float, float, float]]:
    """Yield trials in the order in which asynchronous workers finish them.

    A worker that is done is given the next configuration at once, by a search that was told of everything that has
    finished by then and of nothing else.

    Args:
        search: What is asked and told.
        observe: Configuration to what the search sees, and the true value.
        durations: How long each trial takes, by the order in which they start.
        workers: How many run at a time.

    Yields:
        The value that the search was told, the true value, and the CPU seconds of asking and telling so far.
    """
    under_way: list[tuple[float, int, Any, Configuration]] = []
    spent, now = 0.0, 0.0
    for number in range(len(durations) + workers):
        if number >= workers:
            now, _, handle, configuration = heapq.heappop(under_way)
            seen, true = observe(configuration)
            start = time.process_time()
            search.tell(handle, seen)
            spent += time.process_time() - start
            yield seen, true, spent
        if number < len(durations):
            start = time.process_time()
            handle, configuration = search.ask()
            spent += time.process_time() - start
            heapq.heappush(under_way, (now + durations[number], number, handle, configuration))


# --- keeping --------------------------------------------------------------------------------------------------


def line(run: Run) -> str:
    """Return a run as one line of JSON."""
    return json.dumps(asdict(run)) + "\n"


def read(paths: Iterable[Path]) -> dict[Key, Run]:
    """Return the runs of some files; where one stands there twice, the later."""
    runs = {}
    for path in paths:
        for text in path.read_text(encoding="utf-8").splitlines():
            fields = json.loads(text)
            key = Key(**fields.pop("key"))
            runs[key] = Run(key, **fields)
    return runs
