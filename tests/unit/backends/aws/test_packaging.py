import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from smtune.backends.aws.packaging import pack_source
from smtune.errors import SpecError


@pytest.fixture
def code(tmp_path):
    """A folder with a training script, a package, and what does not belong in an archive."""
    source = tmp_path / "code"
    (source / "features").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / ".git").mkdir()
    (source / ".git/config").write_text("secret")
    (source / "__pycache__").mkdir()
    (source / "train.py").write_text("import features\n")
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o700)
    (source / "features/__init__.py").write_text("")
    return source


@pytest.fixture
def pack(code, tmp_path):
    def packed(name="sourcedir.tar.gz", source=code, entry_point="train.py", **settings):
        return pack_source(source, tmp_path / name, entry_point=entry_point, **settings)

    return packed


def names(package):
    with tarfile.open(package.path) as archive:
        return archive.getnames()


def unpacked(package, target):
    with tarfile.open(package.path) as archive:
        archive.extractall(target, filter="data")
    return target


def test_the_code_is_packed_without_what_is_none(pack, code, tmp_path):
    package = pack()
    assert names(package) == ["empty", "features", "features/__init__.py", "run.sh", "train.py"]
    assert (package.files, package.size, package.brings_container) == (3, package.path.stat().st_size, False)
    target = unpacked(package, tmp_path / "there")
    assert (target / "train.py").read_text() == "import features\n"
    assert os.access(target / "run.sh", os.X_OK)
    assert not os.access(target / "train.py", os.X_OK)
    assert list(tmp_path.glob(".smtune-pack-*")) == []


def test_the_same_code_makes_the_same_bytes(pack, code, tmp_path):
    package = pack()
    again = tmp_path / "another"
    for name in ("train.py", "run.sh", "features/__init__.py"):  # in another order, at another time
        (again / name).parent.mkdir(parents=True, exist_ok=True)
        (again / name).write_bytes((code / name).read_bytes())
        os.utime(again / name, (1, 1))
    (again / "empty").mkdir()
    (again / "run.sh").chmod(0o755)
    assert pack("again.tar.gz", again).path.read_bytes() == package.path.read_bytes()
    (again / "train.py").write_text("import features \n")
    assert pack("again.tar.gz", again).sha256 != package.sha256


def test_what_is_no_code_can_be_left_out(pack, code):
    (code / "data").mkdir()
    (code / "data/rows.csv").write_text("1,2\n")
    assert "data/rows.csv" in names(pack())
    assert "data/rows.csv" not in names(pack(leave_out=[code / "data"]))


def test_an_archive_within_the_code_does_not_hold_itself(pack, code):
    first = pack("code/sourcedir.tar.gz")
    assert "sourcedir.tar.gz" not in names(first)
    assert pack("code/sourcedir.tar.gz").sha256 == first.sha256


def test_links_stay_where_they_lead_somewhere(pack, code, tmp_path):
    (tmp_path / "elsewhere.py").write_text("x = 1\n")
    (code / "inside.py").symlink_to("train.py")
    (code / "absolute.py").symlink_to(code / "train.py")
    (code / "file.py").symlink_to(tmp_path / "elsewhere.py")
    (code / ".#train.py").symlink_to("ann@host.123:456")  # an editor's lock
    (code / "gone.py").symlink_to("/nowhere/at/all")
    target = unpacked(pack(), tmp_path / "there")
    assert (target / "inside.py").read_text() == (target / "absolute.py").read_text() == "import features\n"
    assert (target / "file.py").read_text() == "x = 1\n"
    assert not (target / "file.py").is_symlink()
    assert not os.path.lexists(target / ".#train.py")
    assert not os.path.lexists(target / "gone.py")


def test_a_link_to_a_folder_outside_is_told(pack, code, tmp_path):
    (tmp_path / "data").mkdir()
    (code / "data").symlink_to(tmp_path / "data")
    with pytest.raises(SpecError, match="source_dir = data: links to a folder outside"):
        pack()
    assert not (tmp_path / "sourcedir.tar.gz").exists()
    assert "data" not in names(pack(leave_out=[code / "data"]))


def test_sockets_and_pipes_stay_behind(pack, code, monkeypatch):
    monkeypatch.chdir(code)  # names of sockets are short
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert not {"pipe", "socket"} & set(names(pack()))


@pytest.mark.parametrize("entry_point", ["tarin.py", "features", "../code/train.py", "/etc/hostname"])
def test_a_script_that_is_not_in_the_code_is_told(pack, entry_point):
    with pytest.raises(SpecError, match="is no file in source_dir"):
        pack(entry_point=entry_point)


def test_a_folder_that_is_not_there_is_told(pack, tmp_path):
    with pytest.raises(SpecError, match="is no folder"):
        pack(source=tmp_path / "nowhere")


SCRIPT = """
from smtune.container import hyperparameters, report
import smtune.container
report({"loss": hyperparameters(defaults={"x": 1.0})["x"]})
print(smtune.container.__file__)
"""


@pytest.mark.parametrize("entry_point", ["train.py", "jobs/train.py"])
def test_a_script_gets_the_part_of_smtune_that_it_imports(pack, code, tmp_path, entry_point):
    (code / entry_point).parent.mkdir(exist_ok=True)
    (code / entry_point).write_text(SCRIPT)
    package = pack(entry_point=entry_point)
    assert package.brings_container
    target = unpacked(package, tmp_path / "there")
    command = [sys.executable, "-S", "-E", entry_point, "--x", "0.5"]  # without installed packages
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=True, env={})
    line, home = done.stdout.splitlines()
    assert line == "smtune: loss=0.5"
    assert Path(home).is_relative_to(target.resolve())


@pytest.mark.parametrize(
    ("line", "brings"),
    [
        ("from smtune.container import report", True),
        ("    import smtune.container as contract", True),
        ("from smtune import container", True),
        ("from smtune import tune", False),
        ("# from smtune.container import report", False),
        ("import smtune.containers", False),
    ],
)
def test_which_imports_bring_it(pack, code, line, brings):
    (code / "features/__init__.py").write_text(f"import os\n{line}\n")
    assert pack().brings_container is brings


def test_code_that_has_smtune_is_given_none(pack, code):
    (code / "train.py").write_text(SCRIPT)
    assert not pack(image_has_smtune=True).brings_container
    (code / "requirements.txt").write_text("pandas\nsmtune==0.1.0\n")
    assert not pack().brings_container
    (code / "requirements.txt").write_text("smtune-plugins\n")
    assert pack().brings_container
    (code / "smtune").mkdir()
    assert not pack().brings_container
