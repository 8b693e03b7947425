"""SDK v3: what tuners send, and what smtune makes of them."""

import json
from pathlib import Path

from from_tuner_recording import decoded, recording_session, sent  # type: ignore[import-not-found]  # beside this
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.shapes import (
    Channel,
    CheckpointConfig,
    DataSource,
    HyperbandStrategyConfig,
    HyperParameterTuningInstanceConfig,
    HyperParameterTuningJobStrategyConfig,
    HyperParameterTuningJobWarmStartConfig,
    ParentHyperParameterTuningJob,
    RetryStrategy,
    S3DataSource,
    StoppingCondition,
    Tag,
    TuningJobCompletionCriteria,
)
from sagemaker.core.training.configs import Compute, InputData, Networking, SourceCode
from sagemaker.train import ModelTrainer
from sagemaker.train.model_trainer import Mode
from sagemaker.train.tuner import HyperparameterTuner

from smtune import tune

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1"
RANGES = {"eta": ContinuousParameter(0.01, 0.5, "Logarithmic"), "booster": CategoricalParameter(["gbtree", "dart"])}
METRICS = [{"Name": "validation:loss", "Regex": r"validation_loss=([0-9.e-]+);"}]

boto_session, requests = recording_session()
session = Session(boto_session=boto_session)


def trainer(**others):
    own = {
        "training_image": IMAGE,
        "role": "arn:aws:iam::123456789012:role/SageMaker",
        "source_code": SourceCode(source_dir="code", entry_script="train.py"),
        "compute": Compute(instance_type="ml.m5.large", instance_count=1),
        "hyperparameters": {"epochs": 2, "shuffle": True, "layers": [64, 32], "note": "a b"},
        "sagemaker_session": session,
    }
    return ModelTrainer(**{**own, **others})


def tuner(one, **others):
    own = {
        "objective_metric_name": "validation:loss",
        "objective_type": "Minimize",
        "hyperparameter_ranges": RANGES,
        "metric_definitions": METRICS,
        "strategy": "Random",
        "max_jobs": 3,
        "random_seed": 7,
    }
    return HyperparameterTuner(one, **{**own, **others})


Path("data").mkdir()
Path("data/rows.csv").write_text("1,2\n3,4\n")
told = {}


def compare(name, one, inputs, **arguments):
    _, told[name] = decoded(one, inputs, job_name="churn-1", **arguments)
    told[name]["sent"] = sent(requests, lambda: one.tune(inputs, job_name="churn-1", wait=False, **arguments))


script = tuner(trainer())
compare("script", script, {"train": "s3://bucket/train"})
compare("script again", script, {"train": "s3://bucket/train"})  # the SDK's own call has changed the trainer
compare(
    "everything",
    tuner(
        trainer(
            environment={"LOG": "debug"},
            tags=[Tag(key="team", value="search")],
            stopping_condition=StoppingCondition(max_runtime_in_seconds=600, max_wait_time_in_seconds=1200),
            compute=Compute(instance_type="ml.m5.large", instance_count=2, enable_managed_spot_training=True),
            checkpoint_config=CheckpointConfig(s3_uri="s3://bucket/checkpoints", local_path="/opt/ml/checkpoints"),
            networking=Networking(subnets=["subnet-0123"], security_group_ids=["sg-0123"]),
        ).with_retry_strategy(RetryStrategy(maximum_retry_attempts=2)),
        hyperparameter_ranges={**RANGES, "depth": IntegerParameter(2, 9)},
        early_stopping_type="Auto",
        tags=[{"Key": "cost", "Value": "7"}],
        max_parallel_jobs=2,
        max_runtime_in_seconds=3600,
        completion_criteria_config=TuningJobCompletionCriteria(target_objective_metric_value=0.1),
        warm_start_config=HyperParameterTuningJobWarmStartConfig(
            parent_hyper_parameter_tuning_jobs=[ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name="old-1")],
            warm_start_type="TransferLearning",
        ),
    ),
    [
        InputData(channel_name="train", data_source="s3://bucket/train", content_type="text/csv"),
        Channel(
            channel_name="validation",
            data_source=DataSource(
                s3_data_source=S3DataSource(
                    s3_data_type="S3Prefix", s3_uri="s3://bucket/v", s3_data_distribution_type="ShardedByS3Key"
                )
            ),
            shuffle_config={"seed": 3},
        ),
    ],
)
compare(
    "image",
    tuner(
        trainer(source_code=None, hyperparameters={"epochs": 9}),
        strategy="Hyperband",
        strategy_config=HyperParameterTuningJobStrategyConfig(
            hyperband_strategy_config=HyperbandStrategyConfig(min_resource=1, max_resource=9)
        ),
    ),
    None,
)

_, told["lost"] = decoded(
    tuner_with_overrides := tuner(
        trainer(
            networking=Networking(enable_network_isolation=True, enable_inter_container_traffic_encryption=True),
            compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_kms_key_id="key-1"),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=60, max_pending_time_in_seconds=7200),
            input_data_config=[
                InputData(channel_name="train", data_source="data", content_type="text/csv"),
                InputData(
                    channel_name="extra",
                    data_source=S3DataSource(
                        s3_data_type="ManifestFile", s3_uri="s3://bucket/m", s3_data_distribution_type="FullyReplicated"
                    ),
                ),
            ],
        ).with_metric_definitions([]),
        random_seed=0,
    )
)
tuner_with_overrides.override_resource_config(
    [HyperParameterTuningInstanceConfig(instance_type="ml.c5.xlarge", instance_count=1, volume_size_in_gb=40)]
)
_, told["resources"] = decoded(tuner_with_overrides)
_, told["autotune"] = decoded(tuner(trainer(), autotune=True, hyperparameters_to_keep_static=["note"]))
several = HyperparameterTuner.create(
    model_trainer_dict={"boosting": trainer(), "own": trainer(source_code=None, hyperparameters={})},
    objective_metric_name_dict={"boosting": "validation:loss", "own": "own:loss"},
    hyperparameter_ranges_dict={"boosting": RANGES, "own": {"depth": IntegerParameter(2, 9)}},
    metric_definitions_dict={"boosting": METRICS, "own": [{"Name": "own:loss", "Regex": "own=(.*)"}]},
    objective_type="Minimize",
    max_jobs=4,
    base_tuning_job_name="two",
)
_, told["several"] = decoded(several, {"boosting": {"train": "data"}})

# A trainer for containers on this machine, which knows neither a role nor a bucket; and it trains, here.
here = tuner(
    ModelTrainer(
        training_mode=Mode.LOCAL_CONTAINER,
        training_image=IMAGE,
        source_code=SourceCode(source_dir="code", entry_script="train.py"),
        hyperparameters={"epochs": 2},
    )
)
spec, told["here"] = decoded(here, {"train": Path("data")})
result = tune(spec, backend="local").wait()
told["trained"] = [trial.objective for trial in result.trials]

# The same job, submitted by smtune.
spec, told["amt"] = decoded(script, {"train": "data"}, job_name="churn-2")
result = tune(spec, backend="amt").wait()
told["amt"]["status"] = result.status
told["amt"]["described"] = boto_session.client("sagemaker").describe_hyper_parameter_tuning_job(
    HyperParameterTuningJobName="churn-2"
)["TrainingJobDefinition"]

try:
    decoded(tuner(trainer(), max_jobs=None, strategy="Simulated"))
except ValueError as error:
    told["refused"] = str(error)
print(json.dumps(told))
