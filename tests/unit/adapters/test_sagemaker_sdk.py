"""Tuners of the SageMaker SDK as specs, by stand-ins that send what the real ones sent; these are in tests/sdk."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from smtune import tune
from smtune.adapters.sagemaker_sdk import from_tuner
from smtune.amt import encode_request
from smtune.amt.patches import canonical
from smtune.errors import SpecError
from smtune.spec import TuningSpec
from tests.unit.adapters.sdk_objects import (
    REGION,
    ROLE,
    Channel,
    Estimator,
    HyperParameterTuningJob,
    InputData,
    Mode,
    NetworkError,
    PipelineSession,
    PipelineVariable,
    Session,
    Trainer,
    Tuner2,
    Tuner3,
)
from tests.unit.amt.recordings import NAMES, recorded

SCRIPT_2, SCRIPT_3 = recorded("v2_sklearn_script"), recorded("v3_script")


def compared(request: dict[str, Any]) -> Any:
    """Return a request without the job's name, the SDK's channel, and what an adapter cannot know the address of."""
    request = json.loads(json.dumps({**request, "HyperParameterTuningJobName": None}))
    for one in [request.get("TrainingJobDefinition") or {}, *request.get("TrainingJobDefinitions", ())]:
        one.get("StaticHyperParameters", {}).pop("sagemaker_job_name", None)
        channels = one.get("InputDataConfig", [])
        one["InputDataConfig"] = [channel for channel in channels if channel["ChannelName"] != "sm_drivers"]
    return canonical(request)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a script and data, where the user is."""
    (tmp_path / "code").mkdir()
    script = 'import sys\nprint("validation:loss=" + sys.argv[sys.argv.index("--min_samples_leaf") + 1])\n'
    (tmp_path / "code" / "train.py").write_text(script)
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    return tmp_path


def script_2(**fields: Any) -> Estimator:
    return Estimator(**{"entry_point": "train.py", "source_dir": "code", **fields})


def script_3(**fields: Any) -> Trainer:
    return Trainer(**{"source_code": SimpleNamespace(entry_script="train.py", source_dir="code"), **fields})


def problems_of(tuner: Any, inputs: Any = None, **arguments: Any) -> str:
    with pytest.raises(SpecError) as caught:
        from_tuner(tuner, inputs, **arguments)
    return str(caught.value)


def places(spec: TuningSpec) -> tuple[str | None, str | None]:
    assert spec.sagemaker is not None
    return spec.sagemaker.bucket, spec.sagemaker.prefix


class TestVersion2:
    @pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("v2_")])
    def test_what_is_sent_is_what_the_spec_says(self, name: str):
        request = recorded(name)
        names = [one["DefinitionName"] for one in request.get("TrainingJobDefinitions", ())]
        estimator = {one: Estimator() for one in names} or Estimator()
        spec = from_tuner(Tuner2(estimator, request))
        assert compared(encode_request(spec)) == compared(request)

    def test_code_and_data_are_those_of_this_machine(self, project: Path):
        tuner = Tuner2(script_2(), SCRIPT_2)
        spec = from_tuner(tuner, {"train": "data", "validation": project / "data", "test": "s3://bucket/test"})
        assert spec.training is not None
        assert (spec.training.source_dir, spec.training.entry_point) == (str(project / "code"), "train.py")
        sources = {name: one.source for name, one in spec.training.channels.items()}
        data = str(project / "data")
        assert sources == {"train": data, "validation": data, "test": "s3://bucket/test"}
        assert not [name for name in spec.static if name.startswith("sagemaker_")]
        assert spec.static["criterion"] == "squared_error"
        assert spec.sagemaker is not None
        assert (spec.sagemaker.region, spec.sagemaker.role) == (REGION, ROLE)

    def test_it_trains_here(self, project: Path):
        spec = from_tuner(Tuner2(script_2(), SCRIPT_2), {"train": "data"}, job_name="here")
        few = spec.model_copy(update={"limits": spec.limits.model_copy(update={"max_trials": 2})})
        result = tune(few, backend="local").wait()
        assert [trial.objective for trial in result.trials] == [
            pytest.approx(trial.parameters["min_samples_leaf"]) for trial in result.trials
        ]

    def test_the_tuner_stays_as_it_is(self, project: Path):
        tuner = Tuner2(script_2(), SCRIPT_2)
        before = {name: repr(value) for name, value in vars(tuner).items()}
        estimator = {name: repr(value) for name, value in vars(tuner.estimator).items()}
        from_tuner(tuner, {"train": "data"})
        assert {name: repr(value) for name, value in vars(tuner).items()} == before
        assert {name: repr(value) for name, value in vars(tuner.estimator).items()} == estimator
        with pytest.raises(AttributeError):  # its own session is the user's, still
            tuner.fit({"train": "s3://bucket/train"})

    def test_neither_profiles_nor_credentials_are_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        broken = tmp_path / "config"
        broken.write_text("no config")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, str(broken))
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        assert from_tuner(Tuner2(Estimator(), recorded("v2_image"))).training is not None

    def test_a_name_is_kept_and_none_is_made(self):
        request = recorded("v2_image")
        assert from_tuner(Tuner2(Estimator(), request)).name is None
        assert from_tuner(Tuner2(Estimator(), request), job_name="mine").name == "mine"
        long = Tuner2(Estimator(), request, base_tuning_job_name="a" * 31 + "-b")
        assert from_tuner(long).name == "a" * 31

    def test_a_bucket_that_nobody_was_asked_for_is_left_open(self, project: Path):
        tuner = Tuner2(script_2(sagemaker_session=Session(default_bucket=None)), SCRIPT_2, output=None)
        spec = from_tuner(tuner)
        assert spec.sagemaker is not None
        assert "OutputDataConfig" not in spec.sagemaker.definition
        assert spec.training is not None
        assert spec.training.output is None

    def test_a_bucket_of_the_users_own_is_kept(self):
        session = Session()
        assert places(from_tuner(Tuner2(Estimator(sagemaker_session=session), recorded("v2_image")))) == (None, None)
        session._default_bucket_name_override, session.default_bucket_prefix = "mine", "churn"
        spec = from_tuner(Tuner2(Estimator(sagemaker_session=session), recorded("v2_image")))
        assert places(spec) == ("mine", "churn")

    def test_a_role_that_is_only_a_name_is_left_open(self):
        tuner = Tuner2(Estimator(role="SageMaker"), recorded("v2_image"))
        with pytest.warns(UserWarning, match="nobody is asked for the ARN of SageMaker"):
            spec = from_tuner(tuner)
        assert spec.sagemaker is not None
        assert spec.sagemaker.role is None

    def test_a_script_by_itself_is_in_its_folder(self, project: Path):
        tuner = Tuner2(script_2(entry_point="code/train.py", source_dir=None), SCRIPT_2)
        with pytest.warns(UserWarning, match=r"packs train\.py alone"):
            spec = from_tuner(tuner)
        assert spec.training is not None
        assert (spec.training.source_dir, spec.training.entry_point) == (str(project / "code"), "train.py")

    def test_code_of_several_places_is_laid_out_in_a_copy(self, project: Path):
        (project / "lib" / "common").mkdir(parents=True)
        (project / "lib" / "common" / "parts.py").touch()
        (project / "code" / "notes.txt").touch()
        estimator = script_2(
            entry_point="code/train.py", source_dir=None, dependencies=["lib/common", "code/notes.txt"]
        )
        for _ in range(2):
            spec = from_tuner(Tuner2(estimator, SCRIPT_2), code_dir="packed")
        assert spec.training is not None
        packed = project / "packed"
        assert (spec.training.source_dir, spec.training.entry_point) == (str(packed), "train.py")
        assert sorted(path.name for path in packed.rglob("*")) == ["common", "notes.txt", "parts.py", "train.py"]
        with (
            pytest.warns(UserWarning, match=r"packs train\.py alone"),
            pytest.warns(UserWarning, match=r"lib/common, .*/code/notes\.txt beside the script, smtune does not"),
        ):
            from_tuner(Tuner2(estimator, SCRIPT_2))

    def test_each_definition_has_a_copy_of_its_own(self, project: Path):
        request = recorded("v2_several_algorithms")
        tuner = Tuner2({"boosting": Estimator(), "forest": script_2()}, request)
        spec = from_tuner(tuner, code_dir=project / "packed")
        assert spec.definitions is not None
        assert spec.definitions["forest"].training is not None
        assert spec.definitions["forest"].training.source_dir == str(project / "packed" / "forest")

    @pytest.mark.parametrize(
        ("folder", "rule"), [("code/copy", "lies in the code itself"), ("taken/in", "cannot take")]
    )
    def test_a_copy_that_cannot_be_made(self, project: Path, folder: str, rule: str):
        (project / "taken").touch()
        assert f"code_dir = {folder}: {rule}" in problems_of(Tuner2(script_2(), SCRIPT_2), code_dir=folder)

    def test_code_in_s3_stays_there(self):
        tuner = Tuner2(script_2(source_dir="s3://bucket/code.tar.gz"), SCRIPT_2)
        spec = from_tuner(tuner)
        assert spec.training is not None
        assert spec.training.has_remote_code

    def test_code_in_a_channel_comes_back_as_a_folder(self, project: Path):
        tuner = Tuner2(script_2(isolated=True), SCRIPT_2)
        with pytest.warns(UserWarning, match="without a network"):
            spec = from_tuner(tuner)
        assert spec.training is not None
        assert spec.training.source_dir == str(project / "code")
        assert "code" not in spec.training.channels

    def test_the_toolkit_is_not_left_to_autotune(self, project: Path):
        request = json.loads(json.dumps(SCRIPT_2))
        static = request["TrainingJobDefinition"].pop("StaticHyperParameters")
        hints = [{"Name": name, "ValueHint": text} for name, text in static.items()]
        request["HyperParameterTuningJobConfig"]["ParameterRanges"]["AutoParameters"] = hints
        request["Autotune"] = {"Mode": "Enabled"}
        with pytest.warns(UserWarning, match="choose sagemaker_container_log_level"):
            spec = from_tuner(Tuner2(script_2(), request))
        assert spec.training is not None
        assert spec.training.entry_point == "train.py"
        assert spec.sagemaker is not None
        assert "n_estimators" in spec.sagemaker.auto_parameters
        assert not [name for name in spec.sagemaker.auto_parameters if name.startswith("sagemaker_")]

    def test_the_sdks_local_instances_are_none_of_sagemaker(self, project: Path):
        request = json.loads(json.dumps(SCRIPT_2))
        request["TrainingJobDefinition"]["HyperParameterTuningResourceConfig"]["InstanceType"] = "local"
        request["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"] = f"file://{project}/models"
        spec = from_tuner(Tuner2(script_2(), request))
        assert spec.sagemaker is not None
        assert spec.sagemaker.choices == []
        assert spec.training is not None
        assert spec.training.output == str(project / "models")


@pytest.mark.usefixtures("version_3")
class TestVersion3:
    @pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("v3_")])
    def test_what_is_sent_is_what_the_spec_says(self, name: str):
        request = recorded(name)
        del request["TrainingJobDefinition"]["OutputDataConfig"]
        spec = from_tuner(Tuner3(Trainer(role=request["TrainingJobDefinition"]["RoleArn"]), request))
        output = {"OutputDataConfig": {"S3OutputPath": "s3://example-bucket/output"}}
        sent = {**request, "TrainingJobDefinition": {**request["TrainingJobDefinition"], **output}}
        assert compared(encode_request(spec)) == compared(sent)

    def test_code_and_data_are_those_of_this_machine(self, project: Path):
        spec = from_tuner(Tuner3(script_3(), SCRIPT_3), {"train": "data"})
        assert spec.training is not None
        assert (spec.training.source_dir, spec.training.entry_point) == (str(project / "code"), "train.py")
        assert {name: one.source for name, one in spec.training.channels.items()} == {"train": str(project / "data")}
        assert "sagemaker_program" not in spec.static
        assert spec.sagemaker is not None
        assert spec.sagemaker.region == REGION

    def test_the_tuner_stays_as_it_is(self, project: Path):
        tuner = Tuner3(script_3(), SCRIPT_3)
        before, trainer = repr(vars(tuner)), repr(vars(tuner.model_trainer))
        from_tuner(tuner, {"train": "data"})
        assert (repr(vars(tuner)), repr(vars(tuner.model_trainer))) == (before, trainer)

    def test_other_threads_get_their_clients_as_ever(self, version_3: Any):
        method = vars(version_3)["get_sagemaker_client"]

        def meanwhile() -> None:
            theirs = threading.Thread(target=version_3.get_sagemaker_client, args=("another's", "eu-west-1"))
            theirs.start()
            theirs.join()

        from_tuner(Tuner3(Trainer(), SCRIPT_3, during=meanwhile))
        assert version_3.made == [("another's", "eu-west-1", "sagemaker")]
        assert vars(version_3)["get_sagemaker_client"] is method

    def test_a_resource_that_forgets_its_session_reaches_nobody(self, version_3: Any, monkeypatch: pytest.MonkeyPatch):
        def create(session: Any, **request: Any) -> Any:
            del session
            return version_3.get_sagemaker_client().create_hyper_parameter_tuning_job(**request)

        monkeypatch.setattr(HyperParameterTuningJob, "create", create)
        assert from_tuner(Tuner3(Trainer(), SCRIPT_3)).training is not None
        assert version_3.made == []

    def test_an_sdk_that_creates_jobs_in_another_way_is_refused(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sys.modules["sagemaker.train.tuner"], "HyperParameterTuningJob", object)
        assert "creates tuning jobs in a way that is not known" in problems_of(Tuner3(Trainer(), SCRIPT_3))

    def test_inputs_of_the_trainer_that_the_sdk_fails_with_are_kept(self, project: Path):
        own = [InputData("train", "data", "text/csv"), Channel(channel_name="extra", s3_uri="s3://bucket/extra")]
        tuner = Tuner3(script_3(input_data_config=own), SCRIPT_3)
        with pytest.warns(UserWarning, match=r"input_data_config\['train'\]"):
            spec = from_tuner(tuner, [InputData("validation", "data"), InputData("held", "s3://bucket/held")])
        assert spec.training is not None
        assert {name: one.source for name, one in spec.training.channels.items()} == {
            "train": str(project / "data"),
            "validation": str(project / "data"),
            "held": "s3://bucket/held",
            "extra": "s3://bucket/extra",
        }

    def test_what_the_sdk_loses_is_kept_and_told(self):
        request = json.loads(json.dumps(SCRIPT_3))
        request["HyperParameterTuningJobConfig"].pop("RandomSeed")
        request["TrainingJobDefinition"]["AlgorithmSpecification"].pop("MetricDefinitions")
        trainer = Trainer(
            networking=SimpleNamespace(enable_network_isolation=True, enable_inter_container_traffic_encryption=True),
            compute=SimpleNamespace(volume_kms_key_id="key-1", keep_alive_period_in_seconds=60, instance_groups=["a"]),
            stopping_condition=SimpleNamespace(max_pending_time_in_seconds=7200),
            checkpoint_config=SimpleNamespace(s3_uri="s3://bucket/c", local_path="/opt/ml/checkpoints"),
            _retry_strategy=SimpleNamespace(maximum_retry_attempts=2),
            tags=[SimpleNamespace(key="team", value="search")],
            _metric_definitions=[SimpleNamespace(name="validation:loss", regex="loss=(.*)")],
            distributed="torchrun",
            training_image_config="private",
            source_code=SimpleNamespace(entry_script=None, source_dir="code", command="python train.py"),
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            spec = from_tuner(
                Tuner3(trainer, request, random_seed=0), [InputData("train", "s3://bucket/train", "text/csv")]
            )
        told = {str(one.message).partition(",")[0].partition(":")[0] for one in caught}
        assert told == {
            "tuner.random_seed = 0",
            "networking.enable_network_isolation = True",
            "networking.enable_inter_container_traffic_encryption = True",
            "compute.volume_kms_key_id = key-1",
            "compute.keep_alive_period_in_seconds = 60",
            "compute.instance_groups",
            "stopping_condition.max_pending_time_in_seconds = 7200",
            "model_trainer.with_metric_definitions(...)",
            "model_trainer.with_retry_strategy(2)",
            "model_trainer.checkpoint_config = s3",
            "inputs['train'].content_type = text/csv",
            "model_trainer.distributed",
            "model_trainer.training_image_config",
            "source_code.command",
        }
        assert {one.filename for one in caught} == {__file__}
        sent = encode_request(spec)
        definition = sent["TrainingJobDefinition"]
        assert sent["HyperParameterTuningJobConfig"]["RandomSeed"] == 0
        assert (definition["EnableNetworkIsolation"], definition["EnableInterContainerTrafficEncryption"]) == (
            True,
            True,
        )
        assert definition["ResourceConfig"]["VolumeKmsKeyId"] == "key-1"
        assert definition["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 60
        assert definition["StoppingCondition"]["MaxPendingTimeInSeconds"] == 7200
        assert definition["CheckpointConfig"] == {"S3Uri": "s3://bucket/c", "LocalPath": "/opt/ml/checkpoints"}
        assert definition["RetryStrategy"] == {"MaximumRetryAttempts": 2}
        assert definition["InputDataConfig"][0]["ContentType"] == "text/csv"
        assert sent["Tags"] == [{"Key": "team", "Value": "search"}]
        assert spec.metrics == {"validation:loss": "loss=(.*)"}

    def test_an_algorithm_by_name_is_kept(self):
        request = json.loads(json.dumps(recorded("v3_image_hyperband")))
        del request["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"]
        with pytest.warns(UserWarning, match=r"model_trainer\.algorithm_name = segmenter"):
            spec = from_tuner(Tuner3(Trainer(algorithm_name="segmenter"), request))
        assert spec.training is not None
        assert spec.training.algorithm == "segmenter"

    def test_instances_to_choose_from_are_kept(self):
        configs = [SimpleNamespace(instance_type="ml.c5.xlarge", instance_count=1, volume_size_in_gb=40)]
        with pytest.warns(UserWarning, match="override_resource_config"):
            spec = from_tuner(Tuner3(Trainer(), SCRIPT_3, instance_configs=configs))
        assert spec.sagemaker is not None
        assert [(one.type, one.volume_gb) for one in spec.sagemaker.choices] == [("ml.c5.xlarge", 40)]

    def test_what_autotune_is_to_choose_is_kept(self, project: Path):
        request = json.loads(json.dumps(SCRIPT_3))
        request["Autotune"] = {"Mode": "Enabled"}
        static = request["TrainingJobDefinition"].pop("StaticHyperParameters")
        with (
            pytest.warns(UserWarning, match="hyperparameters epochs, activation"),
            pytest.warns(UserWarning, match="would let SageMaker choose sagemaker_program"),
        ):
            spec = from_tuner(Tuner3(script_3(), request, auto_parameters=static))
        assert spec.sagemaker is not None
        assert spec.sagemaker.auto_parameters["epochs"] == "10"
        assert spec.training is not None
        assert spec.training.entry_point == "train.py"

    def test_code_that_is_packed_already_is_refused(self, project: Path):
        (project / "code.tar.gz").touch()
        trainer = Trainer(source_code=SimpleNamespace(entry_script="train.py", source_dir="code.tar.gz"))
        text = problems_of(Tuner3(trainer, SCRIPT_3))
        assert (
            "source_code.source_dir = code.tar.gz: is an archive, of which the SDK's tuner would send nothing" in text
        )

    def test_several_trainers_become_definitions(self, project: Path):
        trainers = {"first": script_3(), "second": Trainer()}
        with pytest.warns(UserWarning, match=r"fails with HyperparameterTuner\.create"):
            spec = from_tuner(Tuner3(trainers, SCRIPT_3), {"first": {"train": "data"}})
        assert spec.definitions is not None
        assert list(spec.definitions) == ["second"]
        assert spec.training is not None
        assert spec.training.source_dir == str(project / "code")
        assert spec.definitions["second"].training is not None
        assert spec.definitions["second"].training.has_remote_code
        assert spec.definitions["second"].parameters == spec.parameters

    def test_several_trainers_need_to_know_which_gets_what(self):
        text = problems_of(Tuner3({"first": Trainer()}, SCRIPT_3), "s3://bucket/train")
        assert "must say which trainer gets what; write {name: inputs}, with names among first" in text

    def test_a_trainer_for_containers_here_has_neither_role_nor_bucket(self, project: Path):
        trainer = script_3(
            training_mode=Mode.LOCAL_CONTAINER, sagemaker_session=None, role=None, output_data_config=None
        )
        spec = from_tuner(Tuner3(trainer, SCRIPT_3), {"train": "data"})
        assert spec.sagemaker is not None
        assert spec.sagemaker.role is None
        assert "OutputDataConfig" not in spec.sagemaker.definition
        assert trainer.training_mode is Mode.LOCAL_CONTAINER


class TestRefusals:
    def test_what_is_no_tuner(self):
        text = problems_of(Estimator())
        assert "tuner = sagemaker.estimator.Estimator: is no HyperparameterTuner of the SageMaker SDK" in text
        assert "sagemaker.train.tuner (version 3) or sagemaker.tuner (version 2)" in text

    def test_what_only_a_pipeline_knows(self):
        class Own(Estimator):
            """An estimator of the user's."""

        estimator = Own(hyperparameters={"eta": [PipelineVariable()]}, sagemaker_session=PipelineSession())
        text = problems_of(Tuner2(estimator, SCRIPT_2), {"train": PipelineVariable()})
        assert (
            "tuner.estimator.hyperparameters['eta'][0] = PipelineVariable: is known only when a pipeline runs" in text
        )
        assert "tuner.estimator.sagemaker_session = PipelineSession: submits nothing by itself" in text
        assert "inputs['train']" in text

    def test_what_the_sdk_refuses(self):
        text = problems_of(Tuner2(Estimator(), SCRIPT_2, refuses=ValueError("No file named\n train.py")))
        assert (
            "tuner = HyperparameterTuner: is refused by the SageMaker SDK: ValueError: No file named train.py" in text
        )

    def test_what_only_aws_knows(self):
        def asks(session: Any) -> None:
            session.sagemaker_client.describe_algorithm(AlgorithmName="segmenter")

        text = problems_of(Tuner2(Estimator(), SCRIPT_2, asks=asks))
        assert "asks AWS (sagemaker:DescribeAlgorithm) before the tuning job is made" in text

    def test_what_reaches_past_the_session(self):
        session = Session()
        text = problems_of(Tuner2(Estimator(), SCRIPT_2, asks=lambda _: session.boto_session.client("s3")))
        assert NetworkError.__name__ in text

    def test_a_tuner_that_sends_nothing(self):
        class Silent(Tuner2):
            def fit(self, *_: Any, **__: Any) -> None:
                """Send nothing."""

        assert "sent no request" in problems_of(Silent(Estimator(), SCRIPT_2))

    def test_code_that_would_be_cloned(self):
        tuner = Tuner2(Estimator(git_config={"repo": "https://example.org", "password": "123"}), SCRIPT_2)
        text = problems_of(tuner)
        assert "estimator.git_config" in text
        assert "123" not in text

    def test_data_that_are_nowhere(self):
        assert "inputs.train = nowhere: is neither an s3:// address" in problems_of(
            Tuner2(Estimator(), SCRIPT_2), {"train": "nowhere"}
        )

    def test_a_request_that_no_spec_can_say(self):
        request = json.loads(json.dumps(SCRIPT_2))
        request["HyperParameterTuningJobConfig"]["Strategy"] = "Annealing"
        assert "Annealing" in problems_of(Tuner2(Estimator(), request))


def test_the_sdk_is_not_imported():
    code = "import sys, smtune.adapters.sagemaker_sdk; sys.exit('sagemaker' in sys.modules or 'boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
