import multiprocessing
import os
import socket
import subprocess
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from smtune.errors import JobBusyError, StoreError
from smtune.store import JobDirectory, JobLease, is_running
from tests.unit.store.histories import python

HOLD = """
import sys
from pathlib import Path
from smtune.store import JobDirectory, JobLease
lease = JobLease(JobDirectory("churn", Path(sys.argv[1])))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def made(directory: JobDirectory) -> None:
    directory.make()


def test_one_at_a_time_also_within_a_process(directory: JobDirectory) -> None:
    with JobLease(directory):
        with pytest.raises(JobBusyError) as caught:
            JobLease(directory)
        assert str(caught.value) == (
            f"job churn is being run by process {os.getpid()} on {socket.gethostname()}; "
            "watch it with `smtune watch churn`, or stop it with `smtune stop churn`"
        )
        assert is_running(directory) == os.getpid()
    JobLease(directory).release()


def test_nobody_runs_a_job_before_and_after(directory: JobDirectory) -> None:
    assert is_running(directory) is None
    lease = JobLease(directory)
    lease.release()
    lease.release()
    assert is_running(directory) is None
    assert is_running(JobDirectory("other")) is None


def test_other_process_is_named_and_its_death_frees_the_job(directory: JobDirectory) -> None:
    with subprocess.Popen(
        python("-c", HOLD, directory.root), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(JobBusyError, match=f"run by process {holder.pid} on "):
            JobLease(directory)
        assert is_running(directory) == holder.pid
        holder.kill()
        holder.wait(60)
        with JobLease(directory):
            assert is_running(directory) == os.getpid()


def test_looking_never_makes_a_lease_fail(directory: JobDirectory) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            is_running(directory)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(300):
            with JobLease(directory):
                assert is_running(directory) == os.getpid()
    finally:
        done.set()
        watcher.join(60)


def _wait_for(connection: Connection) -> None:
    connection.send("up")
    connection.recv()


def test_forked_children_do_not_keep_the_lease(directory: JobDirectory) -> None:
    parent_end, child_end = multiprocessing.Pipe()
    lease = JobLease(directory)
    child = multiprocessing.get_context("fork").Process(target=_wait_for, args=(child_end,))
    child.start()
    try:
        assert parent_end.recv() == "up"
        lease.release()
        assert is_running(directory) is None
        JobLease(directory).release()
    finally:
        parent_end.send(None)
        child.join(60)
    assert child.exitcode == 0


def test_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="lock: cannot be locked: No such file or directory"):
        JobLease(JobDirectory("nowhere", tmp_path))


FORK = """
import os, signal, sys
from pathlib import Path
from smtune.store import JobDirectory, JobLease
lease = JobLease(JobDirectory("churn", Path(sys.argv[1])))
os.dup(lease._descriptor)  # what the child of `posix_spawn` has until it runs its program
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()
    os.execv(sys.executable, [sys.executable, "-c", "pass"])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_that_is_about_to_run_its_program_does_not_keep_the_lease_of_a_killed_process(
    directory: JobDirectory,
) -> None:
    command = python("-W", "ignore", "-c", FORK, directory.root)  # Python warns of forks where threads are
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"forked\n"
        process.wait()
        assert is_running(directory) is None
        threading.Timer(0.2, process.stdin.close).start()
        with JobLease(directory):
            assert is_running(directory) == os.getpid()
