"""Several processes at one store: one creates a name, all writers are heard, readers never see half a transaction."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from smtune.errors import JobBusyError
from smtune.store import Enqueued, JobCreated, JobDirectory, JobLease, JobStore, Suggested, TrialStarted, names

CREATE = """
import sys
from pathlib import Path
from smtune.errors import JobExistsError
from smtune.store import JobCreated, JobDirectory, JobStore

for line in sys.stdin:
    directory = JobDirectory(line.strip(), Path(sys.argv[1]))
    try:
        JobStore.create(directory, JobCreated(directory.name, "local", {}, int(sys.argv[2]), at=1.0)).close()
    except JobExistsError:
        print("lost", flush=True)
    else:
        print("won", flush=True)
"""

ENQUEUE = """
import sys
from pathlib import Path
from smtune.store import Enqueued, JobDirectory, JobStore

with JobStore.open(JobDirectory("churn", Path(sys.argv[1]))) as store:
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(300):
        store.append([Enqueued({"writer": sys.argv[2], "n": number}, at=1.0)])
"""

READ = """
import sys
from pathlib import Path
from smtune.store import JobDirectory, JobStore

with JobStore.open(JobDirectory("churn", Path(sys.argv[1])), read_only=True) as store:
    print("open", flush=True)
    seen = reads = 0
    while seen < 300:
        trials = store.trials()
        assert [trial.number for trial in trials] == list(range(len(trials)))
        assert all(trial.started_at is not None for trial in trials), "half a transaction"
        assert len(trials) >= seen, "went back in time"
        seen = len(trials)
        reads += 1
    print(reads, flush=True)
"""

RUN = """
import sys
from pathlib import Path
from smtune.store import JobDirectory, JobLease
with JobLease(JobDirectory("churn", Path(sys.argv[1]))):
    print("running", flush=True)
    sys.stdin.readline()
"""


class Child:
    """A process to talk with, line by line."""

    def __init__(self, script: str, *arguments: object) -> None:
        command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        self.process.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.__exit__(None, None, None)

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def succeeded(self) -> bool:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(60) == 0


@pytest.fixture
def directory(tmp_path: Path) -> JobDirectory:
    directory = JobDirectory("churn", tmp_path)
    JobStore.create(directory, JobCreated("churn", "local", {}, 7, at=0.0)).close()
    return directory


def test_of_two_processes_that_create_a_job_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Child(CREATE, tmp_path, 0) as first, Child(CREATE, tmp_path, 1) as second:
        for number in range(20):
            first.say(f"job-{number}")
            second.say(f"JOB-{number}")
            said = [first.hear(), second.hear()]
            assert sorted(said) == ["lost", "won"]
            winner = JobDirectory(["job", "JOB"][said.index("won")] + f"-{number}", tmp_path)
            with JobStore.open(winner, read_only=True) as store:
                assert store.job().seed == said.index("won")
        assert first.succeeded()
        assert second.succeeded()
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path))
    assert len(names()) == 20


def test_writers_wait_for_each_other_and_lose_nothing(directory: JobDirectory) -> None:
    with ExitStack() as stack:
        writers = [stack.enter_context(Child(ENQUEUE, directory.root, name)) for name in ("a", "b")]
        for writer in writers:
            assert writer.hear() == "open"
        for writer in writers:
            writer.say("go")
        assert all(writer.succeeded() for writer in writers)
    with JobStore.open(directory, read_only=True) as store:
        added = [event.configuration for event in store.events() if isinstance(event, Enqueued)]
    for name in ("a", "b"):
        assert [one["n"] for one in added if one["writer"] == name] == list(range(300))


def test_readers_see_whole_transactions_while_a_writer_writes(directory: JobDirectory) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(Child(READ, directory.root)) for _ in range(2)]
        store = stack.enter_context(JobStore.open(directory))
        for reader in readers:
            assert reader.hear() == "open"
        for number in range(300):
            store.append([Suggested(number, {"eta": 0.1}, "random", at=1.0), TrialStarted(number, at=1.0)])
        for reader in readers:
            assert int(reader.hear()) >= 1
            assert reader.succeeded()


def test_second_process_that_would_run_the_job_is_refused(directory: JobDirectory) -> None:
    with Child(RUN, directory.root) as runner:
        assert runner.hear() == "running"
        with pytest.raises(JobBusyError, match=f"job churn is being run by process {runner.process.pid} on"):
            JobLease(directory)
        runner.say("enough")
        assert runner.succeeded()
    JobLease(directory).release()
