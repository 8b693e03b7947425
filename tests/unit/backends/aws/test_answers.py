"""Services that are none: pages of a proxy, and silence."""

import logging
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smtune.backends.aws import Account
from smtune.backends.aws.answers import look_at_answers
from smtune.backends.aws.troubles import explained
from smtune.backends.tuning_jobs import describe
from smtune.errors import AwsError

PAGES = {
    "page": ("text/html", b"<html><body>sign in</body></html>"),
    "torn": ("text/html", b"<html><body>sign in<br>"),
    "empty": ("application/json", b"{}"),
    "text": ("text/plain", b"hello"),
}


@contextmanager
def answering(kind, body, before=lambda: None):
    """Serve one answer to every request; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            before()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            if self.command != "HEAD":  # some that are not S3 leave the length out there
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815 - the names of http.server

        def log_message(self, *_what):
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def create(account):
    with explained("churn", service="SageMaker"):
        account.client("sagemaker").create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="churn",
            HyperParameterTuningJobConfig={
                "Strategy": "Random",
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            },
        )


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "ask",
    [
        create,
        lambda account: describe(account.client("sagemaker"), "churn"),
        lambda account: account.account_id(),
    ],
    ids=["create", "describe", "account"],
)
def test_what_is_no_answer_of_aws_is_told(credentials, page, ask):
    with (
        answering(*PAGES[page]) as url,
        pytest.raises(AwsError, match="does not answer as AWS does; check the end") as told,
    ):
        ask(Account(endpoint_url=url))
    assert not told.value.transient


def test_a_file_without_a_length_is_none_of_s3(credentials, tmp_path):
    with answering(*PAGES["page"]) as url:
        client = Account(endpoint_url=url).client("s3")
        with pytest.raises(AwsError, match="S3 does not answer as AWS does"), explained("the model", service="S3"):
            client.download_file("ours", "model.tar.gz", str(tmp_path / "model"))


def test_a_page_is_not_taken_for_an_image_that_is_there(credentials):
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"
    with answering(*PAGES["page"]) as url:
        client = Account(endpoint_url=url).client("ecr")
        with pytest.raises(AwsError, match="does not answer as AWS does"), explained(image):
            client.describe_images(repositoryName="own")


def test_a_page_that_is_somebodys_file_is_one(credentials):
    with answering(*PAGES["page"]) as url:
        client = Account(endpoint_url=url).client("s3")
        assert client.get_object(Bucket="ours", Key="page.html")["Body"].read() == PAGES["page"][1]
        assert client.head_object(Bucket="ours", Key="page.html")["ContentType"] == "text/html"


def test_a_service_that_takes_its_time_is_told_once(credentials, caplog):
    told = threading.Event()

    class Hears(logging.Handler):
        def emit(self, record):
            told.set()

    logger, hears = logging.getLogger("smtune.backends.aws.answers"), Hears()
    logger.addHandler(hears)
    try:
        with answering("application/json", b'{"TrainingJobSummaries": []}', before=lambda: told.wait(30)) as url:
            account = Account(endpoint_url=url.replace("//", "//ann:hunter2@"))
            client = account._session.client("sagemaker", endpoint_url=account.endpoint_url)
            look_at_answers(client, patience=0.05)
            client.list_training_jobs()
    finally:
        logger.removeHandler(hears)
    (message,) = caplog.messages
    assert message.startswith("sagemaker at 127.0.0.1:")
    assert message.endswith("has not answered for 0.05 s; still waiting")


def test_a_service_that_answers_is_not_told(credentials, caplog):
    with answering("application/json", b'{"TrainingJobSummaries": []}') as url:
        for _ in range(3):
            Account(endpoint_url=url).client("sagemaker").list_training_jobs()
        assert caplog.messages == []
        timers = [
            one for one in threading.enumerate() if isinstance(one, threading.Timer) and not one.finished.is_set()
        ]
    assert timers == []


def test_only_services_that_move_files_may_be_silent_for_long(credentials):
    account = Account()
    assert account.client("sagemaker").meta.config.read_timeout == 20
    assert account.client("s3").meta.config.read_timeout == 60
