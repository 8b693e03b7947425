"""Requests to a server that are no AWS client's."""

import functools
import json
import urllib.error
import urllib.request

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from smtune.emulator import Fault, Settings, serving
from smtune.emulator.moto_plugin.visitors import is_foreign

# Sessions are many here, and every one would read boto3's megabytes of service models anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


@pytest.fixture
def emulator():
    with serving(settings=Settings(faults=[Fault("throttling", "ListTrainingJobs")])) as emulator:
        yield emulator


def ask(emulator, method, body=None, path="/smtune/faults", **headers):
    data = None if body is None else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(emulator.url + path, data, method=method, headers=names)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        refused = error
    assert "Access-Control-Allow-Origin" not in refused.headers
    return refused.code, json.loads(refused.read())


def sagemaker(emulator):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": emulator.region}
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client("sagemaker", endpoint_url=emulator.url, config=once, **keys)


def left(answer):
    status, told = answer
    assert status == 200
    return [(one["kind"], one["match"], one["count"]) for one in told["faults"]]


class TestFaults:
    def test_they_are_added_to_those_of_the_settings_and_happen(self, emulator):
        client = sagemaker(emulator)
        assert left(ask(emulator, "GET")) == [("throttling", "ListTrainingJobs", 1)]
        added = ask(emulator, "POST", {"kind": "throttling", "match": "ListTrainingJobs", "reason": "Slow down"})
        assert left(added) == [("throttling", "ListTrainingJobs", 1)] * 2
        for text in ("Rate exceeded", "Slow down"):
            with pytest.raises(ClientError, match=text):
                client.list_training_jobs()
        assert left(ask(emulator, "GET")) == []
        assert client.list_training_jobs()["TrainingJobSummaries"] == []

    def test_they_are_those_of_the_emulator_in_the_same_process(self, emulator):
        emulator.faults.clear()
        emulator.faults.add([Fault("throttling", "DescribeTrainingJob", count=None)])
        assert left(ask(emulator, "GET")) == [("throttling", "DescribeTrainingJob", None)]

    def test_a_reset_brings_back_those_of_the_settings(self, emulator):
        client = sagemaker(emulator)
        with pytest.raises(ClientError):
            client.list_training_jobs()
        ask(emulator, "POST", [{"kind": "failure"}, {"kind": "capacity"}])
        assert ask(emulator, "POST", path="/moto-api/reset")[0] == 200
        assert left(ask(emulator, "GET")) == [("throttling", "ListTrainingJobs", 1)]

    def test_they_can_be_taken_away(self, emulator):
        assert left(ask(emulator, "DELETE")) == []
        assert sagemaker(emulator).list_training_jobs()["TrainingJobSummaries"] == []

    def test_what_is_wrong_with_them_is_told(self, emulator):
        status, told = ask(emulator, "POST", {"kind": "failure", "counts": 3})
        assert status == 400
        assert [(one["field"], one["fix"]) for one in told["problems"]] == [
            ("faults[0].counts", "did you mean 'count'?")
        ]
        assert left(ask(emulator, "GET")) == [("throttling", "ListTrainingJobs", 1)]

    @pytest.mark.parametrize(("method", "status"), [("PUT", 405), ("POST", 400)])
    def test_other_requests_are_refused(self, emulator, method, status):
        assert ask(emulator, method)[0] == status


class TestBrowsers:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://example.org"},
            {"Origin": "null"},
            {"Origin": "http://localhost:3000"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Host": "example.org:5566"},
            {"Host": "example.org:5566", "Origin": "http://example.org:5566"},
        ],
    )
    @pytest.mark.parametrize("path", ["/smtune/faults", "/moto-api/reset", "/"])
    def test_pages_from_elsewhere_are_refused(self, emulator, headers, path):
        for method in ("POST", "OPTIONS"):
            status, told = ask(emulator, method, {"kind": "failure"}, path, **headers)
            assert (status, told["__type"]) == (403, "AccessDeniedException")
        assert left(ask(emulator, "GET")) == [("throttling", "ListTrainingJobs", 1)]

    @pytest.mark.parametrize(
        "environ",
        [{"HTTP_HOST": "[::1"}, {"HTTP_HOST": "localhost", "HTTP_ORIGIN": "http://[::1"}, {"HTTP_HOST": "[x]"}],
    )
    def test_what_is_no_address_is_foreign(self, environ):
        assert is_foreign(environ)

    @pytest.mark.parametrize(
        "environ",
        [
            {},
            {"HTTP_HOST": "127.0.0.1:5566"},
            {"HTTP_HOST": "[::1]:5566", "HTTP_ORIGIN": "http://[::1]:5566"},
            {"HTTP_HOST": "bucket.localhost:5566", "HTTP_SEC_FETCH_SITE": "none"},
            {"HTTP_HOST": "localhost", "HTTP_ORIGIN": "http://localhost", "HTTP_SEC_FETCH_SITE": "same-origin"},
        ],
    )
    def test_this_machine_is_let_in(self, environ):
        assert not is_foreign(environ)
