"""What SageMaker says of its training jobs, read as trials."""

from datetime import UTC, datetime

import pytest

from smtune.amt import decode_objective, decode_trials
from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.spec import Goal
from smtune.trial import TrialStatus
from tests.unit.amt.summaries import METRIC, summary

SPACE = SearchSpace(
    {
        "eta": ContinuousParameter(0.01, 0.5),
        "max_depth": IntegerParameter(2, 10),
        "booster": CategoricalParameter(["gbtree", "dart"]),
        "version": CategoricalParameter(["1.10", "1.9"]),
        "batch": CategoricalParameter([16, 32]),
        "bias": CategoricalParameter([True, False]),
    }
)


def test_texts_become_values_of_the_space():
    (trial,) = decode_trials(
        [
            summary(
                1,
                0.91,
                eta="0.071831959528788",
                max_depth="8",
                booster='"dart"',
                version="1.10",
                batch="32",
                bias="True",
            )
        ],
        SPACE,
    )
    assert repr(trial.parameters) == repr(
        {"batch": 32, "bias": True, "booster": "dart", "eta": 0.071831959528788, "max_depth": 8, "version": "1.10"}
    )
    assert (trial.number, trial.status, trial.objective) == (0, TrialStatus.Completed, 0.91)


def test_what_the_space_does_not_know_keeps_the_type_of_its_text():
    (trial,) = decode_trials([summary(1, 0.9, eta="0.9", booster="linear", rounds="200", objective="[1, 2]")], SPACE)
    assert trial.parameters == {"eta": 0.9, "booster": "linear", "rounds": 200, "objective": "[1, 2]"}


def test_a_number_and_its_text_may_both_be_choices():
    space = SearchSpace({"layers": CategoricalParameter(["1", 1])})
    trials = decode_trials([summary(1, 0.9, layers="1"), summary(2, 0.9, layers='"1"')], space)
    assert [trial.parameters for trial in trials] == [{"layers": 1}, {"layers": "1"}]


def test_more_than_a_thousand_training_jobs_keep_their_order_within_a_second():
    same = {"CreationTime": "2026-03-01T06:00:00+01:00"}
    names = ["churn-1000-5d0f5aea", "churn-999-0a0f5aeb"]
    trials = decode_trials([{**summary(1, 0.9), **same, "TrainingJobName": name} for name in names], SPACE)
    assert [trial.training_job for trial in trials] == names[::-1]


def test_trials_are_numbered_in_the_order_of_their_creation():
    shuffled = [summary(number, number / 10, eta="0.1") for number in (3, 1, 2)]
    assert [trial.objective for trial in decode_trials(shuffled, SPACE)] == [0.1, 0.2, 0.3]


def test_times_may_be_what_boto3_reads_or_either_format_of_the_command_line():
    first, second, third = (summary(number, number / 10, eta="0.1") for number in (1, 2, 3))
    first["CreationTime"] = 1772341500.25
    second["CreationTime"] = datetime(2026, 3, 1, 5, 6, tzinfo=UTC)
    third["CreationTime"] = "2026-03-01T06:07:00.5+01:00"
    assert [trial.objective for trial in decode_trials([third, second, first], SPACE)] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("given", "status", "objective"),
    [
        (summary(1, None, "Failed", eta="0.1"), TrialStatus.Failed, None),
        (summary(1, 0.8, "Failed", eta="0.1"), TrialStatus.Failed, None),
        (summary(1, 0.8, "Stopped", eta="0.1"), TrialStatus.Stopped, 0.8),
        (summary(1, None, "Stopping", eta="0.1"), TrialStatus.InProgress, None),
        (summary(1, None, "InProgress", eta="0.1"), TrialStatus.InProgress, None),
    ],
)
def test_status_and_objective(given, status, objective):
    (trial,) = decode_trials([given], SPACE)
    assert (trial.status, trial.objective) == (status, objective)


def test_the_objective_is_read_as_far_as_it_is_told():
    assert decode_objective([summary(1, None), summary(2, 0.9)]) == ("validation:auc", None)
    told = summary(3, 0.9)
    told[METRIC]["Type"] = "Maximize"
    assert decode_objective([told]) == ("validation:auc", Goal.Maximize)
    assert decode_objective([summary(1, None)]) == (None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"TunedHyperParameters": ["eta"]}, "TrainingJobSummaries[1].TunedHyperParameters"),
        ({"TrainingJobStatus": "Done"}, "TrainingJobSummaries[1].TrainingJobStatus"),
        ({"CreationTime": "yesterday"}, "TrainingJobSummaries[1].CreationTime"),
        ({"CreationTime": None}, "TrainingJobSummaries[1].CreationTime"),
        ({METRIC: {"Value": "0.9"}}, f"TrainingJobSummaries[1].{METRIC}"),
    ],
)
def test_what_is_no_summary_is_told_with_its_place(change, field):
    with pytest.raises(SpecError) as caught:
        decode_trials([summary(0, 0.5), {**summary(1, 0.9), **change}], SPACE)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_what_is_missing_is_told():
    lacking = {key: value for key, value in summary(1, 0.9).items() if key != "CreationTime"}
    with pytest.raises(SpecError) as caught:
        decode_trials([lacking, "churn-2"], SPACE)  # type: ignore[list-item]
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["TrainingJobSummaries[0].CreationTime", "TrainingJobSummaries[1]"]
