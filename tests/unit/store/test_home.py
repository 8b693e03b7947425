import os
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtune.errors import JobNotFoundError, SpecError, StoreError
from smtune.store import JobDirectory, JobStore, find, home, names
from tests.unit.store.histories import job_created


def make_jobs(*named: str) -> None:
    for at, name in enumerate(named):
        JobStore.create(JobDirectory(name), job_created(name, at=float(at))).close()


def test_home_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SMTUNE_HOME", "~/elsewhere")
    assert home() == tmp_path / "elsewhere"
    monkeypatch.setenv("SMTUNE_HOME", "")
    assert home() == tmp_path / ".smtune"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMTUNE_HOME", "here")
    assert home() == tmp_path / "here"


def test_everything_of_a_job_is_below_its_directory(directory: JobDirectory, jobs_home: Path) -> None:
    assert directory.path == jobs_home / "jobs" / "churn"
    parts = [
        directory.database,
        directory.lock,
        directory.control,
        directory.code,
        directory.trial(27),
        directory.log(3),
    ]
    assert all(part.is_relative_to(directory.path) for part in parts)
    assert len(set(parts)) == len(parts)
    assert directory.trial(27).name == "00027"
    assert not directory.log(27).is_relative_to(directory.trial(27))


def test_naming_a_job_creates_nothing(directory: JobDirectory, jobs_home: Path) -> None:
    assert directory.path
    assert not jobs_home.exists()


@pytest.mark.parametrize("name", ["a", "A1", "churn-2", "a--b", "x" * 32])
def test_legal_names(name: str) -> None:
    assert JobDirectory(name).path.name == name


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("", "tuning"),
        ("..", "tuning"),
        ("../../etc/passwd", "etc-passwd"),
        ("my_job", "my-job"),
        ("-a", "a"),
        ("a-", "a"),
        ("a\n", "a"),
        ("x" * 33, "x" * 32),
        ("\u00e9t\u00e9", "t"),
    ],
)
def test_names_that_break_the_rule_are_refused_with_one_that_keeps_it(name: str, fix: str) -> None:
    with pytest.raises(SpecError) as caught:
        JobDirectory(name)
    (problem,) = caught.value.problems
    assert (problem.field, problem.value, problem.fix) == ("name", name, f"use {fix}")


@given(st.text())
def test_no_name_leads_out_of_the_home(name: str) -> None:
    root = Path("/data")
    try:
        path = JobDirectory(name, root).path
    except SpecError:
        return
    assert Path(os.path.normpath(path)).parent == root / "jobs"


def test_names_come_oldest_first() -> None:
    make_jobs("zebra", "ant", "Mole")
    assert names() == ["zebra", "ant", "Mole"]


def test_there_are_no_names_in_a_home_that_is_not_there() -> None:
    assert names() == []


def test_damaged_job_does_not_hide_the_others(directory: JobDirectory) -> None:
    make_jobs("churn", "other")
    directory.database.write_bytes(b"garbage" * 1000)
    assert sorted(names()) == ["churn", "other"]


def test_what_is_no_job_is_not_listed(directory: JobDirectory) -> None:
    make_jobs("churn")
    (directory.path.parent / "notes.txt").write_text("mine")
    (directory.path.parent / "empty").mkdir()
    assert names() == ["churn"]


def test_job_is_found_whatever_its_case() -> None:
    make_jobs("Churn")
    assert find("churn") == JobDirectory("Churn")
    assert find("Churn") == JobDirectory("Churn")


def test_exact_spelling_wins(directory: JobDirectory, jobs_home: Path) -> None:
    make_jobs("churn")
    # No two jobs are created so, but directories can be copied; where case does not matter, this copies nothing.
    for name in ("CHURN", "Churn"):
        shutil.copytree(directory.path, jobs_home / "jobs" / name, dirs_exist_ok=True)
    spelled = [entry.name for entry in (jobs_home / "jobs").iterdir() if entry.is_dir()]
    assert [find(name).name for name in spelled] == spelled


def test_unknown_name_is_answered_with_the_near_ones(jobs_home: Path) -> None:
    make_jobs("churn", "Churn-2", "fraud")
    with pytest.raises(JobNotFoundError) as caught:
        find("chrun")
    text = str(caught.value)
    assert '"chrun"' in text
    assert str(jobs_home / "jobs") in text
    assert "did you mean churn or Churn-2?" in text


def test_unknown_name_with_nothing_near_points_to_the_list() -> None:
    with pytest.raises(JobNotFoundError, match="there are none yet"):
        find("churn")
    make_jobs("fraud")
    with pytest.raises(JobNotFoundError, match="see `smtune list`"):
        find("../../etc/passwd")


def test_directories_are_for_their_owner_only(directory: JobDirectory, jobs_home: Path) -> None:
    make_jobs("churn")
    for path in (jobs_home, jobs_home / "jobs", directory.path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreError, match=r"home/jobs.*cannot be .*set SMTUNE_HOME to a directory that"):
        make_jobs("churn")
