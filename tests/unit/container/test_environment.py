import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from smtune.container import Environment

GIVEN = {"eta": "1e-4", "depth": "6", "booster": '"dart"', "layers": "[64, 32]", "flag": "true", "version": '"1.10"'}
TYPED = {"eta": 1e-4, "depth": 6, "booster": "dart", "layers": [64, 32], "flag": True, "version": "1.10"}
SERVICE = {
    "_tuning_objective_metric": "validation:auc",
    "sagemaker_program": "train.py",
    "sagemaker_region": "us-east-1",
    "default_user_module_name": "x",
}


@pytest.fixture
def base(tmp_path):
    """What SageMaker mounts on /opt/ml."""
    config = tmp_path / "ml" / "input" / "config"
    config.mkdir(parents=True)
    for name, content in {
        "hyperparameters": {**GIVEN, **SERVICE},
        "inputdataconfig": {"train": {"ContentType": "text/csv"}, "My-Data": {"TrainingInputMode": "File"}},
        "resourceconfig": {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]},
    }.items():
        (config / (name + ".json")).write_text(json.dumps(content))
    return tmp_path / "ml"


def toolkit_variables(base: Path) -> dict[str, str]:
    return {
        "SM_HPS": json.dumps(TYPED),
        "SM_CHANNELS": '["My-Data", "train"]',
        "SM_CHANNEL_TRAIN": str(base / "input/data/train"),
        "SM_CHANNEL_MY-DATA": str(base / "input/data/My-Data"),
        "SM_INPUT_DIR": str(base / "input"),
        "SM_MODEL_DIR": str(base / "model"),
        "SM_OUTPUT_DIR": str(base / "output"),
        "SM_OUTPUT_DATA_DIR": str(base / "output/data"),
        "SM_INPUT_DATA_CONFIG": '{"train": {"ContentType": "text/csv"}, "My-Data": {}}',
        "SM_HOSTS": '["algo-1", "algo-2"]',
        "SM_CURRENT_HOST": "algo-2",
        "TRAINING_JOB_NAME": "job-001",
    }


def toolkit_arguments(typed: Mapping[str, object]) -> list[str]:
    return [token for key, value in sorted(typed.items()) for token in ("--" + key, str(value))]


def bare(base: Path) -> Environment:
    return Environment.current({"SAGEMAKER_BASE_DIR": str(base), "TRAINING_JOB_NAME": "job-001"}, ["train"])


def toolkit(base: Path) -> Environment:
    for file in (base / "input/config").iterdir():
        file.unlink()
    return Environment.current(toolkit_variables(base), toolkit_arguments(TYPED))


def toolkit_with_files(base: Path) -> Environment:
    return Environment.current(toolkit_variables(base), toolkit_arguments(TYPED))


@pytest.fixture(params=[bare, toolkit, toolkit_with_files])
def container(request, base):
    return request.param(base)


def test_hyperparameters_are_typed_and_the_users_own(container):
    values = container.hyperparameters()
    assert values == TYPED
    assert {key: type(value) for key, value in values.items()} == {key: type(value) for key, value in TYPED.items()}


def test_channels_keep_their_names(container, base):
    assert container.channels() == {name: base / "input/data" / name for name in ("My-Data", "train")}
    assert container.channel("My-Data") == base / "input/data/My-Data"
    assert container.content_type("train") == "text/csv"
    assert container.content_type("My-Data") is None


def test_a_missing_channel_lists_those_that_exist(container):
    with pytest.raises(LookupError, match="no channel 'validation'; there are: My-Data, train"):
        container.channel("validation")


def test_directories_exist_where_the_contract_says(container, base):
    assert container.model_dir() == base / "model"
    assert container.output_dir() == base / "output" / "data"
    assert container.checkpoint_dir() == base / "checkpoints"
    assert all((base / name).is_dir() for name in ("model", "output/data", "checkpoints"))


def test_hosts_and_job(container):
    assert container.hosts == ("algo-1", "algo-2")
    assert container.current_host == "algo-2"
    assert container.job_name == "job-001"


def test_a_checkpoint_path_of_the_job_counts(base, tmp_path):
    (base / "input/config/checkpointconfig.json").write_text(json.dumps({"LocalPath": str(tmp_path / "kept")}))
    assert bare(base).checkpoint_dir() == tmp_path / "kept"


def test_channels_without_any_list_are_the_directories(base):
    (base / "input/config/inputdataconfig.json").unlink()
    (base / "input/data/train").mkdir(parents=True)
    assert bare(base).channels() == {"train": base / "input/data/train"}


def test_a_laptop_needs_no_container(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    laptop = Environment.current({"SM_CHANNEL_TRAIN": "data/train"}, ["--eta", "0.1", "--name=x=y", "-v", "--fast"])
    assert laptop.hyperparameters() == {"eta": 0.1, "name": "x=y", "v": True, "fast": True}
    assert laptop.channels() == {"train": Path("data/train")}
    assert (laptop.model_dir(), laptop.output_dir(), laptop.checkpoint_dir()) == (
        Path("model"),
        Path("output"),
        Path("checkpoints"),
    )
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["checkpoints", "model", "output"]
    assert laptop.base_dir is None
    assert laptop.job_name is None
    assert laptop.hosts == ("localhost",)
    assert laptop.current_host == "localhost"


def test_a_laptop_without_channels_says_how_to_set_one():
    with pytest.raises(LookupError, match="SM_CHANNEL_TRAIN=data/train"):
        Environment.current({}, []).channel("train")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--a", "-1.5"], {"a": -1.5}),
        (["--a", "-1e-3", "-b", "2"], {"a": -1e-3, "b": 2}),
        (["-a=1"], {"a": 1}),
        (["train", "data.csv", "--a", "1", "rest"], {"a": 1}),
        (["--", "--a=--b"], {"a": "--b"}),
        (["--a", ""], {"a": ""}),
        (["--a", "1", "--a", "2"], {"a": 2}),
        (["--_tuning_objective_metric", "x", "--sagemaker_program", "y", "--a", "1"], {"a": 1}),  # SDK v3's driver
        ([], {}),
    ],
)
def test_command_lines(argv, expected):
    assert Environment.current({}, argv).hyperparameters() == expected


def test_what_is_typed_wins():
    variables = {"SM_HPS": '{"max_depth": 3, "eta": 0.1}'}
    assert Environment.current(variables, ["--max-depth", "5"]).hyperparameters() == {"max_depth": 5, "eta": 0.1}


def test_the_toolkits_variable_wins_over_the_file(base):
    variables = {"SAGEMAKER_BASE_DIR": str(base), "SM_HPS": '{"eta": 0.5}'}
    assert Environment.current(variables, []).hyperparameters()["eta"] == 0.5


@pytest.mark.parametrize(
    "spell",
    [
        str,
        json.dumps,
        lambda value: "" if value is None else ",".join("{}={}".format(*pair) for pair in sorted(value.items())),
    ],
    ids=["toolkit", "driver", "toolkit-mapping"],
)
def test_a_command_line_copied_from_the_variable_loses_nothing(spell):
    typed = (
        {"a": {"x": 1, "y": "2"}}
        if spell not in (str, json.dumps)
        else {"a": "7", "b": ["u"], "c": {"x": 1}, "d": 1e-7, "e": True}
    )
    arguments = [token for key, value in typed.items() for token in ("--" + key, spell(value))]
    assert Environment.current({"SM_HPS": json.dumps(typed)}, arguments).hyperparameters() == typed


def test_the_file_keeps_digits_that_the_toolkit_loses(base):
    (base / "input/config/hyperparameters.json").write_text('{"version": "1.10"}')
    variables = {"SAGEMAKER_BASE_DIR": str(base), "SM_HPS": '{"version": 1.1}'}
    environment = Environment.current(variables, ["--version", "1.1"])
    assert environment.hyperparameters({"version": ""}) == {"version": "1.10"}


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("6", 3, 6),
        ("6.0", 3, 6),
        ("1e3", 3, 1000),
        ('"6"', 3, 6),  # SDK v2 quotes the values of a categorical parameter
        ("true", False, True),
        ("True", False, True),
        ("0", True, False),
        ("1", False, True),
        ("1", 0.5, 1.0),
        ("-1e-5", 0.5, -1e-5),
        ("7", "", "7"),
        ("1.10", "", "1.10"),
        ('"gbtree"', "", "gbtree"),
        ("true", "", "true"),
        ("[1, 2]", [], [1, 2]),
        ("[1, 2]", (), (1, 2)),
        ('{"a": 1}', {}, {"a": 1}),
        ("7", None, 7),
        ("x", None, "x"),
    ],
)
def test_a_default_decides_the_type(text, default, value):
    found = Environment.current({}, ["--key", text]).hyperparameters({"key": default})["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "default", "kind"),
    [
        ("6.5", 3, "an int"),
        ("six", 3, "an int"),
        ("true", 3, "an int"),
        ("inf", 3, "an int"),
        ("yes", True, "a bool"),
        ("2", True, "a bool"),
        ("fast", 0.5, "a float"),
        ("true", 0.5, "a float"),
        ("64,32", [], "a list"),
        ("[1]", {}, "a dict"),
    ],
)
def test_a_wrong_type_names_key_value_and_type(text, default, kind):
    with pytest.raises(ValueError, match="hyperparameter key = .*must be " + kind) as caught:
        Environment.current({}, ["--key", text]).hyperparameters({"key": default})
    assert repr(text) in str(caught.value)
    assert repr(default) in str(caught.value)


def test_a_default_of_a_foreign_type_is_refused():
    with pytest.raises(TypeError, match="default of hyperparameter key"):
        Environment.current({}, ["--key", "1"]).hyperparameters({"key": object()})


def test_defaults_fill_in_and_never_filter():
    defaults = {"batch_size": 32, "eta": 0.3}
    values = Environment.current({}, ["--batch-size", "64", "--other", "x"]).hyperparameters(defaults)
    assert values == {"batch_size": 64, "eta": 0.3, "other": "x"}
    assert defaults == {"batch_size": 32, "eta": 0.3}


def test_a_tuned_key_with_dashes_reaches_the_default_with_underscores():
    environment = Environment.current({"SM_HPS": '{"batch-size": 64}'}, ["--batch-size", "64"])
    assert environment.hyperparameters({"batch_size": 32}) == {"batch_size": 64}
    assert environment.hyperparameters() == {"batch-size": 64}


def test_sdk_v3_booleans_survive_the_toolkit():
    environment = Environment.current({"SM_HPS": '{"flag": "True", "word": "7"}'}, ["--flag", "True", "--word", "7"])
    assert environment.hyperparameters() == {"flag": True, "word": "7"}


def test_an_environment_is_frozen():
    environment = Environment.current({}, [])
    with pytest.raises(AttributeError, match="frozen"):
        environment.job_name = "other"
    environment.channels()["train"] = Path("x")
    assert environment.channels() == {}


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_broken_contract_names_its_place(base, text):
    with pytest.raises(ValueError, match="SM_HPS"):
        Environment.current({"SM_HPS": text}, [])
    (base / "input/config/hyperparameters.json").write_text(text)
    with pytest.raises(ValueError, match=r"hyperparameters\.json"):
        bare(base)


def test_the_functions_read_this_process(base):
    script = (
        "from smtune.container import *\n"
        "print([hyperparameters({'eta': 0.3})['eta'], str(channel('train')), list(channels()), str(model_dir()),"
        " str(output_dir()), str(checkpoint_dir())])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, "train", "--eta", "1"],
        env={"SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    places = [str(base / place) for place in ("input/data/train", "model", "output/data", "checkpoints")]
    assert run.stdout.strip() == repr([1.0, places[0], ["My-Data", "train"], *places[1:]])


def test_the_tuned_metric_is_told_though_it_is_no_hyperparameter(base):
    assert bare(base).objective_metric == "validation:auc"
    assert (
        toolkit_with_files(base).objective_metric == "validation:auc"
    )  # from the file: the toolkit drops it from its variables
    assert "_tuning_objective_metric" not in bare(base).hyperparameters()
    assert Environment.current({}, ["--eta", "0.1"]).objective_metric is None
