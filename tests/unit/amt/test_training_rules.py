"""The rules of ``CreateTrainingJob``: what is legal passes, and what is not is found in its place."""

from typing import Any

import pytest

from smtune.amt.limits import Severity, check_training_request
from smtune.amt.rules import RULES, TRAINING_RULES
from tests.unit.amt.requests import GONE, IMAGE, changed, definition

METRIC = {"Name": "loss", "Regex": "loss=(.*)"}
SPOT = ("EnableManagedSpotTraining", True)
STOPPING = ("StoppingCondition",)
GROUP = {"InstanceGroupName": "a", "InstanceType": "ml.m5.xlarge", "InstanceCount": 1}
CHANNEL = ("InputDataConfig", 0)


def training() -> dict[str, Any]:
    """Return a legal request."""
    request = {**definition(), "TrainingJobName": "job", "HyperParameters": {"rounds": "200"}}
    del request["StaticHyperParameters"]
    return request


def errors(*changes: tuple[Any, ...]) -> list[tuple[Any, str]]:
    found = check_training_request(changed(training(), *changes))
    return [(one.path, one.message) for one in found if one.severity is Severity.error]


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [(*STOPPING, GONE), ("EnableManagedSpotTraining", GONE)],
        [("AlgorithmSpecification", {"AlgorithmName": "mine", "TrainingInputMode": "File"})],
        [("ServerlessJobConfig", {}), ("AlgorithmSpecification", GONE), ("ResourceConfig", GONE)],
        [
            ("ResourceConfig", "KeepAlivePeriodInSeconds", 60),
            ("EnableManagedSpotTraining", False),
            (*STOPPING, {"MaxRuntimeInSeconds": 60}),
        ],
    ],
)
def test_legal_requests_pass(changes):
    assert errors(*changes) == []


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ([("AlgorithmSpecification", GONE)], ("AlgorithmSpecification",), "Value null at 'algorithmSpecification'"),
        ([("ResourceConfig", GONE)], ("ResourceConfig",), "Value null at 'resourceConfig' failed to satisfy"),
        (
            [("AlgorithmSpecification", {"AlgorithmName": "mine", "TrainingImage": IMAGE})],
            ("AlgorithmSpecification", "AlgorithmName"),
            "must not stand beside TrainingImage",
        ),
        ([("AlgorithmSpecification", {})], ("AlgorithmSpecification", "TrainingImage"), "is required"),
        (
            [("AlgorithmSpecification", "MetricDefinitions", [METRIC, METRIC])],
            ("AlgorithmSpecification", "MetricDefinitions", 1, "Name"),
            "must name one metric only",
        ),
        (
            [("EnableManagedSpotTraining", GONE), (*STOPPING, {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 9})],
            (*STOPPING, "MaxWaitTimeInSeconds"),
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
        ),
        (
            [SPOT, (*STOPPING, {"MaxRuntimeInSeconds": 60})],
            (*STOPPING, "MaxWaitTimeInSeconds"),
            "is required for managed spot training",
        ),
        (
            [SPOT, (*STOPPING, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59})],
            (*STOPPING, "MaxWaitTimeInSeconds"),
            "must not be below MaxRuntimeInSeconds = 60",
        ),
        (
            [(*STOPPING, {"MaxRuntimeInSeconds": 2419201, "MaxWaitTimeInSeconds": 2419201})],
            (*STOPPING, "MaxRuntimeInSeconds"),
            "28 days",
        ),
        ([("InputDataConfig", 1, "ChannelName", "train")], ("InputDataConfig", 1, "ChannelName"), "one channel only"),
        ([(*CHANNEL, "DataSource", {})], (*CHANNEL, "DataSource"), "must hold exactly one of"),
        ([("ResourceConfig", "InstanceCount", 0)], ("ResourceConfig", "InstanceCount"), "must be at least 1"),
        (
            [("ResourceConfig", {"InstanceGroups": [{**GROUP, "InstanceCount": 0}]})],
            ("ResourceConfig", "InstanceGroups", 0, "InstanceCount"),
            "must be at least 1",
        ),
        (
            [SPOT, ("ResourceConfig", "KeepAlivePeriodInSeconds", 60)],
            ("ResourceConfig", "KeepAlivePeriodInSeconds"),
            "is not for managed spot training",
        ),
        (
            [("ResourceConfig", {"InstanceGroups": [GROUP], "KeepAlivePeriodInSeconds": 60})],
            ("ResourceConfig", "KeepAlivePeriodInSeconds"),
            "is not for InstanceGroups",
        ),
        ([("Tags", [{"Key": "a", "Value": ""}] * 2)], ("Tags", 1, "Key"), "must be the key of one tag only"),
    ],
)
def test_what_is_wrong_is_found_where_it_is(changes, path, words):
    found = errors(*changes)
    assert path in [place for place, _ in found]
    assert words in dict(found)[path]


def test_nothing_that_json_holds_is_too_much():
    for value in (None, 3, "x", [], [1], {}, {"a": [None]}):
        for member in training():
            check_training_request({**training(), member: value})


def test_rules_of_searches_are_left_out():
    assert "objective-is-a-metric" in {rule.name for rule in RULES} - {rule.name for rule in TRAINING_RULES}
    assert len({rule.name for rule in TRAINING_RULES}) == len(TRAINING_RULES)
