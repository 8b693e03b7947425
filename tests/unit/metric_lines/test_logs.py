import gzip
import tarfile

import pytest

from smtune.errors import SpecError
from smtune.metric_lines import LogFile, read_log, without_tracebacks


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\nb\n", ("a", "b")),
        (b"a\n\nb", ("a", "", "b")),
        (b"", ()),
        (b"\rstep 1\rstep 2\na\r\n", ("\rstep 1\rstep 2", "a\r")),
        (b"a\r\nb\r\n", ("a", "b")),
        (b"loss\xff=1\n", ("loss\N{REPLACEMENT CHARACTER}=1",)),
        ("ä=1\r\nb\r\n".encode("utf-16"), ("ä=1", "b")),
        ("ä\n".encode("utf-32"), ("ä",)),
        ("ä\n".encode("utf-8-sig"), ("ä",)),
        (gzip.compress(b"a\nb"), ("a", "b")),
    ],
)
def test_a_log_is_read_however_it_was_written(tmp_path, content, lines):
    (tmp_path / "log").write_bytes(content)
    assert read_log(tmp_path / "log") == LogFile(lines)


def test_what_is_beyond_the_limit_is_left_out_with_the_line_that_it_divides(tmp_path):
    for name, content in (("log", b"one\ntwo\nthree\n"), ("log.gz", gzip.compress(b"one\ntwo\nthree\n"))):
        (tmp_path / name).write_bytes(content)
        assert read_log(tmp_path / name, most=9) == LogFile(("one", "two"), cut=True)
        assert read_log(tmp_path / name, most=14) == LogFile(("one", "two", "three"))


@pytest.mark.parametrize(
    ("content", "lines", "shortened"),
    [
        (b"a\n" + b"x" * 1000 + b"\na=1\n", ("a", "xxxx", "a=1"), 1),
        (b"x" * 1000, ("xxxx",), 1),
        (b"abcd\nabcd\r\nabc", ("abcd", "abcd", "abc"), 0),
        (b"abc\r\nabcdef\r\n", ("abc", "abcd"), 1),
        (("ä" * 9 + "\n" + "b\n").encode("utf-16"), ("ääää", "b"), 1),
    ],
)
def test_reading_goes_on_behind_a_line_that_is_too_long(tmp_path, content, lines, shortened):
    (tmp_path / "log").write_bytes(content)
    found = read_log(tmp_path / "log", most=20, longest=4)
    assert (found.lines, found.cut, found.shortened) == (lines, False, shortened)


def test_a_binary_file_is_known_as_such(tmp_path):
    (tmp_path / "some.bin").write_bytes(bytes(range(256)))
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "some.bin")
    assert read_log(tmp_path / "some.bin").binary
    assert read_log(tmp_path / "model.tar.gz").binary


def test_the_code_in_tracebacks_is_left_out():
    traceback = ["Traceback (most recent call last):", '  File "t.py", line 1, in <module>', "    print('auc=0.5')"]
    lines = ["  auc=1", *traceback, "ValueError: x", "  auc=2"]
    assert without_tracebacks(lines) == ["  auc=1", traceback[0], "", "", "ValueError: x", "  auc=2"]


def test_a_log_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "half.gz").write_bytes(gzip.compress(b"a\n" * 1000)[:-20])
    for path in (tmp_path / "none", tmp_path, tmp_path / "half.gz"):
        with pytest.raises(SpecError, match=r"cannot be read: .+; name a file") as caught:
            read_log(path)
        assert caught.value.problems[0].value == str(path)
