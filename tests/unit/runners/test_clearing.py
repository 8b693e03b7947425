"""Whatever a trial was staged with is cleared once it is over, however that came about."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from smtune.metric_lines import read_as_sagemaker
from smtune.runners import Ended, Measured, ProcessRunner
from smtune.sandbox import Staged
from smtune.trial import Trial, TrialStatus
from tests.contracts.runner_contract import ended, until_idle

CODE = {
    "completes": "print('done')",
    "fails": "raise SystemExit(3)",
    "waits": "import signal; print('smtune: loss=1.0', flush=True); signal.pause()",
}


class Folder:
    """Makes runners whose trials run a piece of code, and notes what is cleared."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cleared: list[tuple[int, TrialStatus]] = []

    def runner(self, code: str, **settings: Any) -> ProcessRunner:
        argv = (sys.executable, "-c", code)
        return ProcessRunner(
            lambda _: Staged(self.path, argv, dict(os.environ), self.path),
            slots=2,
            log_path=lambda trial: self.path / f"{trial.number}.log",
            **{"clear": lambda number, status: self.cleared.append((number, status)), **settings},
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(("code", "status"), [("completes", TrialStatus.Completed), ("fails", TrialStatus.Failed)])
def test_a_trial_that_ends_is_cleared_once(folder: Folder, code: str, status: TrialStatus) -> None:
    with folder.runner(CODE[code]) as runner:
        runner.start(Trial(4, {}))
        assert ended(until_idle(runner), 4).status is status
    assert folder.cleared == [(4, status)]


def test_a_trial_that_is_stopped_is_cleared_before_its_end_is_told(folder: Folder) -> None:
    with folder.runner(CODE["waits"]) as runner:
        runner.start(Trial(0, {}))
        while not any(isinstance(event, Measured) for event in runner.wait(None)):
            pass
        runner.stop(0)
        while not any(isinstance(event, Ended) for event in runner.wait(None)):
            assert not folder.cleared
        assert folder.cleared == [(0, TrialStatus.Stopped)]


def test_closing_clears_what_runs(folder: Folder) -> None:
    with folder.runner(CODE["waits"]) as runner:
        for number in (0, 1):
            runner.start(Trial(number, {}))
    assert folder.cleared == [(0, TrialStatus.Stopped), (1, TrialStatus.Stopped)]


def test_what_cannot_be_kept_fails_a_trial_that_had_completed(folder: Folder) -> None:
    def refuse(_number: int, _status: TrialStatus) -> None:
        raise OSError(28, "No space left on device")

    with folder.runner(CODE["completes"], clear=refuse) as runner:
        runner.start(Trial(0, {}))
        end = ended(until_idle(runner), 0)
    assert end.status is TrialStatus.Failed
    assert end.reason == "what it left cannot be kept: [Errno 28] No space left on device"


def test_metrics_are_read_as_the_runner_is_told(folder: Folder) -> None:
    code = "print('smtune: step=3; loss=0.5; other=2.0')"
    with folder.runner(code, metrics={"loss": r"loss=(\S+);"}, read=read_as_sagemaker) as runner:
        runner.start(Trial(0, {}))
        (measured,) = (event for event in until_idle(runner) if isinstance(event, Measured))
    assert (measured.metrics, measured.step) == ({"loss": 0.5}, 3)
