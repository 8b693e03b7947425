"""What training scripts find, and what becomes of what they do."""

import errno
import gzip
import io
import json
import math
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.faults import Fault, Faults
from smtune.emulator.service.journal import Journal
from smtune.emulator.service.operations import Service
from smtune.emulator.service.settings import Settings
from smtune.errors import SpecError
from smtune.sandbox import Rule
from smtune.sandbox.namespace import unavailable
from tests.emulator.folder_aws import FolderAws
from tests.emulator.trainings import Heard, Place, channel, request
from tests.faults.runner_processes import all_gone, watched

PRIVATE = pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))
UP = {"up": r"up=(\d)"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path) as opened:
        yield opened


@pytest.fixture(params=[pytest.param("namespace", marks=PRIVATE), "rewrite"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Run jobs with an ``/opt/ml`` of their own, and without."""
    with Place(tmp_path, isolation=request.param) as opened:
        yield opened


def packed(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


# --- what scripts find ------------------------------------------------------------------------------------------------


def test_script_mode(anywhere: Place) -> None:
    script = """
        import json, os, sys
        from pathlib import Path
        data = Path(os.environ["SM_CHANNEL_TRAIN"])
        seen = {
            "argv": sys.argv[1:],
            "data": {str(path.relative_to(data)): path.read_text() for path in sorted(data.rglob("*.csv"))},
            "host": os.environ["SM_CURRENT_HOST"],
            "mine": os.environ["MINE"],
        }
        print("loss=0.5")
        Path(os.environ["SM_MODEL_DIR"], "seen.json").write_text(json.dumps(seen))
    """
    anywhere.aws.put("s3://data/code/sourcedir.tar.gz", packed(train__py=textwrap.dedent(script)))
    anywhere.aws.put("s3://data/train/a.csv", b"1")
    anywhere.aws.put("s3://data/train/b/c.csv", b"2")
    answer = anywhere.run(
        image="any",
        metrics={"loss": "loss=([0-9.]+)"},
        InputDataConfig=[channel("train", "s3://data/train")],
        Environment={"MINE": "yes"},
        HyperParameters={
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": '"s3://data/code/sourcedir.tar.gz"',
            "eta": "0.1",
        },
    )
    assert answer["TrainingJobStatus"] == "Completed", answer
    assert json.loads(anywhere.model()["seen.json"]) == {
        "argv": ["--eta", "0.1"],
        "data": {"a.csv": "1", "b/c.csv": "2"},
        "host": "algo-1",
        "mine": "yes",
    }


def test_children_know_the_emulator_and_nothing_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-host")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-host")
    with Place(tmp_path, environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}) as place:
        place.run("import os\nfor name in sorted(os.environ): print(name + '=' + os.environ[name])")
        lines = place.aws.lines("job")
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:1" in lines
    assert "AWS_SECRET_ACCESS_KEY=emulator" in lines
    assert "AWS_DEFAULT_REGION=eu-west-1" in lines
    assert "TRAINING_JOB_NAME=job" in lines
    assert not any("of-the-host" in line for line in lines)


@pytest.mark.parametrize(
    ("uri", "files"),
    [
        ("s3://data/set", ["one.csv", "settled.csv", "two/three.csv"]),
        ("s3://data/set/", ["one.csv", "two/three.csv"]),
        ("s3://data/set/one.csv", ["one.csv"]),
        ("s3://data/se", ["set/one.csv", "set/two/three.csv", "settled.csv"]),
    ],
)
def test_prefixes(place: Place, uri: str, files: list[str]) -> None:
    for key in ("set/one.csv", "set/two/three.csv", "settled.csv"):
        place.aws.put(f"s3://data/{key}", b"1")
    script = """
        from pathlib import Path
        for path in Path("/opt/ml/input/data/train").resolve().rglob("*.csv"):
            print(path.relative_to(Path("/opt/ml/input/data/train").resolve()))
    """
    place.run(script, InputDataConfig=[channel("train", uri)])
    assert sorted(place.aws.lines("job")) == files


def test_manifest(place: Place) -> None:
    place.aws.put("s3://data/parts/a/1.csv", b"1")
    place.aws.put("s3://data/parts/b/1.csv", b"2")
    place.aws.put("s3://data/manifest", b'[{"prefix": "s3://data/parts/"}, "a/1.csv", "b/1.csv"]')
    script = "from pathlib import Path\nfor n in 'ab': print(Path('/opt/ml/input/data/train', n, '1.csv').read_text())"
    place.run(script, InputDataConfig=[channel("train", "s3://data/manifest", data_type="ManifestFile")])
    assert place.aws.lines("job") == ["1", "2"]


@PRIVATE
def test_fast_file_cannot_be_written(place: Place) -> None:
    place.aws.put("s3://data/train/a.csv", b"1")
    channels = [channel("train", "s3://data/train", InputMode="FastFile")]
    answer = place.run("open('/opt/ml/input/data/train/a.csv', 'w')", InputDataConfig=channels)
    assert answer["FailureReason"].startswith("AlgorithmError: OSError: [Errno 30] Read-only file system")


def test_pipe_mode(anywhere: Place) -> None:
    anywhere.aws.put("s3://data/train/a", gzip.compress(b"one"))
    anywhere.aws.put("s3://data/train/b", gzip.compress(b"two"))
    script = """
        import os
        for epoch in range(2):
            with open(os.environ["SAGEMAKER_BASE_DIR"] + f"/input/data/train_{epoch}") as pipe:
                print(pipe.read())
    """
    channels = [channel("train", "s3://data/train", CompressionType="Gzip")]
    answer = anywhere.run(script, mode="Pipe", InputDataConfig=channels)
    assert answer["TrainingJobStatus"] == "Completed"
    assert anywhere.aws.lines("job") == ["onetwo", "onetwo"]


@pytest.mark.parametrize("then", ["pass", "signal.pause()"])
def test_pipe_mode_with_what_is_no_gzip_file(place: Place, then: str) -> None:
    place.aws.put("s3://data/train/a", gzip.compress(b"one"))
    place.aws.put("s3://data/train/b", b"two")
    script = f"import signal\nprint(open('/opt/ml/input/data/train_0').read())\n{then}"
    channels = [channel("train", "s3://data/train", CompressionType="Gzip")]
    answer = place.run(script, mode="Pipe", InputDataConfig=channels)
    assert answer["TrainingJobStatus"] == "Failed"
    reason = "ClientError: channel train: b below s3://data/train cannot be read: Not a gzipped file (b'tw')"
    assert answer["FailureReason"] == reason


def test_pipe_mode_where_the_script_removes_its_pipe(place: Place) -> None:
    place.aws.put("s3://data/train/a", b"1")
    script = "import shutil; shutil.rmtree('/opt/ml/input/data')"
    answer = place.run(script, mode="Pipe", InputDataConfig=[channel("train", "s3://data/train")])
    assert answer["TrainingJobStatus"] == "Completed"
    place.jobs.close()
    assert not any(thread.name == "pipe of train" for thread in threading.enumerate())


@PRIVATE
def test_several_hosts(place: Place) -> None:
    for key in "abc":
        place.aws.put(f"s3://data/train/{key}", b"1")
        place.aws.put(f"s3://data/all/{key}", b"1")
    script = """
        import json, os, socket
        host = json.load(open("/opt/ml/input/config/resourceconfig.json"))["current_host"]
        for peer in json.load(open("/opt/ml/input/config/resourceconfig.json"))["hosts"]:
            socket.gethostbyname(peer)
        for name in (host, "shared"):
            with open(f"/opt/ml/model/{name}", "w") as file:
                file.write(host + "".join(sorted(os.listdir("/opt/ml/input/data/train"))))
        print("files=%d" % len(os.listdir("/opt/ml/input/data/all")))
    """
    channels = [
        channel("train", "s3://data/train", distribution="ShardedByS3Key"),
        channel("all", "s3://data/all", distribution="FullyReplicated"),
    ]
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    answer = place.run(script, ResourceConfig=resources, InputDataConfig=channels)
    assert answer["TrainingJobStatus"] == "Completed", answer
    assert place.model() == {"algo-1": b"algo-1ac", "algo-2": b"algo-2b", "shared": b"algo-1ac"}
    assert place.aws.lines("job") == ["files=3", "files=3"]
    assert sorted(stream.rpartition("-")[0] for stream in place.aws.logs) == ["job/algo-1", "job/algo-2"]


def test_one_host_that_fails_ends_the_others(place: Place) -> None:
    script = """
        import json, os, signal, sys
        host = os.environ["SAGEMAKER_BASE_DIR"] + "/input/config/resourceconfig.json"
        if json.load(open(host))["current_host"] == "algo-2":
            sys.exit("no luck: error")
        signal.pause()
    """
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    answer = place.run(script, ResourceConfig=resources)
    assert answer["FailureReason"] == "AlgorithmError: no luck: error, exit code: 1"


# --- what becomes of it -----------------------------------------------------------------------------------------------


def test_metrics_as_sagemaker_reads_them(place: Place) -> None:
    script = r"""
        from smtune.container import report
        print("[0]\ttrain-auc:0.5\tvalidation-auc:0.7")
        print("[1]\ttrain-auc:0.6\tvalidation-auc:0.6")
        report({"score": 3.0, "other": 4.0})
        print("loss: nan")
    """
    metrics = {
        "auc": r".*\[[0-9]+\].*#011validation-auc:(\S+)",
        "score": r"smtune: (?:.*; )?score=([-+.0-9a-z]+)",
        "loss": r"loss: (\S+)",
    }
    root = str(Path(__file__).parents[2])
    answer = place.run(script, metrics=metrics, Environment={"PYTHONPATH": root})
    final = {one["MetricName"]: one["Value"] for one in answer["FinalMetricDataList"]}
    assert final == {"auc": 0.6, "score": 3.0}  # nobody defined the other one
    assert place.aws.metrics == [("job", "auc", 0.7), ("job", "auc", 0.6), ("job", "score", 3.0)]
    assert place.aws.lines("job")[0] == "[0]#011train-auc:0.5#011validation-auc:0.7"


def test_metrics_are_read_again_once_there_is_room_for_a_process(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise BlockingIOError(errno.EAGAIN, "no room")

    script, metrics = "print('loss: 1')", {"loss": r"loss: (\d)"}
    with monkeypatch.context() as patch:
        patch.setattr("smtune.metric_lines.search.subprocess", SimpleNamespace(Popen=refused))
        answer = place.run(script, "first", metrics=metrics)
    assert answer["TrainingJobStatus"] == "Completed"
    remark = "emulator: metrics cannot be read from what is printed here, and are lost: [Errno"
    assert any(line.startswith(remark) for line in place.aws.lines("first"))
    answer = place.run(script, "second", metrics=metrics)
    assert answer["FinalMetricDataList"][0]["Value"] == 1.0


@pytest.mark.parametrize("operation", ["log", "metric"])
def test_lines_and_metrics_that_cannot_be_written_are_written_later(tmp_path: Path, operation: str) -> None:
    aws = FolderAws(tmp_path)
    journal = Journal("job", "job/algo-1", {"loss": r"loss: (\d)"})
    lines = journal.feed(b"loss: 1\nloss: 2\n", 0.0)
    journal.searched(lines, [{"loss": 1.0}, {"loss": 2.0}], (), 0.0)
    write, left = getattr(aws, operation), iter([True, False] if operation == "metric" else [False])

    def refuse(*values: Any) -> None:
        if not next(left):
            raise OSError(errno.ENOSPC, "no room")
        write(*values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, operation, refuse)
        with pytest.raises(OSError, match="no room"):
            journal.write(aws)
    journal.feed(b"more\n", 1.0)
    journal.write(aws)
    assert aws.lines("job") == ["loss: 1", "loss: 2", "more"]
    assert [value for _, _, value in aws.metrics] == [1.0, 2.0]
    assert journal.waits == 0


def test_failure_file_says_why(anywhere: Place) -> None:
    script = """
        import os
        with open(os.environ["SAGEMAKER_BASE_DIR"] + "/output/failure", "w") as file:
            file.write("eta is too large" + "!" * 2000)
        raise SystemExit(3)
    """
    answer = anywhere.run(script)
    assert (answer["TrainingJobStatus"], answer["SecondaryStatus"]) == ("Failed", "Failed")
    assert answer["FailureReason"].startswith("AlgorithmError: eta is too large!!")
    assert len(answer["FailureReason"]) == 1024
    assert list(anywhere.aws.objects("s3://models/")) == []


@pytest.mark.parametrize("made", ["os.mkfifo(path)", "os.symlink('/etc/passwd', path)"])
def test_failure_file_that_is_none_says_nothing(place: Place, made: str) -> None:
    answer = place.run(f"import os; path = '/opt/ml/output/failure'; {made}; raise SystemExit(7)")
    assert answer["FailureReason"] == "AlgorithmError: , exit code: 7"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise ValueError('eta')", "AlgorithmError: ValueError: eta, exit code: 1"),
        ("raise SystemExit(7)", "AlgorithmError: , exit code: 7"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9 (SIGKILL), perhaps out of memory, exit code: 137"),
    ],
)
def test_log_or_exit_code_says_why(place: Place, script: str, reason: str) -> None:
    assert reason in place.run(script)["FailureReason"]


def test_longest_runtime_limit(place: Place) -> None:
    longest = {"MaxRuntimeInSeconds": 28 * 86_400}
    assert place.run("import time; time.sleep(0.1)", StoppingCondition=longest)["TrainingJobStatus"] == "Completed"


def test_runtime_limit(place: Place) -> None:
    script = """
        import signal, time
        print("loss: 1", flush=True)
        with open("/opt/ml/model/partial", "w") as file:
            file.write("half")
        signal.pause()
    """
    limit = {"MaxRuntimeInSeconds": 1}
    answer = place.run(script, metrics={"loss": r"loss: (\d)"}, StoppingCondition=limit)
    assert (answer["TrainingJobStatus"], answer["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "FailureReason" not in answer
    assert answer["FinalMetricDataList"][0]["Value"] == 1.0


def test_output_is_uploaded_if_there_is_any(anywhere: Place) -> None:
    script = """
        import os
        with open(os.environ["SAGEMAKER_BASE_DIR"] + "/output/data/curve.csv", "w") as file:
            file.write("1,2")
    """
    anywhere.run(script, "with")
    anywhere.run("", "without")
    assert anywhere.archive("s3://models/prefix/with/output/output.tar.gz") == {"curve.csv": b"1,2"}
    assert [one.uri for one in anywhere.aws.objects("s3://models/prefix/without/")] == [
        "s3://models/prefix/without/output/model.tar.gz"
    ]


def test_model_that_is_not_packed(place: Place) -> None:
    script = "import os\nos.mkdir('/opt/ml/model/a')\nopen('/opt/ml/model/a/b', 'w').write('c')"
    output = {"S3OutputPath": "s3://models/", "CompressionType": "NONE"}
    answer = place.run(script, OutputDataConfig=output)
    assert answer["ModelArtifacts"]["S3ModelArtifacts"] == "s3://models/job/output/model/"
    assert place.aws.get("s3://models/job/output/model/a/b") == b"c"


LINKS = """
    import os, shutil
    folder, secret = os.environ["SAGEMAKER_BASE_DIR"] + "/" + os.environ["FOLDER"], os.environ["SECRET"]
    if os.environ["WHOLE"] == "yes":
        shutil.rmtree(folder)
        os.symlink(os.path.dirname(secret), folder)
    else:
        open(folder + "/own", "w").write("own")
        os.symlink("own", folder + "/inside")
        os.symlink(secret, folder + "/outside")
        os.symlink("nothing", folder + "/dangling")
"""


@pytest.mark.parametrize("folder", ["model", "output/data", "checkpoints"])
@pytest.mark.parametrize("whole", [False, True])
def test_links_that_lead_elsewhere_are_not_followed(place: Place, folder: str, whole: bool) -> None:
    secret = place.folder / "elsewhere/secret"
    secret.parent.mkdir()
    secret.write_text("secret")
    answer = place.run(
        LINKS,
        Environment={"FOLDER": folder, "SECRET": str(secret), "WHOLE": "yes" if whole else "no"},
        OutputDataConfig={"S3OutputPath": "s3://models/", "CompressionType": "NONE"},
        CheckpointConfig={"S3Uri": "s3://models/checkpoints"},
    )
    assert answer["TrainingJobStatus"] == "Completed", answer
    uploaded = {Path(one.uri).name: place.aws.get(one.uri) for one in place.aws.objects("s3://models/")}
    assert uploaded == ({} if whole else {"own": b"own", "inside": b"own"})


def test_archives_keep_links_as_links(place: Place) -> None:
    place.run("import os; os.symlink('/etc/passwd', '/opt/ml/model/link')")
    with tarfile.open(fileobj=io.BytesIO(place.aws.get("s3://models/prefix/job/output/model.tar.gz"))) as archive:
        (member,) = archive
    assert (member.issym(), member.linkname) == (True, "/etc/passwd")


def test_checkpoints_come_and_go(anywhere: Place) -> None:
    anywhere.aws.put("s3://models/checkpoints/before", b"1")
    script = """
        import os
        folder = os.environ["SAGEMAKER_BASE_DIR"] + "/checkpoints"
        with open(folder + "/after", "w") as file:
            file.write(open(folder + "/before").read() + "2")
        raise SystemExit(1)
    """
    anywhere.run(script, CheckpointConfig={"S3Uri": "s3://models/checkpoints"})
    assert anywhere.aws.get("s3://models/checkpoints/after") == b"12"


def test_jobs_of_a_tuning_job_keep_their_checkpoints_apart(place: Place) -> None:
    place.write("open('/opt/ml/checkpoints/state', 'w').write('1')")
    heard = Heard()
    asked = request(CheckpointConfig={"S3Uri": "s3://models/checkpoints/"})
    place.jobs.create(asked, tuning_job="arn:aws:sagemaker:eu-west-1:1:hyper-parameter-tuning-job/x", listener=heard)
    heard.wait("ended")
    assert place.aws.get("s3://models/checkpoints/job/state") == b"1"
    assert place.jobs.describe("job")["CheckpointConfig"] == {"S3Uri": "s3://models/checkpoints/job"}


def test_checkpoints_are_uploaded_while_it_trains(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtune.emulator.service.training_run._CHECKPOINT_SECONDS", 0.05)
    script = """
        import os, signal
        os.mkfifo("/opt/ml/checkpoints/no-file")
        with open("/opt/ml/checkpoints/state", "w") as file:
            file.write("1")
        print("up=1", flush=True)
        signal.pause()
    """
    uploaded = _notice_upload(place)
    _, heard = place.start(script, metrics=UP, CheckpointConfig={"S3Uri": "s3://models/checkpoints"})
    assert uploaded() == "s3://models/checkpoints/state"
    place.jobs.stop("job")
    heard.wait("ended")


def _notice_upload(place: Place) -> Any:
    """Return a function that waits for an upload."""
    import queue

    uploads: queue.Queue[str] = queue.Queue()
    upload = place.aws.upload

    def noticed(path: Path, uri: str) -> None:
        upload(path, uri)
        uploads.put(uri)

    place.aws.upload = noticed  # type: ignore[method-assign]
    return lambda: uploads.get(timeout=60)


# --- AWS's algorithm, and our own containers --------------------------------------------------------------------------


def _table(place: Place) -> list[dict[str, Any]]:
    """Put a small table into S3; return channels with it."""
    rows = [(int(x + y > 9), x, y) for x in range(10) for y in range(10)]
    for name, start in (("train", 0), ("validation", 1)):
        text = "\n".join(",".join(map(str, row)) for row in rows[start::2])
        place.aws.put(f"s3://data/{name}/table.csv", text.encode())
    return [channel(name, f"s3://data/{name}", ContentType="text/csv") for name in ("train", "validation")]


def test_built_in_xgboost_has_its_own_metrics(anywhere: Place) -> None:
    image = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    hyperparameters = {"num_round": "3", "objective": "binary:logistic", "_tuning_objective_metric": "validation:auc"}
    answer = anywhere.run(image=image, InputDataConfig=_table(anywhere), HyperParameters=hyperparameters)
    assert answer["TrainingJobStatus"] == "Completed", answer
    assert 0.9 < {one["MetricName"]: one["Value"] for one in answer["FinalMetricDataList"]}["validation:auc"] <= 1.0
    shown = {one["Name"]: one["Regex"] for one in answer["AlgorithmSpecification"]["MetricDefinitions"]}
    assert "#011validation-auc:" in shown["validation:auc"]
    assert "xgboost-model" in anywhere.model()


def test_container_of_smtune(anywhere: Place) -> None:
    hyperparameters = {"num_round": "3", "objective": "binary:logistic"}
    answer = anywhere.run(
        image="registry/smtune-xgboost:latest",
        metrics={"logloss": r"smtune: (?:.*; )?validation:logloss=([-+.0-9a-z]+)"},
        InputDataConfig=_table(anywhere),
        HyperParameters=hyperparameters,
    )
    assert answer["TrainingJobStatus"] == "Completed", answer
    assert answer["FinalMetricDataList"][0]["Value"] < 0.7
    assert anywhere.model()


# --- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"OutputDataConfig": {"S3OutputPath": "s3://nowhere/x"}}, "bucket does not exist: nowhere"),
        ({"InputDataConfig": [channel("train", "s3://data/no")]}, 'No S3 objects found under S3 URL "s3://data/no"'),
        (
            {"InputDataConfig": [channel("train", "s3://nowhere")]},
            "ensure that the bucket exists in the selected region",
        ),
        ({"image": "unknown"}, "stands for no program that is known here"),
        ({"HyperParameters": {"sagemaker_program": "a.py"}, "image": "i"}, "comes without code"),
        (
            {
                "HyperParameters": {"sagemaker_program": "a.py", "sagemaker_submit_directory": "s3://data/a"},
                "image": "i",
            },
            "there is no object s3://data/a",
        ),
        (
            {"InputDataConfig": [channel("t", "s3://data/x", data_type="AugmentedManifestFile", InputMode="Pipe")]},
            "is not emulated",
        ),
        ({"InputDataConfig": [{"ChannelName": "t", "DataSource": {"FileSystemDataSource": {}}}]}, "is not emulated"),
        ({"InputDataConfig": [channel("t", "s3://data/bad", data_type="ManifestFile")]}, "must be a JSON list"),
        ({"InputDataConfig": [channel("..", "s3://data/bad")]}, "is no name for a channel"),
        ({"InputDataConfig": [channel("a", "s3://data/bad")] * 2}, "is the name of another channel, too"),
        ({"CheckpointConfig": {"S3Uri": "s3://data/c", "LocalPath": "/tmp/c"}}, "must lie inside /opt/ml"),
    ],
)
def test_jobs_that_cannot_run_say_why(place: Place, members: dict[str, Any], reason: str) -> None:
    place.aws.put("s3://data/bad", b"{}")
    answer = place.run("", **members)
    assert answer["TrainingJobStatus"] == "Failed"
    assert answer["FailureReason"].startswith("ClientError: ")
    assert reason in answer["FailureReason"]
    assert place.run("", "next")["TrainingJobStatus"] == "Completed"


def test_archive_that_leads_elsewhere(place: Place) -> None:
    place.aws.put("s3://data/code.tar.gz", packed(**{"..//..//..//evil": "x"}))
    hyperparameters = {"sagemaker_program": "a.py", "sagemaker_submit_directory": "s3://data/code.tar.gz"}
    answer = place.run("", image="any", HyperParameters=hyperparameters)
    assert "s3://data/code.tar.gz cannot be unpacked" in answer["FailureReason"]
    place.jobs.close()  # its folder goes meanwhile
    assert list(place.folder.parent.rglob("evil")) == []


def test_archive_that_was_cut_off(place: Place) -> None:
    whole = packed(train__py="".join(map(str, range(10_000))))
    place.aws.put("s3://data/code.tar.gz", whole[: len(whole) // 2])
    hyperparameters = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://data/code.tar.gz"}
    answer = place.run("", image="any", HyperParameters=hyperparameters)
    assert answer["FailureReason"].startswith("ClientError: s3://data/code.tar.gz cannot be unpacked: it is damaged: ")


def test_program_that_is_not_there(tmp_path: Path) -> None:
    with Place(tmp_path, rules=(Rule("gone", command=("/no/such/program",)),)) as place:
        answer = place.run("", image="gone")
    assert (
        answer["FailureReason"] == "AlgorithmError: cannot start program: No such file or directory: /no/such/program"
    )


def test_bucket_that_goes_while_a_job_trains(place: Place) -> None:
    _, heard = place.start("print('up=1', flush=True)\nimport signal; signal.pause()", metrics=UP)
    heard.wait("measured")
    (place.folder / "s3" / "models").rmdir()
    place.jobs.stop("job")
    assert "Artifact upload failed" in (heard.wait("ended").failure_reason or "")


def test_script_that_fills_its_log(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtune.emulator.service.journal._LONGEST_LOG", 500_000)
    script = "for step in range(20000): print('loss:', step)\nprint('x' * 3_000_000)\nprint('\\xff\\x00\\n\\n')"
    answer = place.run(script, metrics={"loss": r"loss: (\d+)"}, Environment={"PYTHONUTF8": "1"})
    assert answer["TrainingJobStatus"] == "Completed"
    assert answer["FinalMetricDataList"][0]["Value"] == 19999
    lines = place.aws.lines("job")
    assert len(lines) == 501
    assert lines[-1].startswith("emulator: the log ends here")
    assert len(place.aws.metrics) < 1000


def test_regex_that_takes_for_ever_holds_up_nobody(place: Place) -> None:
    script = """
        import sys
        print("a=1", flush=True)
        for line in range(3):
            print("a" * 60 + "!", "line", line, flush=True)
        print("b=2", flush=True)
        print("a=3", flush=True)
    """
    place.write(script)
    metrics = {"a": r"a=(\d)", "slow": "^((a+)+)$", "b": r"b=(\d)"}
    _, heard = place.start(None, metrics=metrics)
    other = place.run(None, "other", metrics={"a": r"a=(\d)"})
    assert other["TrainingJobStatus"] == "Completed"
    assert heard.wait("ended").status == "Completed"
    found = {one["MetricName"]: one["Value"] for one in place.jobs.describe("job")["FinalMetricDataList"]}
    assert found == {"a": 3.0, "b": 2.0}
    assert [one["a"] for one in heard.measured_metrics if "a" in one] == [1.0, 3.0]
    (remark,) = [line for line in place.aws.lines("job") if line.startswith("emulator: the regular expression")]
    assert remark.startswith("emulator: the regular expression of the metric slow takes too long")


def test_end_does_not_wait_for_a_regex(place: Place) -> None:
    script = "print('up=1', flush=True)\nprint('a' * 60 + '!', flush=True)\nimport signal; signal.pause()"
    _, heard = place.start(script, metrics={**UP, "slow": "^((a+)+)$"})
    heard.wait("measured")
    place.jobs.close()
    assert heard.events.empty()


def test_script_that_prints_far_too_much(place: Place) -> None:
    script = """
        import sys
        part = b"x" * (1 << 20)
        for _ in range(100):
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.write(b"\\n")
        for line in range(1_000_000):
            sys.stdout.buffer.write(b"line %d\\n" % line)
    """
    answer = place.run(script, metrics={"line": r"line (\d*999)$"})
    assert answer["TrainingJobStatus"] == "Completed"
    assert answer["FinalMetricDataList"][0]["Value"] == 999_999
    lines = place.aws.lines("job")
    assert len(lines) < 70_000
    assert lines[-1].startswith("emulator: the log ends here")
    assert place.run("", "next")["TrainingJobStatus"] == "Completed"


def test_script_that_never_prints_its_metric(place: Place) -> None:
    answer = place.run("print('nothing of interest')", metrics={"loss": r"loss: (\d+)"})
    assert answer["TrainingJobStatus"] == "Completed"
    assert "FinalMetricDataList" not in answer


def test_script_that_forks_leaves_nothing(place: Place) -> None:
    script = """
        import os, signal, subprocess, sys
        told, tell = os.pipe()
        for _ in range(5):
            if os.fork() == 0:
                os.setsid()
                os.fork()
                os.write(tell, b"%d." % os.getpid())
                signal.pause()
        text = b""
        while text.count(b".") < 10:
            text += os.read(told, 100)
        for pid in text.split(b".")[:-1]:
            print(f"pid={int(pid)}")
    """
    job, heard = place.start(script, metrics={"pid": r"pid=(\d+)"})
    heard.wait("ended")
    assert job.status == "Completed"
    assert len(heard.measured_metrics) == 10
    assert all_gone(watched(int(metrics["pid"]) for metrics in heard.measured_metrics))


SERVER = """
import sys, threading
from pathlib import Path
from tests.emulator.folder_aws import FolderAws
from tests.emulator.trainings import Place
place = Place(Path(sys.argv[1]), slots=4)
place.write(Path(sys.argv[2]).read_text())
hears = [place.start(None, f"job-{n}", metrics={"pid": r"pid=([0-9]+)"})[1] for n in range(3)]
pids = [int(heard.wait("measured")["pid"]) for heard in hears for _ in range(2)]
reader = place.jobs._engine._scraper._reader._process._process.pid
print(*pids, reader, flush=True)
threading.Event().wait()
"""


def test_killed_server_leaves_no_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import os, signal\nos.fork()\nos.write(1, b'pid=%d\\n' % os.getpid())\nsignal.pause()\n")
    folder = tmp_path / "place"
    folder.mkdir()
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder), str(script)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as server:
        assert server.stdout is not None
        pids = [int(pid) for pid in server.stdout.readline().split()]
        assert len(pids) == 7
        held = watched(pids)
        server.send_signal(signal.SIGKILL)
    assert len(held) == 7
    assert all_gone(held)


# --- faults -----------------------------------------------------------------------------------------------------------


def test_faults_happen_as_often_as_they_should(tmp_path: Path) -> None:
    faults = (
        Fault("capacity", "capacity"),
        Fault("failure", "fail*", reason="AlgorithmError: a bad day"),
        Fault("no-metric", "mute"),
        Fault("slow-start", "slow", seconds=0.3),
    )
    with Place(tmp_path, faults=faults) as place:
        place.write("print('loss: 1')")
        regex = {"metrics": {"loss": r"loss: (\d)"}}
        no_capacity = place.run(None, "capacity", **regex)
        assert no_capacity["FailureReason"].startswith("CapacityError: Unable to provision")
        assert "TrainingStartTime" not in no_capacity
        place.jobs.delete("capacity")
        assert place.run(None, "capacity", **regex)["TrainingJobStatus"] == "Completed"
        failed = place.run(None, "fails", **regex)
        assert failed["FailureReason"] == "AlgorithmError: a bad day"
        assert "Training" in [one["Status"] for one in failed["SecondaryStatusTransitions"]]
        mute = place.run(None, "mute", **regex)
        assert mute["TrainingJobStatus"] == "Completed"
        assert "FinalMetricDataList" not in mute
        slow = place.run(None, "slow", **regex)
        starting = slow["SecondaryStatusTransitions"][0]
        assert starting["EndTime"] - starting["StartTime"] >= 0.299


def test_slow_start_can_be_stopped(tmp_path: Path) -> None:
    with Place(tmp_path, faults=(Fault("slow-start", seconds=600),)) as place:
        _, heard = place.start("")
        place.jobs.stop("job")
        assert heard.wait("ended").status == "Stopped"


def test_waits_pass_faster(tmp_path: Path) -> None:
    with Place(tmp_path, speed=20_000.0, faults=(Fault("slow-start", seconds=3600),)) as place:
        answer = place.run("import time; time.sleep(0.2)")
    assert answer["TrainingJobStatus"] == "Completed"
    times = [one[name] for one in answer["SecondaryStatusTransitions"] for name in ("StartTime", "EndTime")]
    assert times == sorted(times)
    assert 0.179 <= times[1] - times[0] < 60.0
    assert 0.2 <= answer["TrainingEndTime"] - answer["TrainingStartTime"] < 60.0
    assert answer["BillableTimeInSeconds"] == answer["TrainingTimeInSeconds"]


SPOT: dict[str, Any] = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
}


@pytest.mark.parametrize("kind", ["slow-start", "capacity"])
def test_spot_instances_that_do_not_come_in_time(tmp_path: Path, kind: Any) -> None:
    with Place(tmp_path, speed=600.0, faults=(Fault(kind, seconds=3600),)) as place:
        answer = place.run("print('never')", **SPOT)
    assert (answer["TrainingJobStatus"], answer["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert "TrainingStartTime" not in answer
    assert "BillableTimeInSeconds" not in answer


def test_capacity_that_does_not_come(tmp_path: Path) -> None:
    with Place(tmp_path, speed=600.0, faults=(Fault("capacity", seconds=30),)) as place:
        answer = place.run("print('never')", **SPOT)
    assert answer["FailureReason"].startswith("CapacityError")
    assert answer["TrainingEndTime"] - answer["CreationTime"] >= 0.049


def test_waits_after_interruptions_count(tmp_path: Path) -> None:
    faults = (Fault("interruption"), Fault("slow-start", count=2, seconds=40))
    with Place(tmp_path, speed=400.0, faults=faults) as place:
        answer = place.run("import signal; signal.pause()", **SPOT)
    statuses = [one["Status"] for one in answer["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Interrupted", "Starting", "MaxWaitTimeExceeded"]


def test_spot_interruption(tmp_path: Path) -> None:
    script = """
        import os, signal
        path = os.environ["SAGEMAKER_BASE_DIR"] + "/checkpoints/epochs"
        epochs = int(open(path).read()) if os.path.exists(path) else 0
        print("epochs=%d" % epochs, flush=True)
        with open(path, "w") as file:
            file.write(str(epochs + 1))
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if epochs == 0:
            signal.pause()
    """
    shell = f"trap '' TERM; {sys.executable} {tmp_path}/source/train.py"  # so that it gets as far as its checkpoint
    settings = {"rules": (Rule("spot", command=("sh", "-c", shell)),), "grace_seconds": 1.0}
    with Place(tmp_path, faults=(Fault("interruption", seconds=0.3),), **settings) as place:
        members: dict[str, Any] = {
            "metrics": {"epochs": r"epochs=(\d)"},
            "CheckpointConfig": {"S3Uri": "s3://models/checkpoints"},
        }
        _, heard = place.start(script, image="spot", EnableManagedSpotTraining=True, **members)
        assert heard.wait("ended").status == "Completed"
        answer = place.jobs.describe("job")
    statuses = [one["Status"] for one in answer["SecondaryStatusTransitions"]]
    assert statuses == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    assert [metrics["epochs"] for metrics in heard.measured_metrics] == [0.0, 1.0]
    assert answer["BillableTimeInSeconds"] <= answer["TrainingTimeInSeconds"]


def test_internal_errors_are_retried(tmp_path: Path) -> None:
    with Place(tmp_path, faults=(Fault("failure", count=2),)) as place:
        answer = place.run("", RetryStrategy={"MaximumRetryAttempts": 2})
    assert answer["TrainingJobStatus"] == "Completed"
    statuses = [one["Status"] for one in answer["SecondaryStatusTransitions"]]
    assert statuses[:6] == ["Starting", "Downloading", "Training", "Restarting", "Downloading", "Training"]


def test_retries_come_to_an_end(tmp_path: Path) -> None:
    with Place(tmp_path, faults=(Fault("failure", count=None),)) as place:
        answer = place.run("", RetryStrategy={"MaximumRetryAttempts": 1})
    assert answer["FailureReason"].startswith("InternalServerError")
    assert [one["Status"] for one in answer["SecondaryStatusTransitions"]].count("Training") == 2


def test_on_demand_instances_are_not_interrupted(tmp_path: Path) -> None:
    with Place(tmp_path, faults=(Fault("interruption"),)) as place:
        answer = place.run("print('done')")
    assert "Interrupted" not in [one["Status"] for one in answer["SecondaryStatusTransitions"]]


def test_throttled_requests_can_be_sent_again(tmp_path: Path) -> None:
    settings = Settings(faults=[Fault("throttling", "List*", count=2)])
    service = Service(FolderAws(tmp_path), settings, account="111122223333", region="eu-west-1")
    for _ in range(2):
        with pytest.raises(ServiceError, match="Rate exceeded") as caught:
            service.call("ListTrainingJobs", {})
        assert caught.value.code == "ThrottlingException"
    assert service.call("ListTrainingJobs", {}) == {"TrainingJobSummaries": []}
    service.close()


@pytest.mark.parametrize("members", [{"slots": 0}, {"grace_seconds": -1.0}, {"speed": 0.0}])
def test_settings_that_make_no_sense(members: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=next(iter(members))):
        Settings(**members)


def test_faults_that_make_no_sense() -> None:
    with pytest.raises(SpecError, match="at least 1"):
        Fault("failure", count=0)
    for seconds in (-1.0, math.inf, math.nan):
        with pytest.raises(SpecError, match="negative"):
            Fault("slow-start", seconds=seconds)
    assert Faults([Fault("failure", "a*", count=None)]).draw("failure", "b") is None
