"""What smtune itself costs per trial, beside Optuna, and what it costs to start.

Run from the root of the checkout: ``python -m benchmarks.overhead``. Every figure comes from a fresh process. The
objective does nothing, so all that is measured is the search's own work; the first trials of a process, which load
libraries, are left out and show as the cost of imports instead.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measuring import (
    Stopwatch,
    calibrate,
    choose,
    describe_calibration,
    in_fresh_process,
    installed,
    machine,
    median,
    number,
    peak_megabytes,
    print_table,
    verdict,
)
from benchmarks.overhead_cases import CASES

WARM_UP = 10
"""Trials before the measured ones, on a search of their own."""

LINEAR = 1.2
"""A later trial may cost this many times an early one: what a machine that others use can tell from 1."""

TARGETS = (
    # case, ms CPU per trial at most, the case to compare it with
    ("ask-random", 0.05, "optuna-random"),
    ("ask-evolutionary", 0.7, "optuna-nsga2"),
    ("job-random", 0.25, "optuna-sqlite"),
    ("job-evolutionary", 0.95, "optuna-sqlite"),
)
PEERS = tuple(dict.fromkeys(case.peer for case in CASES.values() if case.peer))
IMPORTS = (
    # statement, what must be installed
    ("import smtune", None),
    ("from smtune import AskTell", None),
    ("from smtune import tune, TuningSpec", None),
    ("import optuna", "optuna"),
)
_IMPORT = """
import json, sys, time
before, start = set(sys.modules), time.process_time()
{statement}
cpu = time.process_time() - start
new = set(sys.modules) - before
others = {{name.partition(".")[0] for name in new}} - sys.stdlib_module_names - {{"smtune"}}
others = [name for name in others if not name.startswith("_sysconfigdata_")]
print(json.dumps({{"cpu": cpu, "modules": len(new), "others": sorted(others)}}))
"""


# --- measuring ------------------------------------------------------------------------------------------------

Run = dict[str, float]
Runs = Mapping[tuple[str, int], Mapping[int, Run]]
"""Case and number of trials to what each round measured."""


def measure_here(name: str, trials: int) -> None:
    """Run one case in this process and print what it took."""
    case = CASES[name]
    with tempfile.TemporaryDirectory() as root:
        warm_up, measured = Path(root) / "warm-up", Path(root) / "measured"
        warm_up.mkdir()
        measured.mkdir()
        case.run(WARM_UP, warm_up)
        gc.collect()
        calibration = calibrate()
        with Stopwatch() as watch:
            case.run(trials, measured)
    print(json.dumps({"cpu": watch.cost.cpu, "peak": peak_megabytes(), "calibration": calibration}))


def measure(names: Sequence[str], sizes: Sequence[int], rounds: int) -> Runs:
    """Run all cases in turns, each in a fresh process."""
    runs: dict[tuple[str, int], dict[int, Run]] = defaultdict(dict)
    for turn in range(rounds):
        first = turn % len(names)
        for name in [*names[first:], *names[:first]]:
            for size in sizes:
                if size > CASES[name].largest or (turn > 0 and size >= CASES[name].once):
                    continue
                print(f"round {turn + 1} of {rounds}: {name}, {size} trials", file=sys.stderr)
                with tempfile.TemporaryDirectory() as home:
                    arguments = ["-m", "benchmarks.overhead", "--case", name, "--trials", str(size)]
                    runs[name, size][turn] = in_fresh_process(arguments, {"SMTUNE_HOME": home})
    return runs


def per_trial(runs: Runs, name: str, size: int) -> float | None:
    """Return the median CPU milliseconds per trial."""
    return median(run["cpu"] / size * 1e3 for run in runs.get((name, size), {}).values())


def least(runs: Runs, name: str, size: int) -> float | None:
    """Return the least CPU milliseconds per trial of all rounds: what others' use of the machine added least to."""
    return min((run["cpu"] / size * 1e3 for run in runs.get((name, size), {}).values()), default=None)


def growth(runs: Runs, name: str, sizes: Sequence[int]) -> float | None:
    """Return how many times as much a late trial costs as an early one; what a job costs once cancels out."""
    few, some, many = sizes[0], sizes[len(sizes) // 2], sizes[-1]
    costs = [per_trial(runs, name, size) for size in (few, some, many)]
    if len(sizes) < 3 or None in costs:
        return None
    low, middle, high = (cost * size for cost, size in zip(costs, (few, some, many), strict=True) if cost is not None)
    return (high - middle) / (many - some) / ((middle - low) / (some - few))


def ratio(runs: Runs, name: str, other: str, sizes: Sequence[int]) -> tuple[float, int] | None:
    """Return how many times our CPU another case takes, and for how many trials; the median over common rounds."""
    for size in reversed(sizes):
        ours, theirs = runs.get((name, size), {}), runs.get((other, size), {})
        quotient = median(theirs[turn]["cpu"] / ours[turn]["cpu"] for turn in ours.keys() & theirs.keys())
        if quotient is not None:
            return quotient, size
    return None


# --- telling --------------------------------------------------------------------------------------------------


def report_trials(runs: Runs, names: Sequence[str], sizes: Sequence[int]) -> None:
    """Print what trials cost."""
    header = ["ms CPU per trial", *(f"{size:,} trials" for size in sizes), "late / early", "peak MB"]
    rows = []
    for name in names:
        own = [size for size in sizes if (name, size) in runs]
        peak = median(run["peak"] for run in runs[name, own[-1]].values()) if own else None
        costs = [number(per_trial(runs, name, size)) for size in sizes]
        rows.append([CASES[name].title, *costs, number(growth(runs, name, sizes), 2), number(peak, 2)])
    print_table("Overhead of one trial", header, rows)


def report_targets(runs: Runs, sizes: Sequence[int]) -> None:
    """Print the targets of trials beside what was measured with the most of them."""
    rows = []
    for name, limit, other in TARGETS:
        title, cost, late = CASES[name].title, per_trial(runs, name, sizes[-1]), growth(runs, name, sizes)
        compared = ratio(runs, name, other, sizes)
        against = f"{number(compared[0], 2)} x ({compared[1]:,} trials)" if compared else "-"
        smallest = number(least(runs, name, sizes[-1]))
        judged = verdict(cost, at_most=limit)
        rows.append([f"{title}: ms CPU", f"<= {limit}", number(cost), judged, smallest, CASES[other].title, against])
        judged = verdict(late, at_most=LINEAR)
        rows.append([f"{title}: late / early", f"<= {LINEAR}", number(late, 2), judged, "", "", ""])
    header = ["target", "", "median", "", "least", "compared with", "takes"]
    print_table(f"Targets, at {sizes[-1]:,} trials", header, rows)


def report_start(rounds: int) -> None:
    """Measure and print what it costs to load smtune and to have an answer from its command line."""
    rows = []
    for statement, module in IMPORTS:
        if not installed(module):
            print(f"skipped: {statement} (not installed)")
            continue
        code = _IMPORT.format(statement=statement)
        answers = [in_fresh_process(["-c", code], {}) for _ in range(rounds)]
        cpu, others = min(answer["cpu"] for answer in answers) * 1e3, answers[0]["others"]
        judged, target = "", ""
        if statement == "import smtune":
            target = "<= 30 ms, no third party"
            judged = "MISS" if others else verdict(cpu, at_most=30.0)
        shown = ", ".join(others[:6]) + (f" and {len(others) - 6} more" if len(others) > 6 else "")
        rows.append([statement, number(cpu), str(answers[0]["modules"]), shown or "none", target, judged])
    print_table(f"Imports, least of {rounds}", ["statement", "ms CPU", "modules", "third party", "target", ""], rows)
    rows = []
    for title, arguments, limit in (
        ("python -c pass", ["-c", "pass"], None),
        ("smtune --help", ["-m", "smtune", "--help"], 0.3),
    ):
        costs = [_cost_of(arguments) for _ in range(rounds)]
        cpu, wall = (min(column) for column in zip(*costs, strict=True))
        target = "" if limit is None else f"<= {limit} s on the wall"
        judged = "" if limit is None else verdict(wall, at_most=limit)
        rows.append([title, number(cpu), number(wall), target, judged])
    print_table(f"Command line, least of {rounds}", ["command", "s CPU", "s on the wall", "target", ""], rows)


_COST_OF = """
import json, subprocess, sys
from benchmarks.measuring import Stopwatch
with Stopwatch() as watch:
    subprocess.run([sys.executable, *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)
print(json.dumps([watch.cost.cpu, watch.cost.wall]))
"""


def _cost_of(arguments: Sequence[str]) -> tuple[float, float]:
    cpu, wall = in_fresh_process(["-c", _COST_OF, *arguments], {})
    return float(cpu), float(wall)


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--trials", nargs="+", type=int, default=[100, 1000, 10000], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes per figure (default: 5)")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="name none to leave all out")
    parser.add_argument("--case", choices=tuple(CASES), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case is not None:
        measure_here(chosen.case, chosen.trials[0])
        return
    sizes = sorted(set(chosen.trials))
    print(machine(["smtune", "optuna", "numpy", "pydantic"]))
    names = choose(CASES, chosen.peers)
    runs = measure(names, sizes, chosen.rounds)
    report_trials(runs, names, sizes)
    report_targets(runs, sizes)
    report_start(chosen.rounds)
    print("\n" + describe_calibration([run["calibration"] for one in runs.values() for run in one.values()]))


if __name__ == "__main__":
    main()
