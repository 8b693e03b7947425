import math

import pytest

from smtune.honesty import evaluate
from smtune.trial import Trial, TrialStatus


def trained(objective, *, repeat=0, seconds=1.0, **metrics):
    return Trial(
        repeat, {"x": 1}, TrialStatus.Completed, objective, metrics, started_at=0.0, ended_at=seconds, repeat=repeat
    )


def test_the_mean_and_its_standard_error():
    group = [trained(value, repeat=k, seconds=k, auc=value) for k, value in enumerate((0.5, 0.7, 0.9))]
    found = evaluate(group, trainings=4, metric="auc", sign=-1)
    assert found.trial.number == 0
    assert found.trial.objective == pytest.approx(0.7)
    assert found.trial.metrics == {"auc": pytest.approx(0.7)}
    assert found.loss == pytest.approx(-0.7)
    assert found.standard_error == pytest.approx(0.2 / math.sqrt(3))
    assert (found.trainings, found.seconds) == (4, 1.0)


@pytest.mark.parametrize(("reported", "error"), [(0.02, 0.02), (0.0, 0.0), (-0.1, None), (math.nan, None)])
def test_of_a_single_training_the_reported_standard_error_counts(reported, error):
    one = trained(0.5, **{"validation:auc": 0.5, "validation:auc:se": reported})
    assert evaluate([one], trainings=1, metric="validation:auc", sign=-1).standard_error == error


def test_repeats_say_more_than_what_each_of_them_reports():
    group = [trained(value, repeat=k, **{"auc:se": 9.0, "auc:fold-0": 0.0}) for k, value in enumerate((0.5, 0.7))]
    found = evaluate(group, trainings=2, metric="auc", sign=1)
    assert found.standard_error == pytest.approx(0.1)
    assert found.parts == {0: 0.5, 1: 0.7}


def test_folds_are_parts_of_a_single_training():
    one = trained(0.6, **{"auc:fold-0": 0.5, "auc:fold-1": 0.7, "auc:fold-x": 1.0, "loss:fold-0": 3.0})
    found = evaluate([one], trainings=1, metric="auc", sign=-1)
    assert found.parts == {0: -0.5, 1: -0.7}
    assert found.standard_error == pytest.approx(0.1)
