"""Tuning jobs as SageMaker tells them, whoever created them, read as results."""

from typing import Any

import pytest

from smtune.amt import decode_description, encode_request, request_of
from smtune.amt.patches import canonical
from smtune.results import JobStatus, is_result
from smtune.spec import Goal, TuningSpec
from smtune.trial import TrialStatus
from tests.unit.amt.answers import AUC, METRIC, RANGES, at, definition, description, details, summary
from tests.unit.amt.requests import full, several


def several_definitions(*goals: str) -> dict[str, Any]:
    """Return members of a job with a definition per goal, ``first`` and ``second``."""
    found = [
        definition(
            DefinitionName=name,
            TuningObjective={"Type": goal, "MetricName": f"{name}:score"},
            HyperParameterRanges=RANGES,
        )
        for name, goal in zip(("first", "second"), goals, strict=True)
    ]
    config = {
        "Strategy": "Random",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 1},
    }
    return {
        "TrainingJobDefinition": None,
        "TrainingJobDefinitions": found,
        "HyperParameterTuningJobConfig": config,
    }


def of(name: str, value: float, goal: str) -> dict[str, Any]:
    """Return members of a training job of a definition."""
    return {
        "TrainingJobDefinitionName": name,
        METRIC: {"MetricName": f"{name}:score", "Value": value, "Type": goal},
        "ObjectiveStatus": "Succeeded",
    }


def test_a_job_is_told_as_a_result():
    result = decode_description(description(), [summary(1, value=0.9), summary(0, value=0.91)], details())
    assert (result.name, result.backend, result.status) == ("churn", "amt", JobStatus.Completed)
    assert (result.metric, result.goal) == ("validation:auc", Goal.Maximize)
    assert (result.strategy, result.seed) == ("bayesian", 7)
    assert (result.max_parallel, result.planned_trials, result.failure_reason) == (2, 20, None)
    assert (result.started_at, result.ended_at) == (at(0).timestamp(), at(60).timestamp())
    assert [trial.number for trial in result.trials] == [0, 1]
    best = result.best
    assert best is not None
    assert best.parameters == {"booster": "dart", "eta": 0.0718319595287881, "max_depth": 8}
    assert (best.objective, best.metrics) == (0.91, {"validation:auc": 0.91, "test:auc": 0.89})
    assert (best.started_at, best.ended_at) == (at(1).timestamp(), at(5).timestamp())
    assert best.training_job == "churn-001-5d0f5aea"
    assert best.model == "s3://bucket/models/churn-001-5d0f5aea/output/model.tar.gz"
    assert result.holdout() == {"test:auc": 0.89}


def test_what_is_billed_is_what_counts():
    spec = TuningSpec(
        objective={"metric": "validation:auc", "goal": "Maximize"},
        parameters={"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
        limits={"max_trials": 20, "usd_per_hour": 3.6},
    )
    trials = [summary(0, value=0.91), summary(1, value=0.9)]
    assert decode_description(description(), trials, spec=spec).cost_usd == pytest.approx(0.48)
    told = decode_description(description(), trials, details(), spec=spec)
    assert told.trials[0].billable_seconds == 72
    assert told.cost_usd == pytest.approx(0.072 + 0.24)
    shown = told.to_dict()["trials"]
    assert shown[0]["billable_seconds"] == 72
    assert "billable_seconds" not in shown[1]


@pytest.mark.parametrize(
    ("resources", "usd_per_hour"),
    [
        ({"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}, 0.5),
        ({"InstanceGroups": [{"InstanceCount": 1}, {"InstanceCount": 3}]}, 1.0),
        ({"InstanceConfigs": [{"InstanceCount": 1}, {"InstanceCount": 2}]}, None),
    ],
    ids=["instances", "groups", "a choice"],
)
def test_the_price_of_an_instance_is_that_of_a_trial_by_the_number_of_the_request(resources, usd_per_hour):
    spec = TuningSpec(
        objective={"metric": "validation:auc", "goal": "Maximize"},
        parameters={"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
        limits={"max_trials": 20},
        sagemaker={"instance_type": "ml.m5.xlarge", "usd_per_hour": 0.25, "definition": {"ResourceConfig": resources}},
    )
    told = description(TrainingJobDefinition=definition(ResourceConfig=resources))
    assert decode_description(told, [], spec=spec).usd_per_hour == usd_per_hour


def test_the_spec_of_a_job_tells_what_the_service_is_not_told():
    spec = TuningSpec(
        objective={"metric": "validation:auc", "goal": "Maximize", "holdout": "final:auc"},
        parameters={"booster": {"type": "categorical", "values": ['"dart"', "gbtree"]}},
        limits={"max_trials": 20},
        selection="one_standard_error",
    )
    result = decode_description(description(), [summary(0, value=0.9)], spec=spec)
    assert (result.holdout_metric, result.selection) == ("final:auc", spec.selection)
    assert result.trials[0].parameters["booster"] == '"dart"'


def test_times_may_come_from_the_wire_from_boto3_or_from_the_command_line():
    told = [
        decode_description(description(CreationTime=time), [])
        for time in (at(0), at(0).timestamp(), "2026-03-01T07:00:00+01:00", "2026-03-01 06:00:00")
    ]
    assert {result.started_at for result in told} == {at(0).timestamp()}


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("InProgress", JobStatus.InProgress, None),
        ("Stopping", JobStatus.Stopping, None),
        ("Stopped", JobStatus.Stopped, None),
        ("Deleting", JobStatus.Stopped, "SageMaker is deleting the job"),
        ("DeleteFailed", JobStatus.Stopped, "SageMaker could not delete the job"),
        ("Queued", JobStatus.InProgress, None),
    ],
)
def test_every_status_is_told(word, status, reason):
    result = decode_description(description(word), [])
    assert (result.status, result.failure_reason, result.trials, result.best) == (status, reason, (), None)


@pytest.mark.parametrize("gone", ["TrainingJobDefinition", "HyperParameterTuningEndTime", "LastModifiedTime"])
def test_members_may_be_missing(gone):
    job = {name: value for name, value in description().items() if name != gone}
    result = decode_description(job, [summary(0, value=0.9)])
    assert result.best is not None


def test_a_job_without_a_seed_has_none():
    config = description()["HyperParameterTuningJobConfig"]
    del config["RandomSeed"]
    assert decode_description(description(HyperParameterTuningJobConfig=config), []).seed is None


def test_a_job_that_chooses_everything_by_itself_can_be_told():
    """Autotune: no ranges, no limits but the parallel ones, hyperparameters that nothing types."""
    config = {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": AUC,
        "ResourceLimits": {"MaxParallelTrainingJobs": 3},
        "ParameterRanges": {"AutoParameters": [{"Name": "eta", "ValueHint": "0.3"}]},
    }
    job = description(HyperParameterTuningJobConfig=config, Autotune={"Mode": "Enabled"})
    tuned = {"eta": "0.25", "booster": "dart", "version": "1.10.2"}
    result = decode_description(job, [summary(0, value=0.9, TunedHyperParameters=tuned)])
    assert (result.planned_trials, result.max_parallel) == (None, 3)
    assert result.trials[0].parameters == {"booster": "dart", "eta": 0.25, "version": "1.10.2"}


@pytest.mark.parametrize(
    "ranges",
    [
        {**RANGES, "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "10", "MaxValue": "2"}]},
        {**RANGES, "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "two", "MaxValue": "10"}]},
    ],
)
def test_a_request_that_smtune_would_refuse_is_told_in_its_own_words(ranges):
    result = decode_description(description(config={"ParameterRanges": ranges}), [summary(0, value=0.9)])
    assert (result.metric, result.goal, result.strategy) == ("validation:auc", Goal.Maximize, "bayesian")
    assert (result.planned_trials, result.holdout_metric) == (20, "test:auc")
    assert result.trials[0].parameters == {"booster": "dart", "eta": 0.0718319595287881, "max_depth": 8}


def test_a_strategy_of_the_future_is_told_by_its_name():
    assert decode_description(description(config={"Strategy": "Evolution"}), []).strategy == "evolution"


def test_an_objective_that_only_the_training_jobs_tell():
    config = description()["HyperParameterTuningJobConfig"]
    del config["HyperParameterTuningJobObjective"]
    job = description(HyperParameterTuningJobConfig=config, TrainingJobDefinition=definition(StaticHyperParameters={}))
    told = {**summary(0, value=0.3), METRIC: {"MetricName": "loss", "Value": 0.3, "Type": "Minimize"}}
    result = decode_description(job, [told])
    assert (result.metric, result.goal) == ("loss", Goal.Minimize)
    nothing = decode_description(job, [])
    assert (nothing.metric, nothing.goal) == ("objective", Goal.Maximize)


def test_the_trials_of_several_definitions_name_theirs():
    job = description(**several_definitions("Maximize", "Maximize"))
    trials = [
        summary(0, value=0.0, **of("first", 0.8, "Maximize")),
        summary(1, value=0.0, **of("second", 0.9, "Maximize")),
    ]
    result = decode_description(job, trials)
    assert [trial.origin for trial in result.trials] == ["first", "second"]
    assert result.best is not None
    assert (result.best.number, result.best.metrics) == (1, {"second:score": 0.9})


def test_objectives_that_go_opposite_ways_are_not_compared():
    job = description(**several_definitions("Maximize", "Minimize"))
    trials = [
        summary(0, value=0.0, **of("first", 0.8, "Maximize")),
        summary(1, value=0.0, **of("second", 7.0, "Minimize")),
    ]
    first, second = decode_description(job, trials).trials
    assert (first.objective, second.objective) == (0.8, None)
    assert second.metrics == {"second:score": 7.0}


def test_a_training_that_ended_without_the_objective_says_so():
    (trial,) = decode_description(description(), [summary(0)]).trials
    assert trial.status is TrialStatus.Completed
    assert trial.failure_reason == "no value of the objective 'validation:auc' was found in its log"


def test_a_running_training_has_what_it_has_reported():
    running = summary(0, "InProgress", end=None)
    (trial,) = decode_description(description("InProgress"), [running], details(ModelArtifacts={})).trials
    assert (trial.status, trial.objective, trial.failure_reason) == (TrialStatus.InProgress, 0.91, None)
    assert (trial.ended_at, trial.seconds, trial.model) == (None, None, None)


def test_a_failure_is_told_in_one_line_and_has_no_model():
    reason = 'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage ""'
    (trial,) = decode_description(description(), [summary(0, "Failed", FailureReason=reason)], details()).trials
    assert trial.failure_reason == 'AlgorithmError: ExecuteUserScriptError: ExitCode 1 ErrorMessage ""'
    assert trial.model is None
    (trial,) = decode_description(description(), [summary(0, "Failed")], details(FailureReason=reason)).trials
    assert trial.failure_reason == 'AlgorithmError: ExecuteUserScriptError: ExitCode 1 ErrorMessage ""'


def test_a_failed_job_names_the_causes():
    advice = "No training job succeeded after 5 attempts. Please take a look at the training job failures to get more details."
    reasons = ["AlgorithmError: exit code 1", "AlgorithmError: exit code 2", "ClientError: no such image"]
    trials = [summary(number, "Failed", FailureReason=reason) for number, reason in enumerate(reasons)]
    result = decode_description(description("Failed", FailureReason=advice), trials)
    assert result.failure_reason == (
        "No training job succeeded after 5 attempts: 2 x AlgorithmError: exit code 1; 1 x ClientError: no such image"
    )
    assert decode_description(description("Failed", FailureReason=advice), []).failure_reason == advice
    told = decode_description(description("Failed", FailureReason="Internal\nerror"), trials)
    assert told.failure_reason == "Internal error"


AUTO = {"TrainingJobEarlyStoppingType": "Auto"}
HYPERBAND = {"Strategy": "Hyperband", "StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 9}}}


@pytest.mark.parametrize(
    ("status", "config", "end", "known", "reason"),
    [
        ("Completed", AUTO, 5, {}, "early stopping: SageMaker gave it up"),
        ("Completed", HYPERBAND, 5, {}, "early stopping: SageMaker gave it up"),
        ("Stopped", AUTO, 5, {}, "early stopping: SageMaker gave it up"),
        ("Stopped", AUTO, 20, {}, "the job was stopped"),
        ("Stopping", {}, 20, {}, "the job was stopped"),
        ("Completed", {}, 5, {}, "stopped by a request for this training job"),
        ("Completed", AUTO, 61, {}, "ran longer than limits.max_trial_seconds = 3600"),
        (
            "Completed",
            AUTO,
            5,
            {"SecondaryStatus": "MaxRuntimeExceeded"},
            "ran longer than limits.max_trial_seconds = 3600",
        ),
        (
            "Completed",
            AUTO,
            5,
            {"SecondaryStatus": "MaxWaitTimeExceeded"},
            "waited longer for spare capacity than sagemaker.max_wait_seconds = 7200",
        ),
        (
            "Completed",
            {},
            5,
            {"SecondaryStatusTransitions": [{"Status": "Stopped", "StatusMessage": "early stopping: median"}]},
            "early stopping: median",
        ),
        (
            "Completed",
            AUTO,
            5,
            {"SecondaryStatusTransitions": [{"Status": "Stopped", "StatusMessage": "Training job stopped"}]},
            "early stopping: SageMaker gave it up",
        ),
    ],
)
def test_why_a_training_was_stopped(status, config, end, known, reason):
    """The second training job began in minute 10: what ended before was not stopped with the job."""
    job = description(
        status,
        config=config,
        TrainingJobDefinition=definition(
            StoppingCondition={"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
            EnableManagedSpotTraining=True,
        ),
    )
    trials = [summary(0, "Stopped", 0.9, end=end), summary(1, value=0.8, start=10, end=20)]
    result = decode_description(job, trials, details(**known))
    assert result.trials[0].failure_reason == reason
    assert is_result(result.trials[0]) is reason.startswith("early stopping")


COMPLETION = {
    "TargetObjectiveMetricValue": 0.95,
    "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3},
}


@pytest.mark.parametrize(
    ("value", "members", "reason"),
    [
        (0.96, {}, "trial 0 reached 0.96 (completion.target = 0.95)"),
        (
            0.9,
            {"TuningJobCompletionDetails": {"NumberOfTrainingJobsObjectiveNotImproving": 4}},
            "4 trials in a row did not improve on the best (completion.not_improving = 3)",
        ),
        (
            0.9,
            {"TuningJobCompletionDetails": {"ConvergenceDetectedTime": at(30)}},
            "SageMaker found that it has converged (completion.on_convergence)",
        ),
        (0.9, {"ConsumedResources": {"RuntimeInSeconds": 3605}}, "limits.max_runtime_seconds = 3600 reached"),
        (0.9, {"ConsumedResources": {"RuntimeInSeconds": 3000}}, None),
    ],
)
def test_what_ended_a_job_early(value, members, reason):
    limits = {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 2, "MaxRuntimeInSeconds": 3600}
    config = {"TuningJobCompletionCriteria": COMPLETION, "ResourceLimits": limits}
    trials = [summary(0, value=value), summary(1, "Stopped", 0.8, end=9)]
    result = decode_description(description(config=config, **members), trials)
    assert result.failure_reason == reason
    expected = "stopped by a request for this training job" if reason is None else f"the job ended: {reason}"
    assert result.trials[1].failure_reason == expected


def test_a_parent_with_the_best_trial_of_all_is_told():
    parents = [{"HyperParameterTuningJobName": name} for name in ("older", "old")]
    config = {"ParentHyperParameterTuningJobs": parents, "WarmStartType": "IdenticalDataAndAlgorithm"}
    overall = summary(34, value=0.97, TuningJobName="old")
    job = description(WarmStartConfig=config, OverallBestTrainingJob=overall)
    warm_start = decode_description(job, [summary(0, value=0.9)]).warm_start
    assert warm_start is not None
    assert [(parent.name, parent.used) for parent in warm_start.parents] == [("older", None), ("old", None)]
    best = warm_start.parents[1].best
    assert best is not None
    assert (best.number, best.objective, best.parameters["max_depth"]) == (34, 0.97, 8)
    assert warm_start.parents[0].best is None


def test_a_job_that_is_better_than_its_parents_tells_no_best_of_theirs():
    config = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "old"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    own = summary(0, value=0.97, TuningJobName="churn")
    result = decode_description(description(WarmStartConfig=config, OverallBestTrainingJob=own), [own])
    assert result.warm_start is not None
    assert (result.warm_start.parents[0].best, result.best_parent) == (None, None)


def test_the_request_of_a_job_is_what_created_it_without_what_the_service_adds():
    request = request_of(
        description(Unheard={"Of": 1}), tags=[{"Key": "team", "Value": "a"}, {"Key": "aws:x", "Value": "b"}]
    )
    assert set(request) == {
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobConfig",
        "TrainingJobDefinition",
        "Unheard",
        "Tags",
    }
    assert "_tuning_objective_metric" not in request["TrainingJobDefinition"]["StaticHyperParameters"]
    assert request["Tags"] == [{"Key": "team", "Value": "a"}]


def test_resources_that_the_service_copies_are_left_out_and_others_are_kept():
    own = {"InstanceConfigs": [{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 9}]}
    copied = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 9}
    for there, kept in ((copied, False), ({"TrainingPlanArn": "arn"}, True)):
        job = description(
            TrainingJobDefinition=definition(HyperParameterTuningResourceConfig=own, ResourceConfig=there)
        )
        assert ("ResourceConfig" in request_of(job)["TrainingJobDefinition"]) is kept


@pytest.mark.parametrize("request_", [full(), several()])
def test_a_request_that_is_described_is_told_again(request_):
    echo = {name: value for name, value in request_.items() if name != "Tags"}
    job = {**description(TrainingJobDefinition=None), **echo}
    assert canonical(request_of(job, request_.get("Tags", ()))) == canonical(request_)


def test_a_job_of_smtune_is_told_with_its_own_spec_or_without():
    spec = TuningSpec(
        name="churn",
        objective={"metric": "validation:auc", "goal": "Maximize"},
        parameters={"max_depth": {"type": "integer", "min": 2, "max": 10}},
        strategy="random",
        limits={"max_trials": 20},
    )
    job = description(HyperParameterTuningJobConfig=encode_request(spec)["HyperParameterTuningJobConfig"])
    trials = [summary(0, value=0.9, TunedHyperParameters={"max_depth": "8"})]
    assert decode_description(job, trials, spec=spec) == decode_description(job, trials)
