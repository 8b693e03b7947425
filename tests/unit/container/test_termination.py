import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from smtune.container import stop_signal

ROOT = Path(__file__).parents[3]


def test_the_first_sigterm_is_a_request_and_further_ones_change_nothing():
    earlier = signal.getsignal(signal.SIGTERM)
    with stop_signal() as stop:
        seen = [stop.requested]
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            seen.append(stop.requested)
    assert seen == [False, True, True]
    assert signal.getsignal(signal.SIGTERM) == earlier


def test_blocks_nest():
    with stop_signal() as outer:
        with stop_signal() as inner:
            os.kill(os.getpid(), signal.SIGTERM)
        seen = [inner.requested, outer.requested]
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(outer.requested)
    assert seen == [True, False, True]


def test_the_earlier_handler_returns_after_an_error():
    earlier = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyError), stop_signal():
        raise KeyError
    assert signal.getsignal(signal.SIGTERM) == earlier


def test_other_threads_get_a_handle_that_never_fires():
    earlier = signal.getsignal(signal.SIGTERM)
    seen = []

    def work():
        with stop_signal() as stop:
            seen.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
    assert signal.getsignal(signal.SIGTERM) == earlier


def test_a_stopped_script_saves_and_ends_well():
    script = (
        "import sys\n"
        "from smtune.container import stop_signal\n"
        "stop = stop_signal()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print('saved' if stop.requested else 'not asked')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate("go on\n", timeout=60)
    assert (out, process.returncode) == ("saved\n", 0)


def run(base: Path, body: str, output: str | None = "output") -> subprocess.CompletedProcess[str]:
    if output:
        (base / output).mkdir(parents=True)
    return subprocess.run(
        [sys.executable, "-c", "from smtune.container import hyperparameters\nhyperparameters()\n" + body],
        env={"SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_uncaught_error_is_left_in_the_failure_file(tmp_path):
    done = run(tmp_path, "hyperparameters()\nraise ValueError('eta = 3 is too large')")
    text = (tmp_path / "output/failure").read_text()
    assert text.startswith("ValueError: eta = 3 is too large\n")
    assert "Traceback (most recent call last)" in text
    assert done.returncode == 1
    assert done.stderr.count("ValueError: eta = 3 is too large") == 1


def test_a_contract_that_cannot_be_read_is_a_failure_too(tmp_path):
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text("{")
    assert run(tmp_path, "").returncode == 1
    assert (tmp_path / "output/failure").read_text().startswith("ValueError: " + str(config / "hyperparameters.json"))


@pytest.mark.parametrize(("body", "code"), [("raise SystemExit('enough')", 1), ("raise SystemExit", 0), ("", 0)])
def test_leaving_is_no_failure(tmp_path, body, code):
    assert run(tmp_path, body).returncode == code
    assert not (tmp_path / "output/failure").exists()


def test_an_interrupt_from_the_keyboard_is_no_failure(tmp_path):
    assert "KeyboardInterrupt" in run(tmp_path, "raise KeyboardInterrupt").stderr
    assert not (tmp_path / "output/failure").exists()


def test_a_failure_file_that_cannot_be_written_does_not_hide_the_error(tmp_path):
    (tmp_path / "output/failure").mkdir(parents=True)
    done = run(tmp_path, "raise ValueError('the real one')", output=None)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ValueError: the real one")
    assert "IsADirectoryError" not in done.stderr


def test_an_error_that_cannot_be_shown_does_not_hide_itself(tmp_path):
    done = run(tmp_path, "class Odd(Exception):\n    def __str__(self): raise RuntimeError\nraise Odd")
    assert done.returncode == 1
    assert "Odd" in done.stderr


def test_without_an_output_directory_nothing_is_written(tmp_path):
    assert run(tmp_path, "raise ValueError('x')", output=None).returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_hook_still_runs(tmp_path):
    body = "raise ValueError('x')"
    script = "import sys\nsys.excepthook = lambda *error: print('earlier hook', error[1])\n"
    (tmp_path / "output").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script + "from smtune.container import hyperparameters\nhyperparameters()\n" + body],
        env={"SAGEMAKER_BASE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "earlier hook x\n"
    assert (tmp_path / "output/failure").exists()
