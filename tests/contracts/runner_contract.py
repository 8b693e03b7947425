"""What every runner does. A subclass makes one; see ``trial_code.py`` for what the trials do."""

import gc
import math
import os
import signal
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smtune.runners import Ended, Event, Measured, Runner, Started
from smtune.trial import Trial, TrialStatus

PATIENCE_SECONDS = 60
"""Nothing here takes long; this only keeps a defect from hanging the tests."""


class Gate:
    """A named pipe at which trials wait, without polling, until it is opened."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._end: int | None = None

    def open(self) -> None:
        """Let everybody pass who waits, or who comes later."""
        self._end = os.open(self.path, os.O_RDWR)
        os.write(self._end, b"." * 100)

    def remove(self) -> None:
        if self._end is not None:
            os.close(self._end)


def children() -> set[int]:
    """Return the live children of this process."""
    return {int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def events_until(runner: Runner, done: Callable[[list[Event]], bool]) -> list[Event]:
    """Return all events up to the turn in which ``done`` is true of them."""
    events: list[Event] = []
    while not done(events):
        happened = runner.wait(PATIENCE_SECONDS)
        assert happened, f"nothing happened after {events}"
        events += happened
    return events


def until_idle(runner: Runner) -> list[Event]:
    events = events_until(runner, lambda _: not runner.busy())
    return [*events, *runner.wait(0)]


def until_measured(runner: Runner, *numbers: int) -> list[Event]:
    return events_until(
        runner, lambda events: set(numbers) <= {event.number for event in events if isinstance(event, Measured)}
    )


def ended(events: list[Event], number: int) -> Ended:
    [end] = [event for event in events if event.number == number and isinstance(event, Ended)]
    return end


class RunnerContract(ABC):
    @abstractmethod
    def make(self, *, slots: int = 2) -> Runner:
        """Return a runner for the code in ``trial_code.py``."""

    @pytest.fixture(autouse=True)
    def _workplace(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.folder = tmp_path
        self.gates: list[Gate] = []
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setenv("TMPDIR", str(temporary))
        monkeypatch.setattr(tempfile, "tempdir", None)
        self._temporary = temporary
        self._before = children(), descriptors()
        yield
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        """Hold for every test: no child, no descriptor and no temporary file of a runner is left."""
        for thread in threading.enumerate():
            if thread.name.startswith("smtune-trials"):  # a call goes on until it reports
                thread.join(PATIENCE_SECONDS)
        for gate in self.gates:
            gate.remove()
        self.gates.clear()
        assert (children(), descriptors()) == self._before
        assert list(self._temporary.iterdir()) == []

    def gate(self, name: str = "gate") -> Gate:
        self.gates.append(Gate(self.folder / name))
        return self.gates[-1]

    def trial(self, number: int, do: str, **parameters: Any) -> Trial:
        return Trial(number, {"do": do, **parameters})

    # --- events -----------------------------------------------------------------------------------------------

    def test_events_come_in_order_with_exactly_one_end(self) -> None:
        with self.make() as runner:
            runner.start(self.trial(4, "complete"))
            events = until_idle(runner)
        assert [type(event) for event in events] == [Started, Measured, Measured, Ended]
        assert {event.number for event in events} == {4}
        assert ended(events, 4).status is TrialStatus.Completed
        assert ended(events, 4).reason is None
        assert [event.at for event in events] == sorted(event.at for event in events)

    def test_metrics_keep_every_digit(self) -> None:
        with self.make() as runner:
            runner.start(self.trial(0, "complete"))
            first, second = [event for event in until_idle(runner) if isinstance(event, Measured)]
        assert (first.step, dict(first.metrics)) == (1, {"auc": 0.12345678901234568, "loss": 1e-300})
        assert (second.step, dict(second.metrics)) == (2, {"auc": 0.1 + 0.2, "loss": math.inf})

    def test_failure_names_its_cause_and_leaves_the_others_alone(self) -> None:
        with self.make() as runner:
            runner.start(self.trial(0, "fail"))
            runner.start(self.trial(1, "complete"))
            events = until_idle(runner)
        end = ended(events, 0)
        assert end.status is TrialStatus.Failed
        assert end.reason is not None
        assert "ValueError: eta is too large:" in end.reason
        assert "\n" not in end.reason
        assert any("ValueError: eta is too large:" in line for line in end.log_tail)
        assert len(end.log_tail) <= 20
        assert ended(events, 1).status is TrialStatus.Completed

    def test_metrics_come_while_the_trial_runs(self) -> None:
        gate = self.gate()
        with self.make() as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            before = until_measured(runner, 0)
            assert runner.busy() == 1
            gate.open()
            after = until_idle(runner)
        assert not any(isinstance(event, Ended) for event in before)
        assert [event.metrics["auc"] for event in after if isinstance(event, Measured)] == [0.75]

    def test_trials_one_after_the_other_in_the_same_slot(self) -> None:
        with self.make(slots=1) as runner:
            for number in range(5):
                runner.start(self.trial(number, "complete" if number % 2 else "fail"))
                assert ended(until_idle(runner), number)

    def test_number_can_run_again_after_its_end(self) -> None:
        with self.make() as runner:
            for _ in range(2):
                runner.start(self.trial(0, "complete"))
                assert ended(until_idle(runner), 0).status is TrialStatus.Completed

    # --- slots ------------------------------------------------------------------------------------------------

    def test_trials_really_run_at_the_same_time(self) -> None:
        paths = [self.gate("a").path, self.gate("b").path]
        with self.make() as runner:
            runner.start(self.trial(0, "meet", mine=paths[0], other=paths[1]))
            runner.start(self.trial(1, "meet", mine=paths[1], other=paths[0]))
            assert runner.busy() == 2
            events = until_idle(runner)
            assert runner.busy() == 0
        assert {ended(events, number).status for number in (0, 1)} == {TrialStatus.Completed}

    def test_more_trials_than_slots_are_refused(self) -> None:
        gate = self.gate()
        with self.make(slots=1) as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            with pytest.raises(RuntimeError, match="cannot start trial 1"):
                runner.start(self.trial(1, "complete"))
            gate.open()
            assert ended(until_idle(runner), 0).status is TrialStatus.Completed

    def test_running_number_is_refused(self) -> None:
        gate = self.gate()
        with self.make() as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            with pytest.raises(RuntimeError, match="cannot start trial 0"):
                runner.start(self.trial(0, "complete"))
            gate.open()
            until_idle(runner)

    # --- waiting ----------------------------------------------------------------------------------------------

    def test_wait_returns_at_once_without_trials(self) -> None:
        with self.make() as runner:
            assert list(runner.wait(None)) == []
            runner.start(self.trial(0, "complete"))
            until_idle(runner)
            assert list(runner.wait(None)) == []

    def test_wait_returns_nothing_when_the_time_is_over(self) -> None:
        gate = self.gate()
        with self.make() as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            until_measured(runner, 0)
            assert list(runner.wait(0)) == []
            began = time.monotonic()
            assert list(runner.wait(0.05)) == []
            assert time.monotonic() - began >= 0.05
            gate.open()
            until_idle(runner)

    def test_wait_may_be_for_months(self) -> None:
        with self.make() as runner:
            runner.start(self.trial(0, "complete"))
            events: list[Event] = []
            while runner.busy():
                events += runner.wait(180 * 86_400.0)
        assert ended(events, 0).status is TrialStatus.Completed

    def test_wake_from_another_thread(self) -> None:
        gate = self.gate()
        with self.make() as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            until_measured(runner, 0)
            thread = threading.Timer(0.05, runner.wake)
            thread.start()
            assert list(runner.wait(None)) == []
            thread.join()
            gate.open()
            until_idle(runner)

    def test_wake_before_wait_and_many_times_counts_once(self) -> None:
        gate = self.gate()
        with self.make() as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            until_measured(runner, 0)
            for _ in range(3):
                runner.wake()
            assert list(runner.wait(None)) == []
            gate.open()
            assert ended(events_until(runner, lambda events: runner.busy() == 0), 0)

    def test_wake_from_a_signal_handler(self) -> None:
        gate = self.gate()
        with self.make() as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            until_measured(runner, 0)
            previous = signal.signal(signal.SIGUSR1, lambda *_: runner.wake())
            thread = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
            thread.start()
            try:
                assert list(runner.wait(None)) == []
            finally:
                thread.join()
                signal.signal(signal.SIGUSR1, previous)
            gate.open()
            until_idle(runner)

    # --- stopping and closing ---------------------------------------------------------------------------------

    def test_stopped_trial_ends_as_stopped_once_and_others_go_on(self) -> None:
        gate, other_gate = self.gate("first"), self.gate("second")
        with self.make() as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            runner.start(self.trial(1, "hold", gate=other_gate.path))
            until_measured(runner, 0, 1)
            for _ in range(3):
                runner.stop(0)
            gate.open()
            events = events_until(runner, lambda events: any(isinstance(event, Ended) for event in events))
            assert ended(events, 0).status is TrialStatus.Stopped
            assert runner.busy() == 1
            runner.stop(0)
            other_gate.open()
            assert ended(until_idle(runner), 1).status is TrialStatus.Completed

    def test_stop_before_the_trial_has_begun(self) -> None:
        gate = self.gate()
        with self.make() as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            runner.stop(0)
            gate.open()
            assert ended(until_idle(runner), 0).status is TrialStatus.Stopped

    def test_stop_of_a_number_that_does_not_run_does_nothing(self) -> None:
        with self.make() as runner:
            runner.stop(3)
            runner.start(self.trial(0, "complete"))
            runner.stop(3)
            assert ended(until_idle(runner), 0).status is TrialStatus.Completed
            runner.stop(0)
            assert list(runner.wait(0)) == []

    def test_slot_of_a_stopped_trial_can_be_used_again(self) -> None:
        gate = self.gate()
        with self.make(slots=1) as runner:
            runner.start(self.trial(0, "hold", gate=gate.path))
            until_measured(runner, 0)
            runner.stop(0)
            gate.open()
            until_idle(runner)
            runner.start(self.trial(1, "complete"))
            assert ended(until_idle(runner), 1).status is TrialStatus.Completed

    def test_close_in_the_middle_leaves_nothing(self) -> None:
        gate = self.gate()
        runner = self.make()
        for number in range(2):
            runner.start(self.trial(number, "hold", gate=gate.path))
        until_measured(runner, 0, 1)
        runner.close()
        runner.close()
        assert runner.busy() == 0
        assert list(runner.wait(None)) == []
        runner.stop(0)
        runner.wake()
        with pytest.raises(RuntimeError, match="closed"):
            runner.start(self.trial(2, "complete"))
        gate.open()

    def test_close_right_after_start_leaves_nothing(self) -> None:
        gate = self.gate()
        runner = self.make()
        runner.start(self.trial(0, "hold", gate=gate.path))
        runner.close()
        gate.open()
        self.assert_nothing_left()

    def test_unused_runner_leaves_nothing(self) -> None:
        self.make().close()
        self.assert_nothing_left()

    def test_forgotten_runner_leaves_nothing(self) -> None:
        gate = self.gate()
        runner = self.make()
        runner.start(self.trial(0, "hold", gate=gate.path))
        until_measured(runner, 0)
        del runner
        gc.collect()
        gate.open()
        self.assert_nothing_left()
