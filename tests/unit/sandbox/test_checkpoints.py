"""A training that goes on finds the checkpoints of its pause, however often it has to."""

import pytest

from smtune.sandbox import restore_checkpoints


@pytest.fixture
def base(tmp_path):
    (tmp_path / "checkpoints" / "deep").mkdir(parents=True)
    (tmp_path / "checkpoints" / "deep" / "epoch").write_text("3")
    return tmp_path


def test_the_first_time_it_finds_what_it_left(base):
    restore_checkpoints(base, 9)
    assert (base / "checkpoints" / "deep" / "epoch").read_text() == "3"


def test_after_a_kill_it_finds_the_same_again(base):
    for _ in range(3):
        restore_checkpoints(base, 9)
        assert [str(path.relative_to(base)) for path in (base / "checkpoints").rglob("*")] == [
            "checkpoints/deep",
            "checkpoints/deep/epoch",
        ]
        assert (base / "checkpoints" / "deep" / "epoch").read_text() == "3"
        (base / "checkpoints" / "deep" / "epoch").write_text("7")
        (base / "checkpoints" / "other").touch()


def test_the_next_pause_has_checkpoints_of_its_own(base):
    restore_checkpoints(base, 9)
    (base / "checkpoints" / "deep" / "epoch").write_text("9")
    restore_checkpoints(base, 27)
    (base / "checkpoints" / "deep" / "epoch").write_text("11")
    restore_checkpoints(base, 27)
    assert (base / "checkpoints" / "deep" / "epoch").read_text() == "9"
    assert len(list((base / ".paused").iterdir())) == 1  # earlier pauses take no place


def test_a_copy_that_was_interrupted_is_made_again(base):
    (base / ".paused" / "draft").mkdir(parents=True)
    (base / ".paused" / "draft" / "half").touch()
    restore_checkpoints(base, 9)
    restore_checkpoints(base, 9)
    assert [path.name for path in (base / "checkpoints").iterdir()] == ["deep"]


def test_a_training_without_checkpoints_finds_none(tmp_path):
    restore_checkpoints(tmp_path, 9)
    (tmp_path / "checkpoints").mkdir(exist_ok=True)
    (tmp_path / "checkpoints" / "epoch").touch()
    restore_checkpoints(tmp_path, 9)
    assert list((tmp_path / "checkpoints").iterdir()) == []
