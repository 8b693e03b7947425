"""The service model: its recorded part, its patterns, and the messages of what contradicts it."""

import re
import sys
import unicodedata

import botocore
import pytest

from smtune.amt.limits import Severity, check_request
from smtune.amt.shapes import compiled, service_model
from tests.unit.amt.extract_service_model import TARGET, extract, render
from tests.unit.amt.requests import CONFIG, DEFINITION, GONE, changed, full

RANGES = (CONFIG, "ParameterRanges")


def version(text):
    return tuple(int(part) for part in text.split("."))


@pytest.mark.skipif(
    version(botocore.__version__) < version(service_model().botocore),
    reason=f"recorded from botocore {service_model().botocore}, which is newer",
)
def test_what_is_recorded_is_in_the_installed_botocore():
    installed, recorded = extract(), service_model()
    assert recorded.root == installed["root"]
    assert set(recorded.shapes) <= set(installed["shapes"])
    for name, shape in recorded.shapes.items():
        assert set(shape.members.items()) <= set(installed["shapes"][name].get("members", {}).items())
        assert set(shape.enum) <= set(installed["shapes"][name].get("enum", ()))


def test_the_record_is_what_its_script_writes():
    if botocore.__version__ != service_model().botocore:
        pytest.skip(f"recorded from botocore {service_model().botocore}")
    assert TARGET.read_text(encoding="utf-8") == render(extract())


@pytest.mark.filterwarnings("error")
def test_all_patterns_compile():
    patterns = {shape.pattern for shape in service_model().shapes.values() if shape.pattern}
    assert len(patterns) > 10
    assert all(compiled(pattern) for pattern in patterns)


def test_tags_take_letters_numbers_and_separators_of_all_scripts_and_nothing_else():
    pattern = compiled(service_model().shapes["TagKey"].pattern)
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        legal = unicodedata.category(character)[0] in "LNZ" or character in "_.:/=+-@"
        assert bool(pattern.fullmatch(character)) is legal, hex(code)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (".*", "one line", True),
        (".*", "two\nlines", False),
        (".*", "ends\n", False),
        (".*", "carriage\rreturn", False),
        (".*", "separator\u2028", False),
        (r"[\S\s]*", "two\nlines", True),
        (r"a.\.[.]b", "ax..b", True),
        (r"a.\.[.]b", "axx.b", False),
        (r"\d{2}", "12", True),
        (r"\d{2}", "१२", False),
        ("ab", "abc", False),
    ],
)
def test_patterns_match_as_those_of_java_do(pattern, text, matches):
    assert bool(compiled(pattern).fullmatch(text)) is matches


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("HyperParameterTuningJobName", "a" * 33),
            (
                f"Value '{'a' * 33}' at 'hyperParameterTuningJobName' failed to satisfy constraint: "
                "Member must have length less than or equal to 32"
            ),
        ),
        (
            ("HyperParameterTuningJobName", ""),
            (
                "Value '' at 'hyperParameterTuningJobName' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            ),
        ),
        (
            ("HyperParameterTuningJobName", "a_b"),
            (
                "Value 'a_b' at 'hyperParameterTuningJobName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}"
            ),
        ),
        (
            (CONFIG, "Strategy", "Annealing"),
            (
                "Value 'Annealing' at 'hyperParameterTuningJobConfig.strategy' failed to satisfy constraint: "
                "Member must satisfy enum value set: [Bayesian, Random, Hyperband, Grid]"
            ),
        ),
        (
            (CONFIG, "ResourceLimits", "MaxParallelTrainingJobs", 0),
            (
                "Value '0' at 'hyperParameterTuningJobConfig.resourceLimits.maxParallelTrainingJobs' failed to satisfy "
                "constraint: Member must have value greater than or equal to 1"
            ),
        ),
        (
            (DEFINITION, "RetryStrategy", "MaximumRetryAttempts", 31),
            (
                "Value '31' at 'trainingJobDefinition.retryStrategy.maximumRetryAttempts' failed to satisfy "
                "constraint: Member must have value less than or equal to 30"
            ),
        ),
        (
            (DEFINITION, "RoleArn", GONE),
            "Value null at 'trainingJobDefinition.roleArn' failed to satisfy constraint: Member must not be null",
        ),
        (
            ("Tags", 0, "Key", "a;b"),
            (
                "Value 'a;b' at 'tags.1.member.key' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*)"
            ),
        ),
        (
            (DEFINITION, "StaticHyperParameters", "rounds", "a" * 2501),
            (
                "Value '{...}' at 'trainingJobDefinition.staticHyperParameters' failed to satisfy constraint: Map value "
                "must satisfy constraint: [Member must have length less than or equal to 2500, Member must have length "
                "greater than or equal to 0, Member must satisfy regular expression pattern: .*]"
            ),
        ),
        (
            (DEFINITION, "Environment", "1ST", "a"),
            (
                "Value '{...}' at 'trainingJobDefinition.environment' failed to satisfy constraint: Map keys must satisfy "
                "constraint: [Member must have length less than or equal to 512, Member must have length greater than or "
                "equal to 0, Member must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]*]"
            ),
        ),
        (
            (DEFINITION, "VpcConfig", "Subnets", ["subnet-1", "subnet 2"]),
            (
                "Value '[subnet-1, subnet 2]' at 'trainingJobDefinition.vpcConfig.subnets' failed to satisfy constraint: "
                "Member must satisfy constraint: [Member must have length less than or equal to 32, Member must have "
                "length greater than or equal to 0, Member must satisfy regular expression pattern: [-0-9a-zA-Z]+]"
            ),
        ),
        (
            ("Tags", [{"Key": str(number), "Value": ""} for number in range(51)]),
            "Value '[...]' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
        ),
    ],
)
def test_messages_are_in_the_words_of_aws(change, message):
    (violation,) = check_request(changed(full(), change))
    assert violation.message == message
    assert violation.severity is Severity.error
    assert violation.source.startswith("https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_")


@pytest.mark.parametrize(
    ("change", "field", "rule", "fix"),
    [
        ((DEFINITION, "StaticHyperParameters", "rounds", 200), "rounds", "must be text", 'as text: "200"'),
        ((DEFINITION, "StaticHyperParameters", "rounds", True), "rounds", "must be text", 'as text: "true"'),
        ((DEFINITION, "StaticHyperParameters", "rounds", None), "rounds", "must be text", "take it out"),
        ((*RANGES, "ContinuousParameterRanges", 0, "MinValue", 0.1), "MinValue", "must be text", 'as text: "0.1"'),
        ((CONFIG, "RandomSeed", "1"), "RandomSeed", "must be an integer", "write an integer"),
        ((CONFIG, "RandomSeed", True), "RandomSeed", "must be an integer", "write an integer"),
        ((CONFIG, "RandomSeed", 2**31), "RandomSeed", "an integer of 32 bits", "write an integer"),
        ((CONFIG, "TuningJobCompletionCriteria", "TargetObjectiveMetricValue", float("nan")), "Value", "finite", ""),
        ((DEFINITION, "EnableNetworkIsolation", "yes"), "EnableNetworkIsolation", "true or false", ""),
        ((DEFINITION, "InputDataConfig", {}), "InputDataConfig", "must be a list", "write a list"),
        ((DEFINITION, "RoleArn", "SageMakerRole-in-my-account"), "RoleArn", "the ARN of an IAM role", "e.g. arn:aws"),
        ((DEFINITION, "OutputDataConfig", "S3OutputPath", "/tmp/out"), "S3OutputPath", "in S3", "e.g. s3://"),
        ((DEFINITION, "StaticHyperParameters", "rounds", "2\n3"), "rounds", "line breaks", "take them out"),
        (
            (DEFINITION, "ResourceConfig", "InstanceType", "m5.xlarge"),
            "InstanceType",
            "is none of the",
            "did you mean ml.m5.xlarge?",
        ),
        (
            (DEFINITION, "ResourceConfig", "InstanceType", "ml.m5.huge"),
            "InstanceType",
            "is none of",
            "did you mean ml.",
        ),
        (
            (*RANGES, "IntegerParameterRanges", 0, "ScalingType", "log"),
            "ScalingType",
            "must be one of Auto, Linear",
            "",
        ),
        ((DEFINITION, "RoleArn", "SageMakerRole"), "RoleArn", "must be the ARN of an IAM role", "e.g. arn:aws:iam::"),
        (("Tags", 0, "Value", "a & b"), "Tags[0].Value", "only letters, digits, spaces", "take the rest out"),
        (
            (DEFINITION, "StaticHyperParameters", {str(number): "" for number in range(101)}),
            "ters",
            "at most 100",
            "101",
        ),
        (
            (
                *RANGES,
                "ContinuousParameterRanges",
                [{"Name": str(number), "MinValue": "0", "MaxValue": "1"} for number in range(31)],
            ),
            "ContinuousParameterRanges",
            "at most 30 entries",
            "it has 31",
        ),
        ((*RANGES, "CategoricalParameterRanges", 0, "Values", []), "Values", "at least 1 entry", "it has 0"),
        (
            (*RANGES, "CategoricalParameterRanges", 0, "Values", [str(number) for number in range(31)]),
            "Values",
            "at most 30 entries",
            "it has 31",
        ),
    ],
)
def test_rules_and_fixes_are_in_plain_words(change, field, rule, fix):
    (violation,) = check_request(changed(full(), change))
    assert violation.field.endswith(field)
    assert rule in violation.rule
    assert fix in violation.fix


def test_unknown_members_are_a_kind_of_their_own():
    (violation,) = check_request(changed(full(), (CONFIG, "RandomSeeds", 3)))
    assert violation.severity is Severity.unknown
    assert violation.path == (CONFIG, "RandomSeeds")
    assert violation.fix == "did you mean RandomSeed?"
    (violation,) = check_request(changed(full(), ("Quantum", {"Qubits": 3})))
    assert "newer" in violation.fix


@pytest.mark.parametrize(
    "change",
    [
        ((DEFINITION, "Environment", "ANYTHING", "hunter2" * 100)),
        ((DEFINITION, "Environment", ["hunter2"])),
        ((DEFINITION, "StaticHyperParameters", "db_password", "hunter2" * 1000)),
        ((DEFINITION, "StaticHyperParameters", [{"db_password": "hunter2"}])),
        (
            (
                DEFINITION,
                "StaticHyperParameters",
                {"db_password": "hunter2"} | {str(number): "a" for number in range(101)},
            )
        ),
    ],
)
def test_secrets_are_not_shown(change):
    violations = check_request(changed(full(), change))
    assert violations
    assert "hunter2" not in re.sub(r"\s", "", repr(violations))
