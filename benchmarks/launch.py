"""What it costs to run trials as processes: smtune beside a bare ``subprocess.Popen`` and Syne Tune's LocalBackend.

Run from the root of the checkout: ``python -m benchmarks.launch``. Two trials at a time everywhere, one thread each.
The variants take turns, each turn in a fresh process, and are compared within the turn. The clock starts when all
libraries are loaded and stops when the last process is gone; CPU seconds are those of all processes together, which
a training of known cost proves first.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import functools
import json
import random
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.launch_variants import SLOTS, VARIANTS
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
    print_table,
    verdict,
)

SCRIPTS = Path(__file__).with_name("trials")
FEW = 2
"""Trials of the runs that tell what a variant costs once from what it costs per trial."""

BURN_SECONDS = 0.25
"""CPU seconds of one trial of ``burn.py``."""

NEEDS = {"trivial": (), "boosting": ("sklearn", "xgboost")}
"""Script to the modules that it imports."""

PEERS = ("syne-tune",)
TARGETS = (
    # script, variant, what is compared with the bare loop, how it is told, at most, at least
    ("trivial", "runner", "added", "ms CPU per trial over Popen", 5.0, None),
    ("trivial", "runner", "speed", "trials per minute / Popen's", None, 0.9),
    ("boosting", "runner", "speed", "trials per minute / Popen's", None, 0.9),
    ("boosting", "warm-runner", "saving", "Popen's CPU / its own", None, 5.0),
)


# --- measuring ------------------------------------------------------------------------------------------------

Run = dict[str, float]
Runs = Mapping[tuple[str, str], Mapping[int, tuple[Run, Run]]]
"""Script and variant to the round and its two runs: one with few trials, one with all."""


def measure_here(name: str, script: str, trials: int) -> None:
    """Run one variant in this process and print what it took."""
    calibration = calibrate()
    run = VARIANTS[name].prepare()
    draw = random.Random(1)
    values = [draw.random() for _ in range(trials)]
    folder = Path.home()
    with contextlib.chdir(folder), Stopwatch() as watch:
        succeeded = run(SCRIPTS / f"{script}.py", values, folder)
    if succeeded < trials:
        raise RuntimeError(f"{succeeded} of {trials} trials succeeded: nothing was measured")
    answer = {"trials": succeeded, "cpu": watch.cost.cpu, "wall": watch.cost.wall, "calibration": calibration}
    print(json.dumps(answer))


def measure_there(name: str, script: str, trials: int) -> Run:
    """Run one variant in a fresh process, with a home of its own.

    What it leaves there stays until this process ends: where many files were just deleted, ext4 takes ten times as
    long to create others, and the next variant would pay.
    """
    home = tempfile.mkdtemp(dir=_homes())
    homes = {"SMTUNE_HOME": home, "SYNETUNE_FOLDER": home, "HOME": home}
    arguments = ["-m", "benchmarks.launch", "--here", name, "--scripts", script, "--trials", str(trials)]
    return in_fresh_process(arguments, homes)


@functools.cache
def _homes() -> str:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def measure(
    names: Sequence[str], script: str, trials: int, rounds: int
) -> dict[tuple[str, str], dict[int, tuple[Run, Run]]]:
    """Run all variants in turns."""
    runs: dict[tuple[str, str], dict[int, tuple[Run, Run]]] = defaultdict(dict)
    for turn in range(rounds):
        first = turn % len(names)
        for name in [*names[first:], *names[:first]]:
            variant = VARIANTS[name]
            if turn >= variant.rounds:
                continue
            print(f"round {turn + 1} of {rounds}: {script}, {name}", file=sys.stderr)
            few, many = (measure_there(name, script, count) for count in (FEW, min(trials, variant.most)))
            runs[script, name][turn] = few, many
    return runs


def check_counting(names: Sequence[str]) -> None:
    """Show that the CPU seconds of trials are counted, whoever waits for their processes.

    Raises:
        RuntimeError: A variant's are not.
    """
    rows = []
    for name in names:
        print(f"counting: {name}", file=sys.stderr)
        idle, busy = measure_there(name, "trivial", FEW), measure_there(name, "burn", FEW)
        used, counted = BURN_SECONDS * busy["trials"], busy["cpu"]
        if counted < used:
            raise RuntimeError(f"{name}: {counted:.2f} s of CPU counted where its trials alone used {used:.2f} s")
        rows.append([VARIANTS[name].title, number(used, 2), number(counted), number(idle["cpu"])])
    header = [f"s CPU of {FEW} trials", "known to be used", "counted", "counted, trivial script"]
    print_table("Is the CPU of trials counted?", header, rows)


# --- telling --------------------------------------------------------------------------------------------------


def compared(runs: Runs, script: str, name: str) -> dict[str, float | None]:
    """Return the medians of one variant, and of its comparison with the bare loop in the same rounds."""
    own, bare = runs.get((script, name), {}), runs.get((script, "popen"), {})
    costs = {turn: many["cpu"] / many["trials"] for turn, (_, many) in own.items()}
    speeds = {turn: many["trials"] / many["wall"] * 60 for turn, (_, many) in own.items()}
    bare_costs = {turn: many["cpu"] / many["trials"] for turn, (_, many) in bare.items()}
    bare_speeds = {turn: many["trials"] / many["wall"] * 60 for turn, (_, many) in bare.items()}
    further = [
        (many["cpu"] - few["cpu"]) / (many["trials"] - few["trials"])
        for few, many in own.values()
        if many["trials"] > few["trials"]
    ]
    common = own.keys() & bare.keys()
    once = median(few["cpu"] for few, _ in own.values())
    each = median(further)
    return {
        "cost": median(costs.values()),
        "each": each,
        "once": None if once is None or each is None else once - FEW * each,
        "speed_alone": median(speeds.values()),
        "added": median((costs[turn] - bare_costs[turn]) * 1e3 for turn in common),
        "saving": median(bare_costs[turn] / costs[turn] for turn in common),
        "speed": median(speeds[turn] / bare_speeds[turn] for turn in common),
    }


def _milliseconds(seconds: float | None) -> str:
    return number(None if seconds is None else seconds * 1e3)


def report(runs: Runs, names: Sequence[str], script: str) -> None:
    """Print what a script's trials cost in every variant."""
    header = [
        "ms CPU",
        "per trial",
        "of that once",
        "per further trial",
        "Popen's / its own",
        "trials per minute",
        "/ Popen's",
        "trials x rounds",
    ]
    rows = []
    for name in names:
        found = compared(runs, script, name)
        own = runs.get((script, name), {})
        count = "-" if not own else f"{int(next(iter(own.values()))[1]['trials'])} x {len(own)}"
        rows.append(
            [
                VARIANTS[name].title,
                _milliseconds(found["cost"]),
                _milliseconds(found["once"]),
                _milliseconds(found["each"]),
                number(found["saving"], 2),
                number(found["speed_alone"]),
                number(found["speed"], 2),
                count,
            ]
        )
    print_table(f"Script {script}, {SLOTS} at a time", header, rows)


def report_targets(runs: Runs, scripts: Sequence[str]) -> None:
    """Print the targets beside what was measured."""
    rows = []
    for script, name, key, told, most, least in TARGETS:
        if script in scripts:
            found = compared(runs, script, name)[key]
            target = f"<= {most:g}" if most is not None else f">= {least:g}"
            judged = verdict(found, at_most=most, at_least=least)
            rows.append([f"{VARIANTS[name].title}, {script}: {told}", target, number(found, 2), judged])
    print_table("Targets, medians of paired rounds", ["target", "", "measured", ""], rows)


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.launch", description=__doc__)
    parser.add_argument("--trials", type=int, metavar="N", help="per turn (default: 200 trivial, 20 boosting)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each variant (default: 5)")
    parser.add_argument("--scripts", nargs="+", choices=[*NEEDS, "burn"], default=[*NEEDS])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="name none to leave all out")
    parser.add_argument(
        "--variants", nargs="+", choices=tuple(VARIANTS), default=tuple(VARIANTS), help="besides popen (default: all)"
    )
    parser.add_argument("--here", choices=tuple(VARIANTS), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here is not None:
        measure_here(chosen.here, chosen.scripts[0], chosen.trials)
        return
    print(machine(["smtune", "syne-tune", "scikit-learn", "xgboost", "xgboost-cpu", "numpy"]))
    names = choose({name: VARIANTS[name] for name in VARIANTS if name in {"popen", *chosen.variants}}, chosen.peers)
    check_counting(names)
    runs: dict[tuple[str, str], dict[int, tuple[Run, Run]]] = {}
    scripts = []
    for script in chosen.scripts:
        missing = [module for module in NEEDS.get(script, ()) if not installed(module)]
        if missing:
            print(f"skipped: script {script} ({', '.join(missing)} not installed)")
            continue
        scripts.append(script)
        trials = chosen.trials or (200 if script == "trivial" else 20)
        runs.update(measure(names, script, trials, chosen.rounds))
        report(runs, names, script)
    report_targets(runs, scripts)
    loops = [run["calibration"] for one in runs.values() for pair in one.values() for run in pair]
    print("\n" + describe_calibration(loops))


if __name__ == "__main__":
    main()
