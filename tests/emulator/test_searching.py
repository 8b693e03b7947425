"""Searches and tokens that make no sense: they find nothing, or are refused, and break nothing."""

import base64

import pytest

from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.listing import page
from smtune.emulator.service.searching import search

JOB = {
    "TrainingJobName": "churn",
    "TrainingJobStatus": "Completed",
    "HyperParameters": {"eta": "0.3"},
    "VpcConfig": {"Subnets": ["subnet-1", "subnet-2"]},
    "FinalMetricDataList": [{"MetricName": "loss", "Value": 0.25}],
}


def found(**request):
    return [one["TrainingJob"] for one in search({"Resource": "TrainingJob", **request}, [JOB])["Results"]]


@pytest.mark.parametrize("name", ["HyperParameters", "VpcConfig.Subnets", "VpcConfig.Subnets.x", "TrainingJobName.x"])
@pytest.mark.parametrize("operator", ["GreaterThan", "LessThanOrEqualTo"])
def test_what_is_no_number_is_neither_greater_nor_less(name, operator):
    condition = {"Name": name, "Operator": operator, "Value": "1"}
    assert found(SearchExpression={"Filters": [condition]}) == []


def test_numbers_are_compared():
    condition = {"Name": "HyperParameters.eta", "Operator": "GreaterThan", "Value": "0.2"}
    assert found(SearchExpression={"Filters": [condition]}) == [JOB]


@pytest.mark.parametrize("by", ["VpcConfig.Subnets.x", "HyperParameters", "TrainingJobName.x"])
def test_anything_can_be_sorted_by(by):
    assert found(SortBy=by) == [JOB]


@pytest.mark.parametrize("property_", ["TrainingJobStatus", "HyperParameters", "VpcConfig.Subnets", "Tags"])
@pytest.mark.parametrize("name", ["Tags.x", "x"])
def test_only_entries_of_lists_have_nested_properties(property_, name):
    nested = {"NestedPropertyName": property_, "Filters": [{"Name": name, "Operator": "Equals", "Value": "1"}]}
    assert found(SearchExpression={"NestedFilters": [nested]}) == []


@pytest.mark.parametrize("told", ["[" * 8_000, "[NaN]", "3", '["churn", 3]'])
def test_tokens_that_nobody_was_given_are_refused(told):
    token = base64.urlsafe_b64encode(told.encode()).decode()
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        page([JOB], {"NextToken": token}, sort=lambda _: "", name=lambda one: str(one["TrainingJobName"]))
