import functools
import json
import random

import botocore.session
import pytest
import requests
from botocore.model import StringShape

from smtune.emulator import emulate
from smtune.emulator.moto_plugin.requests import _constraints, checked, service_model
from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.operations import OPERATIONS

# Sessions are many here, and every one would read boto3's megabytes of service models anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


class TestChecked:
    def test_what_is_null_is_not_there_and_times_are_seconds(self):
        sent = {"NameContains": None, "CreationTimeAfter": "2026-03-01T06:07:00Z", "CreationTimeBefore": 1772345220}
        read = checked("ListTrainingJobs", sent, constraints=True)
        assert read == {"CreationTimeAfter": 1772345220.0, "CreationTimeBefore": 1772345220.0}

    @pytest.mark.parametrize(
        ("operation", "request_", "message"),
        [
            ("DescribeTrainingJob", {"TrainingJobName": 3}, "'TrainingJobName' must be of the type string, not int"),
            ("ListTrainingJobs", {"MaxResults": True}, "'MaxResults' must be of the type integer, not bool"),
            ("ListTrainingJobs", {"CreationTimeAfter": "soon"}, "'CreationTimeAfter' must be of the type timestamp"),
            ("AddTags", {"Tags": [None]}, r"'Tags\[0\]' must be of the type structure, not NoneType"),
            ("DescribeTrainingJob", {"TrainingJobName": "\ud800"}, "must be of the type string"),
        ],
    )
    def test_wrong_types_cannot_be_read(self, operation, request_, message):
        with pytest.raises(ServiceError, match=message) as raised:
            checked(operation, request_, constraints=False)
        assert raised.value.code == "SerializationException"

    def test_all_that_is_broken_is_told_at_once(self):
        sent = {"TrainingJobName": "a_b", "ResourceConfig": {"InstanceType": "ml.none", "VolumeSizeInGB": -1}}
        with pytest.raises(ServiceError) as raised:
            checked("CreateTrainingJob", sent, constraints=True)
        assert raised.value.code == "ValidationException"
        for text in (
            "Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
            "Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression",
            "Value 'ml.none' at 'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum",
            "Value '-1' at 'resourceConfig.volumeSizeInGB' failed to satisfy constraint: Member must have value",
        ):
            assert text in raised.value.message

    def test_constraints_can_be_left_to_others(self):
        assert checked("DescribeTrainingJob", {"TrainingJobName": "a_b"}, constraints=False)

    def test_nesting_has_an_end(self):
        expression: dict[str, object] = {}
        for _ in range(2000):
            expression = {"SubExpressions": [expression]}
        with pytest.raises(ServiceError, match="nested too deeply"):
            checked("Search", {"Resource": "TrainingJob", "SearchExpression": expression}, constraints=True)

    def test_every_pattern_of_the_operations_is_understood(self):
        shapes = [service_model().operation_model(operation).input_shape for operation in OPERATIONS]
        found = {pattern for shape in shapes for pattern in patterns(shape, set())}
        assert len(found) > 20
        for pattern in found - {r"[\S\s]*"}:  # that one allows everything
            shape = StringShape("Text", {"type": "string", "pattern": pattern})
            assert len(list(_constraints("\n\0\n", shape))) == 1


def test_whatever_is_sent_the_answer_is_the_services_own():
    draws = random.Random(3)
    with emulate():
        for _ in range(1500):
            operation = draws.choice(sorted(OPERATIONS))
            body = json.dumps(anything(service_model().operation_model(operation).input_shape, draws))
            status, answer = send(operation, body)
            assert status in (200, 400), (operation, body, answer)
            assert status == 200 or answer["__type"]
        assert send("ListTrainingJobs", "{}")[0] == 200


def send(operation, body):
    credential = "Credential=test/20260101/us-east-1/sagemaker/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"SageMaker.{operation}",
    }
    answer = requests.post("https://api.sagemaker.us-east-1.amazonaws.com/", body, headers=headers, timeout=60)
    return answer.status_code, answer.json()


TEXTS = (
    "a",
    "churn",
    "0.1",
    "s3://a/b",
    "(",
    "arn:aws:iam::123456789012:role/SageMaker",
    "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn",
)
SCALARS = {
    "integer": (0, 1, 5, -3, 10**12),
    "long": (0, 1, 5, -3, 10**12),
    "float": (0.5, -1.0),
    "double": (0.5, -1.0),
    "boolean": (True, False),
    "timestamp": (0, 1e9, -1, 1e20, "2026-01-01"),
}


def anything(shape, draws, depth=0):
    """Return something that has a shape, more or less."""
    if draws.random() < 0.1 or depth > 6:
        return draws.choice([None, 1, -1, "", [], {}, "x" * 300, True, 1e308, {"a": [1]}, "\ud800"])
    match shape.type_name:
        case "structure":
            wanted = {name: 0.95 if name in shape.required_members else 0.2 for name in shape.members}
            return {
                name: anything(shape.members[name], draws, depth + 1)
                for name, chance in wanted.items()
                if draws.random() < chance
            }
        case "list":
            return [anything(shape.member, draws, depth + 1) for _ in range(draws.randint(0, 2))]
        case "map":
            return {f"key{number}": anything(shape.value, draws, depth + 1) for number in range(draws.randint(0, 2))}
        case kind:
            return draws.choice(getattr(shape, "enum", None) or SCALARS.get(kind, TEXTS))


def patterns(shape, seen):
    """Return all patterns of a shape and of those in it."""
    if shape.name in seen:
        return []
    seen.add(shape.name)
    inner = [*getattr(shape, "members", {}).values()]
    inner += [getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)]
    own = [shape.metadata["pattern"]] if "pattern" in shape.metadata else []
    return own + [one for part in inner for one in patterns(part, seen)]
