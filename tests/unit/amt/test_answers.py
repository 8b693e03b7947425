"""Results as an emulator of SageMaker tells them."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from smtune.amt import (
    decode_description,
    encode_description,
    encode_request,
    encode_summaries,
    encode_training_job,
    request_of,
)
from smtune.amt.patches import canonical
from smtune.results import TuningResult
from tests.unit.amt.answers import ARN
from tests.unit.amt.results import jobs

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
loaders = pytest.importorskip("botocore.loaders")


@pytest.fixture(scope="module")
def through_boto3():
    """Return what boto3 makes of an answer, after a look at whether it has all that it must."""
    from botocore.model import ServiceModel
    from botocore.parsers import create_parser
    from botocore.validate import ParamValidator

    model = ServiceModel(loaders.Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    parser, validator = create_parser("json"), ParamValidator()

    def read(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        shape = model.operation_model(operation).output_shape
        http = {"status_code": 200, "headers": {}, "body": json.dumps(answer, allow_nan=False).encode()}
        parsed: dict[str, Any] = parser.parse(http, shape)
        metadata = parsed.pop("ResponseMetadata")
        report = validator.validate(parsed, shape)
        assert not report.has_errors(), report.generate_report()
        return {**parsed, "ResponseMetadata": metadata}

    return read


def answers(result: TuningResult, request: dict[str, Any], read: Any) -> tuple[Any, Any, Any]:
    """Return the description, the summaries and the details of a job, as boto3 reads them."""
    described = read("DescribeHyperParameterTuningJob", encode_description(result, request, arn=ARN))
    page = {"TrainingJobSummaries": encode_summaries(result, request, arn=ARN)}
    summaries = read("ListTrainingJobsForHyperParameterTuningJob", page)["TrainingJobSummaries"]
    details = [
        read("DescribeTrainingJob", encode_training_job(trial, result, request, arn=ARN)) for trial in result.trials
    ]
    return described, summaries[::-1], {one["TrainingJobName"]: one for one in details}


@given(jobs())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_a_result_is_the_same_after_its_way_over_the_wire(through_boto3, job):
    spec, result = job
    request = encode_request(spec)
    told = answers(result, request, through_boto3)
    assert decode_description(*told, spec=spec) == result
    assert decode_description(*told) == result


@given(jobs())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_a_description_echoes_the_request(job):
    spec, result = job
    request = encode_request(spec)
    description = encode_description(result, request, arn=ARN)
    assert canonical(request_of(description, tags=request.get("Tags", ()))) == canonical(request)
