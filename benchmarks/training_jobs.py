"""What it costs to run training jobs in the emulator, beside the bare script.

Run from the root of the checkout: ``python -m benchmarks.training_jobs``. Each job downloads a channel, starts a script
that prints one metric, and uploads a model, to and from a folder that stands for S3. In each round the bare script, jobs
one at a time and jobs four at a time take turns, and are compared within the round. CPU figures hold while other programs
use the machine, those on the wall do not.
"""

from __future__ import annotations

import argparse
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.measuring import Cost, Stopwatch, machine, median, number, print_table, verdict
from smtune.emulator.service.engine import TrainingEngine
from smtune.emulator.service.settings import Settings
from smtune.emulator.service.training import Training
from smtune.emulator.service.training_jobs import TrainingJobs
from smtune.sandbox import Rule
from smtune.sandbox.namespace import unavailable
from tests.emulator.folder_aws import FolderAws
from tests.emulator.trainings import channel, request

_SCRIPT: Final = Path(__file__).with_name("trials") / "trivial.py"
_PARALLEL: Final = 4
_WARM_UP: Final = 8


class Ends:
    """Hears of the ends of jobs."""

    def __init__(self) -> None:
        self._ended: queue.Queue[Training] = queue.Queue()

    def started(self, job: Training, at: float) -> None:
        """Do nothing."""

    def measured(self, job: Training, at: float, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def ended(self, job: Training) -> None:
        """Note it."""
        self._ended.put(job)

    def wait(self, count: int) -> None:
        """Wait for so many jobs.

        Raises:
            RuntimeError: A job did not complete.
        """
        for _ in range(count):
            job = self._ended.get()
            if job.status != "Completed":
                raise RuntimeError(f"{job.name}: {job.failure_reason}")


def bare_cost(count: int) -> Cost:
    """Return what the script takes, one after the other, per run."""
    with Stopwatch() as watch:
        for _ in range(count):
            subprocess.run(_command(), stdout=subprocess.PIPE, check=True)
    return _each(watch.cost, count)


def job_cost(count: int, *, slots: int, isolation: str) -> tuple[Cost, float, float]:
    """Return what a job takes, and the seconds of a List and a Describe afterwards.

    The CPU is that of all jobs, from the start of the emulator to its end: that of its helpers is known only then.
    """
    with Stopwatch() as whole:
        seconds, listed, described = _run_jobs(count, slots=slots, isolation=isolation)
    return Cost(whole.cost.cpu / (_WARM_UP + count), seconds), listed, described


def _each(cost: Cost, count: int) -> Cost:
    return Cost(cost.cpu / count, cost.wall / count)


def _run_jobs(count: int, *, slots: int, isolation: str) -> tuple[float, float, float]:
    """Return how long jobs take: all of them, divided by their number; and a List and a Describe afterwards."""
    with tempfile.TemporaryDirectory(prefix="smtune-") as name:
        aws = FolderAws(Path(name) / "s3")
        aws.make_bucket("models")
        aws.put("s3://data/train/table.csv", b"1,2\n")
        settings = Settings(
            slots=slots,
            isolation="namespace" if isolation == "namespace" else "rewrite",
            rules=(Rule("script", command=_command()),),
        )
        jobs = TrainingJobs(TrainingEngine(aws, settings), account="111122223333", region="eu-west-1")
        ends = Ends()
        for first, many in ((0, _WARM_UP), (_WARM_UP, count)):
            start = time.perf_counter()
            for place in range(first, first + many):
                channels = [channel("train", "s3://data/train")]
                asked = request(f"job-{place}", metrics={"loss": r"loss=(\S+)"}, InputDataConfig=channels)
                jobs.create(asked, listener=ends)
            ends.wait(many)
            seconds = (time.perf_counter() - start) / many
        start = time.perf_counter()
        jobs.list({"MaxResults": 100, "SortBy": "Status"})
        listed = time.perf_counter()
        jobs.describe("job-0")
        described = time.perf_counter()
        jobs.close()
    return seconds, listed - start, described - listed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200, help="jobs per figure")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(machine(["smtune"]))
    trouble = unavailable()
    if trouble is not None:
        print(f"skipped: namespaces ({trouble})")
    rows, targets = [], []
    for isolation in ("rewrite", *(() if trouble else ("namespace",))):
        cpu, wall, rates, slowest = [], [], [], 0.0
        for _ in range(options.rounds):
            bare = bare_cost(max(1, options.jobs // 4))
            single, *_ = job_cost(options.jobs, slots=1, isolation=isolation)
            several, listed, described = job_cost(options.jobs, slots=_PARALLEL, isolation=isolation)
            cpu.append((single.cpu - bare.cpu) * 1e3)
            wall.append((single.wall - bare.wall) * 1e3)
            rates.append(60.0 / several.wall)
            slowest = max(slowest, listed * 1e3, described * 1e3)
            cells = [one * 1e3 for cost in (bare, single, several) for one in (cost.cpu, cost.wall)]
            rows.append([isolation, *map(number, cells)])
        for name, overheads in (("CPU", cpu), ("on the wall", wall)):
            overhead = median(overheads)
            label = f"overhead of a job, {isolation}, ms {name}"
            targets.append([label, number(overhead), "<= 15", verdict(overhead, at_most=15.0)])
        rate = median(rates)
        targets += [
            [f"jobs per minute, {isolation}", number(rate), ">= 2,000", verdict(rate, at_least=2000.0)],
            [f"List or Describe, {isolation}, ms", number(slowest), "<= 20", verdict(slowest, at_most=20.0)],
        ]
    subjects = ("bare script", "one at a time", f"{_PARALLEL} at a time")
    header = ["isolation", *(f"{subject}, {kind}" for subject in subjects for kind in ("CPU", "wall"))]
    print_table(f"Milliseconds per script or job, {options.jobs} jobs", header, rows)
    print_table("Targets, medians of rounds", ["target", "measured", "wanted", ""], targets)


def _command() -> tuple[str, ...]:
    return (sys.executable, str(_SCRIPT), "--rate", "0.1")


if __name__ == "__main__":
    main()
