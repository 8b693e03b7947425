"""Requests that other programs sent: nothing of them is lost, and they read as if they were written for smtune."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from smtune.amt import decode_request, encode_request
from smtune.amt.limits import Severity, check_request
from smtune.amt.patches import canonical
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter
from smtune.spec import InstanceChoice, MedianConfig, TuningSpec
from tests.unit.amt.recordings import NAMES, recorded

NO_SEED = {"HyperParameterTuningJobConfig": {"RandomSeed": None}}
TEXTS = ("StaticHyperParameters", "Environment")
every_request = pytest.mark.parametrize("name", NAMES)


def spec_of(name: str) -> TuningSpec:
    return decode_request(recorded(name))


@every_request
def test_nothing_is_lost(name: str):
    request = recorded(name)
    assert canonical(encode_request(decode_request(request))) == canonical(request)


@every_request
def test_the_spec_can_be_written_to_a_file(name: str):
    spec = spec_of(name)
    written = TuningSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert written == spec
    assert encode_request(written) == encode_request(spec)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("reference")])
def test_the_check_finds_nothing_wrong(name: str):
    assert [one for one in check_request(recorded(name)) if one.severity is Severity.error] == []


def structures(value: Any, member: str = "") -> Iterator[dict[str, Any]]:
    """Yield every object of a request that has members of the service's own."""
    if isinstance(value, dict) and member not in TEXTS:
        yield value
        for key, inner in value.items():
            yield from structures(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from structures(inner, member)


@every_request
def test_members_that_nobody_knows_yet_survive(name: str):
    request = recorded(name)
    for place, structure in enumerate(list(structures(request))):
        structure["NewMember"] = {"Place": place, "Deep": [1, {"Empty": {}}], "Empty": [], "Off": False}
    spec = TuningSpec.from_dict(decode_request(request).to_dict())
    assert canonical(encode_request(spec)) == canonical(request)


@every_request
def test_little_is_left_that_the_spec_has_no_word_for(name: str):
    spec = spec_of(name)
    assert spec.sagemaker is not None
    seeded = "RandomSeed" in recorded(name)["HyperParameterTuningJobConfig"]
    assert spec.sagemaker.request == ({} if seeded else NO_SEED)
    assert spec.sagemaker.definition == DEFINITIONS.get(name, {})
    further = {key: one.sagemaker.definition for key, one in (spec.definitions or {}).items() if one.sagemaker}
    assert further == FURTHER.get(name, {key: {} for key in further})


UNNAMED_RESOURCES = {
    "InstanceGroups": [{"InstanceCount": 2, "InstanceGroupName": "workers", "InstanceType": "ml.c5.xlarge"}],
    "InstancePlacementConfig": {
        "EnableMultipleJobs": True,
        "PlacementSpecifications": [{"InstanceCount": 1, "UltraServerId": "ultraserver-1"}],
    },
    "KeepAlivePeriodInSeconds": 600,
    "TrainingPlanArn": "arn:aws:sagemaker:us-east-1:123456789012:training-plan/plan-1",
}
DEFINITIONS: dict[str, dict[str, Any]] = {
    "reference_one_definition": {"ResourceConfig": UNNAMED_RESOURCES},
    "reference_several_definitions": {"ResourceConfig": UNNAMED_RESOURCES},
    "v2_instance_configs": {"HyperParameterTuningResourceConfig": {"AllocationStrategy": None}},
    "v2_sklearn_script": {"StaticHyperParameters": {"nothing": "null"}},
    # Version 3 sends no log level.
    "v3_script": {"StaticHyperParameters": {"sagemaker_container_log_level": None}},
}
FURTHER = {"v2_several_algorithms": {"forest": {"StaticHyperParameters": {"nothing": "null"}}}}


class TestWhatIsRead:
    """The spec says it in its own words."""

    @pytest.mark.parametrize("name", ["v2_builtin_algorithm", "v2_warm_start_identical", "v2_instance_configs"])
    def test_a_built_in_algorithm(self, name: str):
        spec = spec_of(name)
        assert (spec.strategy.type, spec.objective.metric, spec.objective.goal) == (
            "bayesian",
            "validation:auc",
            "Maximize",
        )
        assert spec.static == {
            "objective": "binary:logistic",
            "eval_metric": "auc",
            "num_round": 200,
            "verbosity": 0,
            "tree_method": "hist",
        }
        assert dict(spec.parameters) == {
            "eta": ContinuousParameter(0.01, 0.5, "Logarithmic"),
            "subsample": ContinuousParameter(0.5, 1),
            "alpha": ContinuousParameter(1e-5, 10, "Logarithmic"),
            "max_depth": IntegerParameter(2, 12),
            "booster": CategoricalParameter(["gbtree", "dart"]),
        }
        assert spec.training is not None
        assert spec.training.image == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
        assert spec.training.entry_point is None
        assert {key: (one.source, one.content_type) for key, one in spec.training.channels.items()} == {
            "train": ("s3://example-bucket/train/", "text/csv"),
            "validation": ("s3://example-bucket/validation/", "text/csv"),
        }
        assert spec.training.output == "s3://example-bucket/output"

    def test_a_script_of_version_2(self):
        spec = spec_of("v2_sklearn_script")
        assert spec.training is not None
        assert spec.sagemaker is not None
        assert spec.training.entry_point == "train.py"
        assert spec.training.source_dir == "s3://example-bucket/forest-script/source/sourcedir.tar.gz"
        assert spec.training.image is None
        assert spec.training.environment == {"LOG_LEVEL": "debug", "OMP_NUM_THREADS": "4"}
        assert spec.sagemaker.image is not None
        assert spec.sagemaker.image.endswith("/sagemaker-scikit-learn:1.2-1-cpu-py3")
        assert (spec.sagemaker.region, spec.sagemaker.quoting) == ("us-east-1", "json")
        assert (spec.sagemaker.instance_type, spec.sagemaker.tuning_resources) == ("ml.m5.large", True)
        assert {key: value for key, value in spec.static.items() if not key.startswith("sagemaker_")} == {
            "n_estimators": 300,
            "criterion": "squared_error",
            "bootstrap": True,
            "layers": [64, 32],
            "note": "",
            "fraction": 0.25,
            "seed": "7",
        }
        # The SDK sends all choices as text, whatever they were.
        assert spec.parameters["max_features"] == CategoricalParameter(["sqrt", "log2", "0.5", "1", "True"])
        assert spec.parameters["momentum"] == ContinuousParameter(0.5, 0.999, "ReverseLogarithmic")
        assert (spec.strategy.type, spec.objective.goal, spec.seed) == ("random", "Minimize", 0)
        assert spec.early_stopping == MedianConfig()
        assert spec.metrics["train:loss"] == r"train:loss=(\S+)"

    def test_a_script_of_version_3(self):
        spec = spec_of("v3_script")
        assert spec.training is not None
        assert spec.sagemaker is not None
        assert spec.training.entry_point == "train.py"
        assert spec.training.source_dir.endswith("/sourcedir.tar.gz")
        assert spec.training.channels["sm_drivers"].input_mode == "File"
        assert spec.static == {
            "epochs": 10,
            "activation": "relu",
            "amp": True,
            "widths": [64, 32],
            "dropout": 0.1,
            "note": "a b",
        }
        assert spec.parameters["batch"] == CategoricalParameter([16, 32])
        assert (spec.sagemaker.quoting, spec.sagemaker.region) == ("python", None)
        assert (spec.sagemaker.instance_type, spec.sagemaker.tuning_resources) == ("ml.m5.xlarge", False)
        assert spec.sagemaker.tags == {"team": "forecasting"}
        assert (spec.seed, spec.limits.max_trials, spec.limits.max_parallel) == (7, 12, 3)

    def test_an_image_with_booleans_as_python_spells_them(self):
        spec = spec_of("v2_image")
        assert spec.training is not None
        assert spec.sagemaker is not None
        assert spec.training.image == "123456789012.dkr.ecr.us-east-1.amazonaws.com/own-algorithm:1"
        assert spec.static == {"shuffle": True, "epochs": 12, "name": "a b"}
        assert spec.parameters["center"] == CategoricalParameter([True, False])
        assert spec.sagemaker.quoting == "python"

    @pytest.mark.parametrize(
        ("name", "unit", "bounds"),
        [("v2_xgboost_script_hyperband", "epochs", (1, 27)), ("v3_image_hyperband", "num_epochs", (3, 27))],
    )
    def test_hyperband(self, name: str, unit: str, bounds: tuple[int, int]):
        strategy = spec_of(name).strategy
        assert strategy.type == "hyperband"
        assert strategy.resource is not None
        assert (strategy.resource.unit, strategy.resource.min, strategy.resource.max) == (unit, *bounds)

    def test_several_algorithms(self):
        spec = spec_of("v2_several_algorithms")
        assert spec.training is not None
        assert spec.sagemaker is not None
        assert spec.definitions is not None
        forest = spec.definitions["forest"]
        assert forest.training is not None
        assert forest.sagemaker is not None
        assert forest.objective is not None
        assert spec.sagemaker.definition_name == "boosting"
        assert (spec.objective.metric, forest.objective.metric) == ("validation:rmse", "validation:loss")
        assert (list(spec.parameters), len(forest.parameters)) == (["eta"], 4)
        assert (spec.training.entry_point, forest.training.entry_point) == (None, "train.py")
        assert (spec.sagemaker.quoting, forest.sagemaker.quoting) == ("plain", "json")
        # One of them tells the training toolkit its region.
        assert spec.sagemaker.region == "us-east-1"

    @pytest.mark.parametrize(
        ("name", "parents", "kind"),
        [
            ("v2_warm_start_identical", {"amt:xgboost-builtin"}, "IdenticalDataAndAlgorithm"),
            ("v2_warm_start_transfer", {"amt:xgboost-builtin", "amt:xgboost-earlier"}, "TransferLearning"),
            ("v3_image_warm_start", {"amt:own-image"}, "TransferLearning"),
            ("guide_warm_start", {"amt:flowers-1"}, "IdenticalDataAndAlgorithm"),
        ],
    )
    def test_a_warm_start(self, name: str, parents: set[str], kind: str):
        warm_start = spec_of(name).warm_start
        assert warm_start is not None
        assert (set(warm_start.parents), warm_start.type) == (parents, kind)

    def test_completion_spot_and_checkpoints(self):
        spec = spec_of("v2_completion_spot_checkpoints")
        cloud, completion = spec.sagemaker, spec.completion
        assert cloud is not None
        assert (completion.target, completion.not_improving, completion.on_convergence) == (0.95, 10, True)
        assert (cloud.spot, cloud.max_wait_seconds, cloud.retries) == (True, 7200, 2)
        assert (cloud.checkpoints, cloud.checkpoint_path) == ("s3://example-bucket/checkpoints", "/opt/ml/checkpoints")
        assert (spec.limits.max_runtime_seconds, spec.limits.max_trial_seconds) == (86_400, 3_600)

    def test_autotune(self):
        cloud = spec_of("v2_autotune").sagemaker
        assert cloud is not None
        assert (cloud.autotune, cloud.auto_parameters) == (True, {"num_round": "200", "tree_method": "hist"})

    def test_a_grid_in_a_network_of_its_own(self):
        spec = spec_of("v2_grid_vpc_kms")
        cloud = spec.sagemaker
        assert cloud is not None
        assert spec.training is not None
        assert (spec.strategy.type, spec.limits.max_trials, spec.planned_trials) == ("grid", 6, 6)
        assert cloud.subnets == ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
        assert cloud.security_groups == ["sg-0123456789abcdef0"]
        assert (cloud.network_isolation, cloud.encrypt_traffic) == (True, True)
        assert cloud.volume_kms_key == "1234abcd-12ab-34cd-56ef-1234567890ab"
        assert cloud.output_kms_key is not None
        assert cloud.output_kms_key.startswith("arn:aws:kms:")
        assert cloud.tags == {"team": "search", "estimator": "own"}
        files, objects = spec.training.channels["train"], spec.training.channels["validation"]
        assert (files.source, files.writable) == ("efs://fs-0123456789abcdef0/data/train", False)
        assert (objects.data_type, objects.attributes) == ("AugmentedManifestFile", ["source-ref", "label"])
        assert (objects.distribution, objects.compression, objects.record_wrapper) == (
            "ShardedByS3Key",
            "Gzip",
            "RecordIO",
        )
        assert (objects.input_mode, objects.shuffle_seed) == ("Pipe", 1234)

    def test_a_choice_of_instances(self):
        cloud = spec_of("v2_instance_configs").sagemaker
        assert cloud is not None
        assert cloud.choices == [
            InstanceChoice(type="ml.m5.xlarge", count=1, volume_gb=30),
            InstanceChoice(type="ml.c5.2xlarge", count=2, volume_gb=60),
        ]

    def test_the_guides_example(self):
        spec = spec_of("guide_xgboost")
        assert spec.sagemaker is not None
        assert (spec.seed, spec.limits.max_trials, spec.sagemaker.volume_gb) == (321, 25, 12)
        assert spec.parameters["max_depth"] == IntegerParameter(2, 9)
        assert spec.static["rate_drop"] == 0.25

    def test_a_dataset_and_an_algorithm_resource(self):
        training = spec_of("reference_one_definition").training
        assert training is not None
        assert training.algorithm == "arn:aws:sagemaker:us-east-1:123456789012:algorithm/segmenter"
        assert training.channels["dataset"].source.startswith("arn:aws:sagemaker:us-east-1:aws:hub-content/")
        assert training.channels["files"].source == "fsx://fs-0123456789abcdef0/data"
        assert training.channels["files"].writable
