"""Processes that are killed while they create or write a store: what they were promised is kept, and nothing by half."""

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from smtune.store import Control, JobCreated, JobDirectory, JobLease, JobStore, TrialMeasured, is_running, send
from smtune.trial import TrialStatus

ROUNDS = 10

WRITE = """
import sys
from pathlib import Path
from smtune.store import JobDirectory, JobLease, JobStore, Suggested, TrialEnded, TrialMeasured, TrialStarted

directory = JobDirectory("churn", Path(sys.argv[1]))
with JobLease(directory), JobStore.open(directory) as store:
    number = len(store.trials())
    while True:
        at = float(number)
        store.append([Suggested(number, {"eta": at}, "random", at=at), TrialStarted(number, at=at)])
        store.append([TrialMeasured(number, {"auc": at}, step=step, at=at) for step in range(3)])
        tail = ["x" * 2000] if number % 7 == 0 else []
        store.append([TrialEnded(number, "Completed", at, log_tail=tail, at=at)], durable=number % 50 == 0)
        print(number, flush=True)
        number += 1
"""

CREATE = """
import sys
from pathlib import Path
from smtune.store import Control, JobCreated, JobDirectory, JobStore

for number in range(int(sys.argv[2]), 10**9):
    directory = JobDirectory(f"job-{number}", Path(sys.argv[1]))
    print("begun", number, flush=True)
    JobStore.create(directory, JobCreated(directory.name, "local", {"n": number}, number, at=1.0)).close()
    print("done", number, flush=True)
"""


def run_and_kill(script: str, *arguments: object, lines: int) -> list[str]:
    """Kill a process once it has printed this many lines; return all that it printed."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    # Its input stays open until it is killed, so that a script may wait at it.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        printed += process.stdout.readlines()
    assert process.returncode == -9
    # The last line may have been cut off.
    return [line for line in printed if line.endswith("\n")]


def everything_of(store: JobStore) -> list[object]:
    trials = store.trials()
    return [store.job(), trials, store.counts(), [store.measurements(trial.number) for trial in trials]]


def test_killed_writer_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    directory = JobDirectory("churn", tmp_path)
    JobStore.create(directory, JobCreated("churn", "local", {}, 7, at=0.0)).close()
    chance = random.Random()
    for _ in range(ROUNDS):
        acknowledged = [int(line) for line in run_and_kill(WRITE, tmp_path, lines=chance.randint(1, 60))]
        assert is_running(directory) is None
        with closing(sqlite3.connect(directory.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with JobLease(directory), JobStore.open(directory) as store:
            trials = store.trials()
            for number in acknowledged:
                assert (trials[number].status, trials[number].objective) == (TrialStatus.Completed, float(number))
                assert len(store.measurements(number)) == 3
            # Each transaction is there as a whole or not at all.
            assert all(trial.started_at is not None for trial in trials)
            assert sum(isinstance(event, TrialMeasured) for event in store.events()) % 3 == 0
            as_it_was = everything_of(store)
            store.rebuild()
            assert everything_of(store) == as_it_was


def test_killed_creation_leaves_a_whole_job_or_a_free_name(tmp_path: Path) -> None:
    chance = random.Random()
    number = 0
    for _ in range(ROUNDS // 2):
        words = [line.split() for line in run_and_kill(CREATE, tmp_path, number, lines=chance.randint(1, 12))]
        for done in (int(count) for word, count in words if word == "done"):
            with JobStore.open(JobDirectory(f"job-{done}", tmp_path), read_only=True) as store:
                assert store.job().seed == done
        number = max(int(count) for _, count in words)
        directory = JobDirectory(f"job-{number}", tmp_path)
        if directory.database.exists():
            with JobStore.open(directory) as store:
                assert (store.job().spec, len(list(store.events()))) == ({"n": number}, 1)
        else:
            JobStore.create(directory, JobCreated(directory.name, "local", {}, 0, at=1.0)).close()
        number += 1


@pytest.mark.skipif(sys.platform != "linux", reason="the pipe of a killed process is looked at as Linux leaves it")
def test_killed_process_leaves_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from smtune.store import Control, JobDirectory
with Control(JobDirectory("churn", Path(sys.argv[1])), print):
    print("ready", flush=True)
    sys.stdin.read()
"""
    directory = JobDirectory("churn", tmp_path)
    directory.make()
    run_and_kill(script, tmp_path, lines=1)
    assert directory.control.exists()
    assert not send(directory, "stop")
    heard: list[str] = []
    with Control(directory, heard.append):
        assert send(directory, "stop")
    assert heard == ["stop"]
