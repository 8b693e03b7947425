import functools
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from smtune.container.reporting import report
from smtune.errors import SpecError
from smtune.runners import Ended, FunctionRunner, Measured, Started
from smtune.runners.base import Event
from smtune.trial import Trial, TrialStatus
from tests.contracts.runner_contract import ended, until_idle


class Odd:
    def __float__(self) -> float:
        return 0.25

    def __repr__(self) -> str:
        return "Odd()"


def give(parameters: dict[str, Any]) -> Any:
    return VALUES[parameters["value"]]


def environment(parameters: dict[str, Any]) -> None:
    seen = sorted(name for name in os.environ if name.startswith("AWS_"))
    report({f"{name}={os.environ[name]}".replace("=", " is "): 1.0 for name in seen})
    report({f"folder {Path.cwd()}": 1.0, f"static {parameters['static']}": 1.0})


def scaled(parameters: dict[str, Any], factor: float) -> float:
    return factor * float(parameters["x"])


class BadMessageError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def raise_bad(_parameters: dict[str, Any]) -> None:
    raise BadMessageError


VALUES: dict[str, Any] = {
    "int": 3,
    "float": 0.1 + 0.2,
    "object": Odd(),
    "metrics": {"auc": 0.5, "loss": Odd()},
    "text": "0.5",
    "bool": True,
    "list": [0.5],
    "text metric": {"auc": "high"},
    "number name": {1: 0.5},
    "nothing": {},
}


def run(runner: FunctionRunner, **parameters: Any) -> list[Event]:
    with runner:
        runner.start(Trial(0, parameters))
        return until_idle(runner)


@pytest.mark.parametrize(
    ("value", "metrics"),
    [
        ("int", {"auc": 3.0}),
        ("float", {"auc": 0.1 + 0.2}),
        ("object", {"auc": 0.25}),
        ("metrics", {"auc": 0.5, "loss": 0.25}),
    ],
)
def test_returned_values_are_measured_before_the_end(value: str, metrics: dict[str, float]) -> None:
    events = run(FunctionRunner(give, slots=1, objective="auc"), value=value)
    assert [type(event) for event in events] == [Started, Measured, Ended]
    assert [dict(event.metrics) for event in events if isinstance(event, Measured)] == [metrics]
    assert ended(events, 0).status is TrialStatus.Completed


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "'0.5'"),
        ("bool", "True"),
        ("list", "[0.5]"),
        ("text metric", "{'auc': 'high'}"),
        ("number name", "{1: 0.5}"),
    ],
)
def test_returned_value_that_is_no_metric_is_a_failure(value: str, shown: str) -> None:
    end = ended(run(FunctionRunner(give, slots=1, objective="auc"), value=value), 0)
    assert end.status is TrialStatus.Failed
    assert end.reason == f"returned {shown}: return a number or {{metric: number}}"


def test_traceback_begins_in_the_function() -> None:
    end = ended(run(FunctionRunner(raise_bad, slots=1, objective="auc")), 0)
    assert end.reason == "BadMessageError: (its message cannot be shown)"
    assert end.log_tail[0] == "Traceback (most recent call last):"
    assert __file__ in end.log_tail[1]


def test_reports_of_parallel_threads_are_told_apart() -> None:
    barrier = threading.Barrier(4)

    def function(parameters: dict[str, Any]) -> None:
        for step in range(50):
            barrier.wait(60)
            report({"auc": parameters["x"] * 1000 + step}, step=step)

    with FunctionRunner(function, slots=4, objective="auc") as runner:
        for number in range(4):
            runner.start(Trial(number, {"x": number}))
        events = until_idle(runner)
    for number in range(4):
        mine = [event for event in events if isinstance(event, Measured) and event.number == number]
        assert [(event.step, event.metrics["auc"]) for event in mine] == [(s, number * 1000 + s) for s in range(50)]


def test_stop_passes_through_code_that_goes_on_after_errors() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def function(_parameters: dict[str, Any]) -> None:
        begun.set()
        go_on.wait(60)
        for step in range(10):
            try:
                report({"auc": step}, step=step)
            except Exception:
                continue

    with FunctionRunner(function, slots=1, objective="auc") as runner:
        runner.start(Trial(0, {}))
        begun.wait(60)
        runner.stop(0)
        assert runner.busy() == 1
        go_on.set()
        events = until_idle(runner)
    assert [event.step for event in events if isinstance(event, Measured)] == [0]
    assert ended(events, 0).status is TrialStatus.Stopped


def test_threads_are_reused() -> None:
    seen = set()

    def function(_parameters: dict[str, Any]) -> float:
        seen.add(threading.get_ident())
        return 0.5

    with FunctionRunner(function, slots=2, objective="auc") as runner:
        for number in range(20):
            runner.start(Trial(number, {}))
            until_idle(runner)
    assert len(seen) == 1


def test_parameters_are_the_trials_own_and_win_over_static_ones() -> None:
    seen = []

    def function(parameters: dict[str, Any]) -> float:
        seen.append(dict(parameters))
        parameters.clear()
        return 0.5

    trial = Trial(0, {"x": 1, "y": 2})
    with FunctionRunner(function, slots=1, objective="auc", static={"y": 0, "z": [3]}) as runner:
        runner.start(trial)
        until_idle(runner)
    assert seen == [{"x": 1, "y": 2, "z": [3]}]
    assert trial.parameters == {"x": 1, "y": 2}


def test_worker_gets_static_parameters_its_folder_and_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.chdir(tmp_path)
    runner = FunctionRunner(environment, slots=1, objective="auc", static={"static": [1, "a"]}, isolation="process")
    events = run(runner)
    names = {name for event in events if isinstance(event, Measured) for name in event.metrics}
    assert ended(events, 0).reason is None
    assert {f"folder {tmp_path}", "static [1, 'a']", "AWS_EC2_METADATA_DISABLED is true"} <= names
    assert not any("SECRET_ACCESS" in name or "hidden" in name for name in names)


def test_partial_can_go_to_a_worker() -> None:
    runner = FunctionRunner(functools.partial(scaled, factor=2.5), slots=1, objective="auc", isolation="process")
    assert [dict(event.metrics) for event in run(runner, x=2) if isinstance(event, Measured)] == [{"auc": 5.0}]


def test_value_that_cannot_travel_fails_the_trial() -> None:
    runner = FunctionRunner(scaled, slots=1, objective="auc", isolation="process", static={"odd": Odd()})  # type: ignore[arg-type]
    end = ended(run(runner, x=2), 0)
    assert end.status is TrialStatus.Failed
    assert str(end.reason).startswith("cannot be handed to a worker: ")


def test_function_that_no_other_process_can_import_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        FunctionRunner(lambda _: 0.5, slots=1, objective="auc", isolation="process")
    [problem] = caught.value.problems
    assert problem.fix == 'use isolation="thread", or define it at the top level of a module'


def test_unknown_isolation_is_refused() -> None:
    with pytest.raises(SpecError, match='use "thread" or "process"'):
        FunctionRunner(give, slots=1, objective="auc", isolation="container")  # type: ignore[arg-type]
