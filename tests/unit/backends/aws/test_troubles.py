import pickle
import traceback

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)

from smtune.backends.aws import Account
from smtune.backends.aws.troubles import explained, without_secrets
from smtune.errors import AwsError

SECRETS = {
    "key": "AKIAIOSFODNN7EXAMPLE",
    "session_key": "ASIAQ3EGRIA5EXAMPLE2",
    "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "token": "IQoJb3JpZ2luX2VjEPT//////////wEaCXVzLWVhc3QtMSJHMEUCIQDn9Zq5" + "b_-9Kx" * 20,
    "proxy": "http://ann:hunter2@proxy.example.com:8080",
    "odd_proxy": "http://ann:p/w@x@proxy.example.com:8080",
    "user": "ann:hunter2@proxy.example.com",
    "signed": "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=abc123&X-Amz-Signature=deadbeef",
    "old_signed": "https://b.s3.amazonaws.com/k?AWSAccessKeyId=XYZ&Signature=s1gn%2Bed&Expires=1",
    "header": "Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/s3/aws4_request, Signature=feed",
    "basic": "Proxy-Authorization: Basic YW5uOmh1bnRlcjI=",
    "web_token": "Bearer eyJhbGciOi.eyJzdWIi.c2ln",
    "field": '"x-amz-security-token": "short"',
}
NEVER = (
    "AKIAIO",
    "ASIAQ3",
    "wJalr",
    "IQoJ",
    "hunter2",
    "p/w",
    "abc123",
    "deadbeef",
    "XYZ",
    "s1gn",
    "feed",
    "short",
    "YW5u",
    "c2ln",
)


def refusal(code, message="", status=400):
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeSomething")


def told(error, **settings):
    with pytest.raises(AwsError) as caught, explained("the upload", **settings):
        raise error
    assert "botocore.exceptions" not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_taken_out_of_what_the_service_says(name):
    error = told(refusal("ValidationException", f"cannot use {SECRETS[name]} here"), service="SageMaker")
    assert not any(secret in str(error) for secret in NEVER)
    assert "cannot use" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "Value 'a_b' at 'hyperParameterTuningJobName' failed to satisfy constraint: Member must satisfy regular pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}",
        "Could not assume role arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole-20250625T205217",
        "No S3 objects found under S3 URL s3://sagemaker-eu-west-1-123456789012/churn/data/train/ given in input data.",
    ],
)
def test_what_says_what_is_wrong_is_kept(text):
    assert without_secrets(text) == text


def test_a_long_message_is_cut_and_no_secret_is_cut_in_two():
    assert len(without_secrets("words " * 1000)) == 1000
    assert without_secrets("w" * 50_000) == ""
    tokens = " ".join([SECRETS["token"] * 9, SECRETS["token"] * 9, SECRETS["token"] * 99])
    assert len(tokens) > 4000
    assert without_secrets(f"no: {tokens}") == "no: [removed] [removed]"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "NoSuchBucket", "ExpiredToken"])
def test_other_messages_are_dropped(code):
    assert "hunter2" not in str(told(refusal(code, "hunter2 in plain words")))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal("ThrottlingException"), "AWS is asked too often"),
        (refusal("SlowDown", status=503), "AWS is asked too often"),
        (refusal("InternalFailure", status=500), "AWS answers InternalFailure"),
        (refusal("Odd", status=429), "AWS answers Odd"),
        (EndpointConnectionError(endpoint_url=SECRETS["proxy"]), "AWS cannot be reached"),
        (ProxyConnectionError(proxy_url=SECRETS["proxy"]), "the proxy cannot be reached"),
        (ReadTimeoutError(endpoint_url=SECRETS["signed"]), "the connection to AWS broke"),
    ],
)
def test_what_passes_is_transient(error, words):
    explanation = told(error)
    assert words in explanation.rule
    assert explanation.transient
    assert not explanation.credentials_expired
    assert not any(secret in str(explanation) for secret in NEVER)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ExpiredTokenException"),
        refusal("RequestExpired"),
        UnauthorizedSSOTokenError(),
        CredentialRetrievalError(provider="process", error_msg="hunter2"),
    ],
)
def test_expired_credentials_are_something_to_wait_for(error):
    explanation = told(error)
    assert (explanation.transient, explanation.credentials_expired) == (True, True)
    assert "sign in again" in explanation.fix
    assert "hunter2" not in str(explanation)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ValidationException"),
        refusal("UnrecognizedClientException"),
        refusal("404", status=404),
        NoCredentialsError(),
        ParamValidationError(report="hunter2"),
    ],
)
def test_what_does_not_pass_is_not(error):
    assert not told(error).transient


def test_the_missing_permission_is_named():
    message = "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: iam:PassRole on resource: y"
    assert told(refusal("AccessDeniedException", message)).fix == "allow iam:PassRole"
    denied = told(refusal("AccessDenied", f"{message} with an explicit deny in a service control policy"))
    assert denied.rule.endswith("a policy denies it")
    assert told(refusal("403"), actions="s3:ListBucket").fix == "allow s3:ListBucket"


def test_an_upload_that_failed_is_told_by_its_cause():
    def upload():
        try:
            raise refusal("ExpiredToken", "hunter2")
        except ClientError as error:
            raise S3UploadFailedError(f"Failed to upload: {error}")  # noqa: B904 - as boto3 does

    with pytest.raises(AwsError, match="have expired") as caught, explained("the upload"):
        upload()
    assert "hunter2" not in str(caught.value)
    assert told(S3UploadFailedError("hunter2")).transient


def test_the_password_of_a_proxy_is_in_no_error(credentials, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:hunter2@127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(AwsError, match="the proxy cannot be reached") as caught, explained("the bucket"):
        Account().client("s3").head_bucket(Bucket="our-bucket")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_the_explanation_survives_pickling():
    error = told(refusal("ValidationException", "no"))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "the upload: AWS answers ValidationException (no); " + error.fix
    assert (again.code, again.transient) == ("ValidationException", False)
