import os
import random
import tarfile
from pathlib import Path

import pytest

from smtune.errors import SpecError
from smtune.sandbox import snapshot_source
from smtune.sandbox.source import unpack_code


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "source/train.py", tmp_path / "source/package/module ü.py")
    return tmp_path / "source"


def test_copy_does_not_follow_later_edits(tmp_path: Path, source: Path) -> None:
    (source / "train.py").chmod(0o755)
    snapshot_source(source, tmp_path / "job/code")
    (source / "train.py").write_text("edited")
    (source / "new.py").touch()
    assert files(tmp_path / "job/code") == {"train.py", "package/module ü.py"}
    assert (tmp_path / "job/code/train.py").read_text() == "train.py"
    assert os.access(tmp_path / "job/code/train.py", os.X_OK)


def test_what_is_no_code_stays_behind(tmp_path: Path, source: Path) -> None:
    write(
        *(source / name / "file" for name in (".git", ".venv", "__pycache__", "package/__pycache__", ".smtune")),
        source / "my environment/pyvenv.cfg",
        source / "data/rows.csv",
        source / "table.csv",
    )
    os.mkfifo(source / "pipe")
    snapshot_source(source, tmp_path / "code", leave_out=[source / "data", source / "table.csv"])
    assert files(tmp_path / "code") == {"train.py", "package/module ü.py"}


def test_target_inside_the_source_is_not_copied_into_itself(source: Path) -> None:
    snapshot_source(source, source / "jobs/1/code")
    assert files(source / "jobs/1/code") == {"train.py", "package/module ü.py"}
    snapshot_source(source, source / "jobs/2/code", leave_out=[source / "jobs"])
    assert files(source / "jobs/2/code") == {"train.py", "package/module ü.py"}


def test_links_lead_to_the_same_things(tmp_path: Path, source: Path) -> None:
    write(tmp_path / "elsewhere/settings.py", tmp_path / "elsewhere/data/rows.csv")
    links = {
        "beside.py": "train.py",
        "absolute.py": str(source / "train.py"),
        "package/up": "..",
        "settings.py": "../elsewhere/settings.py",
        "data": str(tmp_path / "elsewhere/data"),
        "broken": "nowhere",
    }
    for name, target in links.items():
        (source / name).symlink_to(target)
    (tmp_path / "link to source").symlink_to(source)
    copy = tmp_path / "far/away/code"
    snapshot_source(tmp_path / "link to source", copy)
    (source / "train.py").write_text("edited")
    (tmp_path / "elsewhere/settings.py").write_text("edited")
    assert (copy / "beside.py").read_text() == "train.py"
    assert (copy / "absolute.py").read_text() == "train.py"
    assert (copy / "package/up").resolve() == copy
    assert (copy / "settings.py").read_text() == "settings.py"
    assert (copy / "data/rows.csv").read_text() == "rows.csv"
    assert (copy / "broken").is_symlink()


def test_copy_appears_only_when_it_is_complete(tmp_path: Path, source: Path) -> None:
    write(tmp_path / "code.partial/half.py")
    snapshot_source(source, tmp_path / "code")
    assert files(tmp_path / "code") == {"train.py", "package/module ü.py"}
    assert not (tmp_path / "code.partial").exists()
    with pytest.raises(FileExistsError, match="code exists already"):
        snapshot_source(source, tmp_path / "code")


def test_source_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        snapshot_source(tmp_path / "nothing", tmp_path / "code")
    assert list(tmp_path.iterdir()) == []


def test_code_that_would_be_unpacked_elsewhere_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "sourcedir.tar.gz", "w:gz") as archive:
        (tmp_path / "train.py").touch()
        archive.add(tmp_path / "train.py", "package/train.py")
    unpack_code(tmp_path / "sourcedir.tar.gz", tmp_path / "code")
    assert (tmp_path / "code/package/train.py").is_file()
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "train.py", "../outside.py")
    with pytest.raises(tarfile.TarError):
        unpack_code(tmp_path / "bad.tar.gz", tmp_path / "code")
    assert not (tmp_path / "outside.py").exists()


def test_code_in_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "sourcedir.tar.gz"
    (tmp_path / "train.py").write_bytes(random.Random(1).randbytes(100_000))  # which cannot be made shorter
    with tarfile.open(whole, "w:gz") as archive:
        archive.add(tmp_path / "train.py", "train.py")
    content = whole.read_bytes()
    damaged = [content[: len(content) // 2], content[:10] + b"\xff" * 100 + content[110:]]  # there is no block type 3
    for number, part in enumerate(damaged):
        whole.write_bytes(part)
        with pytest.raises(tarfile.TarError):
            unpack_code(whole, tmp_path / f"code{number}")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read, not even root")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, source: Path) -> None:
    (source / "locked").symlink_to("/proc/self/mem")
    with pytest.raises(SpecError) as caught:
        snapshot_source(source, tmp_path / "code")
    (problem,) = caught.value.problems
    assert (problem.field, problem.value) == ("source_dir", str(source / "locked"))
    assert problem.rule.startswith("cannot be read: ")
