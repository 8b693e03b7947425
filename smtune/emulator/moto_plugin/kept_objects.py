"""moto's buckets and objects, kept in an emulator's directory.

An object is a file, with a row that says which: its name in the directory is its key, as far as that can be the path of
a file. Changes are noted as moto makes them, and written by :meth:`KeptBuckets.write` at the end of the request, when the
object has all that belongs to it. A file is whole before its row is written, and comes to its place after that; so
whenever the emulator is killed, either the object of before is there or the new one.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from moto.s3.models import FakeBucket, FakeKey, S3Backend, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.utilities.tagging_service import TaggingService

from smtune.emulator.moto_plugin.object_files import (
    copy_content,
    is_free,
    is_in_file,
    is_plain,
    put_in_file,
    take_along,
)
from smtune.emulator.service.data_directory import DataDirectory
from smtune.errors import StoreError

_MEMBERS: Final = (
    "website_redirect_location",
    "encryption",
    "kms_key_id",
    "bucket_key_enabled",
    "lock_mode",
    "lock_legal_status",
    "lock_until",
    "checksum_algorithm",
    "checksum_value",
    "checksum_type",
    "checksum_parts",
)
"""What else moto knows of an object, as far as its version does."""


class _KeptKeys(_VersionedKeyStore):
    """The objects of a bucket; notes which of them changed."""

    def __init__(self, changed: set[str]) -> None:
        super().__init__()
        self._changed = changed

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._changed.add(key)

    def setlist(self, key: str, list_: Any) -> None:
        super().setlist(key, list_)
        self._changed.add(key)

    def pop(self, key: str) -> None:  # type: ignore[override]  # as moto has it
        super().pop(key)
        self._changed.add(key)


class _KeptTags(TaggingService):
    """The tags of S3; notes which objects' changed."""

    def __init__(self, buckets: KeptBuckets) -> None:
        super().__init__()
        self._buckets = buckets

    def tag_resource(self, arn: str, tags: Any) -> None:
        super().tag_resource(arn, tags)
        self._buckets.tagged(arn)

    def delete_all_tags_for_resource(self, arn: str) -> None:
        super().delete_all_tags_for_resource(arn)
        self._buckets.tagged(arn)


class KeptBuckets(dict[str, FakeBucket]):
    """The buckets of an account in a partition.

    The newest version of each object is kept, with its content, metadata and tags; of buckets, that they are there.
    Everything happens at the gate.

    Args:
        backend: moto's S3, whose buckets these become; those that it has are kept from now on.
        directory: Where they are kept; what it holds is there from the start.

    Raises:
        StoreError: What was kept cannot be read.
    """

    def __init__(self, backend: S3Backend, directory: DataDirectory) -> None:
        super().__init__()
        self._backend = backend
        self._directory = directory
        self._records = directory.records
        self._epoch = directory.records.epoch
        self._place = f"{backend.account_id}/{backend.partition}"
        self._changed: dict[str, set[str]] = {}
        self._paths: dict[tuple[str, str], str] = {}
        self._numbers = itertools.count()
        before, backend.buckets, backend.tagger = backend.buckets, self, _KeptTags(self)
        try:
            self._load()
        except (LookupError, TypeError, ValueError) as error:
            text = f"{directory.path}: what it says of S3 is damaged ({error!r}); restore the directory from a copy"
            raise StoreError(text) from error
        for name, bucket in before.items():
            if name not in self:
                self[name] = bucket

    # --- as moto changes them ---------------------------------------------------------------------------------

    def __setitem__(self, name: str, bucket: FakeBucket) -> None:
        objects = dict(bucket.keys.lists())
        self._hold(name, bucket)
        for key, versions in objects.items():
            bucket.keys.setlist(key, versions)
        values = (self._place, name, bucket.region_name, bucket.creation_date.timestamp())
        self._note("bucket", name, "REPLACE INTO bucket VALUES (?, ?, ?, ?)", *values)

    def pop(self, name: str, *default: Any) -> Any:
        """Give a bucket away."""
        bucket = super().pop(name, *default)
        if self._changed.pop(name, None) is not None:
            self._note("bucket", name, "DELETE FROM bucket WHERE place = ? AND name = ?", self._place, name)
            self._drop(key for key in list(self._paths) if key[0] == name)
        return bucket

    def tagged(self, arn: str) -> None:
        """Note that an object, or a bucket, has other tags."""
        bucket, _, rest = arn.rpartition(":::")[2].partition("/")
        key = rest.rpartition("/")[0]
        if bucket in self and key in self[bucket].keys:
            self._changed[bucket].add(key)

    def _hold(self, name: str, bucket: FakeBucket) -> None:
        super().__setitem__(name, bucket)
        self._changed[name] = set()
        bucket.keys = _KeptKeys(self._changed[name])

    # --- as they are written ----------------------------------------------------------------------------------

    def write(self) -> None:
        """Write what has changed.

        Raises:
            StoreError: The disk does not let it; the next call tries again.
        """
        if self._directory.read_only or self._epoch != self._records.epoch:
            return
        for bucket, changed in self._changed.items():
            if changed:
                self._write_all(bucket, changed)
        self._records.commit()

    def _write_all(self, bucket: str, changed: set[str]) -> None:
        gone = []
        for name in list(changed):
            versions = self[bucket].keys.getlist(name, [])
            if versions and isinstance(versions[-1], FakeKey):
                try:
                    self._write_object(bucket, name, versions)
                except OSError as error:
                    text = f"{self._directory.path}: s3://{bucket}/{name} cannot be kept: {error.strerror}"
                    raise StoreError(f"{text}; make room and access") from error
            else:
                take_along(versions)
                gone.append((bucket, name))
        self._drop(gone)
        changed.clear()

    def _write_object(self, bucket: str, name: str, versions: list[Any]) -> None:
        """Write the newest version of an object."""
        key = versions[-1]
        known = self._paths.get((bucket, name))
        etag = key.etag.strip('"')
        draft = None
        if not is_in_file(key):
            draft = self._directory.draft()
            copy_content(key, draft)
        path = known or self._free_path(bucket, name)
        values = (path, draft and draft.name, key.size, etag, key.last_modified.timestamp(), self._described(key))
        self._note(
            "object",
            (bucket, name),
            "REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(self._place, bucket, _encoded(name), *values),
        )
        self._note("garbage", path, "DELETE FROM garbage WHERE path = ?", path)
        self._records.commit()
        self._paths[bucket, name] = path
        if draft is not None:
            whole = self._directory.path / path
            whole.parent.mkdir(parents=True, exist_ok=True)
            take_along(versions[:-1])
            draft.replace(whole)
            put_in_file(key, whole)

    def _drop(self, names: Iterable[tuple[str, str]]) -> None:
        """Give objects up."""
        paths = []
        for bucket, name in names:
            path = self._paths.pop((bucket, name), None)
            if path is None:
                continue
            sql = "DELETE FROM object WHERE place = ? AND bucket = ? AND name = ?"
            self._note("object", (bucket, name), sql, self._place, bucket, _encoded(name))
            self._note("garbage", path, "INSERT OR IGNORE INTO garbage VALUES (?)", path)
            paths.append(path)
        if paths and self._epoch == self._records.epoch:
            self._records.commit()
            for path in paths:
                self._directory.remove(path)

    def _note(self, kind: str, what: object, sql: str, *values: object) -> None:
        self._records.note((kind, self._place, what), lambda cursor: cursor.execute(sql, values), epoch=self._epoch)

    def _free_path(self, bucket: str, name: str) -> str:
        """Return where a new object goes, as seen from the directory: nothing is there."""
        path = f"s3/{bucket}/{name}"
        if is_plain(name) and is_free(self._directory.path, path):
            return path
        (self._directory.path / "objects").mkdir(exist_ok=True)
        return next(
            path
            for path in (f"objects/{number}" for number in self._numbers)
            if not os.path.lexists(self._directory.path / path)
        )

    def _described(self, key: FakeKey) -> str:
        members = {name: getattr(key, name, None) for name in _MEMBERS}
        record = {
            "storage": key.storage_class,
            "metadata": dict(key.metadata),
            "members": {name: value for name, value in members.items() if value is not None},
            "tags": self._backend.tagger.get_tag_dict_for_resource(key.arn),
        }
        return json.dumps(record, default=str)

    # --- as they are read -------------------------------------------------------------------------------------

    def _load(self) -> None:
        for name, region, created_at in self._records.rows(
            "SELECT name, region, created_at FROM bucket WHERE place = ?", self._place
        ):
            bucket = FakeBucket(name, self._backend.account_id, region)  # type: ignore[abstract]  # moto does so, too
            bucket.creation_date = datetime.fromtimestamp(created_at, UTC)
            s3_backends.bucket_accounts.setdefault(name, (self._backend.partition, self._backend.account_id))
            self._hold(name, bucket)
        columns = "bucket, name, path, draft, size, etag, modified_at, members"
        for bucket, name, path, draft, *rest in self._records.rows(
            f"SELECT {columns} FROM object WHERE place = ?",  # noqa: S608 - our own column names
            self._place,
        ):
            self._paths[bucket, _decoded(name)] = path
            self._load_object(self[bucket], _decoded(name), self._directory.content(path, draft), *rest)
        for changed in self._changed.values():
            changed.clear()

    def _load_object(
        self, bucket: FakeBucket, name: str, path: Path, size: int, etag: str, modified_at: float, members: str
    ) -> None:
        record = json.loads(members)
        key: Any = FakeKey(
            name,
            b"",
            account_id=self._backend.account_id,
            region_name=self._backend.region_name,
            bucket_name=bucket.name,
            storage=record["storage"],
            etag=etag,
            version_id="null",
        )
        for member, value in record["members"].items():
            setattr(key, member, value)
        for header, value in record["metadata"].items():
            key.metadata[header] = value
        modified = datetime.fromtimestamp(modified_at, UTC)
        key.last_modified = modified.replace(tzinfo=key.last_modified.tzinfo)
        put_in_file(key, path)
        key.contentsize = size
        bucket.keys.setlist(name, [key])
        if record["tags"]:
            tagger = self._backend.tagger
            tagger.tag_resource(key.arn, tagger.convert_dict_to_tags_input(record["tags"]))


def write_all() -> None:
    """Write what has changed in all accounts.

    Raises:
        StoreError: The disk does not let it.
    """
    for account in list(s3_backends.values()):
        for backend in list(account.values()):
            if isinstance(backend.buckets, KeptBuckets):
                backend.buckets.write()


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")
