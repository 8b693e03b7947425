from pathlib import Path

import pytest

from smtune.store.filesystem import network_filesystem

MOUNTS = r"""
/dev/nvme0n1p1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
10.0.0.1:/ /mnt/efs nfs4 rw,vers=4.1 0 0
/dev/nvme1n1 /mnt/efs/local xfs rw 0 0
//server/share /mnt/my\040share cifs rw 0 0
user@host:/x /home/user/remote fuse.sshfs rw 0 0
overlay /home/user/overlay fuse.fuse-overlayfs rw 0 0
host /mnt/vm 9p rw 0 0
1.2.3.4@tcp:/fsx /fsx lustre rw 0 0
server:/old /mnt/twice nfs rw 0 0
/dev/sdb /mnt/twice ext4 rw 0 0
short line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/user/.smtune", None),
        ("/mnt/efs/jobs/churn", "nfs4"),
        ("/mnt/efs", "nfs4"),
        ("/mnt/efsother/jobs", None),
        ("/mnt/efs/local/jobs", None),
        ("/mnt/my share/jobs", "cifs"),
        ("/home/user/remote/jobs", "fuse.sshfs"),
        ("/home/user/overlay/jobs", None),
        ("/mnt/vm/jobs", "9p"),
        ("/fsx/jobs", "lustre"),
        ("/mnt/twice/jobs", None),
    ],
)
def test_longest_mount_point_decides(path: str, kind: str | None) -> None:
    assert network_filesystem(Path(path), MOUNTS) == kind


def test_own_mount_table_is_read(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path) is None
