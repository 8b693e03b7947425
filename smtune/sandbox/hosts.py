"""Runs the hosts of one training together, as a program of its own: whoever starts trainings has one process to watch.

Their output is this program's, line by line. When a host fails, the others are killed, and this program ends as it did.
When all are asked to end, each may take its time.

Needs the standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smtune.sandbox.left_files import open_left
from smtune.sandbox.namespace import Mount, Namespace, enter


def main() -> None:
    """Run the hosts of the file that the first argument names; exit as the first one that fails, or with 0.

    With a second argument, clear up after them.
    """
    hosts: list[dict[str, Any]] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if sys.argv[2:]:
        _clear_up(hosts)
        return
    asked = threading.Event()
    # The signal reaches the whole group, so the hosts have heard it too.
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    sys.exit(_run(hosts, asked))


def _run(hosts: Sequence[Mapping[str, Any]], asked: threading.Event) -> int:
    """Return the exit code of the host that failed first, or 0.

    Args:
        hosts: What to run.
        asked: Set when they have been asked to end.
    """
    processes = [_start(host) for host in hosts]
    writing = threading.Lock()
    readers = [threading.Thread(target=_relay, args=(process, writing), daemon=True) for process in processes]
    for reader in readers:
        reader.start()
    running = dict(zip((process.pid for process in processes), range(len(hosts)), strict=True))
    failed = 0
    while running:
        number, status = os.wait()
        place = running.pop(number, None)
        code = os.waitstatus_to_exitcode(status)
        if place is None or code == 0 or failed:
            continue
        failed = code if code > 0 else 128 - code  # as a shell tells a signal
        _keep_failure(Path(hosts[place]["failure_file"]), Path(hosts[0]["failure_file"]))
        for other in running if not asked.is_set() else ():
            os.kill(other, signal.SIGKILL)
    for reader in readers:
        reader.join(timeout=1.0)  # a daemon may hold the pipe
    return failed


def _clear_up(hosts: Sequence[Mapping[str, Any]]) -> None:
    for host in hosts:
        if host["afterwards"]:
            subprocess.run(host["afterwards"], env=host["env"], check=False)


def _start(host: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    def become() -> None:
        try:
            if host["namespace"] is not None:
                base, names, mounts = host["namespace"]
                enter(Namespace(base, names, [Mount(*one) for one in mounts]))
            os.chdir(host["cwd"])
        except OSError as error:
            os.write(2, f"error: a host cannot be started: {error}\n".encode())
            os._exit(127)

    # No thread runs yet, so a fork is safe.
    return subprocess.Popen(
        host["argv"],
        env=host["env"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=become,  # noqa: PLW1509 - see above
    )


def _relay(process: subprocess.Popen[bytes], writing: threading.Lock) -> None:
    """Copy what a host prints, by whole lines, so that those of several hosts never mix."""
    if process.stdout is None:
        return
    for line in process.stdout:
        with writing:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


def _keep_failure(told: Path, target: Path) -> None:
    """Show why a host failed where the first one would have said it."""
    if told == target:
        return
    with contextlib.suppress(OSError), open_left(told) as said:
        target.unlink(missing_ok=True)
        with target.open("xb") as file:
            shutil.copyfileobj(said, file)
