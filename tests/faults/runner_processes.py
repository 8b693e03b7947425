"""Real processes for the fault tests of the runners."""

import os
import select
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from smtune.runners import Ended, Event, ProcessRunner
from smtune.sandbox import Namespace, Staged, stage
from smtune.trial import Trial
from tests.contracts.runner_contract import PATIENCE_SECONDS, ended, until_idle

# Leaves behind a child that keeps its output open, and a daemon in a session of its own; their process ids go to a file.
FAMILY = """
import os, signal, subprocess, sys
from smtune.container.reporting import report

def family(path):
    child = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
    end, start = os.pipe()
    if os.fork() == 0:
        os.setsid()
        daemon = os.fork()
        if daemon == 0:
            os.close(start)
            os.closerange(0, 3)
            signal.pause()
        os.write(start, str(daemon).encode())
        os._exit(0)
    os.close(start)
    os.wait()
    daemon = os.read(end, 100).decode()
    with open(path, "w") as file:
        file.write(f"{os.getpid()} {child.pid} {daemon}")
    report({"auc": 0.5})
"""


def process_runner(
    folder: Path,
    script: str,
    *,
    metrics: Mapping[str, str] | None = None,
    slots: int = 2,
    private: bool = False,
    **options: Any,
) -> ProcessRunner:
    """Return a runner for a script; it may import ``family`` from a module beside it.

    If it is private, it has an ``/opt/ml`` of its own.
    """
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "train.py").write_text(textwrap.dedent(script))
    (source / "family.py").write_text(FAMILY)
    options.setdefault("log_path", lambda trial: folder / "logs" / f"{trial.number}.log")
    options.setdefault("stage", lambda trial: staged(folder, trial, private=private))
    return ProcessRunner(slots=slots, metrics=metrics or {}, **options)


def staged(folder: Path, trial: Trial, *, private: bool = False, **options: Any) -> Staged:
    base = folder / "trials" / str(trial.number)
    laid_out = stage(
        base,
        job_name=f"job-{trial.number}",
        source_dir=folder / "source",
        entry_point="train.py",
        hyperparameters=trial.parameters,
        **options,
    )
    return replace(laid_out, namespace=Namespace(str(base))) if private else laid_out


def run_once(runner: ProcessRunner, **parameters: Any) -> tuple[list[Event], Ended]:
    """Run one trial to its end."""
    with runner:
        runner.start(Trial(0, parameters))
        events = until_idle(runner)
    return events, ended(events, 0)


def descendants(pid: int) -> list[int]:
    """Return the live descendants of a process."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(path.parent.name)] = int(fields[1])
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found[1:]


def watched(pids: Iterable[int]) -> list[int]:
    """Return descriptors that tell when processes end, for :func:`all_gone`."""
    descriptors = []
    for pid in pids:
        try:
            descriptors.append(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
    return descriptors


def all_gone(descriptors: Sequence[int]) -> bool:
    """Wait for processes to end."""
    gone = True
    for descriptor in descriptors:
        gone &= bool(select.select([descriptor], [], [], PATIENCE_SECONDS)[0])
        os.close(descriptor)
    return gone
