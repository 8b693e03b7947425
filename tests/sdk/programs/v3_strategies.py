"""SDK v3: everything that a tuner can be told about its search."""

import json

import boto3
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.resources import HyperParameterTuningJob
from sagemaker.core.shapes import (
    HyperbandStrategyConfig,
    HyperParameterTuningJobStrategyConfig,
    HyperParameterTuningJobWarmStartConfig,
    ParentHyperParameterTuningJob,
    TuningJobCompletionCriteria,
)
from sagemaker.core.training.configs import Compute, SourceCode
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

BUCKET = "sagemaker-us-east-1-123456789012"

boto3.client("s3").put_object(Bucket=BUCKET, Key="data/rows.csv", Body=b"1,2\n3,4\n")
booster = CategoricalParameter(["gbtree", "dart"])
eta = ContinuousParameter(0.01, 0.5)


def tune(name, ranges, **options):
    trainer = ModelTrainer(
        training_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1",
        role="arn:aws:iam::123456789012:role/SageMaker",
        source_code=SourceCode(source_dir="code", entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large"),
        hyperparameters={"epochs": 3},
    )
    tuner = HyperparameterTuner(
        trainer,
        objective_metric_name="validation:loss",
        objective_type="Minimize",
        metric_definitions=[{"Name": "validation:loss", "Regex": r"validation_loss=([0-9.e-]+);"}],
        hyperparameter_ranges=ranges,
        max_parallel_jobs=2,
        **options,
    )
    tuner.tune({"train": f"s3://{BUCKET}/data/"}, job_name=name, wait=False)
    return tuner


def parents(*names):
    return [ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name=name) for name in names]


grid = tune("grid", {"booster": booster}, strategy="Grid")
hyperband = tune(
    "hyperband",
    {"eta": eta},
    strategy="Hyperband",
    max_jobs=4,
    strategy_config=HyperParameterTuningJobStrategyConfig(
        hyperband_strategy_config=HyperbandStrategyConfig(min_resource=1, max_resource=3)
    ),
)
stopping = tune(
    "stopping",
    {"eta": eta, "epochs": IntegerParameter(2, 3)},
    strategy="Random",
    max_jobs=6,
    early_stopping_type="Auto",
    completion_criteria_config=TuningJobCompletionCriteria(target_objective_metric_value=2.0),
    max_runtime_in_seconds=3600,
    tags=[{"Key": "team", "Value": "growth"}],
)
for one in (grid, hyperband, stopping):
    one.wait()
child = tune(
    "child",
    {"eta": eta},
    max_jobs=2,
    warm_start_config=HyperParameterTuningJobWarmStartConfig(
        parent_hyper_parameter_tuning_jobs=parents("hyperband"), warm_start_type="IdenticalDataAndAlgorithm"
    ),
)
child.wait()

criteria = stopping.describe().hyper_parameter_tuning_job_config.tuning_job_completion_criteria
described = child.describe()
jobs = HyperParameterTuningJob.get_all(sort_by="CreationTime")
print(
    json.dumps(
        {
            "jobs": {one.hyper_parameter_tuning_job_name: one.hyper_parameter_tuning_job_status for one in jobs},
            "grid": sorted(grid.analytics().dataframe()["booster"]),
            "hyperband": len(hyperband.analytics().dataframe()),
            "criteria": criteria.model_dump(exclude_unset=True),
            "stopping": len(stopping.analytics().dataframe()),
            "warm_start": described.warm_start_config.warm_start_type,
            "overall": described.overall_best_training_job.tuning_job_name,
        }
    )
)
