"""SDK v2: what tuners send, and what smtune makes of them."""

import json
from pathlib import Path

from from_tuner_recording import decoded, recording_session, sent  # type: ignore[import-not-found]  # beside this
from sagemaker.estimator import Estimator
from sagemaker.inputs import FileSystemInput, TrainingInput
from sagemaker.session import Session
from sagemaker.sklearn import SKLearn
from sagemaker.tuner import (
    CategoricalParameter,
    ContinuousParameter,
    HyperbandStrategyConfig,
    HyperparameterTuner,
    InstanceConfig,
    IntegerParameter,
    StrategyConfig,
    TuningJobCompletionCriteriaConfig,
    WarmStartConfig,
    WarmStartTypes,
)
from sagemaker.workflow.parameters import ParameterInteger

from smtune import tune

ROLE = "arn:aws:iam::123456789012:role/SageMaker"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1"
RANGES = {"eta": ContinuousParameter(0.01, 0.5, "Logarithmic"), "booster": CategoricalParameter(["gbtree", "dart"])}
METRICS = [{"Name": "validation:loss", "Regex": r"validation_loss=([0-9.e-]+);"}]

boto_session, requests = recording_session()
session = Session(boto_session=boto_session)
boto_session.client("s3").create_bucket(Bucket="models")


def script(**others):
    own = {
        "entry_point": "train.py",
        "source_dir": "code",
        "role": ROLE,
        "instance_type": "ml.m5.large",
        "instance_count": 1,
        "framework_version": "1.2-1",
        "py_version": "py3",
        "hyperparameters": {"epochs": 2, "shuffle": True, "layers": [64, 32], "note": "a b"},
        "sagemaker_session": session,
    }
    return SKLearn(**{**own, **others})


def image(**others):
    own = {"image_uri": IMAGE, "role": ROLE, "instance_type": "ml.m5.large", "instance_count": 1}
    return Estimator(
        **{**own, "hyperparameters": {"epochs": 9, "objective": "auc"}, "sagemaker_session": session, **others}
    )


def tuner(one, **others):
    own = {
        "objective_metric_name": "validation:loss",
        "objective_type": "Minimize",
        "hyperparameter_ranges": RANGES,
        "metric_definitions": METRICS,
        "strategy": "Random",
        "max_jobs": 3,
        "random_seed": 0,
    }
    return HyperparameterTuner(one, **{**own, **others})


Path("data").mkdir()
Path("data/rows.csv").write_text("1,2\n3,4\n")
told = {}


def compare(name, one, inputs, **arguments):
    _, told[name] = decoded(one, inputs, job_name="churn-1", **arguments)
    told[name]["sent"] = sent(requests, lambda: one.fit(inputs, job_name="churn-1", wait=False, **arguments))


sklearn = tuner(script())
compare("script", sklearn, {"train": "s3://bucket/train"})
compare("script again", sklearn, {"train": "s3://bucket/train"})  # the SDK's own call has changed the estimator
compare(
    "everything",
    tuner(
        script(
            environment={"LOG": "debug"},
            tags=[{"Key": "team", "Value": "search"}],
            max_run=600,
            use_spot_instances=True,
            max_wait=1200,
            max_retry_attempts=2,
            checkpoint_s3_uri="s3://bucket/checkpoints",
            checkpoint_local_path="/opt/ml/checkpoints",
            subnets=["subnet-0123"],
            security_group_ids=["sg-0123"],
            encrypt_inter_container_traffic=True,
            volume_kms_key="key-1",
            output_path="s3://models/churn",
            output_kms_key="key-2",
            container_log_level=10,
            distribution=None,
        ),
        hyperparameter_ranges={**RANGES, "depth": IntegerParameter(2, 9)},
        early_stopping_type="Auto",
        tags=[{"Key": "cost", "Value": "7"}],
        max_parallel_jobs=2,
        max_runtime_in_seconds=3600,
        completion_criteria_config=TuningJobCompletionCriteriaConfig(target_objective_metric_value=0.1),
        warm_start_config=WarmStartConfig(WarmStartTypes.TRANSFER_LEARNING, parents={"old-1"}),
    ),
    {
        "train": TrainingInput("s3://bucket/train", content_type="text/csv", distribution="ShardedByS3Key"),
        "files": FileSystemInput("fs-0123456789abcdef0", "EFS", "/data"),
    },
)
compare(
    "image",
    tuner(
        image(),
        strategy="Hyperband",
        strategy_config=StrategyConfig(HyperbandStrategyConfig(max_resource=9, min_resource=1)),
    ),
    None,
    include_cls_metadata=True,
)
instances = tuner(
    image(entry_point="train.py", source_dir="code"), autotune=True, hyperparameters_to_keep_static=["epochs"]
)
instances.override_resource_config([InstanceConfig(1, "ml.c5.xlarge", 40), InstanceConfig(1, "ml.m5.xlarge", 40)])
compare("instances", instances, "s3://bucket/train")
compare(
    "several",
    HyperparameterTuner.create(
        estimator_dict={"own": image(), "forest": script()},
        objective_metric_name_dict={"own": "own:loss", "forest": "validation:loss"},
        hyperparameter_ranges_dict={"own": {"depth": IntegerParameter(2, 9)}, "forest": RANGES},
        metric_definitions_dict={"own": [{"Name": "own:loss", "Regex": "own=(.*)"}], "forest": METRICS},
        objective_type="Minimize",
        max_jobs=4,
    ),
    {"forest": {"train": "s3://bucket/train"}},
    include_cls_metadata={"own": True},
)

# A script by itself, a role that is only a name, a name for the job; it trains, here.
alone = tuner(
    script(entry_point="code/train.py", source_dir=None, role="SageMaker", sagemaker_session=Session(boto_session)),
    base_tuning_job_name="forest",
)
spec, told["alone"] = decoded(alone, {"train": "data"})
result = tune(spec, backend="local").wait()
told["trained"] = [trial.objective for trial in result.trials]

# The same job, submitted by smtune.
whole = tuner(script(), hyperparameter_ranges={**RANGES, "depth": IntegerParameter(2, 9)})
spec, told["amt"] = decoded(whole, {"train": "data"}, job_name="churn-2")
result = tune(spec, backend="amt").wait()
told["amt"]["status"] = result.status
told["amt"]["described"] = boto_session.client("sagemaker").describe_hyper_parameter_tuning_job(
    HyperParameterTuningJobName="churn-2"
)["TrainingJobDefinition"]

attached = HyperparameterTuner.attach("churn-2", sagemaker_session=session)
told["attached"] = [type(attached.estimator).__name__, attached.best_training_job()]
compare("attached again", attached.transfer_learning_tuner({"old-1"}), {"train": "s3://bucket/train"})

_, told["isolated"] = decoded(
    tuner(script(enable_network_isolation=True, dependencies=["data"])), "file://data", code_dir="packed"
)

told["refused"] = []
for one, inputs in (
    (tuner(script(git_config={"repo": "https://example.org/code.git"})), None),
    (tuner(script(), max_jobs=ParameterInteger("MaxJobs")), None),
    (tuner(script(source_dir="nowhere")), None),
    (tuner(script()), {"train": "nowhere"}),
    (script(), None),
):
    try:
        decoded(one, inputs)
    except ValueError as error:
        told["refused"].append(str(error))
print(json.dumps(told))
