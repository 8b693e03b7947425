"""Ctrl-C ends a job so that it can go on; twice, it ends at once."""

from __future__ import annotations

import os
import pty
import signal
import threading

import pytest

HANG_GUARD_SECONDS = 60.0


def lines_until(process, text):
    """Return the lines on stderr up to the first that contains a text."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"{text!r} never came, but: {lines}")


class Gate:
    """A pipe on which every trial waits, until it is replaced by a file."""

    def __init__(self, path):
        self.path = path
        self._writer = None
        os.mkfifo(path)

    def wait_for_trial(self):
        """Return as soon as a trial waits at the gate."""
        thread = threading.Thread(target=self._meet)
        thread.start()
        thread.join(HANG_GUARD_SECONDS)
        if thread.is_alive():
            os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))  # lets the thread go
            thread.join()
            raise AssertionError("no trial came to the gate")

    def _meet(self):
        self._writer = os.open(self.path, os.O_WRONLY)  # returns when the other side is opened

    def open(self):
        self.close()
        self.path.unlink()
        self.path.touch()

    def close(self):
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None


@pytest.fixture
def gate(smtune):
    gate = Gate(smtune.folder / "gate")
    yield gate
    gate.close()


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_job_can_be_resumed(smtune, gate, number, expected):
    process = smtune.start("run", "tuning.yaml", "--set", f"static.gate={gate.path}")
    gate.wait_for_trial()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == expected
    assert ("^C no new trials" in err) == (number == signal.SIGINT)
    assert (f"stopped by {number.name}: no new trials" in err) == (number != signal.SIGINT)
    assert "churn Stopped: 0 of 3 trials kept · continue with: smtune resume churn" in out
    assert "Traceback" not in err

    gate.open()
    status, out, _ = smtune("resume", "CHURN")

    assert status == 0
    assert out.startswith("churn Completed: 3 of 3 trials")


def test_a_terminal_that_is_closed_stops_the_job(smtune, gate):
    controller, terminal = pty.openpty()
    process = smtune.start(
        "run", "tuning.yaml", "--set", f"static.gate={gate.path}", stdout=terminal, stderr=terminal, TERM="xterm"
    )
    os.close(terminal)
    gate.wait_for_trial()
    shown = b""
    while b"seed 7" not in shown:  # only then it waits for its job
        shown += os.read(controller, 4096)
    os.close(controller)
    process.send_signal(signal.SIGHUP)

    assert process.wait(timeout=60) == 129
    assert "Stopped" in smtune.read("list")[1]


def test_a_job_under_nohup_outlives_its_terminal(smtune, gate):
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    process = smtune.start("run", "tuning.yaml", "--set", f"static.gate={gate.path}", through=["-c", ignoring])
    gate.wait_for_trial()
    process.send_signal(signal.SIGHUP)
    gate.open()
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert out.startswith("churn Completed: 3 of 3 trials")


def test_ctrl_c_in_the_first_moment_is_heard(smtune, gate):
    process = smtune.start("run", "tuning.yaml", "--set", f"static.gate={gate.path}")
    lines_until(process, "seed 7")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "smtune resume churn" in out
    assert "Traceback" not in err


def test_a_second_ctrl_c_kills_trials_that_will_not_stop(smtune, gate):
    process = smtune.start(
        "run", "tuning.yaml", "--set", f"static.gate={gate.path}", "--set", "static.behaviour=stubborn"
    )
    gate.wait_for_trial()
    process.send_signal(signal.SIGINT)
    lines_until(process, "(again to kill)")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "killed" in err
    assert "smtune resume churn" in out
    assert "Traceback" not in err


def test_a_job_can_be_watched_and_stopped_from_elsewhere(smtune, gate):
    process = smtune.start("run", "tuning.yaml", "--set", f"static.gate={gate.path}")
    gate.wait_for_trial()
    watcher = smtune.start("watch", "churn")
    lines_until(watcher, "seed 7")

    status, out, _ = smtune.read("stop", "CHURN")
    assert status == 0
    assert out.startswith("churn: no new trials; ")
    assert out.endswith("smtune resume churn\n")

    for one in (process, watcher):
        out, err = one.communicate(timeout=60)
        assert one.returncode == 1
        assert out.startswith("churn Stopped: ")
        assert "Traceback" not in err
    assert smtune.read("stop", "CHURN") == (0, "churn is Stopped already\n", "")


def test_ctrl_c_while_watching_leaves_the_job_alone(smtune, gate):
    process = smtune.start("run", "tuning.yaml", "--set", f"static.gate={gate.path}")
    gate.wait_for_trial()
    watcher = smtune.start("watch", "churn")
    lines_until(watcher, "seed 7")
    watcher.send_signal(signal.SIGINT)
    watcher.communicate(timeout=60)

    assert watcher.returncode == 130
    assert "InProgress" in smtune.read("list")[1]

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_a_check_that_is_terminated_leaves_nothing_behind(smtune, gate):
    temporary = smtune.folder / "temporary"
    temporary.mkdir()
    arguments = ("--backend", "local", "--set", f"static.gate={gate.path}")
    process = smtune.start("check", "tuning.yaml", *arguments, TMPDIR=str(temporary))
    gate.wait_for_trial()
    assert list(temporary.iterdir())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=HANG_GUARD_SECONDS)

    assert process.returncode == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []
