import json
from pathlib import Path

import pytest

from smtune.errors import SpecError
from smtune.sandbox import Channel, TrainingContract, lay_out


def test_checkpoints_stay_where_the_job_keeps_them(tmp_path: Path) -> None:
    where = {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/kept/here/"}
    contract = TrainingContract("job-1", checkpoints=where)
    lay_out(tmp_path / "base", contract)
    (tmp_path / "base/kept/here/epoch-1").touch()
    (tmp_path / "base/tmp/old").touch()
    lay_out(tmp_path / "base", contract)
    assert (tmp_path / "base/kept/here/epoch-1").exists()
    assert not (tmp_path / "base/tmp/old").exists()
    assert json.loads((tmp_path / "base/input/config/checkpointconfig.json").read_text()) == where
    assert contract.checkpoint_path == "kept/here"


def test_checkpoints_are_in_their_usual_place_by_default(tmp_path: Path) -> None:
    lay_out(tmp_path, TrainingContract("job-1"))
    assert (tmp_path / "checkpoints").is_dir()
    assert not (tmp_path / "input/config/checkpointconfig.json").exists()


@pytest.mark.parametrize("path", ["/tmp/checkpoints", "/opt/ml/../checkpoints", "/opt/mlx"])
def test_checkpoints_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(SpecError, match=r"CheckpointConfig.LocalPath"):
        lay_out(tmp_path / "base", TrainingContract("job-1", checkpoints={"S3Uri": "s3://b", "LocalPath": path}))
    assert not (tmp_path / "base").exists()


def test_channels_say_how_they_are_read(tmp_path: Path) -> None:
    channels = {
        "train": Channel(tmp_path, "text/csv", mode="FastFile", distribution="ShardedByS3Key"),
        "piped": Channel(None, mode="Pipe", record_wrapper="RecordIO"),
    }
    lay_out(tmp_path / "base", TrainingContract("job-1", channels=channels))
    assert json.loads((tmp_path / "base/input/config/inputdataconfig.json").read_text()) == {
        "train": {
            "ContentType": "text/csv",
            "TrainingInputMode": "FastFile",
            "S3DistributionType": "ShardedByS3Key",
            "RecordWrapperType": "None",
        },
        "piped": {
            "TrainingInputMode": "Pipe",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "RecordIO",
        },
    }
    assert not (tmp_path / "base/input/data/piped").exists()
