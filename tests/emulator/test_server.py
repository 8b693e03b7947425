import functools
import os
import signal
import socket
import threading
import urllib.error
import urllib.request

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError

from smtune.emulator import serve, serving
from smtune.errors import MissingExtraError, SpecError
from tests.emulator.hammer import hammer

# Sessions are many here, and every one would read boto3's megabytes of service models anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

pytestmark = pytest.mark.usefixtures("services")


@pytest.fixture
def emulator():
    with serving() as emulator:
        yield emulator


def client(service, emulator):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=emulator.url, region_name=emulator.region, **keys)


def start(emulator, name):
    client("sagemaker", emulator).create_training_job(
        TrainingJobName=name,
        RoleArn=emulator.role,
        AlgorithmSpecification={"TrainingImage": "mine", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": f"s3://{emulator.bucket}"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )


def found(emulator):
    results = client("sagemaker", emulator).search(Resource="TrainingJob")["Results"]
    return [one["TrainingJob"]["TrainingJobName"] for one in results]


class TestAddress:
    @pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::", "example.org", ""])
    def test_only_this_machine_may_ask(self, host):
        with pytest.raises(SpecError, match="must be a loopback address") as raised, serving(host=host):
            pass
        assert raised.value.problems[0].field == "host"

    @pytest.mark.parametrize("region", ["", "../../../x", "us-east", "US-EAST-1"])
    def test_a_region_that_is_none_is_told(self, region):
        with pytest.raises(SpecError, match="is no AWS region"), serving(region=region):
            pass

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
    def test_every_loopback_address_will_do(self, host):
        if host == "::1" and not has_ipv6():
            pytest.skip("this machine has no IPv6")
        with serving(host=host) as emulator:
            assert client("s3", emulator).list_buckets()["Buckets"][0]["Name"] == emulator.bucket

    def test_a_port_that_is_taken_is_told(self, emulator):
        port = int(emulator.url.rpartition(":")[2])
        with pytest.raises(SpecError, match=f"port = {port}: is taken: another program listens on 127.0.0.1:{port}"):
            serve(port)
        assert found(emulator) == []

    @pytest.mark.parametrize("port", [-1, 65536])
    def test_a_port_that_is_none_is_told(self, port):
        with pytest.raises(SpecError, match="must be between 0 and 65535"), serving(port):
            pass

    def test_a_port_is_free_again_at_once(self):
        with serving() as emulator:
            start(emulator, "churn")
            port = int(emulator.url.rpartition(":")[2])
        with serving(port) as emulator:
            assert found(emulator) == []

    def test_without_moto_it_says_what_to_install(self, monkeypatch):
        monkeypatch.setattr("smtune.emulator.emulation.find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r'pip install "smtune\[emulator\]"'), serving():
            pass


class TestState:
    def test_it_ends_with_the_server(self, services):
        with serving() as emulator:
            start(emulator, "sleep")
            client("s3", emulator).create_bucket(Bucket="mine")
        assert services[0].processes[0].returncode == -signal.SIGKILL
        assert services[0].is_closed
        with serving() as emulator:
            assert found(emulator) == []
            assert [one["Name"] for one in client("s3", emulator).list_buckets()["Buckets"]] == [emulator.bucket]

    def test_motos_reset_kills_what_runs_and_leaves_role_and_bucket(self, emulator, services):
        start(emulator, "sleep")
        client("s3", emulator).put_object(Bucket=emulator.bucket, Key="a", Body=b"1")
        urllib.request.urlopen(urllib.request.Request(f"{emulator.url}/moto-api/reset", method="POST")).close()
        assert services[0].processes[0].wait() == -signal.SIGKILL
        assert found(emulator) == []
        assert client("s3", emulator).list_objects_v2(Bucket=emulator.bucket)["KeyCount"] == 0
        client("iam", emulator).get_role(RoleName="SageMaker")

    def test_no_thread_outlives_it(self):
        before = set(threading.enumerate())
        with serving() as emulator:
            port = int(emulator.url.rpartition(":")[2])
            silent = socket.create_connection(("127.0.0.1", port))
            start(emulator, "churn")
        with silent:
            silent.settimeout(60)
            assert silent.recv(1) == b""
        for thread in set(threading.enumerate()) - before:
            thread.join(60)
        assert set(threading.enumerate()) <= before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


class TestRequests:
    def test_bodies_of_any_kind_are_stored_whole(self, emulator, tmp_path):
        s3 = client("s3", emulator)
        content = os.urandom(20 * 1024 * 1024 + 1)  # several parts, in chunks
        (tmp_path / "file").write_bytes(content)
        s3.upload_file(str(tmp_path / "file"), emulator.bucket, "parts")
        with (tmp_path / "file").open("rb") as file:
            s3.put_object(Bucket=emulator.bucket, Key="stream", Body=file)
        for key in ("parts", "stream"):
            assert s3.get_object(Bucket=emulator.bucket, Key=key)["Body"].read() == content
        assert s3.get_object(Bucket=emulator.bucket, Key="parts", Range="bytes=1-3")["Body"].read() == content[1:4]

    @pytest.mark.parametrize(
        ("service", "operation", "request_"),
        [
            ("service-quotas", "list_service_quotas", {"ServiceCode": "sagemaker"}),
            ("iam", "list_service_specific_credentials", {}),
        ],
    )
    def test_what_moto_lacks_is_told_as_each_service_tells_errors(self, emulator, service, operation, request_, capfd):
        with pytest.raises(ClientError, match="Neither this emulator nor its moto implements it") as raised:
            getattr(client(service, emulator), operation)(**request_)
        assert raised.value.response["Error"]["Code"] == "NotImplemented"
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert capfd.readouterr().err == ""

    def test_a_client_that_does_not_finish_holds_up_nobody(self, emulator):
        port = int(emulator.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(b"PUT /sagemaker/key HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\nabc")
            start(emulator, "churn")
            client("s3", emulator).put_object(Bucket=emulator.bucket, Key="a", Body=b"1")
            assert found(emulator) == ["churn"]
            assert client("s3", emulator).get_object(Bucket=emulator.bucket, Key="a")["Body"].read() == b"1"

    def test_many_threads_are_served(self, emulator):
        assert hammer(lambda service: client(service, emulator), emulator.bucket, seconds=3.0) == []


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
