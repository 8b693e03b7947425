import os
import queue
import subprocess

import pytest

from smtune.store import Command, Control, JobDirectory, StoreWarning, send
from tests.unit.store.histories import python

SEND = """
import sys
from pathlib import Path
from smtune.store import JobDirectory, StoreWarning, send
print(send(JobDirectory("churn", Path(sys.argv[1])), "stop"))
"""


@pytest.fixture(autouse=True)
def made(directory: JobDirectory) -> None:
    directory.make()


@pytest.fixture
def heard() -> "queue.Queue[Command]":
    return queue.Queue()


def test_command_of_another_process_is_heard(directory: JobDirectory, heard: "queue.Queue[Command]") -> None:
    with Control(directory, heard.put):
        sent = subprocess.run(
            python("-c", SEND, directory.root), capture_output=True, text=True, check=True, timeout=60
        )
        assert sent.stdout == "True\n"
        assert heard.get(timeout=60) == "stop"


def test_commands_come_in_order(directory: JobDirectory, heard: "queue.Queue[Command]") -> None:
    with Control(directory, heard.put):
        assert send(directory, "stop")
        assert send(directory, "kill")
        assert send(directory, "stop")
        assert [heard.get(timeout=60) for _ in range(3)] == ["stop", "kill", "stop"]


def test_command_sent_before_the_end_is_passed_on(directory: JobDirectory, heard: "queue.Queue[Command]") -> None:
    with Control(directory, heard.put):
        send(directory, "stop")
    assert heard.get_nowait() == "stop"


def test_nobody_listens_before_and_after(directory: JobDirectory, heard: "queue.Queue[Command]") -> None:
    assert not send(directory, "stop")
    control = Control(directory, heard.put)
    control.close()
    control.close()
    assert not send(directory, "stop")
    assert not directory.control.exists()


def test_pipe_left_by_a_killed_process_is_harmless(directory: JobDirectory, heard: "queue.Queue[Command]") -> None:
    os.mkfifo(directory.control)
    assert not send(directory, "stop")
    with Control(directory, heard.put):
        assert send(directory, "stop")
        assert heard.get(timeout=60) == "stop"


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x00", b"hello\n", b"x" * 50_000, b"stopp\nsto p\n STOP\n", b"sto"])
def test_garbage_is_ignored(directory: JobDirectory, heard: "queue.Queue[Command]", garbage: bytes) -> None:
    with Control(directory, heard.put):
        with directory.control.open("wb", buffering=0) as pipe:
            pipe.write(garbage)
        assert send(directory, "kill")
        assert heard.get(timeout=60) == "kill"
    assert heard.empty()


def test_file_that_is_no_pipe_is_not_written_to(directory: JobDirectory) -> None:
    directory.control.write_text("mine")
    assert not send(directory, "stop")
    assert directory.control.read_text() == "mine"


def test_job_runs_unheard_where_no_pipe_can_be_made(heard: "queue.Queue[Command]") -> None:
    nowhere = JobDirectory("nowhere")
    with pytest.warns(StoreWarning, match="cannot listen for `smtune stop`: No such file"), Control(nowhere, heard.put):
        assert not send(nowhere, "stop")


def test_unknown_command_is_refused(directory: JobDirectory) -> None:
    with pytest.raises(ValueError, match="'halt' is no command; send one of kill, stop"):
        send(directory, "halt")  # type: ignore[arg-type]
