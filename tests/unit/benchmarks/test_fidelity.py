"""The benchmark of multi-fidelity searches: what a search pays, what it saves, and that its curves are kept."""

import json

import pytest

from benchmarks import fidelity
from benchmarks.fidelity import HALVES, TASKS, Bill, Curve, Curves, goals, saving

pytest.importorskip("sklearn")
pytest.importorskip("xgboost")


def test_the_halves_share_no_task_and_leave_none_out():
    train, test = HALVES["train"], HALVES["test"]
    assert not set(train) & set(test)
    assert sorted((*train, *test)) == sorted(TASKS)


def test_a_search_pays_for_the_steps_that_it_uses():
    bill = Bill()
    curve = Curve([0.9, 0.5, 0.6], [1.0, 3.0, 6.0])
    assert bill.pay(curve, 0, 1) == 0.9
    assert bill.pay(curve, 1, 3) == 0.6
    assert bill.pay(Curve([0.7], [2.0]), 0, 1) == 0.7
    assert bill.course == [(1.0, 0.9), (6.0, 0.6), (8.0, 0.6)]


def test_the_saving_is_the_ratio_of_times_at_the_same_loss():
    wanted = [(10.0, 0.5), (40.0, 0.4)]
    courses = [[(2.0, 0.5), (5.0, 0.4)], [(5.0, 0.45), (10.0, 0.39)], [(4.0, 0.6), (20.0, 0.3)]]
    # Medians: 5 of 2, 5 and 20 seconds; 10 of 5, 10 and 20.
    assert saving(courses, wanted) == pytest.approx((10 / 5 * 40 / 10) ** 0.5)
    never = [[(1.0, 0.9)]]
    assert saving(never, wanted) == pytest.approx((10 / 60 * 40 / 60) ** 0.5)


@pytest.fixture
def tiny(monkeypatch):
    """A task of six configurations that takes a second per step."""
    trained = []

    def train(configuration):
        trained.append(dict(configuration))
        for step in range(3):
            yield configuration["x"] / (step + 1)

    monkeypatch.setitem(TASKS, "tiny", ({"x": (1, 2, 3, 4, 5, 6)}, 3, train))
    seconds = iter(range(10_000))
    monkeypatch.setattr("benchmarks.fidelity.time.process_time", lambda: next(seconds))
    return trained


def test_no_configuration_is_trained_twice(tiny, tmp_path):
    curves = Curves("tiny", tmp_path)
    assert curves({"x": 6}) == Curve([6.0, 3.0, 2.0], [1, 2, 3])
    assert curves({"x": 6}) == curves({"x": 6})
    assert Curves("tiny", tmp_path)({"x": 6}).losses == [6.0, 3.0, 2.0]
    assert tiny == [{"x": 6}]
    (file,) = tmp_path.iterdir()
    assert [json.loads(line)[0] for line in file.read_text().splitlines()] == [[6]]


def test_random_search_sets_the_goals(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(fidelity, "RANDOM_TRIALS", (1, 6))
    monkeypatch.setattr(fidelity, "RANDOM_SEEDS", 40)
    (first, last) = goals(Curves("tiny", tmp_path))
    assert first[0] == 3
    assert 1 / 3 < first[1] < 2
    assert last == pytest.approx((18, 1 / 3))
    assert len(tiny) == 6


@pytest.mark.parametrize("strategy", ["random", "hyperband", {"type": "asha", "sampler": "random"}])
def test_searches_go_on_until_their_time_is_over(tiny, tmp_path, strategy):
    course = fidelity.smtune(strategy, Curves("tiny", tmp_path), 0, 8.0)
    assert course[-1][0] >= 8.0
    assert all(at < 8.0 for at, _ in course[:-1])
    assert [best for _, best in course] == sorted((best for _, best in course), reverse=True)
