"""Stand-ins for the objects of both generations of the SageMaker SDK: what smtune looks at and calls, and no more.

Their tuners send requests that the real ones sent once (``tests/unit/amt/recorded``), in the way in which the real ones
send them, and change their estimators and trainers on the way as the real ones do.
"""

from __future__ import annotations

from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import boto3

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/service-role/SageMakerRole"


class NetworkError(Exception):
    """Something would have gone to AWS."""


_REAL = boto3.Session(region_name=REGION)


class RealBoto:
    """Stands for a boto3 session of the user's, of which nothing may be asked."""

    def client(self, *_: Any, **__: Any) -> Any:
        raise NetworkError

    resource = client


class Session:
    """``sagemaker.session.Session``, and that of version 3."""

    def __init__(self, default_bucket: str | None = "example-bucket") -> None:
        self.boto_session: Any = RealBoto()
        self.sagemaker_client: Any = RealBoto()
        self.default_session = _REAL
        self.s3_resource: Any = None
        self.local_mode = True
        self.boto_region_name = REGION
        self._default_bucket = default_bucket
        self._default_bucket_name_override: str | None = None
        self.default_bucket_prefix: str | None = None

    def default_bucket(self) -> str:
        if self._default_bucket is None:
            raise NetworkError
        return self._default_bucket


class PipelineSession(Session):
    """A session that only writes down what it is asked for."""


class PipelineVariable:
    """A value that a pipeline fills in."""


PipelineVariable.__module__ = PipelineSession.__module__ = "sagemaker.workflow"
Session.__module__ = "sagemaker.session"


class Estimator:
    """``sagemaker.estimator.Estimator`` of version 2."""

    def __init__(self, **fields: Any) -> None:
        self.sagemaker_session: Any = Session()
        self.role = ROLE
        self.entry_point: str | None = None
        self.source_dir: str | None = None
        self.dependencies: list[str] = []
        self.git_config = None
        self.code_uri: str | None = None
        self.code_channel_name = "code"
        self.isolated = False
        self._hyperparameters: dict[str, Any] = {}
        vars(self).update(fields)

    def enable_network_isolation(self) -> bool:
        return self.isolated


Estimator.__module__ = "sagemaker.estimator"


class Tuner2:
    """``sagemaker.tuner.HyperparameterTuner``; ``request`` is what it sends, ``asks`` what it asks AWS for before."""

    def __init__(self, estimator: Any, request: dict[str, Any], **fields: Any) -> None:
        several = isinstance(estimator, dict)
        self.estimator = None if several else estimator
        self.estimator_dict = estimator if several else None
        self.base_tuning_job_name: str | None = None
        self.request = request
        self.output: str | None = "as recorded"
        self.asks: Any = None
        self.refuses: Exception | None = None
        self.latest_tuning_job: Any = None
        vars(self).update(fields)

    @property
    def sagemaker_session(self) -> Any:
        one = self.estimator or next(iter((self.estimator_dict or {}).values()))
        return one.sagemaker_session

    def fit(self, inputs: Any = None, *, job_name: str | None = None, wait: bool = True, **arguments: Any) -> None:
        if self.refuses is not None:
            raise self.refuses
        if self.estimator_dict is not None and not isinstance(arguments.get("include_cls_metadata"), dict):
            raise ValueError("Argument 'include_cls_metadata' must be a dictionary")
        request = {**self.request, "HyperParameterTuningJobName": job_name}
        for name, one in (self.estimator_dict or {None: self.estimator}).items():
            session = one.sagemaker_session
            one._hyperparameters["sagemaker_submit_directory"] = "s3://..."
            definition = _definition(request, name)
            if one.entry_point is not None:
                object_ = session.s3_resource.Object(session.default_bucket(), "sourcedir.tar.gz")
                object_.upload_file(__file__)
            if one.isolated:
                one.code_uri = "s3://example-bucket/code"
                channel = {"ChannelName": "code", "DataSource": {"S3DataSource": _source(one.code_uri)}}
                definition["InputDataConfig"] = [*definition.get("InputDataConfig", ()), channel]
            if self.output is None:
                definition["OutputDataConfig"] = {"S3OutputPath": f"s3://{session.default_bucket()}/"}
            if "/" not in one.role:
                definition["RoleArn"] = session.boto_session.resource("iam").Role(one.role).arn
            own = inputs if name is None else (inputs or {}).get(name)
            if own is not None:
                definition["InputDataConfig"] = [
                    {"ChannelName": key, "DataSource": {"S3DataSource": _source(uri)}} for key, uri in own.items()
                ]
            if self.asks is not None:
                self.asks(session)
        self.sagemaker_session.sagemaker_client.create_hyper_parameter_tuning_job(**request)
        self.latest_tuning_job = job_name if not wait else None


Tuner2.__module__, Tuner2.__qualname__ = "sagemaker.tuner", "HyperparameterTuner"


def _source(uri: str) -> dict[str, str]:
    return {"S3DataType": "S3Prefix", "S3Uri": uri}


def _definition(request: dict[str, Any], name: str | None) -> dict[str, Any]:
    """Put a copy of a definition in its place, and return it."""
    if name is None:
        request["TrainingJobDefinition"] = dict(request["TrainingJobDefinition"])
        return request["TrainingJobDefinition"]  # type: ignore[no-any-return]
    definitions = [dict(one) for one in request["TrainingJobDefinitions"]]
    request["TrainingJobDefinitions"] = definitions
    return next(one for one in definitions if one["DefinitionName"] == name)


class Mode(Enum):
    """``sagemaker.train.model_trainer.Mode``."""

    LOCAL_CONTAINER = "LOCAL_CONTAINER"
    SAGEMAKER_TRAINING_JOB = "SAGEMAKER_TRAINING_JOB"


class Unassigned:
    """What version 3 has in place of what nobody set."""


class InputData:
    """``sagemaker.core.training.configs.InputData``."""

    def __init__(self, channel_name: str, data_source: Any, content_type: str | None = None) -> None:
        self.channel_name, self.data_source, self.content_type = channel_name, data_source, content_type


class Channel(SimpleNamespace):
    """``sagemaker.core.shapes.Channel``."""


class Trainer:
    """``sagemaker.train.ModelTrainer`` of version 3."""

    def __init__(self, **fields: Any) -> None:
        self.training_mode = Mode.SAGEMAKER_TRAINING_JOB
        self.sagemaker_session: Any = Session()
        self.role: str | None = ROLE
        self.output_data_config: Any = SimpleNamespace(s3_output_path="s3://example-bucket/output")
        self.input_data_config: list[Any] | None = None
        self.hyperparameters: dict[str, Any] = {}
        self.algorithm_name = self.networking = self.distributed = self.training_image_config = None
        self.compute: Any = SimpleNamespace(volume_kms_key_id=Unassigned(), keep_alive_period_in_seconds=None)
        self.checkpoint_config: Any = None
        self.tags: list[Any] | None = None
        self.stopping_condition: Any = SimpleNamespace(max_pending_time_in_seconds=None)
        self.source_code: Any = None
        self.__pydantic_private__ = {"_temp_recipe_train_dir": "the user's", "_temp_code_dir": "the user's"}
        vars(self).update(fields)

    def create_input_data_channel(self, channel_name: str, data_source: Any) -> Channel:
        return Channel(channel_name=channel_name, s3_uri=data_source, input_mode="File")


Trainer.__module__ = "sagemaker.train.model_trainer"


class Base:
    """What version 3's resources inherit their clients from."""

    made: ClassVar[list[Any]] = []

    @classmethod
    def get_sagemaker_client(cls, session: Any = None, region_name: Any = None, service_name: str = "sagemaker") -> Any:
        cls.made.append((session, region_name, service_name))
        return SimpleNamespace()


class HyperParameterTuningJob(Base):
    """``sagemaker.core.resources.HyperParameterTuningJob``."""

    @classmethod
    def create(cls, session: Any, **request: Any) -> Any:
        client = Base.get_sagemaker_client(session=session, region_name=REGION, service_name="sagemaker")
        return client.create_hyper_parameter_tuning_job(**request)


class Tuner3:
    """``sagemaker.train.tuner.HyperparameterTuner``; ``request`` is what it sends for a trainer, or by trainer."""

    def __init__(self, trainer: Any, request: dict[str, Any], **fields: Any) -> None:
        several = isinstance(trainer, dict)
        self.model_trainer = None if several else trainer
        self.model_trainer_dict = trainer if several else None
        for name in ("objective_metric_name", "_hyperparameter_ranges", "metric_definitions"):
            setattr(self, name, None)
            setattr(self, f"{name}_dict", dict.fromkeys(trainer, name) if several else None)
        self.hyperparameters_to_keep_static = self.hyperparameters_to_keep_static_dict = None
        self.instance_configs: Any = None
        self.instance_configs_dict: Any = None
        self.auto_parameters: dict[str, str] | None = None
        self.random_seed: int | None = None
        self.base_tuning_job_name: str | None = None
        self.during: Any = None
        self.request = request
        vars(self).update(fields)

    def tune(self, inputs: Any = None, job_name: str | None = None, *, wait: bool = True) -> None:
        trainer = self.model_trainer
        if trainer is None or trainer.training_mode is not Mode.SAGEMAKER_TRAINING_JOB or wait:
            raise AttributeError("'NoneType' object has no attribute 'training_image'")
        if trainer.source_code is not None:
            trainer.hyperparameters["sagemaker_program"] = trainer.source_code.entry_script
            trainer.sagemaker_session.s3_client.put_object(Bucket=trainer.sagemaker_session.default_bucket(), Key="k")
        trainer._tuner_temp_dir = SimpleNamespace(cleanup=lambda: None)
        request = {**self.request, "HyperParameterTuningJobName": job_name}
        definition = _definition(request, None)
        definition |= {
            "RoleArn": trainer.role,
            "OutputDataConfig": {"S3OutputPath": trainer.output_data_config.s3_output_path},
        }
        if trainer.tags:
            request["Tags"] = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in trainer.tags]
        given = inputs.items() if isinstance(inputs, dict) else [_named(one) for one in inputs or ()]
        own = [(one.channel_name, one.s3_uri) for one in trainer.input_data_config or ()]
        if given or own:
            definition["InputDataConfig"] = [
                {"ChannelName": key, "DataSource": {"S3DataSource": _source(uri)}} for key, uri in [*given, *own]
            ]
        if self.during is not None:
            self.during()
        HyperParameterTuningJob.create(session=trainer.sagemaker_session.boto_session, **request)


Tuner3.__module__, Tuner3.__qualname__ = "sagemaker.train.tuner", "HyperparameterTuner"


def _named(given: Any) -> tuple[str, str]:
    return given.channel_name, getattr(given, "s3_uri", None) or given.data_source


def modules_of_version_3() -> dict[str, ModuleType]:
    """Return the modules that whoever has a tuner of version 3 has imported."""
    members: dict[str, dict[str, Any]] = {
        "sagemaker.train.tuner": {"HyperParameterTuningJob": HyperParameterTuningJob},
        "sagemaker.core.shapes": {"OutputDataConfig": SimpleNamespace},
        "sagemaker.core.helper.session_helper": {"Session": _session_of_version_3},
    }
    modules = {name: ModuleType(name) for name in members}
    for name, module in modules.items():
        vars(module).update(members[name])
    return modules


def _session_of_version_3(boto_session: Any, default_bucket: str) -> Session:
    session = Session(default_bucket)
    session.boto_session = boto_session
    return session
