"""Earlier jobs, as users name them."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from smtune.errors import SpecError
from smtune.spec import TuningSpec, WarmStart, WarmStartType

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:hyper-parameter-tuning-job/churn"


def spec(warm_start, **changes):
    fields = {
        "objective": {"metric": "auc", "goal": "Maximize"},
        "parameters": {"eta": {"type": "continuous", "min": 0, "max": 1}},
        "limits": {"max_trials": 5},
        "warm_start": warm_start,
    }
    return TuningSpec.from_dict(fields | changes)


@pytest.mark.parametrize(
    "given",
    [
        ["churn-1", "old.json"],
        {"parents": ["churn-1", "old.json"]},
        {"parents": ["churn-1", Path("old.json")], "type": "IdenticalDataAndAlgorithm"},
        WarmStart(parents=["churn-1", "old.json"]),
    ],
)
def test_every_form_says_the_same(given):
    expected = WarmStart(parents=["churn-1", "old.json"], type=WarmStartType.IdenticalDataAndAlgorithm)
    assert spec(given).warm_start == expected
    assert TuningSpec.from_dict(spec(given).to_dict()) == spec(given)


@pytest.mark.parametrize("parent", ["churn-1", "amt:churn-1", "./old.JSON", ARN, ARN.replace("aws:", "aws-us-gov:", 1)])
def test_one_parent_needs_no_list(parent):
    found = spec(parent).warm_start
    assert found is not None
    assert found.parents == [parent]


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ([], "warm_start.parents", "1 to 5 jobs"),
        (["a", "b", "c", "d", "e", "f"], "warm_start.parents", "1 to 5 jobs"),
        (["a", "b", "a"], "warm_start.parents[2]", "stands twice"),
        (["a", "no name"], "warm_start.parents[1]", "neither a job's name"),
        (["amt:"], "warm_start.parents[0]", "neither a job's name"),
        (["arn:aws:sagemaker:eu-west-1:123456789012:training-job/x"], "warm_start.parents[0]", "ARN"),
        ([3], "warm_start.parents[0]", "must be text"),
        ({"parents": ["a"], "type": "Identical"}, "warm_start.type", "TransferLearning"),
        ({"parent": ["a"]}, "warm_start.parent", "is no known key"),
        (7, "warm_start.parents", "list"),
    ],
)
def test_what_names_no_job_is_told_with_its_place(given, field, rule):
    with pytest.raises(SpecError) as caught:
        spec(given)
    (problem,) = [problem for problem in caught.value.problems if problem.field == field]
    assert rule in problem.rule
    assert problem.fix


@pytest.mark.parametrize(("parents", "fix"), [([], "name one"), (list("abcdef"), "leave out the least useful")])
def test_too_few_and_too_many_parents_are_repaired_differently(parents, fix):
    with pytest.raises(SpecError) as caught:
        spec(parents)
    assert fix in caught.value.problems[0].fix


@pytest.mark.parametrize("strategy", ["grid", {"type": "manual", "configurations": [{"eta": 0.5}]}])
def test_transfer_to_a_strategy_with_configurations_of_its_own_is_refused(strategy):
    assert spec(["churn-1"], strategy=strategy).warm_start is not None
    with pytest.raises(SpecError) as caught:
        spec({"parents": ["churn-1"], "type": "TransferLearning"}, strategy=strategy)
    assert [problem.field for problem in caught.value.problems] == ["warm_start.type"]


@pytest.mark.parametrize(
    ("written", "parents"),
    [
        ("[churn-1, old.json, /data/older.json]", ["churn-1", "{folder}/old.json", "/data/older.json"]),
        (f"{{parents: ['{ARN}', 'sub/old.json']}}", [ARN, "{folder}/sub/old.json"]),
        ("old.json", ["{folder}/old.json"]),
    ],
)
def test_files_are_taken_from_the_folder_of_the_spec(tmp_path, written, parents):
    (tmp_path / "tuning.yaml").write_text(
        "objective: {metric: auc, goal: Maximize}\n"
        "parameters: {eta: {type: continuous, min: 0, max: 1}}\n"
        "limits: {max_trials: 5}\n"
        f"warm_start: {written}\n"
    )
    found = TuningSpec.from_file(tmp_path / "tuning.yaml").warm_start
    assert found is not None
    assert found.parents == [one.format(folder=tmp_path) for one in parents]


def test_the_schema_knows_both_forms():
    schema = TypeAdapter(TuningSpec).json_schema()
    forms = schema["properties"]["warm_start"]["anyOf"]
    assert {"items": {"type": "string"}, "type": "array"} in forms
    assert schema["$defs"]["WarmStart"]["properties"].keys() == {"parents", "type"}
