import json
import sys

import pytest
import yaml

from smtune.backends.aws.defaults import AccountDefaults, read_defaults
from smtune.errors import SpecError

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole-20250625T205217"
EVERYTHING = {
    "RoleArn": ROLE,
    "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": True,
    "OutputDataConfig": {"KmsKeyId": "alias/models"},
    "ResourceConfig": {"VolumeKmsKeyId": "alias/volumes"},
    "ProfilerConfig": {"DisableProfiler": True},
    "Environment": {"LOG_LEVEL": "debug"},
    "Tags": [{"Key": "team", "Value": "churn"}],
}
SESSION = {"DefaultS3Bucket": "our-bucket", "DefaultS3ObjectKeyPrefix": "/tuning/"}


@pytest.fixture
def files(tmp_path):
    """Return a function that writes a config file of the user or the administrator, and reads both."""
    environ = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": f"{tmp_path / 'etc'}:/nowhere"}
    folders = {"user": tmp_path / "home/.config/sagemaker", "admin": tmp_path / "etc/sagemaker"}

    class Files:
        metadata = tmp_path / "resource-metadata.json"
        variables = environ

        def path(self, whose="user"):
            return folders[whose] / "config.yaml"

        def text(self, text, whose="user"):
            folders[whose].mkdir(parents=True, exist_ok=True)
            self.path(whose).write_text(text)

        def write(self, job=None, session=None, whose="user"):
            modules = {"PythonSDK": {"Modules": {"Session": session}}} if session else {}
            document = {"SchemaVersion": "1.0", "SageMaker": modules | ({"TrainingJob": job} if job else {})}
            self.text(yaml.safe_dump(document), whose)

        def read(self):
            return read_defaults(environ, metadata=self.metadata)

        def problems(self):
            with pytest.raises(SpecError) as caught:
                self.read()
            return caught.value.problems

    return Files()


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the files of other systems lie elsewhere")


def test_without_files_there_are_no_defaults(files):
    assert files.read() == AccountDefaults()


def test_everything_that_the_sdk_takes_for_training_jobs_is_read(files):
    files.write(EVERYTHING, SESSION)
    defaults = files.read()
    assert defaults == AccountDefaults(
        role=ROLE,
        bucket="our-bucket",
        prefix="tuning",
        security_groups=("sg-1",),
        subnets=("subnet-1", "subnet-2"),
        network_isolation=False,
        encrypt_inter_container_traffic=True,
        output_kms_key="alias/models",
        volume_kms_key="alias/volumes",
        tags={"team": "churn"},
        environment={"LOG_LEVEL": "debug"},
        sources=dict.fromkeys(defaults.sources, str(files.path())),
    )
    assert len(defaults.sources) == 11
    assert "debug" not in repr(defaults)


def test_the_users_file_wins_over_the_administrators(files):
    files.write(EVERYTHING, SESSION, whose="admin")
    changed = {
        "EnableNetworkIsolation": True,
        "VpcConfig": {"Subnets": ["subnet-3"]},
        "Environment": {"MODE": "fast"},
        "Tags": [{"Key": "owner", "Value": "ann"}],
    }
    files.write(changed, whose="user")
    defaults = files.read()
    assert (defaults.role, defaults.network_isolation) == (ROLE, True)
    assert (defaults.security_groups, defaults.subnets) == (("sg-1",), ("subnet-3",))
    assert defaults.environment == {"LOG_LEVEL": "debug", "MODE": "fast"}
    assert defaults.tags == {"owner": "ann"}
    assert (defaults.sources["role"], defaults.sources["subnets"]) == (str(files.path("admin")), str(files.path()))


@pytest.mark.parametrize("as_folder", [False, True])
def test_variables_name_other_files_or_their_folders(files, tmp_path, as_folder):
    files.write(session={"DefaultS3Bucket": "never-read"})
    files.write({"RoleArn": ROLE}, whose="admin")
    other = tmp_path / "other"
    other.mkdir()
    files.path("admin").rename(other / "config.yaml")
    files.variables["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(other if as_folder else other / "config.yaml")
    assert (files.read().role, files.read().bucket) == (ROLE, None)


@pytest.mark.parametrize("whose", ["USER", "ADMIN"])
@pytest.mark.parametrize(
    ("given", "rule"), [("s3://bucket/config.yaml", "is in S3"), ("/nowhere/config.yaml", "there is no such file")]
)
def test_a_file_that_a_variable_names_must_be_here(files, whose, given, rule):
    files.variables[f"SAGEMAKER_{whose}_CONFIG_OVERRIDE"] = given
    (problem,) = files.problems()
    assert (problem.field, problem.value) == (f"SAGEMAKER_{whose}_CONFIG_OVERRIDE", given)
    assert rule in problem.rule


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("TrainingJob.RoleArn", "sagemaker", "is no ARN of a role"),
        ("TrainingJob.RoleArn", 7, "must be a text"),
        ("TrainingJob.VpcConfig.Subnets", "subnet-1", "must be a list"),
        ("TrainingJob.VpcConfig.Subnets", [], "must be a list"),
        ("TrainingJob.EnableNetworkIsolation", "yes", "must be true or false"),
        ("TrainingJob.Tags", [{"Key": "team"}], "must be a list of tags"),
        ("TrainingJob.Tags", [{"Key": "team", "Value": 7}], "must hold texts"),
        ("TrainingJob.Environment", ["a"], "must be a mapping"),
        ("TrainingJob.VpcConfig", 3, "must be a mapping"),
        ("TrainingJob", 3, "must be a mapping"),
        ("PythonSDK.Modules.Session.DefaultS3Bucket", "s3://bucket", "is no name of a bucket"),
    ],
)
def test_a_wrong_value_is_told_with_its_file_and_key(files, key, value, rule):
    document = value
    for name in reversed(["SageMaker", *key.split(".")]):
        document = {name: document}
    files.text(yaml.safe_dump({"SchemaVersion": "1.0", **document}))
    (problem,) = files.problems()
    assert problem.field == f"{files.path()}: SageMaker.{key}"
    assert rule in problem.rule
    assert problem.fix


def test_the_value_of_a_variable_is_in_no_error(files):
    files.write({"Environment": {"PIN": 31337, "a b": "hunter2"}})
    problems = files.problems()
    assert {problem.field for problem in problems} == {
        f"{files.path()}: SageMaker.TrainingJob.Environment.PIN",
        f"{files.path()}: SageMaker.TrainingJob.Environment",
    }
    assert not any(secret in str(problems) for secret in ("31337", "hunter2"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [("SchemaVersion: 1.0", "must be the text 1.0"), ("- a", "must be a mapping"), ("a: [", "is no YAML (line 1)")],
)
def test_a_file_of_another_form_is_told(files, text, rule):
    files.text(text)
    (problem,) = files.problems()
    assert str(files.path()) in problem.field
    assert rule in problem.rule


def test_the_problems_of_both_files_are_told_at_once(files):
    files.text("SchemaVersion: '2.0'")
    files.write({"RoleArn": "no", "EnableNetworkIsolation": 1}, whose="admin")
    assert len(files.problems()) == 3


def test_an_empty_file_sets_nothing(files):
    files.text("# nothing yet\n")
    assert files.read() == AccountDefaults()


def test_studio_names_the_role_where_no_file_does(files):
    files.metadata.write_text(json.dumps({"ResourceName": "x", "ExecutionRoleArn": ROLE}))
    assert files.read().role == ROLE
    assert files.read().sources == {"role": str(files.metadata)}
    other = ROLE.replace("123456789012", "210987654321")
    files.write({"RoleArn": other})
    assert files.read().role == other


@pytest.mark.parametrize("text", ["", "[]", '{"ResourceName": "x"}', '{"ExecutionRoleArn": "admin"}'])
def test_a_notebook_instance_without_a_role_names_none(files, text):
    files.metadata.write_text(text)
    assert files.read().role is None


def test_the_users_files_may_lie_elsewhere(files, tmp_path):
    files.write({"RoleArn": ROLE})
    (tmp_path / "moved").mkdir()
    files.path().parent.rename(tmp_path / "moved/sagemaker")
    assert files.read().role is None
    files.variables["XDG_CONFIG_HOME"] = str(tmp_path / "moved")
    assert files.read().role == ROLE
