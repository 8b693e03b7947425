"""What an image stands for, and that it runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smtune.errors import SpecError
from smtune.runners import ProcessRunner
from smtune.sandbox import Channel, InstanceGroup, Staged, TrainingContract
from smtune.sandbox.namespace import unavailable
from smtune.sandbox.placement import place
from smtune.sandbox.programs import Algorithm, Program, Rule, find_program
from smtune.trial import Trial
from tests.contracts.runner_contract import ended, until_idle

ECR = "141502667606.dkr.ecr.eu-west-1.amazonaws.com"
CUSTOM = Algorithm(f"{ECR}/mine:1")
PRIVATE = [
    False,
    pytest.param(True, marks=pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))),
]

SCRIPT = """
import json, os, sys
with open(os.path.join(os.environ["SM_MODEL_DIR"], "seen.json"), "w") as file:
    json.dump({"argv": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ)}, file)
"""


def contract(**fields: Any) -> TrainingContract:
    return TrainingContract("job-1", **fields)


def script_mode(**more: str) -> TrainingContract:
    texts = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": '"s3://b/sourcedir.tar.gz"', **more}
    return contract(hyperparameters=texts)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    return folder


def run(staged: Staged, log: Path) -> None:
    with ProcessRunner(lambda _: staged, slots=1, log_path=lambda _: log) as runner:
        runner.start(Trial(0, {}))
        end = ended(until_idle(runner), 0)
    assert end.status == "Completed", (end, log.read_text())


@pytest.mark.parametrize("private", PRIVATE, ids=["rewritten", "private"])
def test_script_sees_what_the_toolkit_shows_it(tmp_path: Path, code: Path, private: bool) -> None:
    (tmp_path / "data").mkdir()
    job = TrainingContract(
        "job-1",
        job_arn="arn:aws:sagemaker:eu-west-1:123456789012:training-job/job-1",
        region="eu-west-1",
        hyperparameters={
            "eta": "0.1",
            "booster": '"gbtree"',
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": '"s3://b/sourcedir.tar.gz"',
            "sagemaker_container_log_level": "10",
            "sagemaker_parameter_server": "true",
            "_tuning_objective_metric": '"auc"',
        },
        channels={"train": Channel(tmp_path / "data")},
        groups=(InstanceGroup("workers", "ml.m5.large", ("algo-1", "algo-2")),),
        current_host="algo-2",
        environment={"MINE": "1", "WHERE": "/opt/ml/model"},
    )
    base = tmp_path / "jobs/1"
    run(place(base, job, find_program(CUSTOM, job, code=code), private=private), tmp_path / "log")
    root = "/opt/ml" if private else str(base)
    seen = json.loads((base / "model/seen.json").read_text())
    assert seen["argv"] == ["train.py", "--booster", "gbtree", "--eta", "0.1"]
    assert seen["cwd"] == f"{root}/code"
    expected = {
        "AWS_REGION": "eu-west-1",
        "MINE": "1",
        "SAGEMAKER_BASE_DIR": root,
        "SM_CHANNEL_TRAIN": f"{root}/input/data/train",
        "SM_CURRENT_HOST": "algo-2",
        "SM_CURRENT_INSTANCE_GROUP": "workers",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
        "SM_FRAMEWORK_PARAMS": '{"sagemaker_parameter_server":true}',
        "SM_HOSTS": '["algo-1","algo-2"]',
        "SM_HPS": '{"booster":"gbtree","eta":0.1}',
        "SM_LOG_LEVEL": "10",
        "SM_MODULE_DIR": "s3://b/sourcedir.tar.gz",
        "SM_USER_ENTRY_POINT": "train.py",
        "TMPDIR": f"{root}/tmp",
        "TRAINING_JOB_ARN": job.job_arn,
        "TRAINING_JOB_NAME": "job-1",
        "WHERE": f"{root}/model",
    }
    assert {name: seen["environment"].get(name) for name in expected} == expected
    assert json.loads(seen["environment"]["SM_TRAINING_ENV"])["is_master"] is False
    config = base / "input/config"
    assert json.loads((config / "hyperparameters.json").read_text()) == job.hyperparameters
    assert json.loads((config / "resourceconfig.json").read_text()) == {
        "current_group_name": "workers",
        "current_host": "algo-2",
        "current_instance_type": "ml.m5.large",
        "hosts": ["algo-1", "algo-2"],
        "instance_groups": [
            {"instance_group_name": "workers", "instance_type": "ml.m5.large", "hosts": ["algo-1", "algo-2"]}
        ],
        "network_interface_name": "lo",
    }


@pytest.mark.parametrize("private", PRIVATE, ids=["rewritten", "private"])
def test_sdk_v3_driver_runs_from_its_channel(tmp_path: Path, private: bool) -> None:
    drivers = tmp_path / "sm_drivers"
    drivers.mkdir()
    (drivers / "sm_train.sh").write_text("command -v python3 pip3 > /opt/ml/model/found")
    job = contract(channels={"sm_drivers": Channel(drivers)})
    driver = "/opt/ml/input/data/sm_drivers/sm_train.sh"
    shell = Algorithm(
        CUSTOM.image, entrypoint=("/bin/bash",), arguments=("-c", f"chmod +x {driver} && /bin/sh {driver}")
    )
    run(place(tmp_path / "base", job, find_program(shell, job), private=private), tmp_path / "log")
    found = (tmp_path / "base/model/found").read_text().split()
    assert found[0] == str(Path(sys.executable).with_name("python3"))
    assert (drivers / "sm_train.sh").read_text() == "command -v python3 pip3 > /opt/ml/model/found"


def test_code_that_lies_in_a_channel(tmp_path: Path, code: Path) -> None:
    texts = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "/opt/ml/input/data/mine"}
    program = find_program(CUSTOM, contract(hyperparameters=texts, channels={"mine": Channel(code)}))
    assert program.source == code


def test_first_rule_that_matches_wins_over_all_else(code: Path) -> None:
    rules = [
        Rule("other", command=("other",)),
        Rule("*/mine:*", command=("mine", "/opt/ml/model"), environment={"A": "1"}),
        Rule("*", command=("any",)),
    ]
    program = find_program(Algorithm(CUSTOM.image, entrypoint=("given",)), script_mode(), rules, code=code)
    assert program.argv == ("mine", "/opt/ml/model")
    assert program.env["A"] == "1"
    assert find_program(Algorithm(name="other"), contract(), rules).argv == ("other",)


def test_rule_with_a_script_of_its_own(code: Path) -> None:
    job = contract(hyperparameters={"eta": "0.1"})
    program = find_program(
        CUSTOM, job, [Rule("*/mine:1", entry_point="train.py", source_dir=code, python="/my/python")]
    )
    assert program.argv == ("/my/python", "train.py", "--eta", "0.1")
    assert program.source == code
    assert program.env["PATH"].startswith("/my:")


def test_rule_may_set_the_interpreter_alone(code: Path) -> None:
    program = find_program(CUSTOM, script_mode(), [Rule("*", python="/my/python")], code=code)
    assert program.argv == ("/my/python", "train.py")


def test_entry_point_of_the_job_wins_over_its_script(code: Path) -> None:
    algorithm = Algorithm(CUSTOM.image, entrypoint=("/bin/sh",), arguments=("-c", "true"))
    assert find_program(algorithm, script_mode(), code=code).argv == ("/bin/sh", "-c", "true")


@pytest.mark.parametrize(
    "image", [f"{ECR}/sagemaker-xgboost:1.7-1", "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1"]
)
def test_managed_xgboost(code: Path, image: str) -> None:
    assert "smtune.sandbox.xgboost_algorithm" in find_program(Algorithm(image), contract()).argv
    assert find_program(Algorithm(image), script_mode(), code=code).argv[1] == "train.py"
    emulated = find_program(CUSTOM, contract(), [Rule("*", kind="xgboost")])
    assert "smtune.sandbox.xgboost_algorithm" in emulated.argv


@pytest.mark.parametrize("private", PRIVATE, ids=["rewritten", "private"])
def test_managed_xgboost_trains_in_its_place(tmp_path: Path, private: bool) -> None:
    pytest.importorskip("xgboost")
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.csv").write_text("1,0.9\n0,0.1\n1,0.8\n0,0.2\n")
    channels = {"train": Channel(tmp_path / "train", "text/csv", mode="FastFile")}
    job = contract(channels=channels, hyperparameters={"num_round": "1"}, environment={"OMP_NUM_THREADS": "1"})
    program = find_program(Algorithm(f"{ECR}/sagemaker-xgboost:3.0-5"), job)
    run(place(tmp_path / "base", job, program, private=private), tmp_path / "log")
    assert (tmp_path / "log").read_text().startswith("[0]\ttrain-rmse:")
    assert (tmp_path / "base/model/xgboost-model").is_file()


@pytest.mark.parametrize("name", ["xgboost", "sklearn"])
def test_own_containers(tmp_path: Path, name: str) -> None:
    image = Algorithm(f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/smtune-{name}:7")
    script = Path(find_program(image, contract()).argv[1])
    assert script.parts[-3:] == ("training_containers", name, "train.py")
    assert script.is_file()
    with pytest.raises(SpecError, match="stands for no program"):
        find_program(image, contract(), containers=tmp_path)


def test_requirements_are_remarked(code: Path) -> None:
    (code / "requirements.txt").touch()
    assert "requirements.txt is not installed" in find_program(CUSTOM, script_mode(), code=code).remarks[0]


def test_executable_that_is_no_python(tmp_path: Path, code: Path) -> None:
    (code / "train.sh").write_text('#!/bin/sh\necho "$@" > "$SM_MODEL_DIR/arguments"')
    (code / "train.sh").chmod(0o755)
    job = contract(hyperparameters={"sagemaker_program": "train.sh", "eta": "0.1"})
    staged = place(tmp_path / "base", job, find_program(CUSTOM, job, code=code), private=False)
    subprocess.run(staged.argv, env=staged.env, cwd=staged.cwd, check=True)
    assert (tmp_path / "base/model/arguments").read_text() == "--eta 0.1\n"


@pytest.mark.parametrize(
    ("algorithm", "field"),
    [(CUSTOM, "TrainingImage"), (Algorithm(name="arn:mine"), "AlgorithmName")],
)
def test_unknown_image_names_the_rule_to_add(algorithm: Algorithm, field: str) -> None:
    with pytest.raises(SpecError) as caught:
        find_program(algorithm, contract())
    (problem,) = caught.value.problems
    assert problem.field == f"AlgorithmSpecification.{field}"
    assert f"match = '{algorithm.image or algorithm.name}'" in problem.fix


@pytest.mark.parametrize(
    ("texts", "has_code", "rule"),
    [
        ({"sagemaker_program": "trian.py"}, True, "is no file in the code; correct the name; there is train.py"),
        ({"sagemaker_program": "../code/train.py"}, True, "is no file in the code"),
        ({"sagemaker_program": "train.py"}, False, "comes without code"),
        ({}, True, "there is no script to run"),
    ],
)
def test_script_that_is_not_there(code: Path, texts: dict[str, str], has_code: bool, rule: str) -> None:
    job = contract(hyperparameters=texts)
    with pytest.raises(SpecError, match=rule):
        find_program(CUSTOM, job, [Rule("*", kind="script-mode")], code=code if has_code else None)


def test_rule_that_contradicts_itself() -> None:
    with pytest.raises(SpecError, match="command and kind"):
        Rule("*", command=("a",), kind="xgboost")


def test_programs_inherit_no_credentials(monkeypatch: pytest.MonkeyPatch, code: Path) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    program: Program = find_program(CUSTOM, script_mode(), code=code)
    assert "hidden" not in program.env.values()
    assert program.env["AWS_CONFIG_FILE"] == os.devnull
