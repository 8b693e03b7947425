"""Disks that are full, read-only, or somebody else's: what was acknowledged stays, and the message says what to do."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from smtune.errors import StoreError
from smtune.store import JobCreated, JobDirectory, JobStore, Suggested, TrialEnded
from smtune.trial import TrialStatus

ON_A_SMALL_DISK = """
    import json, os, subprocess, sys
    from pathlib import Path
    from smtune.errors import StoreError
    from smtune.store import JobCreated, JobDirectory, JobLease, JobStore, Suggested, TrialEnded

    root = Path(sys.argv[1])

    def mount(options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", root], check=True)

    def message(action):
        try:
            action()
        except StoreError as error:
            return str(error)

    def create(name):
        return JobStore.create(JobDirectory(name, root), JobCreated(name, "local", {}, 7, at=1.0))
"""

FULL = """
    mount("size=1m")
    store = create("churn")
    ballast = root / "ballast"
    ballast.write_bytes(bytes(400_000))
    kept = 0

    def fill():
        global kept
        while True:
            store.append([Suggested(kept, {"eta": 0.1}, "random", at=1.0),
                          TrialEnded(kept, "Failed", log_tail=["x" * 3000], at=2.0)])
            kept += 1

    full = message(fill)
    again = message(fill)
    counted_when_full = len(store.trials())
    other = message(lambda: create("other"))
    names_when_full = sorted(path.name for path in (root / "jobs").iterdir() if (path / "job.sqlite").exists())
    leftovers = [path.name for path in (root / "jobs").iterdir() if path.is_dir() and path.name != "churn"]
    ballast.unlink()
    store.append([Suggested(kept, {"eta": 0.2}, "random", at=3.0)])
    store.close()
    with JobStore.open(JobDirectory("churn", root)) as store:
        before = repr(store.trials())
        store.rebuild()
        same = before == repr(store.trials())
        counted = len(store.trials())
    create("other").close()
    print(json.dumps(dict(full=full, again=again, other=other, names=names_when_full, kept=kept,
                          leftovers=leftovers, counted_when_full=counted_when_full, counted=counted, same=same)))
"""

READ_ONLY = """
    mount("size=4m")
    directory = JobDirectory("churn", root)
    with create("churn") as store:
        store.append([Suggested(0, {"eta": 0.1}, "random", at=1.0)])
    subprocess.run(["mount", "-o", "remount,ro", root], check=True)
    with JobStore.open(directory, read_only=True) as store:
        trials = len(store.trials())
    print(json.dumps(dict(
        trials=trials,
        write=message(lambda: JobStore.open(directory)),
        lease=message(lambda: JobLease(directory)),
        create=message(lambda: create("other")),
    )))
"""

NETWORK = """
    import warnings
    from contextlib import closing
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = create("churn")
    directory = JobDirectory("churn", root)
    with closing(store):
        store.append([Suggested(0, {"eta": 0.1}, "random", at=1.0)])
        store.append([TrialEnded(0, "Completed", 0.5, at=2.0)], durable=True)
        files = sorted(path.name for path in directory.path.iterdir())
        settings = [store._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        with JobStore.open(directory, read_only=True) as reader:
            objective = reader.trial(0).objective
    print(json.dumps(dict(
        warnings=[[one.category.__name__, str(one.message)] for one in caught],
        settings=settings, files=files, objective=objective,
    )))
"""


def in_own_mounts(script: str, root: Path, *, mounts: Path | None = None) -> dict[str, Any]:
    """Run a script that may mount what it likes, and return the JSON that it prints.

    Args:
        script: Python.
        root: Its argument, a directory.
        mounts: A file to show the script as its mount table.
    """
    root.mkdir(exist_ok=True)
    enter = ["unshare", "--map-root-user", "--mount"]
    probe = [*enter, "mount", "-t", "tmpfs", "none", str(root)]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let its users mount, not even for themselves")
    # The shell's process id is Python's after exec.
    show = 'mount --bind "$MOUNTS" /proc/$$/mounts && ' if mounts else ""
    shell = ["sh", "-c", f'{show}exec "$0" "$@"', sys.executable, "-c", textwrap.dedent(script), str(root)]
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "MOUNTS": str(mounts)}
    done = subprocess.run([*enter, *shell], env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_full_disk_keeps_what_was_acknowledged_and_the_job_goes_on_after(tmp_path: Path) -> None:
    found = in_own_mounts(ON_A_SMALL_DISK + FULL, tmp_path / "disk")
    for text in (found["full"], found["again"]):
        assert "jobs/churn/job.sqlite: the disk is full; what was written before is kept" in text
        assert "free space, then smtune resume churn" in text
    assert found["other"] is not None
    assert "jobs/other" in found["other"]
    assert "resume" not in found["other"]
    assert found["names"] == ["churn"]
    assert found["leftovers"] == []
    assert found["kept"] > 10
    assert found["counted_when_full"] == found["kept"]
    assert found["counted"] == found["kept"] + 1
    assert found["same"]


def fill(store: JobStore) -> None:
    for number in range(1000):
        lines = ["x" * 3000]
        suggested = Suggested(number, {"eta": 0.1}, "random", at=1.0)
        store.append([suggested, TrialEnded(number, TrialStatus.Failed, log_tail=lines, at=2.0)])


def test_limit_of_the_file_is_a_full_disk_too(tmp_path: Path) -> None:
    directory = JobDirectory("churn", tmp_path)
    with JobStore.create(directory, JobCreated("churn", "local", {}, 7, at=1.0)) as store:
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(StoreError, match=r"the disk is full; .*free space, then smtune resume churn"):
            fill(store)
        kept = len(store.trials())
        assert kept > 0
        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.append([Suggested(kept, {"eta": 0.1}, "random", at=1.0)])
        assert len(list(store.events())) == 1 + 2 * kept + 1


def test_read_only_disk_can_be_read_and_says_so_to_writers(tmp_path: Path) -> None:
    found = in_own_mounts(ON_A_SMALL_DISK + READ_ONLY, tmp_path / "disk")
    assert found["trials"] == 1
    for action in ("write", "lease", "create"):
        assert str(tmp_path / "disk") in found[action]
        assert any(fix in found[action] for fix in ("check the permissions", "make room", "make it writable"))


def test_network_file_system_gets_the_slow_journal_and_a_warning(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("server:/export / nfs4 rw 0 0\n")
    found = in_own_mounts(ON_A_SMALL_DISK + NETWORK, tmp_path / "disk", mounts=mounts)
    ((category, text),) = found["warnings"]
    assert category == "StoreWarning"
    assert "network file system (nfs4)" in text
    assert "set SMTUNE_HOME to a local disk" in text
    assert found["settings"] == ["delete", 2]  # FULL
    assert found["files"] == ["job.sqlite"]
    assert found["objective"] == 0.5
