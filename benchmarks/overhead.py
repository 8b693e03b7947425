"""What smtune itself costs per trial, beside Optuna, and what it costs to start.

Run from the root of the checkout: ``python -m benchmarks.overhead``. Every figure comes from a fresh process. The
objective does nothing, so all that is measured is the search's own work; the first trials of a process, which load
libraries, are left out and show as the cost of imports instead.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    import optuna

    from smtune import SearchSpace, TuningSpec

BOOSTERS = ("gbtree", "dart", "gblinear")
OPTIMIZERS = ("sgd", "adam")
WARM_UP = 10
"""Trials before the measured ones, on a search of their own."""

LINEAR = 1.2
"""A later trial may cost this many times an early one: what a machine that others use can tell from 1."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something that runs trials.

    Attributes:
        title: What it is, for the table.
        run: Takes the number of trials and an empty folder of its own.
        peer: The name under which it can be left out, or ``None`` if it is ours.
        module: What must be installed.
        largest: It is not run with more trials than this.
        once: How many trials are run in the first round only, because they take minutes.
    """

    title: str
    run: Callable[[int, Path], None]
    peer: str | None = None
    module: str | None = None
    largest: float = math.inf
    once: float = math.inf


# --- ours -----------------------------------------------------------------------------------------------------


def _space() -> SearchSpace:
    from smtune import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace

    return SearchSpace(
        {
            "learning_rate": ContinuousParameter(1e-4, 1.0, "Logarithmic"),
            "alpha": ContinuousParameter(1e-6, 10.0, "Logarithmic"),
            "max_depth": IntegerParameter(2, 10),
            "units": IntegerParameter(8, 256),
            "booster": CategoricalParameter(BOOSTERS),
            "optimizer": CategoricalParameter(OPTIMIZERS),
        }
    )


def _objective(parameters: Mapping[str, Any]) -> float:
    value: float = parameters["learning_rate"]
    return value


def _ask_and_tell(strategy: str) -> Callable[[int, Path], None]:
    def run(trials: int, _folder: Path) -> None:
        from smtune import AskTell

        search = AskTell(_space(), strategy=strategy, seed=1)
        for _ in range(trials):
            trial = search.ask()
            search.tell(trial, _objective(trial.parameters))

    return run


def _spec(name: str, strategy: str, trials: int) -> TuningSpec:
    from smtune import TuningSpec

    return TuningSpec(
        name=name,
        objective={"metric": "loss", "goal": "Minimize"},
        parameters=_space(),
        strategy=strategy,
        limits={"max_trials": trials, "max_parallel": 1},
        seed=1,
    )


def _loop(strategy: str) -> Callable[[int, Path], None]:
    def run(trials: int, folder: Path) -> None:
        from smtune.loop import TuningLoop
        from smtune.runners import FunctionRunner
        from smtune.store import JobCreated, JobDirectory, JobStore

        spec = _spec(folder.name, strategy, trials)
        directory = JobDirectory(folder.name, folder)
        event = JobCreated(name=directory.name, backend="local", spec=spec.to_dict(), seed=spec.seed, at=time.time())
        runner = FunctionRunner(_objective, slots=1, objective=spec.objective.metric)
        with JobStore.create(directory, event) as store:
            TuningLoop(spec, runner=runner, store=store).run()
            _check(store.counts()["Completed"], trials)  # type: ignore[index]

    return run


def _job(strategy: str) -> Callable[[int, Path], None]:
    def run(trials: int, folder: Path) -> None:
        from smtune import tune

        result = tune(_spec(folder.name, strategy, trials), function=_objective).wait(progress=False)
        _check(result.counts["Completed"], trials)

    return run


def _check(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} of {wanted} trials were completed: nothing was measured")


# --- the others -----------------------------------------------------------------------------------------------


def _floor(trials: int, _folder: Path) -> None:
    draw = random.Random(1)
    history = []
    for _ in range(trials):
        parameters = {
            "learning_rate": math.exp(draw.uniform(math.log(1e-4), 0.0)),
            "alpha": math.exp(draw.uniform(math.log(1e-6), math.log(10.0))),
            "max_depth": draw.randint(2, 10),
            "units": draw.randint(8, 256),
            "booster": draw.choice(BOOSTERS),
            "optimizer": draw.choice(OPTIMIZERS),
        }
        history.append((parameters, _objective(parameters)))


def _suggest(trial: optuna.Trial) -> float:
    parameters = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1.0, log=True),
        "alpha": trial.suggest_float("alpha", 1e-6, 10.0, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 10),
        "units": trial.suggest_int("units", 8, 256),
        "booster": trial.suggest_categorical("booster", BOOSTERS),
        "optimizer": trial.suggest_categorical("optimizer", OPTIMIZERS),
    }
    return _objective(parameters)


def _optuna_ask_and_tell(sampler: str) -> Callable[[int, Path], None]:
    def run(trials: int, _folder: Path) -> None:
        import optuna

        optuna.logging.disable_default_handler()
        study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=1))
        for _ in range(trials):
            trial = study.ask()
            study.tell(trial, _suggest(trial))

    return run


def _optuna_sqlite(trials: int, folder: Path) -> None:
    import optuna

    optuna.logging.disable_default_handler()
    storage = f"sqlite:///{folder}/optuna.db"
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(_suggest, n_trials=trials)
    _check(len(study.trials), trials)


CASES: Mapping[str, Case] = {
    "floor": Case("floor: draw, append to a list", _floor),
    "ask-random": Case("smtune AskTell, random", _ask_and_tell("random")),
    "ask-evolutionary": Case("smtune AskTell, evolutionary", _ask_and_tell("evolutionary")),
    "loop-random": Case("smtune loop and store, random", _loop("random")),
    "loop-evolutionary": Case("smtune loop and store, evolutionary", _loop("evolutionary")),
    "job-random": Case("smtune tune().wait(), random", _job("random")),
    "job-evolutionary": Case("smtune tune().wait(), evolutionary", _job("evolutionary")),
    "optuna-random": Case("Optuna ask/tell, random", _optuna_ask_and_tell("RandomSampler"), "optuna", "optuna"),
    "optuna-nsga2": Case("Optuna ask/tell, NSGA-II", _optuna_ask_and_tell("NSGAIISampler"), "optuna", "optuna"),
    "optuna-sqlite": Case(
        "Optuna optimize on SQLite, random", _optuna_sqlite, "optuna-sqlite", "optuna", largest=1000, once=1000
    ),
}
TARGETS = (
    # case, ms CPU per trial at most, the case to compare it with
    ("ask-random", 0.05, "optuna-random"),
    ("ask-evolutionary", 0.1, "optuna-nsga2"),
    ("job-random", 0.25, "optuna-sqlite"),
    ("job-evolutionary", 0.25, "optuna-sqlite"),
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
    """Print the targets of trials beside what was measured."""
    rows = []
    for name, limit, other in TARGETS:
        title, cost, late = CASES[name].title, per_trial(runs, name, sizes[-1]), growth(runs, name, sizes)
        compared = ratio(runs, name, other, sizes)
        against = f"{number(compared[0], 2)} x ({compared[1]:,} trials)" if compared else "-"
        rows.append([title, f"<= {limit} ms", number(cost), verdict(cost, at_most=limit), CASES[other].title, against])
        rows.append([title, f"late / early <= {LINEAR}", number(late, 2), verdict(late, at_most=LINEAR), "", ""])
    header = ["target", "at most", f"at {sizes[-1]:,} trials", "", "compared with", "takes"]
    print_table("Targets", header, rows)


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
