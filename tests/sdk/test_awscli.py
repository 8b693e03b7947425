"""The aws command line, in a shell that evaluates what `smtune emulator env` prints."""

import json
import os
import sys
from pathlib import Path

from smtune.emulator import serving
from tests.sdk.conftest import interpreter


def test_a_shell_tunes_and_looks_and_stops(workplace):
    programs = [Path(interpreter("awscli")).parent, Path(sys.executable).parent]
    workplace.variables["PATH"] = os.pathsep.join([*map(str, programs), workplace.variables["PATH"]])
    with serving() as emulator:
        workplace.call("sh", "cli.sh", emulator.url.rpartition(":")[2])

    def told(name):
        return (workplace.folder / "answers" / name).read_text()

    def answer(name):
        return json.loads(told(name))

    assert [line.split()[-1] for line in told("objects").splitlines()] == ["code/sourcedir.tar.gz", "data/rows.csv"]
    arn = "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/cli"

    described = answer("described")
    assert described["HyperParameterTuningJobStatus"] == "Completed"
    assert described["TrainingJobStatusCounters"]["Completed"] == 3
    trials = answer("trials")["TrainingJobSummaries"]  # of all pages
    values = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in trials]
    assert values == sorted(values)
    assert len(values) == 3
    best = described["BestTrainingJob"]
    assert trials[0]["TrainingJobName"] == best["TrainingJobName"]
    names = [one["TrainingJobName"] for one in answer("trainings")["TrainingJobSummaries"]]
    assert names == sorted((one["TrainingJobName"] for one in trials), reverse=True)

    assert answer("best")["TrainingJobStatus"] == "Completed"
    assert answer("best")["TuningJobArn"] == arn
    assert any("epoch 1 train_loss=" in one["message"] for one in answer("log")["events"])
    assert str(answer("model")["eta"]) == best["TunedHyperParameters"]["eta"]
    tags = {one["Key"]: one["Value"] for one in answer("tags")["Tags"]}
    assert tags == {"team": "growth", "smtune:strategy": "random search of smtune"}

    assert [one["HyperParameterTuningJobName"] for one in answer("tunings")["HyperParameterTuningJobSummaries"]] == [
        "cli",
        "cli-2",
    ]
    assert "(ValidationException) when calling the StopHyperParameterTuningJob operation" in told("refusal")
    assert told("refusal").endswith("\n255\n")
