"""Which file systems SQLite's fast journal can be trusted on."""

from __future__ import annotations

from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")

# SQLite's write-ahead log needs memory that all readers share, which a network file system does not give
# (https://www.sqlite.org/wal.html). Amazon EFS and FSx mount as nfs4 and lustre.
_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "efs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smbfs"}
)
_NETWORK_PREFIXES = ("smb", "fuse.ceph", "fuse.gluster", "fuse.mount-s3", "fuse.rclone", "fuse.s3fs", "fuse.sshfs")


class StoreWarning(UserWarning):
    """The file system limits what the store can do; the job runs all the same."""


def network_filesystem(path: Path, mounts: str | None = None) -> str | None:
    """Return the type of the network file system that holds a path.

    Args:
        path: Need not exist.
        mounts: The mount table in the format of ``/proc/self/mounts``; by default this process's own.

    Returns:
        E.g. ``"nfs4"``; ``None`` for a local file system, or where there is no mount table (macOS).

    >>> network_filesystem(Path("/data/jobs"), "10.0.0.1:/ /data nfs4 rw 0 0")
    'nfs4'
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return None
    kind = _type_at(path.resolve(), mounts)
    return kind if kind in _NETWORK or kind.startswith(_NETWORK_PREFIXES) else None


def _type_at(path: Path, mounts: str) -> str:
    longest, found = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_unescaped(fields[1]))
        # A later mount hides an earlier one at the same place, hence `>=`.
        if path.is_relative_to(point) and len(point.parts) >= longest:
            longest, found = len(point.parts), fields[2]
    return found


def _unescaped(point: str) -> str:
    for escape, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        point = point.replace(escape, character)
    return point
