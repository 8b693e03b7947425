import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smtune.store import FileWatch, JobDirectory, JobStore, StopRequested
from smtune.store.watch import Looking, Notified
from tests.unit.store.histories import python

GUARD_SECONDS = 60.0
WRITE = """
import sys
log = open(sys.argv[1], "a", buffering=1)
for line in sys.stdin:
    log.write(line)
"""

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
WATCHES = [pytest.param(Looking, id="looking"), pytest.param(Notified, id="notified", marks=LINUX_ONLY)]
Make = Callable[[list[Path]], Looking | Notified]


@pytest.fixture(params=WATCHES)
def make(request: pytest.FixtureRequest) -> Make:
    kind: Make = request.param
    return kind


def test_file_is_followed_while_another_process_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with (
        FileWatch([path]) as watch,
        subprocess.Popen(python("-c", WRITE, path), stdin=subprocess.PIPE, text=True) as writer,
    ):
        assert writer.stdin is not None
        text = ""
        for number in range(50):
            writer.stdin.write(f"line {number}\n")
            writer.stdin.flush()
            while not text.endswith(f"line {number}\n"):
                assert watch.wait(GUARD_SECONDS)
                text = path.read_text() if path.exists() else ""
        writer.stdin.close()
        assert writer.wait(60) == 0
    assert text.splitlines() == [f"line {number}" for number in range(50)]


def test_nothing_new_is_the_end_of_the_time(make: Make, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old")
    watch = make([tmp_path / "log"])
    assert not watch.wait(0)
    assert not watch.wait(0.01)
    watch.close()


def test_change_between_two_waits_is_not_missed(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old")
    watch = make([path])
    path.write_text("newer")
    assert watch.wait(GUARD_SECONDS)
    assert not watch.wait(0)
    path.write_text("newest")
    assert watch.wait(GUARD_SECONDS)
    watch.close()


def test_file_that_is_created_or_moved_there_counts(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "log"
    watch = make([path])
    path.touch()
    assert watch.wait(GUARD_SECONDS)
    (tmp_path / "other").write_text("text")
    (tmp_path / "other").replace(path)
    assert watch.wait(GUARD_SECONDS)
    watch.close()


def test_directories_may_be_yet_to_come(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "trials" / "00027" / "log"
    watch = make([path])
    assert not watch.wait(0)
    path.parent.mkdir(parents=True)
    path.write_text("a")
    assert watch.wait(GUARD_SECONDS)
    while watch.wait(0):
        pass
    path.write_text("ab")
    assert watch.wait(GUARD_SECONDS)
    watch.close()


def test_other_files_wake_nobody(make: Make, tmp_path: Path) -> None:
    watch = make([tmp_path / "log"])
    (tmp_path / "other").write_text("text")
    assert not watch.wait(0)
    watch.close()


def test_directory_stands_for_the_files_in_it(make: Make, tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    watch = make([tmp_path / "job"])
    assert not watch.wait(0)
    (tmp_path / "job" / "any").write_text("text")
    assert watch.wait(GUARD_SECONDS)
    watch.close()


def test_directory_that_is_made_anew_is_watched_again(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "trial" / "log"
    path.parent.mkdir()
    path.write_text("first")
    watch = make([path])
    path.unlink()
    path.parent.rmdir()
    assert watch.wait(GUARD_SECONDS)
    path.parent.mkdir()
    while watch.wait(0):
        pass
    path.write_text("second try")
    assert watch.wait(GUARD_SECONDS)
    watch.close()


def test_reader_of_a_store_is_woken_by_its_writer_and_not_by_readers(store: JobStore, directory: JobDirectory) -> None:
    with JobStore.open(directory, read_only=True) as reader, FileWatch([directory.path]) as watch:
        for number in range(3):
            store.append([StopRequested(at=float(number))])
            assert watch.wait(GUARD_SECONDS)
            while watch.wait(0):
                pass
            assert len(list(reader.events())) == 2 + number
            with JobStore.open(directory, read_only=True) as other:
                assert other.trials() == []
            assert not watch.wait(0)


def test_process_that_may_open_no_more_files_still_watches(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        watch = FileWatch([tmp_path / "log"])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    with watch:
        assert not watch.wait(0)
        (tmp_path / "log").touch()
        assert watch.wait(GUARD_SECONDS)


def test_watch_can_be_closed_twice(tmp_path: Path) -> None:
    with FileWatch([tmp_path / "log"]) as watch:
        assert not watch.wait(0)
        watch.close()
