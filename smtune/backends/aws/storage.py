"""Files and folders in S3, addressed by their contents: what is there is not sent again.

::

    s3://BUCKET/PREFIX/code/3f1c.../sourcedir.tar.gz       a file, below the hash of its bytes
    s3://BUCKET/PREFIX/train/9a02.../2026/rows.csv         a folder, below the hash of its names and bytes
    s3://BUCKET/PREFIX/complete/train/9a02...              written last: the folder is complete

An upload that was interrupted goes on with what is missing. Whoever reads ``s3://BUCKET/PREFIX/train/9a02.../``, as a
channel does, sees no marker. Not supported: deleting what no job needs any more (give the prefix a lifecycle rule), empty
subfolders, which S3 does not have, and files that change while they are uploaded.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from smtune.backends.aws.troubles import explained
from smtune.errors import AwsError, Problem, SpecError

_DIGITS: Final = 32
"""Hexadecimal digits of an address: 128 bits."""

_LONGEST_KEY: Final = 1024
"""Bytes of a key of S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)."""

_THREADS: Final = 8
_ACTIONS: Final = "s3:GetObject, s3:PutObject and s3:ListBucket"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where uploads go.

    Attributes:
        client: boto3's client of S3.
        name: Of the bucket.
        prefix: How all keys begin.
        kms_key: Encrypts what is uploaded; ``None`` for the bucket's own rule.
        owner: Account that must own the bucket, so that nothing is sent to a stranger's; ``None`` for any.
    """

    client: Any
    name: str
    prefix: str = "smtune"
    kms_key: str | None = None
    owner: str | None = None

    def key(self, *parts: str) -> str:
        """Return a key below the prefix."""
        return "/".join(part for part in (self.prefix.strip("/"), *parts) if part)

    def uri(self, key: str) -> str:
        """Return the address of a key."""
        return f"s3://{self.name}/{key}"

    @property
    def owned(self) -> Mapping[str, str]:
        """What every call says of the owner."""
        return {} if self.owner is None else {"ExpectedBucketOwner": self.owner}

    @property
    def written(self) -> Mapping[str, str]:
        """What every upload says."""
        if self.kms_key is None:
            return self.owned
        return {**self.owned, "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}


def default_bucket(region: str, account_id: str) -> str:
    """Return the bucket that the SageMaker SDK uses where none is named.

    >>> default_bucket("eu-west-1", "123456789012")
    'sagemaker-eu-west-1-123456789012'
    """
    return f"sagemaker-{region}-{account_id}"


def ensure_bucket(bucket: Bucket, region: str, *, create: bool = False) -> None:
    """Make sure of a bucket.

    Args:
        bucket: Which.
        region: Where it must be: SageMaker reads and writes in the region of the job only.
        create: Whether to make it if there is none.

    Raises:
        SpecError: There is none, it is in another region, or it is not the owner's.
        AwsError: S3 cannot be asked.
    """
    found = bucket_region(bucket)
    if found is None and create:
        _create(bucket, region)
    elif found is None:
        raise SpecError([Problem("bucket", bucket.name, "does not exist", "correct it, or have it created")])
    elif found != region:
        raise SpecError([other_region(bucket.name, found, region)])


def bucket_region(bucket: Bucket) -> str | None:
    """Return where a bucket is; ``None`` if there is none of that name.

    Raises:
        SpecError: It is not the owner's, or is not for these credentials to see.
        AwsError: S3 cannot be asked.
    """
    try:
        with explained(f"the bucket {bucket.name}", service="S3", actions="s3:ListBucket"):
            answer = bucket.client.head_bucket(Bucket=bucket.name, **bucket.owned)
    except AwsError as error:
        if error.code in ("404", "NoSuchBucket"):
            return None
        if error.code == "403" and bucket.owner is not None:
            rule = f"is not the bucket of account {bucket.owner}, or these AWS credentials may not use it"
            raise SpecError([Problem("bucket", bucket.name, rule, "name another, or allow s3:ListBucket")]) from None
        raise
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or bucket.client.meta.region_name)


def other_region(name: str, found: str, region: str) -> Problem:
    """Return what is wrong with a bucket that is far from the job."""
    return Problem("bucket", name, f"is in {found}, but the job runs in {region}", f"use a bucket in {region}")


def file_address(bucket: Bucket, kind: str, path: Path) -> str:
    """Return where :func:`upload_file` puts a file; sends nothing.

    Raises:
        SpecError: There is no such file; the field is ``kind``.
    """
    return bucket.uri(_file_key(bucket, kind, path))


def folder_address(bucket: Bucket, kind: str, folder: Path) -> str:
    """Return where :func:`upload_folder` puts what a folder holds; sends nothing.

    Raises:
        SpecError: As of :func:`upload_folder`.
    """
    return bucket.uri(bucket.key(kind, _address(kind, _uploadable(bucket, kind, folder))) + "/")


def local_size(kind: str, path: Path) -> tuple[int, int]:
    """Return how many files an upload has, and their bytes.

    Args:
        kind: What it is.
        path: A file, or a folder, in which links are followed.

    Raises:
        SpecError: As of :func:`upload_folder`.
    """
    files = [*_files(kind, path).values()] if path.is_dir() else [path]
    return len(files), sum(one.stat().st_size for one in files)


def upload_file(bucket: Bucket, kind: str, path: Path) -> str:
    """Upload a file, unless it is there.

    Args:
        bucket: Where to.
        kind: What it is, e.g. ``code``; part of the address.
        path: The file.

    Returns:
        Its address, which ends with its name.

    Raises:
        SpecError: There is no such file; the field is ``kind``.
        AwsError: S3 refuses, or cannot be reached.
    """
    key = _file_key(bucket, kind, path)
    with explained(f"the upload of {path.name} to {bucket.uri(key)}", service="S3", actions=_ACTIONS):
        if _size_there(bucket, key) != path.stat().st_size:
            _send(bucket, {key: path})
    return bucket.uri(key)


def upload_folder(bucket: Bucket, kind: str, folder: Path) -> str:
    """Upload what a folder holds, unless it is there; links are followed.

    Args:
        bucket: Where to.
        kind: What it is, e.g. the name of the channel; part of the address.
        folder: The folder.

    Returns:
        Its address, which ends with a slash.

    Raises:
        SpecError: There is no such folder, it holds no file or something that is neither file nor folder, or a name that
            S3 cannot take; the field is ``kind``.
        AwsError: S3 refuses, or cannot be reached.
    """
    files = _uploadable(bucket, kind, folder)
    address = _address(kind, files)
    start, marker = bucket.key(kind, address) + "/", bucket.key("complete", kind, address)
    keys = {f"{start}{name}": path for name, path in files.items()}
    with explained(f"the upload of {folder.name} to {bucket.uri(start)}", service="S3", actions=_ACTIONS):
        there = _sizes_below(bucket, start)
        missing = {key: path for key, path in keys.items() if there.get(key) != path.stat().st_size}
        if missing:
            _send(bucket, missing)
        if missing or _size_there(bucket, marker) is None:
            body = json.dumps({"files": len(files)}).encode()
            bucket.client.put_object(Bucket=bucket.name, Key=marker, Body=body, **bucket.written)
    return bucket.uri(start)


def _file_key(bucket: Bucket, kind: str, path: Path) -> str:
    if not path.is_file():
        raise SpecError([Problem(kind, str(path), "is no file", "correct the path")])
    _check_keys(kind, [bucket.key(kind, "0" * _DIGITS, path.name)])
    return bucket.key(kind, _hash_of(kind, path)[:_DIGITS], path.name)


def _uploadable(bucket: Bucket, kind: str, folder: Path) -> dict[str, Path]:
    """Return the files within a folder by their names; there are some, and S3 can take their names."""
    if not folder.is_dir():
        raise SpecError([Problem(kind, str(folder), "is no folder", "correct the path")])
    files = _files(kind, folder)
    if not files:
        raise SpecError([Problem(kind, str(folder), "holds no file", "name a folder that holds the data")])
    _check_keys(kind, [bucket.key(kind, "0" * _DIGITS, name) for name in files])
    return files


def _create(bucket: Bucket, region: str) -> None:
    # us-east-1 is where buckets are by default, and cannot be named.
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        with explained(f"the new bucket {bucket.name}", service="S3", actions="s3:CreateBucket"):
            bucket.client.create_bucket(Bucket=bucket.name, **where)
    except AwsError as error:
        if error.code == "BucketAlreadyExists":
            problem = Problem("bucket", bucket.name, "belongs to another account", "name another bucket")
            raise SpecError([problem]) from None
        if error.code != "BucketAlreadyOwnedByYou":  # somebody of this account was faster
            raise


def _hash_of(kind: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(kind, path, error) from None


def _unreadable(kind: str, path: Path, error: OSError) -> SpecError:
    rule = f"cannot be read: {error.strerror}"
    return SpecError([Problem(kind, str(path), rule, "make it readable, or take it away")])


def _address(kind: str, files: Mapping[str, Path]) -> str:
    """Return the hash over names and contents; names and digests are delimited by zero bytes, which neither holds."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{_hash_of(kind, files[name])}\0".encode())
    return whole.hexdigest()[:_DIGITS]


def _files(kind: str, folder: Path) -> dict[str, Path]:
    """Return the files within a folder by their names relative to it, with slashes."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    try:
        _collect(folder, "", (), files, problems)
    except SpecError as error:
        problems += error.problems
    if problems:
        raise SpecError([problem.under(kind) for problem in problems])
    return files


def _collect(
    folder: Path, start: str, above: tuple[Path, ...], files: dict[str, Path], problems: list[Problem]
) -> None:
    real = folder.resolve()
    if real in above:
        problems.append(Problem("", str(folder), "links to a folder that it lies in", "remove the link"))
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable("", folder, error) from None
    for path in paths:
        name = f"{start}{path.name}"
        if path.is_dir():
            _collect(path, f"{name}/", (*above, real), files, problems)
        elif path.is_file():
            files[name] = path
        else:
            problems.append(Problem("", str(path), "is neither file nor folder", "remove it"))


def _check_keys(kind: str, keys: Iterable[str]) -> None:
    problems = []
    for key in keys:
        try:
            length = len(key.encode())
        except UnicodeEncodeError:
            shown = os.fsencode(key).decode(errors="replace")
            problems.append(Problem(kind, shown, "is no name in UTF-8", "rename the file"))
            continue
        if length > _LONGEST_KEY:
            rule = f"would have a key of {length} bytes; S3 takes {_LONGEST_KEY}"
            problems.append(Problem(kind, key, rule, "use shorter names"))
    if problems:
        raise SpecError(problems)


def _size_there(bucket: Bucket, key: str) -> int | None:
    from botocore.exceptions import ClientError

    try:
        return int(bucket.client.head_object(Bucket=bucket.name, Key=key, **bucket.owned)["ContentLength"])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return None
        raise


def _sizes_below(bucket: Bucket, start: str) -> dict[str, int]:
    """Return the keys that begin so, with their sizes: objects of S3 are either complete or not there."""
    pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix=start, **bucket.owned)
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", ())}


def _send(bucket: Bucket, files: Mapping[str, Path]) -> None:
    """Upload files by their keys, several at a time, large ones in parts."""
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    config = TransferConfig(max_concurrency=_THREADS)
    with create_transfer_manager(bucket.client, config) as manager:
        sent = [
            manager.upload(str(path), bucket.name, key, extra_args=dict(bucket.written)) for key, path in files.items()
        ]
        for one in sent:
            one.result()
