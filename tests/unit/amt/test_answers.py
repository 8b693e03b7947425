"""Results as an emulator of SageMaker tells them."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtune.amt import (
    decode_description,
    encode_description,
    encode_request,
    encode_summaries,
    encode_training_job,
    request_of,
)
from smtune.amt.echo import echo_definition
from smtune.amt.images import built_in_definitions, image_uri
from smtune.amt.patches import canonical
from smtune.results import JobStatus, TuningResult, WarmStartParent, WarmStartResult
from smtune.spec import Goal
from smtune.trial import Trial, TrialStatus
from tests.unit.amt.answers import ACCOUNT, ARN, AUC, RANGES
from tests.unit.amt.results import jobs

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
loaders = pytest.importorskip("botocore.loaders")


def breaches(shape: Any, value: Any, place: str = "") -> Iterator[str]:
    """Yield what botocore does not check: longest lengths, patterns and words to choose from."""
    if shape.type_name == "structure":
        for name, inner in value.items():
            yield from breaches(shape.members[name], inner, f"{place}.{name}")
    elif shape.type_name == "map":
        for key, inner in value.items():
            yield from breaches(shape.key, key, f"{place}.{key}")
            yield from breaches(shape.value, inner, f"{place}.{key}")
    elif shape.type_name == "list":
        for inner in value:
            yield from breaches(shape.member, inner, f"{place}[]")
    if isinstance(value, str | list | dict) and len(value) > shape.metadata.get("max", math.inf):
        yield f"{place} is too long: {value}"
    if isinstance(value, str) and not re.fullmatch(shape.metadata.get("pattern", "(?s:.*)"), value):
        yield f"{place} has another pattern: {value}"
    if value not in (getattr(shape, "enum", None) or [value]):
        yield f"{place} is none of the words: {value}"


class Boto3:
    """What boto3 makes of answers."""

    def __init__(self) -> None:
        from botocore.model import ServiceModel
        from botocore.parsers import create_parser
        from botocore.validate import ParamValidator

        self._model = ServiceModel(loaders.Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
        self._parser, self._validator = create_parser("json"), ParamValidator()

    def shape(self, operation: str) -> Any:
        return self._model.operation_model(operation).output_shape

    def read(self, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Return an answer as it is read, after a look at whether it is what the service model demands."""
        shape = self.shape(operation)
        http = {"status_code": 200, "headers": {}, "body": json.dumps(answer, allow_nan=False).encode()}
        parsed: dict[str, Any] = self._parser.parse(http, shape)
        metadata = parsed.pop("ResponseMetadata")
        report = self._validator.validate(parsed, shape)
        assert not report.has_errors(), report.generate_report()
        assert list(breaches(shape, parsed)) == []
        return {**parsed, "ResponseMetadata": metadata}


@pytest.fixture(scope="module")
def through_boto3():
    return Boto3()


def answers(result: TuningResult, asked: dict[str, Any], read: Any) -> tuple[Any, Any, Any]:
    """Return the description, the summaries and the details of a job, as boto3 reads them."""
    described = read("DescribeHyperParameterTuningJob", encode_description(result, asked, arn=ARN))
    page = {"TrainingJobSummaries": encode_summaries(result, asked, arn=ARN)}
    summaries = read("ListTrainingJobsForHyperParameterTuningJob", page)["TrainingJobSummaries"]
    details = [
        read("DescribeTrainingJob", encode_training_job(trial, result, asked, arn=ARN)) for trial in result.trials
    ]
    return described, summaries[::-1], {one["TrainingJobName"]: one for one in details}


@given(jobs())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_a_result_is_the_same_after_its_way_over_the_wire(through_boto3, drawn):
    spec, result = drawn
    told = answers(result, encode_request(spec), through_boto3.read)
    assert decode_description(*told, spec=spec) == result
    assert decode_description(*told) == result


@st.composite
def lacking(draw, shape: Any, value: Any) -> Any:
    """Draw an answer that lacks some of the members that the service may leave out."""
    if shape.type_name == "list":
        return [draw(lacking(shape.member, inner)) for inner in value]
    if shape.type_name != "structure":
        return value
    kept = [name for name in value if name in shape.required_members or draw(st.booleans())]
    return {name: draw(lacking(shape.members[name], value[name])) for name in kept if name in shape.members}


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_whatever_a_description_may_lack_it_can_be_read(through_boto3, data):
    spec, result = data.draw(jobs())
    description, summaries, details = answers(result, encode_request(spec), through_boto3.read)
    shapes = through_boto3.shape
    description = data.draw(lacking(shapes("DescribeHyperParameterTuningJob"), description))
    page = {"TrainingJobSummaries": summaries}
    page = data.draw(lacking(shapes("ListTrainingJobsForHyperParameterTuningJob"), page))
    details = {name: data.draw(lacking(shapes("DescribeTrainingJob"), one)) for name, one in details.items()}
    told = decode_description(description, page["TrainingJobSummaries"], details)
    assert (told.name, told.status, told.counts) == (result.name, result.status, result.counts)


@given(jobs())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_a_description_echoes_the_request(drawn):
    spec, result = drawn
    asked = encode_request(spec)
    description = encode_description(result, asked, arn=ARN)
    assert canonical(request_of(description, tags=asked.get("Tags", ()))) == canonical(asked)


TRIALS = (
    Trial(
        0, {"booster": "dart", "eta": 0.1, "max_depth": 8}, TrialStatus.Completed, 0.9, started_at=10.0, ended_at=20.0
    ),
    Trial(1, {"booster": "gbtree", "eta": 0.2, "max_depth": 3}, TrialStatus.Failed, failure_reason="x" * 2000),
    Trial(
        2,
        {"booster": "gbtree", "eta": 0.3, "max_depth": 3},
        TrialStatus.Stopped,
        0.95,
        started_at=11.0,
        ended_at=30.0,
        failure_reason="early stopping: median",
    ),
    Trial(3, {"booster": "dart", "eta": 0.4, "max_depth": 5}, started_at=25.0),
    Trial(4, {"booster": "dart", "eta": 0.5, "max_depth": 6}),
)
CHOICES = ["gbtree", "dart"]
BEST = "churn-003-2e730617"


def request(*, quoted: bool = False, **members: Any) -> dict[str, Any]:
    """Return a request, as version 2 or 3 of the SageMaker SDK quotes its texts."""
    ranges = RANGES if quoted else {**RANGES, "CategoricalParameterRanges": [{"Name": "booster", "Values": CHOICES}]}
    return {
        "HyperParameterTuningJobName": "churn",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": AUC,
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": ranges,
            "TuningJobCompletionCriteria": {
                "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5},
            },
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"sagemaker_program": '"train.py"' if quoted else "train.py"},
            "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::123456789012:role/SageMakerRole",
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/models/"},
            "HyperParameterTuningResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 30,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
        "Tags": [{"Key": "team", "Value": "a"}],
        **members,
    }


def job(**members: Any) -> TuningResult:
    """Return a job with a trial in every state."""
    fields: dict[str, Any] = {
        "name": "churn",
        "backend": "moto",
        "status": JobStatus.InProgress,
        "metric": "validation:auc",
        "goal": Goal.Maximize,
        "strategy": "bayesian",
        "seed": 0,
        "trials": TRIALS,
        "started_at": 5.0,
    }
    return TuningResult(**{**fields, **members})


def test_trials_are_counted_by_status_and_by_objective():
    described = encode_description(job(), request(), arn=ARN)
    assert described["TrainingJobStatusCounters"] == {
        "Completed": 1,
        "InProgress": 2,
        "RetryableError": 0,
        "NonRetryableError": 1,
        "Stopped": 1,
    }
    assert described["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 2, "Failed": 1}
    summaries = encode_summaries(job(), request(), arn=ARN)
    assert [one["ObjectiveStatus"] for one in summaries] == ["Succeeded", "Failed", "Succeeded", "Pending", "Pending"]


def test_a_description_names_the_best_training_job():
    best = encode_description(job(), request(), arn=ARN)["BestTrainingJob"]
    assert (best["TrainingJobName"], best["TrainingJobArn"]) == (BEST, f"{ACCOUNT}:training-job/{BEST}")
    final = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert final == {"MetricName": "validation:auc", "Value": 0.95}
    assert "BestTrainingJob" not in encode_description(job(trials=TRIALS[3:]), request(), arn=ARN)


def test_what_runs_has_no_end():
    running = encode_description(job(), request(), arn=ARN)
    assert {"HyperParameterTuningEndTime", "ConsumedResources", "FailureReason"}.isdisjoint(running)
    assert (running["CreationTime"], running["LastModifiedTime"]) == (5.0, 30.0)
    failed = job(status=JobStatus.Failed, ended_at=40.5, failure_reason="all failed")
    ended = encode_description(failed, request(), arn=ARN)
    assert (ended["HyperParameterTuningEndTime"], ended["ConsumedResources"]) == (40.5, {"RuntimeInSeconds": 35})
    assert (ended["HyperParameterTuningJobStatus"], ended["FailureReason"]) == ("Failed", "all failed")


@pytest.mark.parametrize(
    ("quoted", "objective", "text"),
    [(True, '"validation:auc"', '"dart"'), (False, "validation:auc", "dart")],
)
def test_texts_stand_in_quotes_where_those_of_the_request_do(quoted, objective, text):
    asked = request(quoted=quoted)
    static = encode_description(job(), asked, arn=ARN)["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["_tuning_objective_metric"] == objective
    told = encode_training_job(TRIALS[0], job(), asked, arn=ARN)["HyperParameters"]
    assert told == {**static, "booster": text, "eta": "0.1", "max_depth": "8"}


def test_choices_are_told_in_the_words_of_the_request():
    asked = request()
    ranges = {"CategoricalParameterRanges": [{"Name": "bias", "Values": ["True", "False"]}]}
    asked["HyperParameterTuningJobConfig"]["ParameterRanges"] = ranges
    trials = (Trial(0, {"bias": True}),)
    assert encode_summaries(job(trials=trials), asked, arn=ARN)[0]["TunedHyperParameters"] == {"bias": "True"}


def test_version_2_of_the_sagemaker_sdk_finds_what_it_reads():
    described = encode_description(job(), request(), arn=ARN)
    instances = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
    assert described["TrainingJobDefinition"]["ResourceConfig"] == instances
    ranges = described["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert {f"{kind}ParameterRanges" for kind in ("Categorical", "Continuous", "Integer")} <= ranges.keys()
    told = encode_training_job(TRIALS[0], job(), request(), arn=ARN)
    assert (told["ResourceConfig"], told["OutputDataConfig"]["KmsKeyId"]) == (instances, "")
    assert (
        told["ModelArtifacts"]["S3ModelArtifacts"]
        == f"s3://bucket/models/{told['TrainingJobName']}/output/model.tar.gz"
    )
    for switch in ("NetworkIsolation", "InterContainerTrafficEncryption", "ManagedSpotTraining"):
        assert told[f"Enable{switch}"] is False


def test_tags_are_no_part_of_a_description():
    assert "Tags" not in encode_description(job(), request(), arn=ARN)


def test_reasons_have_the_length_that_the_service_allows():
    summaries = encode_summaries(job(), request(), arn=ARN)
    assert [len(one.get("FailureReason", "")) for one in summaries] == [0, 1024, 0, 0, 0]


@pytest.mark.parametrize(
    ("place", "status"), [(0, "Completed"), (1, "Failed"), (2, "Stopped"), (3, "Training"), (4, "Starting")]
)
def test_the_secondary_status_says_more(place, status):
    told = encode_training_job(TRIALS[place], job(), request(), arn=ARN)
    assert told["SecondaryStatus"] == told["SecondaryStatusTransitions"][-1]["Status"] == status


def test_trials_were_created_in_the_order_of_their_numbers():
    """The first and the last but one started late; the last, and the second, have not."""
    creations = [one["CreationTime"] for one in encode_summaries(job(), request(), arn=ARN)]
    assert creations == [10.0, 11.0, 11.0, 25.0, 25.0]
    nothing = job(trials=(Trial(0, {}), Trial(1, {})))
    assert [one["CreationTime"] for one in encode_summaries(nothing, request(), arn=ARN)] == [5.0, 5.0]


def test_what_is_no_number_is_no_objective():
    broken = job(trials=(Trial(0, {}, TrialStatus.Completed, float("nan"), {"loss": float("inf")}),))
    (summary,) = encode_summaries(broken, request(), arn=ARN)
    assert summary["ObjectiveStatus"] == "Failed"
    assert "FinalHyperParameterTuningJobObjectiveMetric" not in summary
    assert "FinalMetricDataList" not in encode_training_job(broken.trials[0], broken, request(), arn=ARN)


def test_trials_that_do_not_improve_are_counted():
    values = [0.5, 0.6, 0.6005, 0.59, None]
    trials = tuple(
        Trial(number, {}, TrialStatus.Failed if value is None else TrialStatus.Completed, value, ended_at=10.0 + number)
        for number, value in enumerate(values)
    )
    described = encode_description(job(trials=trials), request(), arn=ARN)
    assert described["TuningJobCompletionDetails"] == {"NumberOfTrainingJobsObjectiveNotImproving": 3}


def test_a_job_that_converged_says_when():
    reason = "the last 5 trials brought nothing (completion.on_convergence)"
    ended = job(status=JobStatus.Completed, ended_at=50.0, failure_reason=reason)
    details = encode_description(ended, request(), arn=ARN)["TuningJobCompletionDetails"]
    assert details["ConvergenceDetectedTime"] == 50.0


@pytest.mark.parametrize(("value", "overall"), [(0.99, "old-008-295f078c"), (0.5, BEST), (None, BEST)])
def test_the_best_of_a_job_and_its_parents_is_told(value, overall):
    best = None if value is None else Trial(7, TRIALS[0].parameters, TrialStatus.Completed, value)
    parents = [WarmStartParent("old", 12, {}, best)]
    config = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "old"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    result = job(warm_start=WarmStartResult("IdenticalDataAndAlgorithm", parents))
    described = encode_description(result, request(WarmStartConfig=config), arn=ARN)
    assert described["OverallBestTrainingJob"]["TrainingJobName"] == overall
    assert described["OverallBestTrainingJob"]["TuningJobName"] == ("churn" if overall == BEST else "old")
    assert described["BestTrainingJob"]["TrainingJobName"] == BEST
    other = encode_description(
        result, request(WarmStartConfig={**config, "WarmStartType": "TransferLearning"}), arn=ARN
    )
    assert "OverallBestTrainingJob" not in other


def test_training_jobs_that_have_names_keep_them():
    named = job(trials=(Trial(0, {}, training_job="churn-001-aaaaaaaa"),))
    assert encode_summaries(named, request(), arn=ARN)[0]["TrainingJobName"] == "churn-001-aaaaaaaa"


def test_the_last_message_says_why_a_training_was_stopped():
    told = encode_training_job(TRIALS[2], job(), request(), arn=ARN)
    assert told["SecondaryStatusTransitions"] == [
        {"Status": "Stopped", "StartTime": 11.0, "EndTime": 30.0, "StatusMessage": "early stopping: median"}
    ]


@pytest.mark.parametrize("script", [False, True])
def test_algorithms_of_aws_bring_their_metrics_along_and_scripts_do_not(script):
    algorithm = {"TrainingImage": image_uri("xgboost:1.7-1", "us-east-1"), "TrainingInputMode": "File"}
    static = {"num_round": "5", **({"sagemaker_program": "train.py"} if script else {})}
    definition = {"AlgorithmSpecification": algorithm, "StaticHyperParameters": static}
    echo = echo_definition(definition, "validation:auc")
    told = {one["Name"]: one["Regex"] for one in echo["AlgorithmSpecification"].get("MetricDefinitions", ())}
    assert told == ({} if script else built_in_definitions(algorithm["TrainingImage"]))
    assert ("validation:auc" in told) is not script
    assert request_of({"TrainingJobDefinition": echo})["TrainingJobDefinition"] == definition
