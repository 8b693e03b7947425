import functools

import botocore.session
import pytest
from botocore.model import StringShape

from smtune.emulator import emulate
from smtune.emulator.moto_plugin.requests import _constraints, checked, service_model
from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.operations import OPERATIONS
from tests.emulator.fuzzing import fuzz

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

    @pytest.mark.parametrize("operation", sorted(OPERATIONS))
    def test_what_is_missing_is_told_whoever_checks_the_rest(self, operation):
        required = service_model().operation_model(operation).input_shape.required_members
        if not required:
            assert checked(operation, {}, constraints=False) == {}
            return
        with pytest.raises(ServiceError) as raised:
            checked(operation, {}, constraints=False)
        assert raised.value.code == "ValidationException"
        assert raised.value.message.count("failed to satisfy constraint: Member must not be null") == len(required)

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
    with emulate():
        assert fuzz(1000, seed=3) == []


def patterns(shape, seen):
    """Return all patterns of a shape and of those in it."""
    if shape.name in seen:
        return []
    seen.add(shape.name)
    inner = [*getattr(shape, "members", {}).values()]
    inner += [getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)]
    own = [shape.metadata["pattern"]] if "pattern" in shape.metadata else []
    return own + [one for part in inner for one in patterns(part, seen)]
