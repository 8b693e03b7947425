import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smtune.errors import SpecError
from smtune.sandbox import Channel, Staged, inherited_environment, stage

SCRIPT = """
import json, os, sys
print(json.dumps({"argv": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ)}))
import beside
with open("written", "w") as file:
    file.write("by the training")
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "the code ü"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    (folder / "beside.py").touch()
    return folder


def run(staged: Staged) -> dict[str, Any]:
    done = subprocess.run(staged.argv, env=staged.env, cwd=staged.cwd, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def stage_in(base: Path, source: Path, **options: Any) -> Staged:
    options = {"entry_point": "train.py", "hyperparameters": {}, "job_name": "job-1", **options}
    return stage(base, source_dir=source, **options)


def test_files_are_what_sagemaker_writes(tmp_path: Path, source: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "labels.csv").write_text("1")
    staged = stage_in(
        tmp_path / "base",
        source,
        hyperparameters={"eta": 0.1, "max_depth": 6, "booster": "gbtree", "version": "7", "verbose": True},
        channels={"train": Channel(tmp_path / "data", "text/csv"), "labels": Channel(tmp_path / "labels.csv")},
    )
    config = staged.base / "input/config"
    common = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    assert json.loads((config / "hyperparameters.json").read_text()) == {
        "eta": "0.1",
        "max_depth": "6",
        "booster": "gbtree",
        "version": '"7"',
        "verbose": "true",
    }
    assert json.loads((config / "inputdataconfig.json").read_text()) == {
        "train": {"ContentType": "text/csv", **common},
        "labels": common,
    }
    assert json.loads((config / "resourceconfig.json").read_text())["hosts"] == ["localhost"]
    assert (staged.base / "input/data/train").resolve() == tmp_path / "data"
    assert (staged.base / "input/data/labels/labels.csv").read_text() == "1"
    assert all(folder.is_dir() for folder in (staged.model_dir, staged.output_dir / "data", staged.checkpoints_dir))


def test_script_sees_what_the_training_toolkit_shows_it(tmp_path: Path, source: Path) -> None:
    (tmp_path / "data").mkdir()
    hyperparameters = {"eta": 1e-07, "C": 2, "booster": "a b", "layers": [64, 32], "flag": False}
    staged = stage_in(
        tmp_path / "base", source, hyperparameters=hyperparameters, channels={"train": Channel(tmp_path / "data")}
    )
    seen = run(staged)
    arguments = ["-C", "2", "--booster", "a b", "--eta", "1e-07", "--flag", "False", "--layers", "[64, 32]"]
    base = str(tmp_path / "base")
    expected = {
        "SAGEMAKER_BASE_DIR": base,
        "SM_CHANNELS": '["train"]',
        "SM_CHANNEL_TRAIN": f"{base}/input/data/train",
        "SM_CURRENT_HOST": "localhost",
        "SM_FRAMEWORK_MODULE": "",
        "SM_HOSTS": '["localhost"]',
        "SM_HPS": '{"C":2,"booster":"a b","eta":1e-07,"flag":false,"layers":[64,32]}',
        "SM_HP_BOOSTER": "a b",
        "SM_HP_C": "2",
        "SM_HP_ETA": "1e-07",
        "SM_HP_FLAG": "false",
        "SM_HP_LAYERS": "[64,32]",
        "SM_INPUT_CONFIG_DIR": f"{base}/input/config",
        "SM_INPUT_DIR": f"{base}/input",
        "SM_LOG_LEVEL": "20",
        "SM_MODEL_DIR": f"{base}/model",
        "SM_MODULE_DIR": f"{base}/code",
        "SM_MODULE_NAME": "train",
        "SM_OUTPUT_DATA_DIR": f"{base}/output/data",
        "SM_OUTPUT_DIR": f"{base}/output",
        "SM_OUTPUT_INTERMEDIATE_DIR": f"{base}/output/intermediate",
        "SM_USER_ARGS": json.dumps(arguments, separators=(",", ":")),
        "SM_USER_ENTRY_POINT": "train.py",
        "TRAINING_JOB_NAME": "job-1",
    }
    assert {name: seen["environment"][name] for name in expected} == expected
    assert seen["argv"] == ["train.py", *arguments]
    assert json.loads(seen["environment"]["SM_TRAINING_ENV"])["hyperparameters"] == hyperparameters
    assert int(seen["environment"]["SM_NUM_CPUS"]) >= 1
    assert int(seen["environment"]["SM_NUM_GPUS"]) >= 0


def test_tuned_metric_is_in_the_file_and_nowhere_else(tmp_path: Path, source: Path) -> None:
    staged = stage_in(tmp_path / "base", source, hyperparameters={"eta": 0.1}, objective_metric="validation:auc")
    config = json.loads((staged.base / "input/config/hyperparameters.json").read_text())
    assert config == {"eta": "0.1", "_tuning_objective_metric": "validation:auc"}
    seen = run(staged)
    assert seen["argv"] == ["train.py", "--eta", "0.1"]
    assert "validation:auc" not in seen["environment"].values()


def test_trainings_write_apart(tmp_path: Path, source: Path) -> None:
    first, second = stage_in(tmp_path / "1", source), stage_in(tmp_path / "2", source)
    assert run(first)["cwd"] == str(tmp_path / "1/code")
    assert not (second.cwd / "written").exists()
    assert not (source / "written").exists()
    assert sorted(path.name for path in source.iterdir() if path.name != "__pycache__") == ["beside.py", "train.py"]


def test_second_attempt_keeps_checkpoints_and_nothing_else(tmp_path: Path, source: Path) -> None:
    first = stage_in(tmp_path / "base", source, hyperparameters={"old": 1})
    for path in ("checkpoints/epoch-3", "model/half", "output/failure", "code/leftover", "input/data/file", "log"):
        (first.base / path).write_text("old")
    stage_in(tmp_path / "base", source)
    kept = {str(path.relative_to(first.base)) for path in first.base.rglob("*") if path.is_file()}
    config = {f"input/config/{name}.json" for name in ("hyperparameters", "inputdataconfig", "resourceconfig")}
    assert kept == {"checkpoints/epoch-3", "log", "code/train.py", "code/beside.py", *config}


def test_entry_point_in_a_subfolder_and_a_linked_source(tmp_path: Path, source: Path) -> None:
    (source / "src").mkdir()
    (source / "src/beside.py").touch()
    (source / "train.py").rename(source / "src/main file.py")
    (tmp_path / "link").symlink_to(source)
    seen = run(stage_in(tmp_path / "base", tmp_path / "link", entry_point="src/main file.py"))
    assert seen["argv"] == ["src/main file.py"]
    assert seen["cwd"] == str(tmp_path / "base/code")


def test_relative_paths(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    staged = stage_in(Path("base"), Path(source.name), channels={"train": Channel(Path("data"))})
    assert run(staged)["environment"]["SM_MODEL_DIR"] == str(tmp_path / "base/model")
    assert (staged.base / "input/data/train").resolve() == tmp_path / "data"


def test_all_that_is_missing_is_reported_at_once(tmp_path: Path, source: Path) -> None:
    channels = {"train": Channel(tmp_path / "no data"), "..": Channel(tmp_path), "a/b": Channel(tmp_path)}
    with pytest.raises(SpecError) as caught:
        stage_in(tmp_path / "base", source, entry_point="trian.py", channels=channels)
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["entry_point", "channels.train", "channels...", "channels.a/b"]
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("entry_point", ["../train.py", "/train.py", "src/../../train.py"])
def test_entry_point_outside_is_refused(tmp_path: Path, source: Path, entry_point: str) -> None:
    with pytest.raises(SpecError, match="must lie inside source_dir"):
        stage_in(tmp_path / "base", source, entry_point=entry_point)


def test_value_that_cannot_be_written_is_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(SpecError) as caught:
        stage_in(tmp_path / "base", source, hyperparameters={"a": object(), "b": float("nan"), "c": 1})
    assert [problem.field for problem in caught.value.problems] == ["hyperparameters.a", "hyperparameters.b"]


def test_environment_of_the_user_wins_over_everything(tmp_path: Path, source: Path) -> None:
    wanted = {"PYTHONUNBUFFERED": "0", "SM_HOSTS": "mine", "AWS_PROFILE": "mine", "TRAINING_JOB_NAME": "mine"}
    staged = stage_in(tmp_path / "base", source, environment=wanted)
    assert {name: staged.env[name] for name in wanted} == wanted


def test_inherited_environment_has_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hidden = (
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
        "aws_secret",
        "SM_HP_ETA",
        "SAGEMAKER_PROGRAM",
        "TRAINING_JOB_ARN",
    )
    for name in (*hidden, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "hidden")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "lib", "/absolute"]))
    monkeypatch.chdir(tmp_path)
    environment = inherited_environment()
    assert "hidden" not in environment.values()
    assert environment["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == environment["AWS_CONFIG_FILE"] == os.devnull
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["PYTHONPATH"] == os.pathsep.join([str(tmp_path), f"{tmp_path}/lib", "/absolute"])


def test_interpreter_is_the_one_of_smtune_by_default(tmp_path: Path, source: Path) -> None:
    assert stage_in(tmp_path / "base", source).argv[0] == sys.executable
