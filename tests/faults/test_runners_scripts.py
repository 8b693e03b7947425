"""Scripts that do what scripts should not do."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smtune.errors import SpecError
from smtune.runners import Ended, Measured, Runner
from smtune.sandbox import Staged
from smtune.sandbox.namespace import unavailable
from smtune.trial import Trial, TrialStatus
from tests.contracts.runner_contract import ended, events_until, until_idle, until_measured
from tests.faults.runner_processes import all_gone, process_runner, run_once, staged, watched

MEGABYTE = 1_000_000
NAMESPACES = pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))


def peak_memory() -> int:
    """Return the most memory that this process has held, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return 1024 * int(kilobytes)


@pytest.fixture(params=[None, ()], ids=["fresh interpreter", "fork"])
def preload(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module", params=[None, ()], ids=["fresh interpreter", "fork"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Runner]]:
    folder = tmp_path_factory.mktemp("either")
    with process_runner(folder, "", preload=request.param) as runner:
        yield folder, runner


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import no_such_module", "exit code 1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def train(:", "exit code 1: SyntaxError: invalid syntax"),
        ("raise ValueError('eta:\\n  too large')", "exit code 1: ValueError: eta:"),
        ("import sys; sys.exit('error: no data')", "exit code 1: error: no data"),
        ("import argparse; argparse.ArgumentParser(prog='train.py').parse_args()", "exit code 2: train.py: error: "),
        ("import os; os.abort()", "killed by signal 6 (SIGABRT)"),
        ("try:\n  1 / 0\nexcept ZeroDivisionError:\n  raise KeyError('b')", "exit code 1: KeyError: 'b'"),
    ],
)
def test_reason_says_what_went_wrong(either: tuple[Path, Runner], script: str, reason: str) -> None:
    folder, runner = either
    (folder / "source/train.py").write_text(script)
    runner.start(Trial(0, {"eta": 1}))
    end = ended(until_idle(runner), 0)
    assert end.status is TrialStatus.Failed
    assert str(end.reason).startswith(reason)
    assert "launcher" not in "\n".join(end.log_tail)


def test_failure_file_explains_an_exit_code(tmp_path: Path) -> None:
    script = """
        import os, sys
        with open(os.path.join(os.environ["SM_OUTPUT_DIR"], "failure"), "w") as file:
            file.write("the data has no column y\\nmore")
        sys.exit(7)
    """
    _, end = run_once(process_runner(tmp_path, script))
    assert end.reason == "exit code 7: the data has no column y"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("made", ["os.mkfifo(path)", "os.symlink('/etc/passwd', path)", "os.mkdir(path)"])
def test_failure_file_that_is_none_says_nothing(tmp_path: Path, made: str) -> None:
    script = f'import os, sys; path = os.environ["SM_OUTPUT_DIR"] + "/failure"; {made}; sys.exit(7)'
    _, end = run_once(process_runner(tmp_path, script))
    assert end.reason == "exit code 7"


def test_failure_file_of_an_earlier_attempt_does_not_count(tmp_path: Path) -> None:
    failure = tmp_path / "trials/0/output/failure"
    failure.parent.mkdir(parents=True)
    failure.write_text("old")
    _, end = run_once(process_runner(tmp_path, "raise SystemExit(7)"))
    assert end.reason == "exit code 7"


def test_interpreter_that_is_missing(tmp_path: Path) -> None:
    def stage(trial: Trial) -> Staged:
        return staged(tmp_path, trial, python=str(tmp_path / "python"))

    _, end = run_once(process_runner(tmp_path, "", stage=stage))
    assert end.status is TrialStatus.Failed
    assert end.reason == f"cannot start python: No such file or directory: {tmp_path}/python"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("no"), SpecError([])])
def test_staging_that_fails_is_the_trials_failure(tmp_path: Path, error: Exception) -> None:
    def stage(_trial: Trial) -> Staged:
        raise error

    _, end = run_once(process_runner(tmp_path, "", stage=stage))
    assert end.status is TrialStatus.Failed
    assert str(end.reason).startswith("cannot be prepared: ")


def test_environment_that_no_process_can_have(tmp_path: Path) -> None:
    def stage(trial: Trial) -> Staged:
        return staged(tmp_path, trial, environment={"NAME": "a\0b"})

    _, end = run_once(process_runner(tmp_path, "", stage=stage))
    assert end.reason == f"cannot start {Path(sys.executable).name}: embedded null byte"


def test_argument_that_is_too_long_is_named(tmp_path: Path) -> None:
    with process_runner(tmp_path, "") as runner:
        runner.start(Trial(0, {"eta": 0.1, "vocabulary": "x" * 200_000}))
        reason = str(ended(until_idle(runner), 0).reason)
    told = "Argument list too long: argument after --vocabulary has 200000 characters; pass it in a file of a channel"
    assert reason == f"cannot start {Path(sys.executable).name}: {told}"


def open_descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_shortage_of_descriptors_fails_one_trial_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with process_runner(tmp_path, "") as runner:
        runner.start(Trial(0, {}))
        until_idle(runner)
        before = open_descriptors()
        real, left = os.dup, [1]

        def scarce(descriptor: int) -> int:
            if not left:
                raise OSError(24, "Too many open files")
            left.pop()
            return real(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "dup", scarce)
            runner.start(Trial(1, {}))
        assert ended(until_idle(runner), 1).reason == "cannot be prepared: [Errno 24] Too many open files"
        assert open_descriptors() == before
        runner.start(Trial(2, {}))
        assert ended(until_idle(runner), 2).status is TrialStatus.Completed


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    script = r"""
        import sys
        sys.stdout.buffer.write(b"\xff\xfe\x80 auc: 0.5 \xc3\n\x00\xff")
    """
    events, end = run_once(process_runner(tmp_path, script, metrics={"auc": r"auc: (\S+)"}))
    assert [event.metrics for event in events if isinstance(event, Measured)] == [{"auc": 0.5}]
    assert end.status is TrialStatus.Completed
    assert (tmp_path / "logs/0.log").read_bytes() == b"\xff\xfe\x80 auc: 0.5 \xc3\n\x00\xff"


def test_hundred_megabytes_of_lines_hold_nobody_up(tmp_path: Path) -> None:
    script = f"""
        import sys
        from smtune.container.reporting import report
        if "--loud" in sys.argv:
            for _ in range(100):
                sys.stdout.write(("x" * 999 + "\\n") * {MEGABYTE // 1000})
        report({{"auc": 0.5}})
    """
    with process_runner(tmp_path, script, metrics={"loss": r"loss: (\S+)"}) as runner:
        runner.start(Trial(0, {"loud": 1}))
        runner.start(Trial(1, {"quiet": 1}))
        events = until_idle(runner)
    assert [event.metrics for event in events if isinstance(event, Measured)] == [{"auc": 0.5}] * 2
    assert ended(events, 0).at > ended(events, 1).at
    assert (tmp_path / "logs/0.log").stat().st_size > 100 * MEGABYTE


def test_hundred_megabytes_on_one_line_do_not_fill_the_memory(tmp_path: Path) -> None:
    script = f"""
        import sys
        for _ in range(100):
            sys.stdout.write("x" * {MEGABYTE})
        print()
        print("smtune: auc=0.5", end="")
    """
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak_memory()
    events, end = run_once(process_runner(tmp_path, script))
    grown = peak_memory() - before
    assert end.status is TrialStatus.Completed
    assert [event.metrics for event in events if isinstance(event, Measured)] == [{"auc": 0.5}]
    assert (tmp_path / "logs/0.log").stat().st_size > 100 * MEGABYTE
    assert grown < 30 * MEGABYTE


def test_output_that_is_closed_early(tmp_path: Path) -> None:
    script = """
        import os
        print("smtune: auc=0.5", flush=True)
        os.closerange(0, 3)
        os._exit(3)
    """
    events, end = run_once(process_runner(tmp_path, script))
    assert end.reason == "exit code 3"
    assert any(isinstance(event, Measured) for event in events)


def test_full_disk_cuts_the_log_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "full.log").symlink_to("/dev/full")
    script = """
        import sys
        print("smtune: auc=0.5")
        sys.exit("--fail" in sys.argv)
    """
    with process_runner(tmp_path, script, log_path=lambda _: tmp_path / "full.log") as runner:
        runner.start(Trial(0, {"fail": 1}))
        runner.start(Trial(1, {"succeed": 1}))
        events = until_idle(runner)
    notice = "[the log of this trial ends early: No space left on device]"
    assert [event.metrics for event in events if isinstance(event, Measured)] == [{"auc": 0.5}] * 2
    assert ended(events, 0).log_tail == ("smtune: auc=0.5", notice)
    assert (ended(events, 1).status, ended(events, 1).log_tail) == (TrialStatus.Completed, (notice,))


def test_log_that_cannot_be_opened_is_no_reason_to_fail(tmp_path: Path) -> None:
    _, end = run_once(process_runner(tmp_path, "", log_path=lambda _: tmp_path))
    assert end.status is TrialStatus.Completed
    assert end.log_tail == ("[the log of this trial ends early: Is a directory]",)


def test_descendants_end_with_the_trial(tmp_path: Path, preload: Any) -> None:
    script = """
        import sys
        from family import family
        family(sys.argv[2])
    """
    with process_runner(tmp_path, script, preload=preload) as runner:
        runner.start(Trial(0, {"family": str(tmp_path / "pids")}))
        events = until_idle(runner)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        alive = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert ended(events, 0).status is TrialStatus.Completed
    assert len(pids) == 3
    assert alive == []


def test_descendants_of_another_trial_are_spared(tmp_path: Path, preload: Any) -> None:
    script = """
        import sys, signal
        if "--family" in sys.argv:
            from family import family
            family(sys.argv[2])
            signal.pause()
    """
    with process_runner(tmp_path, script, preload=preload) as runner:
        runner.start(Trial(0, {"family": str(tmp_path / "pids")}))
        until_measured(runner, 0)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        runner.start(Trial(1, {"short": 1}))
        events_until(runner, lambda events: any(isinstance(event, Ended) for event in events))
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        family = watched(pids)
        runner.stop(0)
        assert ended(until_idle(runner), 0).status is TrialStatus.Stopped
        assert all_gone(family)


def test_credentials_never_reach_a_trial(tmp_path: Path, preload: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-secret")
    monkeypatch.setenv("AWS_PROFILE", "hidden-profile")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    script = """
        import os
        print(dict(os.environ))
        for pid in (os.getpid(), os.getppid()):
            with open(f"/proc/{pid}/environ", errors="replace") as file:
                print(file.read())
    """
    _, end = run_once(process_runner(tmp_path, script, preload=preload))
    log = (tmp_path / "logs/0.log").read_text()
    assert end.status is TrialStatus.Completed
    assert "hidden" not in log
    assert "eu-central-1" in log
    assert "'AWS_EC2_METADATA_DISABLED': 'true'" in log


def test_many_open_descriptors_of_this_process_stay_here(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        script = """
            import os
            print(sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) > 2))
        """
        run_once(process_runner(tmp_path, script))
    assert "secret" not in (tmp_path / "logs/0.log").read_text()


@pytest.mark.parametrize("private", [False, pytest.param(True, marks=NAMESPACES)])
def test_stop_in_the_same_breath_as_the_start_spares_the_others(tmp_path: Path, private: bool) -> None:
    with process_runner(tmp_path, "import signal; signal.pause()", private=private, grace_seconds=600.0) as runner:
        for number in (0, 1):
            runner.start(Trial(number, {}))
        runner.stop(0)
        assert (
            ended(events_until(runner, lambda events: any(isinstance(one, Ended) for one in events)), 0).reason is None
        )
        assert runner.busy() == 1
        runner.stop(1)
        assert ended(until_idle(runner), 1).status is TrialStatus.Stopped
