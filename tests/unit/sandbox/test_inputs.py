"""Channels, with real pipes and real readers."""

import gzip
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from smtune.errors import SpecError
from smtune.sandbox.inputs import Pipe, channel_problems, protect, read_manifest, shard


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.write_text(f"{path.name}\n")
    return paths


def read(path: Path, patience: float = 60) -> str:
    """Read a pipe as a program does, in a process of its own."""
    done = subprocess.run(["cat", str(path)], capture_output=True, text=True, check=True, timeout=patience)
    return done.stdout


def test_pipe_begins_again_for_each_epoch(tmp_path: Path, files: list[Path]) -> None:
    with Pipe(tmp_path, "train", files):
        assert [read(tmp_path / f"train_{epoch}") for epoch in range(3)] == ["a\nb\nc\n"] * 3
    assert not (tmp_path / "train_0").exists()


def test_pipe_unpacks(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"packed"))
    with Pipe(tmp_path, "train", [tmp_path / "a.gz"], compressed=True):
        assert read(tmp_path / "train_0") == "packed"


@pytest.mark.parametrize("damage", ["no gzip", "cut off", "damaged inside", "gone"])
def test_pipe_tells_what_it_cannot_read(tmp_path: Path, damage: str) -> None:
    good, bad = tmp_path / "a.gz", tmp_path / "b.gz"
    good.write_bytes(gzip.compress(b"packed"))
    content = gzip.compress("".join(map(str, range(1000))).encode())
    if damage != "gone":
        damaged = {"no gzip": b"text", "cut off": content[:-9], "damaged inside": content[:10] + b"\xff" * 100}
        bad.write_bytes(damaged[damage])
    failed: list[Path] = []
    with Pipe(tmp_path, "train", [good, bad], compressed=True, failed=lambda file, _: failed.append(file)):
        for epoch in range(2):
            assert read(tmp_path / f"train_{epoch}").startswith("packed")
            assert failed == [bad] * (epoch + 1)


def test_pipe_shuffles_the_same_way_for_the_same_seed(tmp_path: Path, files: list[Path]) -> None:
    seen = []
    for name in ("first", "second"):
        with Pipe(tmp_path, name, files, shuffle_seed=1):
            seen.append([read(tmp_path / f"{name}_{epoch}") for epoch in range(6)])
    assert seen[0] == seen[1]
    assert len(set(seen[0])) > 1
    assert {"".join(sorted(text.split())) for text in seen[0]} == {"abc"}


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("reads", ["nothing", "the beginning", "an epoch"])
def test_pipe_ends_whatever_was_read(tmp_path: Path, reads: str) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"x" * 10_000_000)
    before = threading.active_count()
    pipe = Pipe(tmp_path, "train", [big])
    if reads == "the beginning":
        code = "import sys; open(sys.argv[1], 'rb').read(10)"
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "train_0")], check=True, timeout=60)
    elif reads == "an epoch":
        assert len(read(tmp_path / "train_0")) == 10_000_000
    pipe.close()
    assert threading.active_count() == before


@pytest.mark.skipif(sys.platform != "linux", reason="a pipe cannot be opened without its name")
@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("instead", ["nothing", "a file", "no folder"])
def test_pipe_ends_whatever_became_of_its_name(tmp_path: Path, files: list[Path], epochs: int, instead: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    threads, descriptors = threading.active_count(), open_descriptors()
    pipe = Pipe(folder, "train", files)
    for epoch in range(epochs):
        read(folder / f"train_{epoch}")
    if instead == "no folder":
        shutil.rmtree(folder)
    else:
        (folder / f"train_{epochs}").unlink()
    if instead == "a file":
        (folder / f"train_{epochs}").touch()
    pipe.close()
    assert (threading.active_count(), open_descriptors()) == (threads, descriptors)


def test_pipe_ends_when_the_next_cannot_be_made(tmp_path: Path, files: list[Path]) -> None:
    threads = threading.active_count()
    with Pipe(tmp_path, "train", files):
        (tmp_path / "train_1").touch()
        assert read(tmp_path / "train_0") == "a\nb\nc\n"
    assert threading.active_count() == threads


def test_pipe_ends_while_a_reader_holds_on(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"x" * 10_000_000)
    threads = threading.active_count()
    pipe = Pipe(tmp_path, "train", [big])
    with (tmp_path / "train_0").open("rb", buffering=0) as reader:
        assert reader.read(10) == b"x" * 10
        pipe.close()
        assert threading.active_count() == threads
        assert len(reader.read()) < 10_000_000  # what the pipe held, and no more


def test_hosts_share_sorted_keys() -> None:
    keys = [f"part-{number}" for number in (3, 1, 2, 5, 4)]
    shares = [shard(keys, host, 3) for host in range(3)]
    assert shares == [["part-1", "part-4"], ["part-2", "part-5"], ["part-3"]]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("no json", "must be a JSON list"),
        ("{}", "must be a JSON list"),
        ("[]", "must be a JSON list"),
        ('["a"]', "must be a JSON list"),
        ('[{"prefix": "s3://b/"}, 1]', "must be a JSON list"),
        ('[{"prefix": "s3://b/"}]', "lists nothing"),
        ('[{"prefix": "/b/"}, "a"]', "does not begin with s3://"),
    ],
)
def test_bad_manifest(text: str, rule: str) -> None:
    with pytest.raises(SpecError, match=rule):
        read_manifest(text, "s3://b/manifest")


def test_what_is_not_emulated_is_said() -> None:
    def rules(data_type: str = "S3Prefix", mode: str = "Pipe", wrapper: str = "None") -> list[str]:
        return [problem.rule for problem in channel_problems(data_type=data_type, mode=mode, record_wrapper=wrapper)]

    assert rules() == []
    assert rules("AugmentedManifestFile", "File") == [
        "can only be used if the channel's input mode is Pipe, and this one's is File"
    ]
    assert rules("AugmentedManifestFile") == rules(wrapper="RecordIO") == ["is not emulated"]


def test_protected_files_can_be_read_and_removed(tmp_path: Path, files: list[Path]) -> None:
    protect(tmp_path)
    assert [file.stat().st_mode & 0o777 for file in files] == [0o444] * 3
    files[0].unlink()
