"""What it costs to start a container for a training job, beside a namespace and a bare process.

Run from the root of the checkout, beside an engine of Docker: ``python -m tests.docker python -m benchmarks.containers``.
The program is a shell that does nothing. In each round all ways take turns, and are compared within the round.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.measuring import machine, median, number, print_table
from benchmarks.training_jobs import Ends
from smtune.emulator.service.engine import TrainingEngine
from smtune.emulator.service.settings import Isolation, Settings
from smtune.emulator.service.training_jobs import TrainingJobs
from smtune.sandbox import Rule, docker, namespace
from tests.docker.images import CONTAINERS
from tests.emulator.folder_aws import FolderAws
from tests.emulator.trainings import request

_IMAGE: Final = CONTAINERS["sklearn"]
_DOCKER: Final = "docker"
_NOTHING: Final = ("sh", "-c", ":")


class Jobs:
    """Training jobs one after the other, all in the same isolation.

    Args:
        folder: Takes all that they leave.
        isolation: Where they run.
    """

    def __init__(self, folder: Path, isolation: Isolation) -> None:
        aws = FolderAws(folder / "s3")
        aws.make_bucket("models")
        rules = () if isolation == "docker" else (Rule("*", command=_NOTHING),)
        settings = Settings(slots=1, isolation=isolation, rules=rules, folder=folder / "jobs")
        self._jobs = TrainingJobs(TrainingEngine(aws, settings), account="111122223333", region="eu-west-1")
        self._ends = Ends()
        self._number = 0

    def run(self) -> None:
        """Run one job to its end."""
        algorithm: dict[str, Any] = {"TrainingImage": _IMAGE, "TrainingInputMode": "File"}
        algorithm |= {"ContainerEntrypoint": [_NOTHING[0]], "ContainerArguments": list(_NOTHING[1:])}
        self._number += 1
        self._jobs.create(request(f"job-{self._number}", AlgorithmSpecification=algorithm), listener=self._ends)
        self._ends.wait(1)

    def close(self) -> None:
        """Leave nothing behind."""
        self._jobs.close()


def bare() -> None:
    """Run the program."""
    subprocess.run(_NOTHING, check=True)


def bare_container() -> None:
    """Run it in a container, without smtune."""
    command = ["docker", "run", "--rm", "--pull=never", "--network=none", f"--entrypoint={_NOTHING[0]}", _IMAGE]
    subprocess.run([*command, *_NOTHING[1:]], check=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    print(machine(["smtune"]))
    if trouble := docker.unavailable():
        print(f"skipped: {trouble}")
        return
    with tempfile.TemporaryDirectory(prefix="smtune-") as name:
        here: tuple[Isolation, ...] = ("rewrite",) if namespace.unavailable() else ("rewrite", "namespace")
        jobs = {isolation: Jobs(Path(name) / isolation, isolation) for isolation in (*here, _DOCKER)}
        ways: dict[str, Callable[[], None]] = {"process": bare, "docker run": bare_container}
        ways |= {f"job, {isolation}": one.run for isolation, one in jobs.items()}
        seconds = measure(ways, options.rounds)
        for one in jobs.values():
            one.close()
    bares = seconds["process"]
    rows = [
        [way, number(as_ms(taken)), number(as_ms([a - b for a, b in zip(taken, bares, strict=True)]))]
        for way, taken in seconds.items()
    ]
    print_table(f"Milliseconds on the wall, medians of {options.rounds} rounds", ["way", "all", "over a process"], rows)


def measure(ways: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each way took in each round, after one to warm up."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds + 1):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            seconds[way].append(time.perf_counter() - start)
    return {way: taken[1:] for way, taken in seconds.items()}


def as_ms(seconds: list[float]) -> float:
    """Return the median in milliseconds."""
    return 1e3 * (median(seconds) or 0.0)


if __name__ == "__main__":
    main()
