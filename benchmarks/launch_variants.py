"""The variants of the launch benchmark: ways to run the same scripts, two at a time."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SLOTS = 2
METRIC = r"loss=(\S+)"


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to run trials.

    Attributes:
        title: What it is, for the table.
        prepare: Loads what it needs and returns what takes the script, the values of ``rate`` and a folder of its own,
            and returns how many trials ended well.
        peer: The name under which it can be left out, or ``None`` if it is ours or the bare loop.
        module: What must be installed.
        most: It is not run with more trials than this, because it would take many minutes.
        rounds: How many rounds it takes part in.
    """

    title: str
    prepare: Callable[[], Callable[[Path, Sequence[float], Path], int]]
    peer: str | None = None
    module: str | None = None
    most: int = 10**6
    rounds: int = 10**6


def _popen() -> Callable[[Path, Sequence[float], Path], int]:
    def run(script: Path, values: Sequence[float], _folder: Path) -> int:
        waiting, succeeded = list(reversed(values)), 0
        with selectors.DefaultSelector() as selector:

            def start() -> None:
                command = [sys.executable, str(script), "--rate", str(waiting.pop())]
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                stream: IO[bytes] | None = process.stdout
                selector.register(stream or -1, selectors.EVENT_READ, process)

            for _ in range(min(SLOTS, len(waiting))):
                start()
            while selector.get_map():
                for key, _ in selector.select():
                    if os.read(key.fd, 65536):
                        continue
                    process: subprocess.Popen[bytes] = key.data
                    selector.unregister(key.fileobj)
                    with process:
                        succeeded += process.wait() == 0
                    if waiting:
                        start()
        return succeeded

    return run


def _runner(*, preload: bool) -> Callable[[], Callable[[Path, Sequence[float], Path], int]]:
    def prepare() -> Callable[[Path, Sequence[float], Path], int]:
        from smtune import Trial, TrialStatus
        from smtune.runners import ProcessRunner, imports_of
        from smtune.runners.base import Ended
        from smtune.sandbox import Staged, stage

        def run(script: Path, values: Sequence[float], folder: Path) -> int:
            def stage_trial(trial: Trial) -> Staged:
                return stage(
                    folder / str(trial.number),
                    job_name=f"launch-{trial.number}",
                    source_dir=script.parent,
                    entry_point=script.name,
                    hyperparameters=trial.parameters,
                )

            waiting, succeeded = [Trial(index, {"rate": rate}) for index, rate in enumerate(values)][::-1], 0
            with ProcessRunner(
                stage_trial,
                slots=SLOTS,
                log_path=lambda trial: folder / f"{trial.number}.log",
                metrics={"loss": METRIC},
                preload=imports_of(script) if preload else None,
            ) as runner:
                while waiting or runner.busy():
                    while waiting and runner.busy() < SLOTS:
                        runner.start(waiting.pop())
                    for event in runner.wait(None):
                        succeeded += isinstance(event, Ended) and event.status is TrialStatus.Completed
            return succeeded

        return run

    return prepare


def _job(*, preload: bool) -> Callable[[], Callable[[Path, Sequence[float], Path], int]]:
    def prepare() -> Callable[[Path, Sequence[float], Path], int]:
        from smtune import ContinuousParameter, TuningSpec, tune

        def run(script: Path, values: Sequence[float], _folder: Path) -> int:
            spec = TuningSpec(
                name="launch",
                objective={"metric": "loss", "goal": "Minimize"},
                parameters={"rate": ContinuousParameter(0.0, 1.0)},
                strategy="random",
                limits={"max_trials": len(values), "max_parallel": SLOTS},
                metrics={"loss": METRIC},
                training={"source_dir": script.parent, "entry_point": script.name, "preload": preload},
            )
            completed: int = tune(spec).wait(progress=False).counts["Completed"]
            return completed

        return run

    return prepare


def _syne_tune(**settings: float) -> Callable[[], Callable[[Path, Sequence[float], Path], int]]:
    def prepare() -> Callable[[Path, Sequence[float], Path], int]:
        import logging

        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.baselines import RandomSearch

        logging.disable(logging.CRITICAL)

        def run(script: Path, values: Sequence[float], _folder: Path) -> int:
            tuner = Tuner(
                trial_backend=LocalBackend(entry_point=str(script)),
                scheduler=RandomSearch({"rate": uniform(0.0, 1.0)}, metrics=["loss"]),
                # It goes on until more than this number have been started, and then waits for all of them.
                stop_criterion=StoppingCriterion(max_num_trials_started=len(values) - 1),
                wait_trial_completion_when_stopping=True,
                n_workers=SLOTS,
                **settings,
            )
            tuner.run()
            return int(tuner.tuning_status.num_trials_completed)

        return run

    return prepare


VARIANTS: Mapping[str, Variant] = {
    "popen": Variant("bare subprocess.Popen", _popen),
    "runner": Variant("smtune ProcessRunner", _runner(preload=False)),
    "warm-runner": Variant("smtune ProcessRunner, preload", _runner(preload=True)),
    "job": Variant("smtune tune().wait()", _job(preload=False)),
    "warm-job": Variant("smtune tune().wait(), preload", _job(preload=True)),
    "syne-tune-fast": Variant(
        "Syne Tune, sleep_time=0.1", _syne_tune(sleep_time=0.1), "syne-tune", "syne_tune", most=20, rounds=2
    ),
    "syne-tune": Variant("Syne Tune, as it comes", _syne_tune(), "syne-tune", "syne_tune", most=10, rounds=1),
}
