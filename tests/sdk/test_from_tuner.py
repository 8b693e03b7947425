"""Tuners of the real SDKs as specs: what smtune would send is what they send, and what they lose is kept."""

from __future__ import annotations

import copy
import os
from typing import Any

from smtune.amt.patches import canonical
from smtune.spec import TuningSpec
from tests.sdk.conftest import ROOT


def told_by(workplace: Any, version: int) -> dict[str, Any]:
    workplace.variables["PYTHONPATH"] += os.pathsep + str(ROOT)
    told: dict[str, Any] = workplace.run(f"sdk{version}", f"from_tuner_v{version}.py").told
    return told


def compared(request: dict[str, Any]) -> Any:
    """Return a request without addresses of uploads, what names the job, and the SDK's own scripts."""
    request = copy.deepcopy(request)
    request.pop("HyperParameterTuningJobName", None)
    for one in [request.get("TrainingJobDefinition"), *(request.get("TrainingJobDefinitions") or ())]:
        if one is not None:
            texts = one.get("StaticHyperParameters", {})
            texts.pop("sagemaker_job_name", None)
            if "sagemaker_submit_directory" in texts:
                texts["sagemaker_submit_directory"] = "uploaded"
            channels = one.get("InputDataConfig") or ()
            one["InputDataConfig"] = [channel for channel in channels if channel["ChannelName"] != "sm_drivers"]
    return canonical(request)


def assert_same(told: dict[str, Any]) -> None:
    assert compared(told["request"]) == compared(told["sent"])
    assert told["warnings"] == []
    assert TuningSpec.from_dict(told["spec"]).to_dict() == told["spec"]


def assert_submitted(told: dict[str, Any]) -> None:
    """Assert that smtune's own backend has the tuner's job trained, with code and data that it has uploaded."""
    assert told["status"] == "Completed"
    sent = told["described"]
    code = sent["StaticHyperParameters"]["sagemaker_submit_directory"].strip('"')
    (channel,) = sent["InputDataConfig"]
    for uri in (code, channel["DataSource"]["S3DataSource"]["S3Uri"]):
        assert uri.startswith("s3://sagemaker-us-east-1-123456789012/smtune/")


def test_version_3(workplace):
    told = told_by(workplace, 3)

    for name in ("script", "script again", "everything", "image"):
        assert_same(told[name])
    training = told["script"]["spec"]["training"]
    assert training["source_dir"] == str(workplace.folder / "code")
    assert training["entry_point"] == "train.py"
    assert told["script"]["spec"]["static"] == {"epochs": 2, "shuffle": True, "layers": [64, 32], "note": "a b"}

    lost, resources = told["lost"], told["resources"]
    definition = lost["request"]["TrainingJobDefinition"]
    assert lost["request"]["HyperParameterTuningJobConfig"]["RandomSeed"] == 0
    assert definition["EnableNetworkIsolation"] is True
    assert definition["EnableInterContainerTrafficEncryption"] is True
    assert definition["ResourceConfig"]["VolumeKmsKeyId"] == "key-1"
    assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 60, "MaxPendingTimeInSeconds": 7200}
    channels = lost["spec"]["training"]["channels"]
    assert (channels["train"]["source"], channels["train"]["content_type"]) == (
        str(workplace.folder / "data"),
        "text/csv",
    )
    assert (channels["extra"]["source"], channels["extra"]["data_type"]) == ("s3://bucket/m", "ManifestFile")
    assert len(lost["warnings"]) == 7
    (instance,) = resources["spec"]["sagemaker"]["instances"]
    assert instance == {"type": "ml.c5.xlarge", "count": 1, "volume_gb": 40}
    assert len(resources["warnings"]) == 8

    autotune = told["autotune"]["spec"]
    assert autotune["sagemaker"]["auto_parameters"] == {"epochs": "2", "shuffle": "True", "layers": "[64, 32]"}
    assert autotune["static"] == {"note": "a b"}
    several = told["several"]["spec"]
    assert (several["name"], several["sagemaker"]["definition_name"]) == ("two", "boosting")
    assert several["definitions"]["own"]["objective"] == {"metric": "own:loss", "goal": "Minimize"}
    assert several["definitions"]["own"]["training"]["image"] is not None

    here = told["here"]["spec"]
    assert "role" not in here["sagemaker"]
    assert "output" not in here["training"]
    assert len(told["trained"]) == 3
    assert_submitted(told["amt"])
    assert "Simulated" in told["refused"]


def test_version_2(workplace):
    told = told_by(workplace, 2)

    for name in ("script", "script again", "everything", "image", "several", "attached again"):
        assert_same(told[name])
    training = told["script"]["spec"]["training"]
    assert training["source_dir"] == str(workplace.folder / "code")
    assert told["script"]["spec"]["static"] == {"epochs": 2, "shuffle": True, "layers": [64, 32], "note": "a b"}
    assert told["script"]["spec"]["sagemaker"]["quoting"] == "json"

    instances = told["instances"]
    assert [one["type"] for one in instances["spec"]["sagemaker"]["instances"]] == ["ml.c5.xlarge", "ml.m5.xlarge"]
    assert instances["spec"]["sagemaker"]["auto_parameters"] == {"objective": '"auc"'}
    assert instances["spec"]["training"]["entry_point"] == "train.py"
    assert len(instances["warnings"]) == 1

    alone = told["alone"]["spec"]
    assert alone["name"] == "forest"
    assert (alone["training"]["source_dir"], alone["training"]["entry_point"]) == (
        str(workplace.folder / "code"),
        "train.py",
    )
    assert "role" not in alone["sagemaker"]
    assert len(told["alone"]["warnings"]) == 2
    assert len(told["trained"]) == 3
    assert_submitted(told["amt"])
    assert told["attached"][0] == "SKLearn"
    assert told["attached"][1].startswith("churn-2-")

    isolated = told["isolated"]["spec"]
    assert list(isolated["training"]["channels"]) == ["training"]
    assert isolated["sagemaker"]["network_isolation"] is True
    assert isolated["training"]["source_dir"] == str(workplace.folder / "packed")
    assert (workplace.folder / "packed" / "data" / "rows.csv").exists()

    rules = ["would be cloned", "when a pipeline runs", "No file named", "neither an s3:// address", "is no Hyperparam"]
    assert len(told["refused"]) == len(rules)
    for text, rule in zip(told["refused"], rules, strict=True):
        assert rule in text
