"""What a training has left is read, unless it is no file."""

import os
from pathlib import Path

import pytest

from smtune.sandbox.left_files import beginning_of, open_left


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "failure").write_text("  ünlucky\n" + "!" * 100)
    assert beginning_of(tmp_path / "failure", 10) == "ünlucky"
    with open_left(tmp_path / "failure") as file:
        assert len(file.read()) == 111


@pytest.mark.timeout(60)
def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("secret")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe", "nothing"):
        assert not beginning_of(tmp_path / name, 10)
        with pytest.raises(OSError, match=name):
            open_left(tmp_path / name)
