import json
import os
from pathlib import Path

import pytest
from botocore.exceptions import ConnectionClosedError

from smtune.backends.aws import Account
from smtune.backends.aws.storage import (
    Bucket,
    bucket_region,
    default_bucket,
    ensure_bucket,
    upload_file,
    upload_folder,
)
from smtune.errors import AwsError, SpecError

ACCOUNT = "123456789012"


@pytest.fixture
def s3(account):
    return account.client("s3")


@pytest.fixture
def bucket(s3):
    found = Bucket(s3, "our-bucket", "team/tuning", owner=ACCOUNT)
    ensure_bucket(found, "eu-west-1", create=True)
    return found


@pytest.fixture
def sent(s3):
    """The keys that are uploaded from now on."""
    keys = []
    s3.meta.events.register("before-parameter-build.s3.PutObject", lambda params, **_: keys.append(params["Key"]))
    return keys


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    (folder / "2026").mkdir(parents=True)
    (folder / "rows.csv").write_text("1,2\n")
    (folder / "2026/rows.csv").write_text("3,4\n")
    (folder / "empty.csv").write_text("")
    return folder


def stored(bucket):
    entries = bucket.client.list_objects_v2(Bucket=bucket.name).get("Contents", [])
    return {entry["Key"]: bucket.client.get_object(Bucket=bucket.name, Key=entry["Key"]) for entry in entries}


def test_a_file_is_sent_once(bucket, sent, tmp_path):
    path = tmp_path / "sourcedir.tar.gz"
    path.write_bytes(b"code")
    uri = upload_file(bucket, "code", path)
    assert uri.startswith("s3://our-bucket/team/tuning/code/")
    assert uri.endswith("/sourcedir.tar.gz")
    assert upload_file(bucket, "code", path) == uri
    assert sent == [uri.removeprefix("s3://our-bucket/")]
    path.write_bytes(b"c0de")
    assert upload_file(bucket, "code", path) != uri


def test_a_folder_is_sent_once(bucket, sent, data):
    uri = upload_folder(bucket, "train", data)
    address = uri.removeprefix("s3://our-bucket/")
    assert address.startswith("team/tuning/train/")
    assert address.endswith("/")
    objects = stored(bucket)
    held = {key.removeprefix(address): body["Body"].read() for key, body in objects.items() if key.startswith(address)}
    assert held == {"rows.csv": b"1,2\n", "2026/rows.csv": b"3,4\n", "empty.csv": b""}
    (marker,) = set(objects) - {f"{address}{name}" for name in held}
    assert json.loads(objects[marker]["Body"].read()) == {"files": 3}
    assert not marker.startswith(address.rstrip("/"))
    assert sent[-1] == marker
    sent.clear()
    assert upload_folder(bucket, "train", data) == uri
    assert sent == []


def test_the_address_depends_on_names_and_contents_only(bucket, data, tmp_path):
    uri = upload_folder(bucket, "train", data)
    os.utime(data / "rows.csv", (1, 1))
    data.rename(tmp_path / "moved")
    assert upload_folder(bucket, "train", tmp_path / "moved") == uri
    (tmp_path / "moved/rows.csv").rename(tmp_path / "moved/lines.csv")
    assert upload_folder(bucket, "train", tmp_path / "moved") != uri


@pytest.mark.parametrize("lost_at", ["/2026/rows.csv", "/rows.csv", "/complete/"])
def test_an_interrupted_upload_goes_on_and_does_not_look_complete(bucket, sent, data, lost_at):
    def lose(params, **_):
        if lost_at in params["Key"]:
            raise ConnectionClosedError(endpoint_url="https://s3.example.com/?token=hunter2")

    events = bucket.client.meta.events
    events.register("before-parameter-build.s3.PutObject", lose)
    with pytest.raises(AwsError, match="the connection to S3 broke") as caught:
        upload_folder(bucket, "train", data)
    assert caught.value.transient
    assert "hunter2" not in str(caught.value)
    events.unregister("before-parameter-build.s3.PutObject", lose)
    before = set(stored(bucket))
    assert not any("/complete/" in key for key in before)
    sent.clear()
    upload_folder(bucket, "train", data)
    assert len(stored(bucket)) == 4
    assert not before & set(sent)


def test_an_object_that_was_deleted_is_sent_again(bucket, sent, data):
    uri = upload_folder(bucket, "train", data)
    key = uri.removeprefix("s3://our-bucket/") + "rows.csv"
    bucket.client.delete_object(Bucket=bucket.name, Key=key)
    sent.clear()
    upload_folder(bucket, "train", data)
    assert key in sent
    assert len(sent) == 2


def test_links_are_followed_and_loops_are_told(bucket, data, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/more.csv").write_text("5,6\n")
    (data / "more").symlink_to(tmp_path / "elsewhere")
    uri = upload_folder(bucket, "train", data)
    assert f"{uri.removeprefix('s3://our-bucket/')}more/more.csv" in stored(bucket)
    (data / "again").symlink_to(data)
    with pytest.raises(SpecError, match="links to a folder that it lies in"):
        upload_folder(bucket, "train", data)


def _no_folder(_):
    pass


def _empty(folder):
    (folder / "sub").mkdir(parents=True)


def _pipe(folder):
    folder.mkdir()
    os.mkfifo(folder / "pipe")


def _link_to_nowhere(folder):
    folder.mkdir()
    (folder / "gone").symlink_to("/nowhere/at/all")


def _no_text(folder):
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).touch()


def _deep(folder):
    for _ in range(5):
        folder /= "d" * 200
    folder.mkdir(parents=True)
    (folder / "rows.csv").touch()


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (_no_folder, "is no folder"),
        (_empty, "holds no file"),
        (_pipe, "is neither file nor folder"),
        (_link_to_nowhere, "is neither file nor folder"),
        (_no_text, "is no name in UTF-8"),
        (_deep, "S3 takes 1024"),
    ],
)
def test_a_folder_that_cannot_be_a_channel_is_told(bucket, tmp_path, make, rule):
    make(tmp_path / "data")
    with pytest.raises(SpecError) as caught:
        upload_folder(bucket, "train", tmp_path / "data")
    (problem,) = caught.value.problems
    assert problem.field == "train"
    assert rule in problem.rule
    assert stored(bucket) == {}


def test_a_missing_file_is_told(bucket, tmp_path):
    with pytest.raises(SpecError, match="is no file"):
        upload_file(bucket, "code", tmp_path / "nowhere")


def test_the_key_encrypts_what_is_sent(s3, bucket, data):
    secret = Bucket(s3, bucket.name, "secret", kms_key="alias/ours", owner=ACCOUNT)
    upload_folder(secret, "train", data)
    upload_file(secret, "code", data / "rows.csv")
    objects = stored(bucket).values()
    assert {(one["ServerSideEncryption"], one["SSEKMSKeyId"]) for one in objects} == {("aws:kms", "alias/ours")}
    assert len(objects) == 5


def test_nothing_is_sent_to_a_strangers_bucket(s3, bucket, data):
    calls = []
    s3.meta.events.register("before-call.s3.*", lambda params, **_: calls.append(params["headers"]))
    upload_folder(bucket, "train", data)
    upload_file(bucket, "code", data / "rows.csv")
    assert {headers["x-amz-expected-bucket-owner"] for headers in calls} == {ACCOUNT}


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_the_default_bucket_is_created_where_the_job_is(credentials, account, region):
    client = Account(region=region).client("s3")
    bucket = Bucket(client, default_bucket(region, ACCOUNT), owner=ACCOUNT)
    assert bucket_region(bucket) is None
    with pytest.raises(SpecError, match="does not exist"):
        ensure_bucket(bucket, region)
    ensure_bucket(bucket, region, create=True)
    assert bucket_region(bucket) == region
    ensure_bucket(bucket, region)


def test_a_bucket_in_another_region_is_told(account):
    far = Bucket(Account(region="us-west-2").client("s3"), "far-bucket")
    ensure_bucket(far, "us-west-2", create=True)
    with pytest.raises(SpecError, match="is in us-west-2, but the job runs in eu-west-1"):
        ensure_bucket(Bucket(account.client("s3"), "far-bucket"), "eu-west-1")


def test_a_bucket_of_another_account_is_told(s3, bucket):
    def forbidden(**_):
        class Response:
            status_code = 403

        return Response(), {
            "Error": {"Code": "403", "Message": "Forbidden"},
            "ResponseMetadata": {"HTTPStatusCode": 403},
        }

    s3.meta.events.register("before-call.s3.HeadBucket", forbidden)
    with pytest.raises(SpecError, match="is not the bucket of account 123456789012"):
        ensure_bucket(bucket, "eu-west-1")
    with pytest.raises(AwsError, match="not authorised; allow s3:ListBucket"):
        ensure_bucket(Bucket(s3, "our-bucket"), "eu-west-1")


def test_a_refused_upload_names_what_was_uploaded(s3, data):
    with pytest.raises(AwsError, match=r"the upload of rows\.csv to s3://no-bucket/smtune/code/") as caught:
        upload_file(Bucket(s3, "no-bucket"), "code", data / "rows.csv")
    assert not caught.value.transient
