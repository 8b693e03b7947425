import pytest

from smtune.container import Environment, repeat, repeated
from smtune.runners.evaluation import evaluate


def test_outside_a_job_it_is_the_first(monkeypatch):
    monkeypatch.delenv("SMTUNE_REPEAT", raising=False)
    assert repeat() == 0


def test_a_script_is_told_by_a_variable(monkeypatch):
    monkeypatch.setenv("SMTUNE_REPEAT", "3")
    assert repeat() == 3
    with repeated(1):
        assert repeat() == 1
    assert Environment.current({"SMTUNE_REPEAT": "2"}, []).repeat == 2
    assert Environment.current({}, []).repeat == 0


@pytest.mark.parametrize("text", ["two", "-1", "1.5"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"SMTUNE_REPEAT = .*: must be a whole number from 0"):
        Environment.current({"SMTUNE_REPEAT": text}, [])


def test_a_function_asks_in_the_same_way():
    seen = []
    evaluate(lambda _: float(repeat()), {}, objective="loss", repeat=2, sink=lambda _, metrics: seen.append(metrics))
    assert seen == [{"loss": 2.0}]
