"""SDK v3: stop a tuning job."""

import json

from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.resources import HyperParameterTuningJob
from sagemaker.core.training.configs import Compute, SourceCode
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

trainer = ModelTrainer(
    training_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1",
    role="arn:aws:iam::123456789012:role/SageMaker",
    source_code=SourceCode(source_dir="code", entry_script="sleep.py"),
    compute=Compute(instance_type="ml.m5.large"),
)
tuner = HyperparameterTuner(
    trainer,
    objective_metric_name="loss",
    metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    hyperparameter_ranges={"eta": ContinuousParameter(0.01, 0.5)},
    max_jobs=10,
    max_parallel_jobs=2,
)
tuner.tune(job_name="sleepy", wait=False)
while tuner.describe().training_job_status_counters.in_progress < 2:
    pass
before = tuner.latest_tuning_job.hyper_parameter_tuning_job_status
tuner.stop_tuning_job()
tuner.latest_tuning_job.wait()
print(
    json.dumps(
        {
            "status": [before, tuner.describe().hyper_parameter_tuning_job_status],
            "trained": [one.training_job_status for one in tuner.latest_tuning_job.get_all_training_jobs()],
            "all": [one.hyper_parameter_tuning_job_name for one in HyperParameterTuningJob.get_all()],
        }
    )
)
