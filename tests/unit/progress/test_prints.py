"""What Python functions print while they train does not tear the live table."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

SCRIPT = """
from smtune.progress import open_progress
from smtune.results import JobStatus, TuningResult
from smtune.spec import Goal
from smtune.trial import Trial

job = TuningResult("churn", "local", JobStatus.InProgress, "loss", Goal.Minimize, "random", 7, (), planned_trials=5)
with open_progress(job, enabled=True) as display:
    for number in range(5):
        display.update(Trial(number, {"x": 0.5}))
        print("hello from", number)
"""


def test_printed_lines_stand_above_the_table_each_on_its_own():
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "TERM": "xterm"},
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = ""
    while chunk := _read(controller):
        shown += chunk.decode(errors="replace")
    os.close(controller)

    assert process.wait(timeout=60) == 0, shown
    # Behind a cleared line or an end of line there is nothing of the table left.
    assert re.findall(r"(?:\n|\x1b\[2K)hello from (\d)(?=\r\n)", shown) == ["0", "1", "2", "3", "4"]
    assert "churn · local · random · Minimize loss · 5 trials · seed 7" in shown


def _read(controller):
    try:
        return os.read(controller, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""
