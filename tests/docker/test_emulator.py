"""Training jobs of the emulator in containers of the images that they name."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smtune.emulator import Rule
from smtune.sandbox.docker import Limits
from tests.docker.images import CONTAINERS
from tests.emulator.trainings import Place, channel

IMAGE = CONTAINERS["sklearn"]
"""Any with an interpreter."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    endpoint = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}  # which a container without a network does not reach
    with Place(tmp_path, containers=Limits(memory_mb=256, cpus=1.0), environment=endpoint) as opened:
        yield opened


def program(script: str, **members: Any) -> dict[str, Any]:
    """Return members of a request that run a script in the image."""
    metrics = members.pop("metrics", {})
    algorithm = {
        "TrainingImage": members.pop("image", IMAGE),
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python", "-u", "-c"],
        "ContainerArguments": [textwrap.dedent(script)],
        "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in metrics.items()],
    }
    return {"AlgorithmSpecification": algorithm, **members}


def left_behind() -> list[str]:
    """Return the containers and the networks that smtune has made."""
    return [
        name
        for listing in (["ps", "--all", "--format={{.Names}}"], ["network", "ls", "--format={{.Name}}"])
        for name in subprocess.run(["docker", *listing], capture_output=True, text=True, check=True).stdout.split()
        if name.startswith("smtune-")
    ]


def test_job_of_an_image_that_the_engine_has_runs_in_it(place: Place) -> None:
    place.aws.put("s3://data/rows/a.csv", b"1,2\n")
    script = """
        import json, os, pathlib
        ml = pathlib.Path("/opt/ml")
        try:
            (ml / "input/data/rows/b.csv").write_text("3,4")
            read_only = False
        except OSError:
            read_only = True
        told = {
            "rows": (ml / "input/data/rows/a.csv").read_text(),
            "read_only": read_only,
            "hyperparameters": json.loads((ml / "input/config/hyperparameters.json").read_text()),
            "host": json.loads((ml / "input/config/resourceconfig.json").read_text())["current_host"],
            "job": os.environ["TRAINING_JOB_NAME"],
            "mine": os.environ["MINE"],
            "networks": sorted(os.listdir("/sys/class/net")),
            "program": pathlib.Path("/opt/program/train.py").exists(),
            "endpoint": os.environ.get("AWS_ENDPOINT_URL"),
        }
        (ml / "model/told.json").write_text(json.dumps(told))
        (ml / "output/data/more").write_text("more")
        print("auc=0.75;")
    """
    rows = channel("rows", "s3://data/rows/", InputMode="FastFile")
    members = program(script, metrics={"auc": "auc=(.*?);"})
    description = place.run(
        **members, InputDataConfig=[rows], HyperParameters={"eta": "0.1"}, Environment={"MINE": "a b"}
    )
    assert description["TrainingJobStatus"] == "Completed", description
    assert json.loads(place.model()["told.json"]) == {
        "rows": "1,2\n",
        "read_only": True,
        "hyperparameters": {"eta": "0.1"},
        "host": "algo-1",
        "job": "job",
        "mine": "a b",
        "networks": ["lo"],
        "program": True,
        "endpoint": None,
    }
    assert description["FinalMetricDataList"][0]["Value"] == 0.75
    assert place.aws.lines("job") == ["auc=0.75;"]
    assert place.archive("s3://models/prefix/job/output/output.tar.gz") == {"more": b"more"}
    assert left_behind() == []


def test_rule_counts_more_than_an_image(tmp_path: Path) -> None:
    rule = Rule(IMAGE, command=(sys.executable, "-c", "import os; print(os.path.exists('/opt/program'))"))
    with Place(tmp_path, rules=[rule]) as place:
        assert place.run(image=IMAGE)["TrainingJobStatus"] == "Completed"
        assert place.aws.lines("job") == ["False"]


def test_rule_that_says_docker(tmp_path: Path) -> None:
    rule = Rule("smtune-test/*", kind="docker", environment={"MINE": "rule", "THEIRS": "rule"})
    with Place(tmp_path, rules=[rule], isolation="rewrite") as place:
        script = "import os; print(os.path.exists('/opt/program'), os.environ['MINE'], os.environ['THEIRS'])"
        assert place.run(**program(script), Environment={"THEIRS": "job"})["TrainingJobStatus"] == "Completed"
        assert place.aws.lines("job") == ["True rule job"]


def test_image_that_the_engine_lacks(tmp_path: Path) -> None:
    with Place(tmp_path, isolation="docker") as place:
        description = place.run(image="smtune-test/none")
        assert description["FailureReason"] == (
            "ClientError: isolation 'docker' wants smtune-test/none to run in Docker: the engine has no such image"
        )
        assert place.run("print(1)", "other")["TrainingJobStatus"] == "Completed"  # by the user's rule


def test_failure_of_a_container(place: Place) -> None:
    script = "open('/opt/ml/output/failure', 'w').write('no data'); raise SystemExit(3)"
    description = place.run(**program(script))
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"] == "AlgorithmError: no data, exit code: 3"


def test_container_without_memory(place: Place) -> None:
    description = place.run(**program("x = b'1' * (1 << 30)"))
    limit = "out of memory: the container may use 256 MiB"
    assert description["FailureReason"] == f"AlgorithmError: {limit}, exit code: 137"


def test_container_that_is_asked_to_stop(place: Place) -> None:
    script = """
        import signal, sys
        def stop(*_):
            open("/opt/ml/model/last", "w").write("bye")
            sys.exit(0)
        signal.signal(signal.SIGTERM, stop)
        print("up=1;")
        signal.pause()
    """
    _, heard = place.start(**program(script, metrics={"up": "up=(.*?);"}))
    heard.wait("measured")
    place.jobs.stop("job")
    heard.wait("ended")
    assert place.jobs.describe("job")["TrainingJobStatus"] == "Stopped"
    assert place.model() == {"last": b"bye"}
    assert left_behind() == []


def test_container_that_takes_too_long(tmp_path: Path) -> None:
    with Place(tmp_path, grace_seconds=0.1) as place:
        script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.sigwait([signal.SIGUSR1])"
        description = place.run(**program(script), StoppingCondition={"MaxRuntimeInSeconds": 1})
        assert description["SecondaryStatus"] == "MaxRuntimeExceeded"
        assert left_behind() == []


def test_hosts_find_each_other_and_nobody_else(place: Place) -> None:
    script = """
        import json, socket
        config = json.load(open("/opt/ml/input/config/resourceconfig.json"))
        if config["current_host"] == "algo-1":
            server = socket.create_server(("", 5000))
            peer, _ = server.accept()
            print(peer.recv(100).decode(), config["network_interface_name"])
        else:
            while True:
                try:
                    peer = socket.create_connection(("algo-1", 5000))
                    break
                except OSError:
                    pass  # the other one has not begun
            peer.sendall(socket.gethostname().encode())
    """
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    description = place.run(**program(script), ResourceConfig=resources)
    assert description["TrainingJobStatus"] == "Completed", description
    assert "algo-2 eth0" in place.aws.lines("job")  # beside what Docker says of its networks
    place.jobs.close()
    assert left_behind() == []


def test_container_with_a_network_reaches_the_emulator(tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        script = """
            import os, urllib.error, urllib.request
            try:
                urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"])
            except urllib.error.HTTPError as error:
                print(error.code)
        """
        settings = {"containers": Limits(network="host"), "environment": {"AWS_ENDPOINT_URL": endpoint}}
        with Place(tmp_path, **settings) as place:
            assert place.run(**program(script))["TrainingJobStatus"] == "Completed"
            assert place.aws.lines("job") == ["501"]
        server.shutdown()


def test_pipes_lead_into_a_container(place: Place) -> None:
    place.aws.put("s3://data/rows/a.csv", b"1,2\n")
    script = "print(open('/opt/ml/input/data/rows_0').read().strip())"
    rows = channel("rows", "s3://data/rows/", InputMode="Pipe")
    assert place.run(**program(script), InputDataConfig=[rows])["TrainingJobStatus"] == "Completed"
    assert place.aws.lines("job") == ["1,2"]


def test_checkpoints_come_and_go(place: Place) -> None:
    place.aws.put("s3://models/checkpoints/1", b"one")
    script = "import shutil; shutil.copy('/opt/ml/checkpoints/1', '/opt/ml/checkpoints/2')"
    config = {"S3Uri": "s3://models/checkpoints/"}
    assert place.run(**program(script), CheckpointConfig=config)["TrainingJobStatus"] == "Completed"
    assert place.aws.get("s3://models/checkpoints/2") == b"one"


def test_closing_removes_what_runs(place: Place) -> None:
    _, heard = place.start(**program("print('up=1;'); import signal; signal.pause()", metrics={"up": "up=(.*?);"}))
    heard.wait("measured")
    assert left_behind() != []
    place.jobs.close()
    assert left_behind() == []


def test_nothing_outlives_a_killed_emulator() -> None:
    code = f"""
import boto3
from smtune.emulator import emulate
with emulate() as emulator:
    sagemaker = boto3.client("sagemaker", region_name=emulator.region)
    sagemaker.create_training_job(
        TrainingJobName="killed",
        AlgorithmSpecification={{"TrainingImage": {IMAGE!r}, "TrainingInputMode": "File", "ContainerEntrypoint":
            ["python", "-c", "import signal; signal.pause()"]}},
        RoleArn=emulator.role,
        OutputDataConfig={{"S3OutputPath": f"s3://{{emulator.bucket}}/"}},
        ResourceConfig={{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        StoppingCondition={{"MaxRuntimeInSeconds": 600}},
    )
    input()
"""
    events = ["docker", "events", "--filter=type=container", "--format={{.Action}} {{.Actor.Attributes.name}}"]
    with (
        subprocess.Popen(events, stdout=subprocess.PIPE, text=True) as told,
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as emulator,
    ):
        assert told.stdout is not None
        actions = (line.split() for line in told.stdout if " smtune-killed-" in line)
        assert next(action for action, _ in actions if action == "start")
        emulator.kill()
        assert next(action for action, _ in actions if action == "destroy")
        told.kill()
    assert left_behind() == []
