"""What is wrong in a request, in the words of the spec that it was made of."""

from __future__ import annotations

import pytest

from smtune.amt import check_request
from smtune.amt.fields import problem_of
from tests.unit.amt.requests import CONFIG, DEFINITION, GONE, changed, full

RANGES = (CONFIG, "ParameterRanges", "IntegerParameterRanges", 0)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ((CONFIG, "ResourceLimits", "MaxNumberOfTrainingJobs", 4), "completion.not_improving", "limits.max_trials = 4"),
        ((*RANGES, "MinValue", "11"), "parameters.max_depth.min", "must be below max = 10"),
        ((DEFINITION, "AlgorithmSpecification", "AlgorithmName", "mine"), "training.algorithm", "sagemaker.image"),
        ((DEFINITION, "AlgorithmSpecification", "MetricDefinitions", GONE), "objective.metric", "needs metrics that"),
        (("TrainingJobDefinitions", []), "definitions", "must not stand beside training"),
    ],
)
def test_rules_speak_of_the_keys_of_the_spec(change, field, words):
    request = changed(full(), change)
    problems = [problem_of(one, request) for one in check_request(request)]
    assert any(one.field == field and words in one.rule for one in problems), problems


def test_what_only_a_request_says_keeps_its_words():
    request = changed(full(), (CONFIG, "ParameterRanges", "Surprise", 1))
    (problem,) = [problem_of(found, request) for found in check_request(request) if found.path[-1] == "Surprise"]
    assert "is no member of ParameterRanges" in problem.rule
