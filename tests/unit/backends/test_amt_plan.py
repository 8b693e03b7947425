"""What the amt backend will send, and what it refuses, before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from smtune.backends.amt_plan import examine, plan_amt, priced
from smtune.errors import LoweringError, SpecError
from smtune.spec import TuningSpec
from tests.services import somebody
from tests.services.tuning_service import ROLE


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """Be somebody without an AWS configuration."""
    for name in os.environ.keys() - somebody.without_others(os.environ).keys():
        monkeypatch.delenv(name)
    for name, value in somebody.environment(tmp_path, region=None, credentials=False).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("print('validation:auc=0.5')\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("1,2\n")
    return tmp_path


def spec(folder: Path, **fields):
    cloud = {"image": "xgboost:3.0-5", "instance_type": "ml.m5.xlarge", "role": ROLE, "region": "eu-west-1"}
    defaults = {
        "name": "churn",
        "objective": {"metric": "validation:auc", "goal": "Maximize"},
        "parameters": {"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
        "strategy": "bayesian",
        "limits": {"max_trials": 10, "max_trial_seconds": 300},
        "training": {
            "source_dir": str(folder / "code"),
            "entry_point": "train.py",
            "channels": {"train": str(folder / "data"), "shared": "s3://somewhere/rows"},
        },
    }
    return TuningSpec(**{**defaults, **fields, "sagemaker": {**cloud, **fields.get("sagemaker", {})}})


def without(given: TuningSpec, *keys: str) -> TuningSpec:
    fields = given.to_dict()
    fields["sagemaker"] = {key: value for key, value in fields["sagemaker"].items() if key not in keys}
    return TuningSpec.from_dict(fields)


def test_what_is_here_is_uploaded_by_what_it_holds(folder):
    plan = plan_amt(spec(folder))

    assert [upload.kind for upload in plan.uploads] == ["code", "train"]
    assert plan_amt(spec(folder)).uploads == plan.uploads
    (folder / "data" / "rows.csv").write_text("1,3\n")
    changed = plan_amt(spec(folder)).uploads
    assert changed[0] == plan.uploads[0]
    assert changed[1].uri != plan.uploads[1].uri

    definition = plan.request["TrainingJobDefinition"]
    sources = [one["DataSource"]["S3DataSource"]["S3Uri"] for one in definition["InputDataConfig"]]
    assert sources == [plan.uploads[1].uri, "s3://somewhere/rows"]
    assert definition["StaticHyperParameters"]["sagemaker_submit_directory"] == plan.uploads[0].uri
    assert definition["OutputDataConfig"]["S3OutputPath"] == "s3://sagemaker-eu-west-1-123456789012/smtune/jobs"


def test_config_files_of_sagemaker_fill_in_what_the_spec_leaves_open(folder, monkeypatch):
    config = {
        "SchemaVersion": "1.0",
        "SageMaker": {
            "PythonSDK": {"Modules": {"Session": {"DefaultS3Bucket": "ours", "DefaultS3ObjectKeyPrefix": "team"}}},
            "TrainingJob": {
                "RoleArn": ROLE,
                "EnableNetworkIsolation": True,
                "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
                "Tags": [{"Key": "team", "Value": "churn"}, {"Key": "stage", "Value": "test"}],
                "Environment": {"LEVEL": "1"},
            },
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(folder / "config.yaml"))
    plan = plan_amt(without(spec(folder, sagemaker={"tags": {"stage": "live"}}), "role"))
    definition = plan.request["TrainingJobDefinition"]

    assert definition["RoleArn"] == ROLE
    assert definition["EnableNetworkIsolation"] is True
    assert definition["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    assert definition["Environment"] == {"LEVEL": "1"}
    assert plan.request["Tags"] == [{"Key": "stage", "Value": "live"}, {"Key": "team", "Value": "churn"}]
    assert plan.uploads[0].uri.startswith("s3://ours/team/code/")
    assert (
        plan_amt(spec(folder, sagemaker={"network_isolation": False})).request["TrainingJobDefinition"][
            "EnableNetworkIsolation"
        ]
        is False
    )


def test_the_region_is_the_option_then_the_spec_then_the_environment(folder, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")

    assert plan_amt(without(spec(folder), "region")).region == "us-east-2"
    assert plan_amt(spec(folder)).region == "eu-west-1"
    assert plan_amt(spec(folder), region="eu-north-1").region == "eu-north-1"


@pytest.mark.parametrize("key", ["role", "region", "instance_type"])
def test_what_nobody_says_is_asked_for(folder, key):
    with pytest.raises(SpecError) as caught:
        plan_amt(without(spec(folder), key))
    assert f"sagemaker.{key}" in {problem.field for problem in caught.value.problems}


def test_what_only_smtune_can_do_is_refused_with_what_sagemaker_can(folder):
    with pytest.raises(LoweringError) as caught:
        plan_amt(spec(folder, strategy="evolutionary", repeats=3, early_stopping={"type": "plateau", "patience": 3}))
    fixes = {problem.field: problem.fix for problem in caught.value.problems}
    assert fixes.keys() == {"strategy", "repeats", "early_stopping"}
    assert "bayesian" in fixes["strategy"]


def test_what_is_lost_is_told(folder):
    parameters = {
        "subsample": {"type": "continuous", "min": 0.5, "max": 1.0, "step": 0.1},
        "size": {"type": "categorical", "values": ["s", "m"], "ordered": True},
    }
    plan = plan_amt(spec(folder, parameters=parameters, baseline={"subsample": 0.5, "size": "s"}))

    told = "\n".join(plan.warnings)
    for field in ("parameters.subsample.step", "parameters.size.ordered", "baseline"):
        assert field in told
    assert plan.trials == 10


def test_a_small_space_is_asked_for_whole(folder):
    plan = plan_amt(spec(folder, parameters={"depth": {"type": "integer", "min": 1, "max": 4}}))

    assert plan.request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 4
    assert any("only 4 configurations" in warning for warning in plan.warnings)


@pytest.mark.parametrize("block", ["sagemaker", "limits"])
def test_a_job_that_may_cost_too_much_is_refused_with_what_would_fit(folder, block):
    cap = {"max_cost_usd": 0.1}
    fields = (
        {"sagemaker": cap}
        if block == "sagemaker"
        else {"limits": {"max_trials": 10, "max_trial_seconds": 300, "usd_per_hour": 0.3, **cap}}
    )
    with pytest.raises(SpecError) as caught:
        plan_amt(spec(folder, **fields))
    (problem,) = caught.value.problems
    assert problem.field == f"{block}.max_cost_usd"
    count = int(problem.fix.split("limits.max_trials: ")[1].split(",")[0])

    fields = {block: {**fields[block], **({} if block == "sagemaker" else {"max_trials": count})}}
    if block == "sagemaker":
        fields["limits"] = {"max_trials": count, "max_trial_seconds": 300}
    plan = plan_amt(spec(folder, **fields))
    assert plan.estimate is not None
    assert plan.estimate.usd.worst is not None
    assert plan.estimate.usd.worst <= 0.1


def test_the_same_training_of_several_definitions_is_sent_once(folder):
    definitions = {"other": {"parameters": {"gamma": {"type": "continuous", "min": 0, "max": 1}}}}
    plan = plan_amt(spec(folder, definitions=definitions))

    assert [upload.kind for upload in plan.uploads] == ["code", "train"]
    names = [one["DefinitionName"] for one in plan.request["TrainingJobDefinitions"]]
    assert names == ["main", "other"]


def test_a_spec_that_nobody_named_gets_a_name_that_sagemaker_takes(folder):
    fields = spec(folder).to_dict()
    del fields["name"]
    plan = plan_amt(TuningSpec.from_dict(fields))

    assert plan.request["HyperParameterTuningJobName"] == plan.name
    assert len(plan.name) <= 32


def test_data_that_are_not_there_are_told_in_the_words_of_the_spec(folder):
    training = {
        "source_dir": str(folder / "code"),
        "entry_point": "trian.py",
        "channels": {"train": str(folder / "dta")},
    }
    with pytest.raises(SpecError) as caught:
        plan_amt(spec(folder, training=training))
    fixes = {problem.field: problem.fix for problem in caught.value.problems}
    assert fixes.keys() == {"training.entry_point", "training.channels.train"}
    assert "train.py" in fixes["training.entry_point"]


def test_what_trials_cost_is_known_afterwards_by_the_price_of_the_plan(folder):
    plan = plan_amt(spec(folder))
    prices = {price.item: price.usd for price in plan.estimate.prices} if plan.estimate is not None else {}
    cloud = priced(plan).sagemaker

    assert cloud is not None
    assert cloud.usd_per_hour == prices["ml.m5.xlarge"]
    patched = priced(plan_amt(spec(folder, sagemaker={"definition": {"ResourceConfig": P4D}}))).sagemaker
    assert patched is not None
    assert patched.usd_per_hour not in (None, cloud.usd_per_hour)
    own = priced(plan_amt(spec(folder, sagemaker={"usd_per_hour": 7.0}))).sagemaker
    assert own is not None
    assert own.usd_per_hour == 7.0


def dearest(plan) -> float:
    assert plan.estimate is not None
    assert plan.estimate.usd.worst is not None
    return float(plan.estimate.usd.worst)


P4D = {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 8}
CONFIG = "HyperParameterTuningJobConfig"


@pytest.mark.parametrize(
    ("patch", "same_as"),
    [
        ({"definition": {"ResourceConfig": P4D}}, {"instance_type": "ml.p4d.24xlarge", "instance_count": 8}),
        ({"definition": {"StoppingCondition": {"MaxRuntimeInSeconds": 86400}}}, {"max_trial_seconds": 86400}),
        (
            {"request": {CONFIG: {"ResourceLimits": {"MaxNumberOfTrainingJobs": 500}}}},
            {"max_trials": 500},
        ),
        (
            {"request": {"TrainingJobDefinition": {"ResourceConfig": P4D}}},
            {"instance_type": "ml.p4d.24xlarge", "instance_count": 8},
        ),
        (
            {
                "definition": {
                    "ResourceConfig": None,
                    "HyperParameterTuningResourceConfig": {"InstanceConfigs": [{**P4D, "VolumeSizeInGB": 30}]},
                }
            },
            {"instance_type": "ml.p4d.24xlarge", "instance_count": 8},
        ),
    ],
    ids=["instances", "a trial's time", "trials", "instances by the request", "instances to choose from"],
)
def test_the_cost_is_that_of_the_request_whoever_wrote_it(folder, patch, same_as):
    limits = {"max_trials": 10, "max_trial_seconds": 300, **{k: v for k, v in same_as.items() if k.startswith("max")}}
    cloud = {key: value for key, value in same_as.items() if key.startswith("instance")}
    patched = plan_amt(spec(folder, sagemaker={"region": "us-east-1", **patch}))
    plain = plan_amt(spec(folder, limits=limits, sagemaker={"region": "us-east-1", **cloud}))

    assert dearest(patched) == pytest.approx(dearest(plain))
    assert patched.trials == plain.trials
    with pytest.raises(SpecError, match="is less than the worst case"):
        plan_amt(spec(folder, sagemaker={"region": "us-east-1", "max_cost_usd": 2, **patch}))


def test_instance_groups_are_added_up(folder):
    groups = [
        {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "InstanceGroupName": "one"},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2, "InstanceGroupName": "two"},
    ]
    members = {"InstanceType": None, "InstanceCount": None, "InstanceGroups": groups}
    cloud = {"region": "us-east-1", "definition": {"ResourceConfig": members}}
    plan = plan_amt(spec(folder, sagemaker=cloud))
    single = [
        dearest(
            plan_amt(
                spec(
                    folder, sagemaker={"region": "us-east-1", "instance_type": one["InstanceType"], "instance_count": n}
                )
            )
        )
        for n, one in enumerate(groups, 1)
    ]

    assert dearest(plan) == pytest.approx(sum(single))


def test_what_has_no_price_supports_no_cap(folder):
    plan_of = "arn:aws:sagemaker:eu-west-1:123456789012:training-plan/ours"
    cloud = {"definition": {"ResourceConfig": {"TrainingPlanArn": plan_of}}}
    plan = plan_amt(spec(folder, sagemaker=cloud))

    assert plan.estimate is not None
    assert any("TrainingPlanArn is not counted" in note for note in plan.estimate.notes)
    with pytest.raises(SpecError, match=r"TrainingJobDefinition\.ResourceConfig\.TrainingPlanArn costs is not known"):
        plan_amt(spec(folder, sagemaker={**cloud, "max_cost_usd": 1000}))


@pytest.mark.parametrize("name", ["other", "churn", None])
def test_a_request_may_not_rename_the_job(folder, name):
    with pytest.raises(SpecError) as caught:
        plan_amt(spec(folder, sagemaker={"request": {"HyperParameterTuningJobName": name}}))
    assert caught.value.problems[0].field == "sagemaker.request.HyperParameterTuningJobName"
    assert "write name" in caught.value.problems[0].fix


@pytest.mark.parametrize(
    ("where", "rules"),
    [
        ("eu-west-1:123456789012", []),
        ("us-east-1:123456789012", ["is in us-east-1, but the job runs in eu-west-1"]),
        ("eu-west-1:210987654321", ["is of account 210987654321, but the job's role is of account 123456789012"]),
    ],
)
def test_a_parent_is_of_the_jobs_region_and_account(folder, where, rules):
    parent = f"arn:aws:sagemaker:{where}:hyper-parameter-tuning-job/churn-1"
    found = examine(spec(folder, warm_start=["amt:churn-0", parent]))

    assert [(one.field, one.value, one.rule) for one in found.problems] == [
        ("warm_start.parents[1]", parent, rule) for rule in rules
    ]


def test_a_price_of_another_region_supports_no_cap(folder):
    far = {"region": "eu-north-1"}
    plan = plan_amt(spec(folder, sagemaker=far))
    assert plan.estimate is not None
    assert {price.region for price in plan.estimate.borrowed} == {"us-east-1"}
    with pytest.raises(SpecError) as caught:
        plan_amt(spec(folder, sagemaker={**far, "max_cost_usd": 1000}))
    (problem,) = caught.value.problems
    assert problem.rule == "cannot be kept: no price of ml.m5.xlarge and of ML storage in eu-north-1 is known"
    assert "smtune prices --refresh --region eu-north-1" in problem.fix
    plan_amt(spec(folder, sagemaker={**far, "max_cost_usd": 1000, "usd_per_hour": 1}))


def test_what_should_perhaps_not_be_uploaded_is_told(folder):
    code = folder / "code"
    for name in (".env", "keys/id_rsa", "keys/Server.PEM", ".aws/config", "credentials.json", "environment.py"):
        (code / name).parent.mkdir(exist_ok=True)
        (code / name).write_text("secret")
    (code / "table.csv").symlink_to(folder / "data" / "rows.csv")
    (code / "again.py").symlink_to(code / "train.py")
    definitions = {"other": {"parameters": {"gamma": {"type": "continuous", "min": 0, "max": 1}}}}
    warnings = plan_amt(spec(folder, definitions=definitions)).warnings
    field = f"training.source_dir = {code}"
    credentials, outside = (one for one in warnings if one.startswith(field))

    found = ".aws/config, .env, credentials.json, keys/Server.PEM, keys/id_rsa"
    assert credentials == f"{field}: {found} would be uploaded, and may be credentials; move them out of it"
    assert outside.startswith(f"{field}: table.csv would be uploaded with what is linked there")


def test_uploads_tell_how_much_they_are(folder):
    (folder / "data" / "more.csv").write_text("1,2,3\n")
    code, data = plan_amt(spec(folder)).uploads

    assert (code.files, data.files, data.size) == (1, 2, len("1,2\n1,2,3\n"))
    assert code.size > 0


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read, not even root")
@pytest.mark.parametrize(
    ("place", "field"), [("code", "training.source_dir"), ("data", "training.channels.train")], ids=["code", "data"]
)
def test_a_file_that_cannot_be_read_is_a_problem(folder, place, field):
    (folder / place / "locked").symlink_to("/proc/self/mem")
    with pytest.raises(SpecError) as caught:
        plan_amt(spec(folder))
    (problem,) = caught.value.problems
    assert problem.field == field
    assert problem.rule.startswith("cannot be read: ")


def test_an_amount_of_money_needs_no_price_where_instances_have_one(folder):
    limits = {"max_trials": 10, "max_trial_seconds": 300, "max_cost_usd": 5}
    assert dearest(plan_amt(spec(folder, limits=limits))) <= 5
    with pytest.raises(SpecError, match=r"limits\.max_cost_usd = 0\.1: is less than the worst case"):
        plan_amt(spec(folder, limits={**limits, "max_cost_usd": 0.1}))


def test_what_smtune_adds_is_counted_apart(folder):
    with pytest.raises(SpecError) as caught:
        plan_amt(spec(folder, static={f"key{number}": number for number in range(101)}))
    assert [one.fix for one in caught.value.problems] == ["it has 105, of which 4 are smtune's own"]
