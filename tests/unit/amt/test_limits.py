"""The check of requests: what is legal passes, and each rule is found where it is broken."""

import subprocess
import sys
from typing import Any

import pytest
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from smtune.amt.limits import LIMITS, RULES, Severity, check_request
from smtune.amt.rules.reading import Job
from tests.unit.amt.requests import BUILT_IN, CONFIG, DEFINITION, GONE, IMAGE, changed, full, several

LIMIT = (CONFIG, "ResourceLimits")
RANGES = (CONFIG, "ParameterRanges")
INTEGER, CONTINUOUS, CATEGORICAL = (
    (*RANGES, f"{kind}ParameterRanges") for kind in ("Integer", "Continuous", "Categorical")
)
BAND = (CONFIG, "StrategyConfig", "HyperbandStrategyConfig")
EARLY = (CONFIG, "TrainingJobEarlyStoppingType")
ALGORITHM = (DEFINITION, "AlgorithmSpecification")
STATIC = (DEFINITION, "StaticHyperParameters")
RESOURCE = (DEFINITION, "ResourceConfig")
TUNING_RESOURCE = (DEFINITION, "HyperParameterTuningResourceConfig")
STOPPING = (DEFINITION, "StoppingCondition")
CHANNEL = (DEFINITION, "InputDataConfig", 0)
SOURCE = (*CHANNEL, "DataSource", "S3DataSource")
PARENTS = ("WarmStartConfig", "ParentHyperParameterTuningJobs")
SECOND = ("TrainingJobDefinitions", 1)
COLD = ("WarmStartConfig", GONE)

RANDOM = (CONFIG, "Strategy", "Random")
GRID: tuple[tuple[Any, ...], ...] = (
    (CONFIG, "Strategy", "Grid"),
    (*RANGES, {}),
    (*EARLY, "Off"),
    COLD,
)
GRID_OF_6 = (
    *GRID,
    (*CATEGORICAL, [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["1", "2", "3"]}]),
    (CONFIG, "TuningJobCompletionCriteria", GONE),
    (*LIMIT, "MaxParallelTrainingJobs", 2),
)
HYPERBAND = ((CONFIG, "Strategy", "Hyperband"), (*EARLY, "Off"), COLD)
DISCRETE = ((*CONTINUOUS, GONE), (*INTEGER, GONE), (*LIMIT, "MaxNumberOfTrainingJobs", 12))
GROUPS = [{"InstanceGroupName": name, "InstanceType": "ml.m5.xlarge", "InstanceCount": 1} for name in ("a", "a")]
ON_DEMAND = ((DEFINITION, "EnableManagedSpotTraining", GONE), (*STOPPING, "MaxWaitTimeInSeconds", GONE))
METRIC = {"Name": "validation:auc", "Regex": "(.*)"}


def numbered(count, **members):
    return [{"Name": f"p{number}", **members} for number in range(count)]


def variables(count):
    return {f"VARIABLE_{number}": "" for number in range(count)}


# Name of the rule, what is changed in a legal request, where it is found, and words of the rule.
BROKEN = [
    ("one-or-many-definitions", [(DEFINITION, GONE)], (DEFINITION,), "is required, or TrainingJobDefinitions"),
    ("one-or-many-definitions", [("TrainingJobDefinitions", [])], ("TrainingJobDefinitions",), "must not stand beside"),
    (
        "objective-and-ranges-in-place",
        [(CONFIG, "HyperParameterTuningJobObjective", GONE)],
        (CONFIG, "HyperParameterTuningJobObjective"),
        "is required",
    ),
    (
        "objective-and-ranges-in-place",
        [(DEFINITION, "HyperParameterRanges", {})],
        (DEFINITION, "HyperParameterRanges"),
        "is for TrainingJobDefinitions only",
    ),
    ("other-parents", [(*PARENTS, 0, {})], (*PARENTS, 0, "HyperParameterTuningJobName"), "is required"),
    (
        "other-parents",
        [(*PARENTS, 0, {"HyperParameterTuningJobName": "MY-tuning-1"})],
        (*PARENTS, 0, "HyperParameterTuningJobName"),
        "must be another job",
    ),
    (
        "other-parents",
        [(*PARENTS, 1, {"HyperParameterTuningJobName": "MY-tuning-0"})],
        (*PARENTS, 1, "HyperParameterTuningJobName"),
        "must be listed once",
    ),
    ("tags", [("Tags", 1, {"Key": "Projekt Ärger", "Value": ""})], ("Tags", 1, "Key"), "the key of one tag only"),
    ("tags", [("Tags", 1, {"Key": "AWS:x", "Value": ""})], ("Tags", 1, "Key"), "must not start with aws:"),
    ("grid-categorical", [*GRID, (*INTEGER, numbered(1, MinValue="1", MaxValue="2"))], (*INTEGER, 0), "Grid takes"),
    (
        "grid-categorical",
        [*GRID, (*CONTINUOUS, numbered(1, MinValue="0", MaxValue="2"))],
        (*CONTINUOUS, 0),
        "Grid takes",
    ),
    ("grid-count", [*GRID_OF_6], (*LIMIT, "MaxNumberOfTrainingJobs"), "must equal the 6 combinations"),
    (
        "grid-count",
        [*GRID_OF_6, (*LIMIT, "MaxNumberOfTrainingJobs", GONE), (*CATEGORICAL, numbered(10, Values=["1", "2"]))],
        RANGES,
        "at most 750 combinations",
    ),
    (
        "enough-combinations",
        [(*DISCRETE[0],), (*DISCRETE[1],)],
        (*LIMIT, "MaxNumberOfTrainingJobs"),
        "must not exceed the 2 combinations",
    ),
    (
        "training-jobs",
        [(*LIMIT, "MaxNumberOfTrainingJobs", 751)],
        (*LIMIT, "MaxNumberOfTrainingJobs"),
        "must be at most 750 for Bayesian",
    ),
    (
        "training-jobs",
        [RANDOM, (*LIMIT, "MaxNumberOfTrainingJobs", 10_001)],
        (*LIMIT, "MaxNumberOfTrainingJobs"),
        "must be at most 10000 for Random",
    ),
    (
        "parallel-training-jobs",
        [RANDOM, (*LIMIT, "MaxParallelTrainingJobs", 101), (*LIMIT, "MaxNumberOfTrainingJobs", 500)],
        (*LIMIT, "MaxParallelTrainingJobs"),
        "must be at most 100",
    ),
    ("hyperband-maximum", [*HYPERBAND], (*BAND, "MaxResource"), "is required where no static hyperparameter epochs"),
    (
        "hyperband-maximum",
        [*HYPERBAND, (*BAND, "MaxResource", 20_001)],
        (*BAND, "MaxResource"),
        "must be at most 20000",
    ),
    ("hyperband-maximum", [*HYPERBAND, (*STATIC, "epochs", "20001")], (*STATIC, "epochs"), "must be at most 20000"),
    ("hyperband-maximum", [*HYPERBAND, (*STATIC, "epochs", "many")], (*BAND, "MaxResource"), "is required"),
    (
        "hyperband-order",
        [*HYPERBAND, (*BAND, {"MinResource": 3, "MaxResource": 2})],
        (*BAND, "MinResource"),
        "must not be above MaxResource = 2",
    ),
    (
        "hyperband-stops-itself",
        [*HYPERBAND, (*BAND, "MaxResource", 9), (*EARLY, "Auto")],
        EARLY,
        "must be Off for Hyperband",
    ),
    ("foreign-strategy-config", [(*BAND, "MaxResource", 9)], BAND, "is for Hyperband only"),
    ("something-to-tune", [(*RANGES, GONE)], RANGES, "must hold something to tune"),
    ("something-to-tune", [(*RANGES, {}), ("Autotune", {"Mode": "Enabled"})], RANGES, "must hold something to tune"),
    (
        "ranges-in-sum",
        [(*CONTINUOUS, numbered(29, MinValue="0", MaxValue="1"))],
        RANGES,
        "must hold at most 30 ranges over all kinds",
    ),
    ("hyperparameters-in-sum", [(*STATIC, {f"s{n}": "" for n in range(96)})], STATIC, "at most 100 hyperparameters"),
    ("one-range-each", [(*CATEGORICAL, 0, "Name", "eta")], (*CATEGORICAL, 0, "Name"), "must have one range only"),
    ("tuned-or-static", [(*STATIC, "eta", "0.1")], (*STATIC, "eta"), "must not be static and tuned at once"),
    ("different-values", [(*CATEGORICAL, 0, "Values", 2, "dart")], (*CATEGORICAL, 0, "Values", 2), "listed once"),
    *(
        ("bounds-are-numbers", [(*CONTINUOUS, 1, "MinValue", text)], (*CONTINUOUS, 1, "MinValue"), "a finite number")
        for text in ("", "low", "nan", "inf", "-1e999", "1_000", " 1", "0x1", "१", "1" * 300)
    ),
    *(
        ("bounds-are-numbers", [(*INTEGER, 0, "MaxValue", text)], (*INTEGER, 0, "MaxValue"), "must spell an integer")
        for text in ("10.0", "1e2", "ten", "", "1 0")
    ),
    ("min-below-max", [(*INTEGER, 0, "MinValue", "11")], (*INTEGER, 0, "MinValue"), "must be below MaxValue = 10"),
    ("min-below-max", [(*INTEGER, 0, "MinValue", "10")], (*INTEGER, 0, "MinValue"), "no range of a single value"),
    ("min-below-max", [(*CONTINUOUS, 0, "MinValue", ".50")], (*CONTINUOUS, 0, "MinValue"), "of a single value"),
    ("logarithmic-positive", [(*CONTINUOUS, 0, "MinValue", "0")], (*CONTINUOUS, 0, "MinValue"), "must be > 0"),
    (
        "logarithmic-positive",
        [(*INTEGER, 0, {"Name": "a", "MinValue": "-1", "MaxValue": "9", "ScalingType": "Logarithmic"})],
        (*INTEGER, 0, "MinValue"),
        "must be > 0 for logarithmic scaling",
    ),
    (
        "reverse-logarithmic",
        [(*INTEGER, 0, "ScalingType", "ReverseLogarithmic")],
        (*INTEGER, 0, "ScalingType"),
        "is for continuous ranges only",
    ),
    ("reverse-logarithmic", [(*CONTINUOUS, 1, "MaxValue", "1")], (*CONTINUOUS, 1, "MaxValue"), "0 <= x < 1"),
    ("reverse-logarithmic", [(*CONTINUOUS, 1, "MinValue", "-.1")], (*CONTINUOUS, 1, "MinValue"), "0 <= x < 1"),
    (
        "automatic-with-autotune",
        [(*RANGES, "AutoParameters", [{"Name": "depth", "ValueHint": "3"}])],
        (*RANGES, "AutoParameters"),
        "are for jobs with Autotune only",
    ),
    (
        "one-algorithm",
        [(*ALGORITHM, "AlgorithmName", "mine")],
        (*ALGORITHM, "AlgorithmName"),
        "must not stand beside TrainingImage",
    ),
    ("one-algorithm", [(*ALGORITHM, "TrainingImage", GONE)], (*ALGORITHM, "TrainingImage"), "or AlgorithmName"),
    (
        "objective-is-a-metric",
        [(CONFIG, "HyperParameterTuningJobObjective", "MetricName", "auc")],
        (CONFIG, "HyperParameterTuningJobObjective", "MetricName"),
        "must be one of the MetricDefinitions",
    ),
    (
        "objective-is-a-metric",
        [(*ALGORITHM, "MetricDefinitions", GONE)],
        (CONFIG, "HyperParameterTuningJobObjective", "MetricName"),
        "needs MetricDefinitions",
    ),
    (
        "objective-is-a-metric",
        [(*ALGORITHM, "MetricDefinitions", []), (*ALGORITHM, "TrainingImage", BUILT_IN)],
        (CONFIG, "HyperParameterTuningJobObjective", "MetricName"),
        "needs MetricDefinitions",
    ),
    (
        "metrics-once",
        [(*ALGORITHM, "MetricDefinitions", [METRIC, METRIC])],
        (*ALGORITHM, "MetricDefinitions", 1, "Name"),
        "must name one metric only",
    ),
    (
        "training-runtime",
        [(*STOPPING, {"MaxRuntimeInSeconds": 28 * 86400 + 1, "MaxWaitTimeInSeconds": 30 * 86400})],
        (*STOPPING, "MaxRuntimeInSeconds"),
        "must be at most 2419200 (28 days)",
    ),
    (
        "spot-wait",
        [(DEFINITION, "EnableManagedSpotTraining", False)],
        (*STOPPING, "MaxWaitTimeInSeconds"),
        "is for managed spot training only",
    ),
    (
        "spot-wait",
        [(*STOPPING, "MaxWaitTimeInSeconds", GONE)],
        (*STOPPING, "MaxWaitTimeInSeconds"),
        "is required for managed spot training",
    ),
    (
        "spot-wait",
        [(*STOPPING, "MaxWaitTimeInSeconds", 3599)],
        (*STOPPING, "MaxWaitTimeInSeconds"),
        "must not be below MaxRuntimeInSeconds = 3600",
    ),
    (
        "spot-wait",
        [(*STOPPING, "MaxRuntimeInSeconds", GONE)],
        (*STOPPING, "MaxWaitTimeInSeconds"),
        "must not be below MaxRuntimeInSeconds = 86400",
    ),
    ("channels-once", [(*CHANNEL, "ChannelName", "shared")], (DEFINITION, "InputDataConfig", 1, "ChannelName"), "one"),
    ("one-data-source", [(*CHANNEL, "DataSource", {})], (*CHANNEL, "DataSource"), "exactly one of S3DataSource"),
    (
        "one-data-source",
        [
            (
                *CHANNEL,
                "DataSource",
                "DatasetSource",
                {"DatasetArn": "arn:aws:sagemaker:us-west-2:aws:hub-content/h/DataSet/d"},
            )
        ],
        (*CHANNEL, "DataSource"),
        "exactly one of S3DataSource",
    ),
    (
        "file-systems",
        [(DEFINITION, "InputDataConfig", 1, "InputMode", "FastFile")],
        (DEFINITION, "InputDataConfig", 1, "InputMode"),
        "must be File for a file system",
    ),
    ("file-systems", [(DEFINITION, "VpcConfig", GONE)], (DEFINITION, "VpcConfig"), "the file system of channel shared"),
    (
        "augmented-manifests",
        [(*SOURCE, "S3DataType", "AugmentedManifestFile"), (*SOURCE, "AttributeNames", ["a"])],
        (*SOURCE, "S3DataType"),
        "can only be read in Pipe mode",
    ),
    (
        "augmented-manifests",
        [(*SOURCE, "S3DataType", "AugmentedManifestFile"), (*CHANNEL, "InputMode", "Pipe")],
        (*SOURCE, "AttributeNames"),
        "is required",
    ),
    (
        "known-groups",
        [(*SOURCE, "InstanceGroupNames", ["a"])],
        (*SOURCE, "InstanceGroupNames", 0),
        "must be one of the InstanceGroups",
    ),
    ("one-resource-config", [(*RESOURCE, GONE)], RESOURCE, "is required, or HyperParameterTuningResourceConfig"),
    (
        "one-resource-config",
        [(*TUNING_RESOURCE, {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1})],
        TUNING_RESOURCE,
        "must not stand beside ResourceConfig",
    ),
    *(
        ("instances", [(*RESOURCE, member, GONE)], (*RESOURCE, member), "is required")
        for member in ("InstanceType", "InstanceCount", "VolumeSizeInGB")
    ),
    ("instances", [(*RESOURCE, "InstanceCount", 0)], (*RESOURCE, "InstanceCount"), "must be at least 1"),
    (
        "volume-key",
        [(*RESOURCE, "InstanceType", "ml.g5.xlarge"), (*RESOURCE, "VolumeKmsKeyId", "alias/key")],
        (*RESOURCE, "VolumeKmsKeyId"),
        "is not for ml.g5.xlarge",
    ),
    (
        "instance-configs",
        [
            (*RESOURCE, GONE),
            (
                *TUNING_RESOURCE,
                {
                    "InstanceConfigs": [{"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}],
                    "InstanceCount": 1,
                },
            ),
        ],
        (*TUNING_RESOURCE, "InstanceCount"),
        "must not stand beside InstanceConfigs",
    ),
    (
        "instance-groups",
        [(*RESOURCE, {"InstanceGroups": GROUPS[:1], "InstanceCount": 1})],
        (*RESOURCE, "InstanceCount"),
        "must not stand beside InstanceGroups",
    ),
    (
        "instance-groups",
        [(*RESOURCE, {"InstanceGroups": GROUPS})],
        (*RESOURCE, "InstanceGroups", 1, "InstanceGroupName"),
        "must name one group only",
    ),
    (
        "instance-groups",
        [(*RESOURCE, {"InstanceGroups": [{**GROUPS[0], "InstanceCount": 0}]})],
        (*RESOURCE, "InstanceGroups", 0, "InstanceCount"),
        "must be at least 1",
    ),
    *(
        ("instance-preferences", [*ON_DEMAND, (*RESOURCE, part)], (*RESOURCE, *path), words)
        for part, path, words in (
            (
                {"InstancePreferences": [{"InstanceType": "ml.m5.xlarge"}], "InstanceCount": 1, "InstanceGroups": []},
                ("InstanceGroups",),
                "must not stand beside InstancePreferences",
            ),
            (
                {"InstancePreferences": [{"InstanceType": "ml.m5.xlarge"}]},
                ("InstancePreferences",),
                "must all hold an InstanceCount",
            ),
            (
                {"InstancePreferences": [{"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}], "InstanceCount": 1},
                ("InstancePreferences",),
                "must all hold an InstanceCount",
            ),
            (
                {"InstancePreferences": [{"InstanceType": "ml.m5.xlarge"}] * 2, "InstanceCount": 1},
                ("InstancePreferences", 1, "InstanceType"),
                "must be listed once",
            ),
        )
    ),
    (
        "instance-preferences",
        [(*RESOURCE, {"InstancePreferences": [{"InstanceType": "ml.m5.xlarge"}], "InstanceCount": 1})],
        (DEFINITION, "EnableManagedSpotTraining"),
        "must not be true with InstancePreferences",
    ),
    (
        "read-only",
        [(*RESOURCE, "SelectedInstanceCount", 1)],
        (*RESOURCE, "SelectedInstanceCount"),
        "is for answers only",
    ),
]

BROKEN_IN_A_LIST = [
    *(
        ("complete-definitions", [(*SECOND, member, GONE)], (*SECOND, member), "is required in each")
        for member in ("DefinitionName", "TuningObjective", "HyperParameterRanges")
    ),
    (
        "names-of-definitions",
        [(*SECOND, "DefinitionName", "first")],
        (*SECOND, "DefinitionName"),
        "must be the name of one definition only",
    ),
    ("single-algorithm-only", [(*EARLY, "Auto")], EARLY, "must be Off with TrainingJobDefinitions"),
    (
        "single-algorithm-only",
        [("WarmStartConfig", full()["WarmStartConfig"])],
        ("WarmStartConfig",),
        "must not stand beside TrainingJobDefinitions",
    ),
    (
        "objective-and-ranges-in-place",
        [(*RANGES, {})],
        RANGES,
        "must not stand beside TrainingJobDefinitions",
    ),
    (
        "environment-in-sum",
        [(*SECOND, "Environment", variables(48))],
        ("TrainingJobDefinitions",),
        "at most 48 variables over all definitions",
    ),
    (
        "objective-is-a-metric",
        [(*SECOND, "TuningObjective", "MetricName", "auc")],
        (*SECOND, "TuningObjective", "MetricName"),
        "must be one of the MetricDefinitions",
    ),
    (
        "min-below-max",
        [(*SECOND, "HyperParameterRanges", "IntegerParameterRanges", 0, "MinValue", "11")],
        (*SECOND, "HyperParameterRanges", "IntegerParameterRanges", 0, "MinValue"),
        "must be below MaxValue = 10",
    ),
]

QUOTAS = [
    (
        "training-jobs",
        [RANDOM, (*LIMIT, "MaxNumberOfTrainingJobs", 751)],
        (*LIMIT, "MaxNumberOfTrainingJobs"),
        "default quota of 750",
    ),
    (
        "parallel-training-jobs",
        [(*LIMIT, "MaxParallelTrainingJobs", 11)],
        (*LIMIT, "MaxParallelTrainingJobs"),
        "default quota of 10",
    ),
    (
        "tuning-runtime",
        [(*LIMIT, "MaxRuntimeInSeconds", 31 * 86400)],
        (*LIMIT, "MaxRuntimeInSeconds"),
        "30 days",
    ),
]

WARNINGS = [
    (
        "all-at-once",
        [(*LIMIT, "MaxNumberOfTrainingJobs", 5), (CONFIG, "TuningJobCompletionCriteria", GONE)],
        (*LIMIT, "MaxParallelTrainingJobs"),
        "Bayesian learns from none of them",
    ),
    (
        "all-at-once",
        [RANDOM, (*LIMIT, "MaxNumberOfTrainingJobs", 4), (CONFIG, "TuningJobCompletionCriteria", GONE)],
        (*LIMIT, "MaxParallelTrainingJobs"),
        "is more than MaxNumberOfTrainingJobs = 4",
    ),
    (
        "has-an-end",
        [(*LIMIT, {"MaxParallelTrainingJobs": 1}), (CONFIG, "TuningJobCompletionCriteria", GONE)],
        (*LIMIT, "MaxNumberOfTrainingJobs"),
        "nothing else ends the job",
    ),
    (
        "reachable-criterion",
        [(*LIMIT, "MaxNumberOfTrainingJobs", 10)],
        (CONFIG, "TuningJobCompletionCriteria", "BestObjectiveNotImproving", "MaxNumberOfTrainingJobsNotImproving"),
        "is never reached",
    ),
    (
        "own-hyperparameter",
        [(*STATIC, "_tuning_objective_metric", "validation:auc")],
        (*STATIC, "_tuning_objective_metric"),
        "AMT sets itself",
    ),
    (
        "own-hyperparameter",
        [(*INTEGER, 0, "Name", "_tuning_objective_metric")],
        (*INTEGER, 0, "Name"),
        "AMT sets itself",
    ),
    (
        "warm-strategy",
        [*HYPERBAND[:2], (*BAND, "MaxResource", 9)],
        (CONFIG, "Strategy"),
        "is not among the strategies that AWS documents for a warm start",
    ),
    ("spot-checkpoints", [(DEFINITION, "CheckpointConfig", GONE)], (DEFINITION, "CheckpointConfig"), "from nothing"),
    (
        "one-region",
        [(DEFINITION, "OutputDataConfig", "KmsKeyId", "arn:aws:kms:eu-west-1:111122223333:key/1234")],
        (DEFINITION, "OutputDataConfig", "KmsKeyId"),
        "is in eu-west-1, and TrainingImage is in us-west-2",
    ),
    ("pipe-only", [(*CHANNEL, "CompressionType", "Gzip")], (*CHANNEL, "CompressionType"), "is used in Pipe mode only"),
    (
        "augmented-manifests",
        [(*SOURCE, "AttributeNames", ["a"])],
        (*SOURCE, "AttributeNames"),
        "is for an AugmentedManifestFile only",
    ),
    (
        "keep-alive",
        [(*RESOURCE, "KeepAlivePeriodInSeconds", 60)],
        (*RESOURCE, "KeepAlivePeriodInSeconds"),
        "has no effect on tuning jobs",
    ),
]

CASES = [
    *((Severity.error, full, *case) for case in BROKEN),
    *((Severity.error, several, *case) for case in BROKEN_IN_A_LIST),
    *((Severity.quota, full, *case) for case in QUOTAS),
    *((Severity.warning, full, *case) for case in WARNINGS),
]


@pytest.mark.parametrize("legal", [full, several])
def test_legal_requests_have_no_violations(legal):
    assert check_request(legal()) == []


@pytest.mark.parametrize(
    "changes",
    [
        [*GRID_OF_6, (*LIMIT, "MaxNumberOfTrainingJobs", GONE)],
        [*GRID_OF_6, (*LIMIT, "MaxNumberOfTrainingJobs", 6)],
        [*HYPERBAND, (*STATIC, "n-epochs", "81")],
        [*HYPERBAND, (*STATIC, "epochs", '"81"')],
        [*HYPERBAND, (*BAND, {"MinResource": 1, "MaxResource": 20_000})],
        [(*ALGORITHM, "MetricDefinitions", GONE), (*ALGORITHM, "TrainingImage", BUILT_IN), (*STATIC, {"rounds": "2"})],
        [
            (*ALGORITHM, "MetricDefinitions", GONE),
            (*ALGORITHM, "TrainingImage", GONE),
            (*ALGORITHM, "AlgorithmName", "a"),
        ],
        [("Autotune", {"Mode": "Enabled"}), (*RANGES, {"AutoParameters": [{"Name": "depth", "ValueHint": "3"}]})],
        [*ON_DEMAND, (*RESOURCE, {"InstancePreferences": [{"InstanceType": "ml.m5.xlarge"}], "InstanceCount": 2})],
        [
            (*RESOURCE, GONE),
            (
                *TUNING_RESOURCE,
                "InstanceConfigs",
                [{"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}],
            ),
        ],
        [(*RESOURCE, {"InstanceGroups": GROUPS[:1]}), (*SOURCE, "InstanceGroupNames", ["a"])],
        [(*RESOURCE, {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1})],
        [(*ALGORITHM, "TrainingInputMode", "Pipe"), (DEFINITION, "InputDataConfig", 1, "InputMode", "File")],
        [(*LIMIT, "MaxNumberOfTrainingJobs", GONE)],
        [(*CONTINUOUS, GONE), (*LIMIT, "MaxNumberOfTrainingJobs", 18)],
    ],
)
def test_other_legal_requests_have_no_violations_either(changes):
    assert check_request(changed(full(), *changes)) == []


@pytest.mark.parametrize(("severity", "legal", "name", "changes", "path", "words"), CASES)
def test_each_rule_is_found_where_it_is_broken(severity, legal, name, changes, path, words):
    request = changed(legal(), *changes)
    rule = next(rule for rule in RULES if rule.name == name)
    assert path in [found.path for found in rule.find(Job(request))]
    found = [one for one in check_request(request) if one.path == path and words in one.rule]
    assert [(one.severity, one.source) for one in found] == [(severity, rule.source)]
    assert found[0].fix
    assert found[0].message


def test_every_rule_is_tried():
    assert {name for _, _, name, *_ in CASES} == {rule.name for rule in RULES}
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_rules_and_limits_name_their_sources():
    stated = [*(rule.source for rule in RULES), *(limit.source for limit in LIMITS.values())]
    assert all(source.startswith(("https://docs.aws.amazon.com/", "https://github.com/aws/")) for source in stated)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            [*DISCRETE, (*LIMIT, "MaxNumberOfTrainingJobs", 10)],
            (
                "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
                "combinations for the provided ranges [2.0] must be equal or greater than the value of MaxNumberOfJobs, "
                "[10]. Provide additional ranges."
            ),
        ),
        (
            [(*ALGORITHM, "MetricDefinitions", GONE)],
            (
                "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
                "definitions."
            ),
        ),
        (
            [(DEFINITION, "EnableManagedSpotTraining", GONE)],
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
        ),
    ],
)
def test_known_answers_of_aws_are_given_as_they_are(changes, message):
    assert message in [found.message for found in check_request(changed(full(), *changes))]


def test_violations_come_in_the_order_of_the_request():
    request = changed(
        full(),
        ("Tags", 0, "Key", "aws:x"),
        (*CONTINUOUS, 1, "MaxValue", "7"),
        (*CONTINUOUS, 0, "MinValue", "0"),
        ("HyperParameterTuningJobName", "a_b"),
        (*STATIC, "eta", 1),
    )
    assert [found.path for found in check_request(request)] == [
        ("HyperParameterTuningJobName",),
        (*CONTINUOUS, 0, "MinValue"),
        (*CONTINUOUS, 1, "MaxValue"),
        (*STATIC, "eta"),
        (*STATIC, "eta"),
        ("Tags", 0, "Key"),
    ]


def test_images_of_built_in_algorithms_bring_their_metrics_from_any_region():
    for image, brings in (
        ("520713654638.dkr.ecr.cn-north-1.amazonaws.com.cn/linear-learner:1", True),
        ("246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost@sha256:" + "0" * 64, True),
        (IMAGE, False),
        ("111122223333.dkr.ecr.us-west-2.amazonaws.com/my-xgboost:1", False),
        ("xgboost:latest", False),
    ):
        changes = [(*ALGORITHM, "MetricDefinitions", GONE), (*ALGORITHM, "TrainingImage", image), (*STATIC, {"a": "b"})]
        assert (check_request(changed(full(), *changes)) == []) is brings, image


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1", "0.5", "Grid", "two\nlines", "a" * 3000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths(value, path=()):
    """Return the paths of all that a request holds."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for key, one in inner for below in paths(one, (*path, key)))]


PLACES = st.sampled_from([(legal, path) for legal in (full, several) for path in paths(legal()) if path])


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_whatever_is_given_is_checked(request):
    assert check_request(request) != []


@settings(max_examples=400, deadline=None)
@given(PLACES, st.just(GONE) | JSON, st.booleans(), st.data())
def test_whatever_stands_anywhere_is_checked_and_what_botocore_refuses_is_refused(place, value, renamed, data):
    legal, path = place
    if renamed and value is not GONE and isinstance(path[-1], str):
        path = (*path[:-1], data.draw(st.text(max_size=4)))
    request = changed(legal(), (*path, value))
    violations = check_request(request)
    assert all(found.path and found.rule and found.fix and found.message for found in violations)
    if botocore_refuses(request):
        assert {found.severity for found in violations} & {Severity.error, Severity.unknown}


def botocore_refuses(request):
    return ParamValidator().validate(request, REQUEST_SHAPE).has_errors()


REQUEST_SHAPE = ServiceModel(
    create_loader().load_service_model("sagemaker", "service-2"), service_name="sagemaker"
).shape_for("CreateHyperParameterTuningJobRequest")


@pytest.mark.parametrize("legal", [full, several])
def test_botocore_agrees_that_legal_requests_are_legal(legal):
    assert not botocore_refuses(legal())


def test_no_part_of_aws_is_needed():
    program = "import sys, smtune.amt.limits as limits; limits.check_request({}); print([*sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "smtune.amt.shapes" in loaded
    assert "botocore" not in loaded
    assert "boto3" not in loaded
