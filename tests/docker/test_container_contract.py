"""The container contract: the same image trains wherever containers are run, and to the same result."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from smtune import TuningSpec, tune
from smtune.backends import AmtBackend, LocalModeBackend, attach
from smtune.container import metric_regex
from smtune.emulator import Emulator, emulate
from smtune.results import JobStatus, TuningResult
from smtune.runners import ProcessRunner
from smtune.sandbox import Channel, TrainingContract, docker, inherited_environment
from smtune.trial import Trial, TrialStatus
from tests.contracts.runner_contract import ended, until_idle
from tests.docker.images import CONTAINERS, ROOT

STATIC = {
    "sklearn": {"model": "logistic", "seed": "1"},
    "xgboost": {"num_round": "5", "objective": "binary:logistic", "eval_metric": "auc", "seed": "1"},
}
TUNED = {
    "sklearn": {"C": {"type": "continuous", "min": 0.01, "max": 10.0, "scaling": "Logarithmic"}},
    "xgboost": {"eta": {"type": "continuous", "min": 0.05, "max": 0.5}},
}
METRIC = "validation:auc"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
SDK = ROOT / ".venv-sdk3" / "bin" / "python"
COMPOSE = shutil.which("docker-compose")
SDK_PROGRAM = """
import json, sys
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.model_trainer import Mode

given = json.loads(sys.argv[1])
trainer = ModelTrainer(
    training_mode=Mode.LOCAL_CONTAINER,
    training_image=given["image"],
    role="arn:aws:iam::111122223333:role/trainer",
    compute=Compute(instance_type="local_cpu", instance_count=1),
    hyperparameters=given["hyperparameters"],
    local_container_root=given["root"],
)
channels = [InputData(channel_name=name, data_source=path) for name, path in given["channels"].items()]
trainer.train(input_data_config=channels, wait=True)
"""


@pytest.fixture(params=sorted(CONTAINERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    with emulate() as emulator:
        yield emulator


def score(log: str) -> float:
    """Return the last value of the metric, as AMT reads it."""
    return float(re.findall(metric_regex(METRIC), log)[-1])


def expected(name: str, data: Mapping[str, Path], folder: Path, hyperparameters: Mapping[str, str]) -> float:
    """Return the score of the script that the image is made of, on this machine."""
    arguments = [text for key, value in hyperparameters.items() for text in (f"--{key}", value)]
    environment = {f"SM_CHANNEL_{channel.upper()}": str(path) for channel, path in data.items()}
    done = subprocess.run(
        [sys.executable, str(ROOT / "training_containers" / name / "train.py"), *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SM_MODEL_DIR": str(folder)}
        | ONE_THREAD
        | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return score(done.stdout)


@pytest.mark.parametrize("command", [("train",), ()], ids=["train", "no argument"])
def test_sandbox(name: str, command: tuple[str, ...], data: Mapping[str, Path], tmp_path: Path) -> None:
    channels = {channel: Channel(path, "text/csv") for channel, path in data.items()}
    contract = TrainingContract(
        f"contract-{name}", hyperparameters=STATIC[name], channels=channels, environment=ONE_THREAD
    )
    limits = docker.Limits(memory_mb=1024, cpus=1.0)
    staged = docker.contain(tmp_path / "base", contract, CONTAINERS[name], command=command, limits=limits)
    with ProcessRunner(lambda _: staged, slots=1, log_path=lambda _: tmp_path / "log") as running:
        running.start(Trial(0, {}))
        assert ended(until_idle(running), 0).status is TrialStatus.Completed, (tmp_path / "log").read_text()
    assert score((tmp_path / "log").read_text()) == pytest.approx(expected(name, data, tmp_path, STATIC[name]))
    assert list(staged.model_dir.iterdir())


def test_failure_is_said_in_the_failure_file(name: str, tmp_path: Path) -> None:
    contract = TrainingContract(f"contract-{name}", hyperparameters=STATIC[name])
    staged = docker.contain(tmp_path / "base", contract, CONTAINERS[name])
    with ProcessRunner(lambda _: staged, slots=1, log_path=lambda _: tmp_path / "log") as running:
        running.start(Trial(0, {}))
        end = ended(until_idle(running), 0)
    assert end.status is TrialStatus.Failed
    assert "channel" in staged.failure_file.read_text()
    assert "exit code 1" in str(end.reason)


def test_emulator_by_boto3(name: str, data: Mapping[str, Path], aws: Emulator, tmp_path: Path) -> None:
    s3, sagemaker = (boto3.client(service, region_name=aws.region) for service in ("s3", "sagemaker"))
    for channel, path in data.items():
        s3.upload_file(str(path / "rows.csv"), aws.bucket, f"{channel}/rows.csv")
    (parameter,), (bounds,) = TUNED[name], TUNED[name].values()
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="tuning",
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": METRIC},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [
                    {"Name": parameter, "MinValue": str(bounds["min"]), "MaxValue": str(bounds["max"])}
                ]
            },
            "RandomSeed": 7,
        },
        TrainingJobDefinition={
            "StaticHyperParameters": STATIC[name],
            "AlgorithmSpecification": {
                "TrainingImage": CONTAINERS[name],
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": METRIC, "Regex": metric_regex(METRIC)}],
            },
            "RoleArn": aws.role,
            "Environment": ONE_THREAD,
            "InputDataConfig": [
                {
                    "ChannelName": channel,
                    "ContentType": "text/csv",
                    "DataSource": {
                        "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{aws.bucket}/{channel}/"}
                    },
                }
                for channel in data
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{aws.bucket}/models"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        },
    )
    best = best_of("tuning", aws)
    given = {**STATIC[name], **best["TunedHyperParameters"]}
    found = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert found == pytest.approx(expected(name, data, tmp_path, given), abs=1e-6)
    job = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    s3.head_object(Bucket=aws.bucket, Key=job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3])


def best_of(job: str, aws: Emulator) -> dict[str, Any]:
    """Wait for a tuning job; return the summary of its best training job."""
    result = attach(job, backend=AmtBackend(region=aws.region)).wait()
    assert result.status is JobStatus.Completed
    sagemaker = boto3.client("sagemaker", region_name=aws.region)
    described = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    return dict(described["BestTrainingJob"])


def spec_of(name: str, data: Mapping[str, Path], **cloud: str) -> TuningSpec:
    return TuningSpec(
        name=f"in-containers-{name}",
        objective={"metric": METRIC, "goal": "Maximize"},
        parameters=TUNED[name],
        static=STATIC[name],
        strategy="random",
        limits={"max_trials": 2, "max_parallel": 2},
        seed=7,
        training={
            "image": CONTAINERS[name],
            "channels": {channel: str(path) for channel, path in data.items()},
            "environment": ONE_THREAD,
        },
        sagemaker={"instance_type": "ml.m5.large", **cloud},
    )


def test_emulator_by_the_backend_amt(name: str, data: Mapping[str, Path], aws: Emulator, tmp_path: Path) -> None:
    result = tune(spec_of(name, data, role=aws.role, region=aws.region), backend="amt").wait()
    assert best_score(result) == score_of_the_script(name, result, data, tmp_path)


def test_local_mode(name: str, data: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    result = tune(spec_of(name, data), backend=LocalModeBackend(isolation="docker")).wait()
    assert result.isolation == "docker"
    assert best_score(result) == score_of_the_script(name, result, data, tmp_path)


def best_score(result: TuningResult) -> float:
    """Return the best objective of a job, which has completed."""
    assert result.status is JobStatus.Completed
    assert result.best is not None
    assert result.best.objective is not None
    return result.best.objective


def score_of_the_script(name: str, result: TuningResult, data: Mapping[str, Path], tmp_path: Path) -> Any:
    """Return, about, what the bare script makes of the best trial's hyperparameters."""
    assert result.best is not None
    given = {**STATIC[name], **{key: str(value) for key, value in result.best.parameters.items()}}
    return pytest.approx(expected(name, data, tmp_path, given), abs=1e-6)


@pytest.mark.skipif(not SDK.exists(), reason="there is no SageMaker SDK in .venv-sdk3: run make test-sdk first")
@pytest.mark.skipif(COMPOSE is None, reason="the SDK needs docker-compose")
def test_local_mode_of_the_sdk(name: str, data: Mapping[str, Path], tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SDK_PROGRAM)
    root = tmp_path / f"sdk-{name}"
    root.mkdir()
    given = {"image": CONTAINERS[name], "hyperparameters": STATIC[name], "root": str(root)}
    given["channels"] = {channel: str(path) for channel, path in data.items()}
    environment = {
        **inherited_environment(),
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "HOME": str(tmp_path),
    }
    try:
        command = [str(SDK), str(tmp_path / "train.py"), json.dumps(given)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        subprocess.run([str(COMPOSE), "down"], cwd=root, capture_output=True, check=False)
    assert score(done.stdout) == pytest.approx(expected(name, data, tmp_path, STATIC[name]))
    assert (root / "compressed_artifacts" / "model.tar.gz").exists()
