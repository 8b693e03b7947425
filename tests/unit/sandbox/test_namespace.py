"""Real processes in namespaces of their own, started by a runner."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smtune.runners import Ended, ProcessRunner
from smtune.sandbox import Namespace, Staged, stage
from smtune.sandbox.namespace import Mount, unavailable
from smtune.trial import Trial, TrialStatus
from tests.contracts.runner_contract import ended, until_idle

pytestmark = pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))

OUTSIDE = (sorted(Path("/opt").iterdir()), Path("/etc/hosts").read_bytes())


def in_namespace(folder: Path, code: str, **options: Any) -> Callable[[Trial], Staged]:
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "train.py").write_text(code)

    def staged(trial: Trial) -> Staged:
        base = folder / "trials" / str(trial.number)
        laid_out = stage(base, job_name="job-1", source_dir=source, entry_point="train.py", hyperparameters={})
        namespace = Namespace(str(base))._replace(**options)
        return replace(laid_out, cwd=Path("/opt/ml/code"), namespace=namespace)

    return staged


def run(folder: Path, staging: Callable[[Trial], Staged], *, trials: int = 1, **options: Any) -> list[Ended]:
    log = folder / "logs"
    runner = ProcessRunner(staging, slots=trials, log_path=lambda trial: log / str(trial.number), **options)
    with runner:
        for number in range(trials):
            runner.start(Trial(number, {}))
        events = until_idle(runner)
    assert (sorted(Path("/opt").iterdir()), Path("/etc/hosts").read_bytes()) == OUTSIDE
    return [ended(events, number) for number in range(trials)]


@pytest.fixture(params=[None, ()], ids=["fresh interpreter", "fork"])
def preload(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_each_has_a_folder_of_its_own_in_the_same_place(tmp_path: Path, preload: Any) -> None:
    code = "import os; open('/opt/ml/model/who', 'w').write(os.getcwd() + os.environ['TRAINING_JOB_NAME'])"
    ends = run(tmp_path, in_namespace(tmp_path, code), trials=3, preload=preload)
    assert [end.status for end in ends] == [TrialStatus.Completed] * 3, ends
    for number in range(3):
        assert (tmp_path / f"trials/{number}/model/who").read_text() == "/opt/ml/codejob-1"


def test_the_rest_of_opt_is_still_there(tmp_path: Path) -> None:
    code = "import os; print(sorted(os.listdir('/opt')), [os.listdir('/opt/' + name) for name in sorted(os.listdir('/opt'))])"
    run(tmp_path, in_namespace(tmp_path, code))
    folders = {path.name: path for path in OUTSIDE[0]} | {"ml": tmp_path / "trials/0"}
    names = sorted(folders)
    ours = [[path.name for path in folders[name].iterdir()] for name in names]
    assert (tmp_path / "logs/0").read_text() == f"{names} {ours}\n"


def test_hosts_resolve_to_this_machine(tmp_path: Path) -> None:
    code = "import socket; print(socket.gethostbyname('algo-1'), socket.gethostbyname('algo-2'))"
    run(tmp_path, in_namespace(tmp_path, code, hosts=["algo-1", "algo-2"]))
    assert (tmp_path / "logs/0").read_text() == "127.0.0.1 127.0.0.1\n"


def test_what_is_mounted_is_really_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "deeper").mkdir(parents=True)
    (data / "deeper" / "file").write_text("1")
    code = """
import os
for folder, _, names in os.walk("/opt/ml/input"):
    for name in names:
        path = os.path.join(folder, name)
        print(path, os.path.islink(path), open(path).read())
"""
    run(tmp_path, in_namespace(tmp_path, code, mounts=[Mount(str(data), "input/data")]))
    assert "/opt/ml/input/data/deeper/file False 1\n" in (tmp_path / "logs/0").read_text()


def test_read_only_folder_cannot_be_written_even_by_root(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "file").write_text("1")
    code = "print(open('/opt/ml/input/data/file').read(), flush=True); open('/opt/ml/input/data/new', 'w')"
    (end,) = run(tmp_path, in_namespace(tmp_path, code, mounts=[Mount(str(data), "input/data", read_only=True)]))
    assert "Read-only file system" in str(end.reason)
    assert (tmp_path / "logs/0").read_text().startswith("1\n")
    (data / "new").touch()


def test_exit_codes_and_signals_pass_through(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    (end,) = run(tmp_path, in_namespace(tmp_path, code))
    assert "SIGKILL" in str(end.reason)


def test_program_that_is_not_there_is_said(tmp_path: Path, preload: Any) -> None:
    staging = in_namespace(tmp_path, "")
    ends = run(tmp_path, lambda trial: replace(staging(trial), argv=("/opt/ml/code/no-such-program",)), preload=preload)
    assert ends[0].reason == "cannot start no-such-program: No such file or directory: /opt/ml/code/no-such-program"


def test_folder_that_is_not_there_is_said(tmp_path: Path, preload: Any) -> None:
    staging = in_namespace(tmp_path, "", base=str(tmp_path / "no folder ü"))
    (end,) = run(tmp_path, staging, preload=preload)
    assert end.reason == f"cannot start {Path(sys.executable).name}: No such file or directory: {tmp_path}/no folder ü"


def test_signals_are_as_a_shell_leaves_them(tmp_path: Path) -> None:
    staging = in_namespace(tmp_path, "")
    print_ignored = ("sh", "-c", "grep SigIgn /proc/self/status")
    run(tmp_path, lambda trial: replace(staging(trial), argv=print_ignored))
    ignored = int((tmp_path / "logs/0").read_text().split()[1], 16)
    assert ignored & 0x7FFF_FFFF == 0  # 32 and 33 are glibc's own: its posix_spawn may leave them ignored


def test_folder_that_lies_in_opt_itself_beside_files_and_links(tmp_path: Path) -> None:
    """The outer namespace stands for a host with such an ``/opt``."""
    code = """
import os, sys
from smtune.sandbox.namespace import Namespace, enter
enter(Namespace(sys.argv[1]))
os.makedirs("/opt/jobs/1")
os.symlink("jobs/1", "/opt/link")
with open("/opt/file", "w") as file:
    file.write("content")
with open("/opt/ml/outer", "w") as file:
    file.write("not for the inner one")
pid = os.fork()
if pid == 0:
    enter(Namespace("/opt/jobs/1"))
    open("/opt/ml/seen", "w").close()
    print(sorted(os.listdir("/opt")), os.listdir("/opt/ml"), os.listdir("/opt/link"), open("/opt/file").read(), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(os.listdir("/opt/ml"), os.listdir("/opt/jobs/1"))
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    inner = sorted({*(path.name for path in OUTSIDE[0]), "file", "jobs", "link", "ml"})
    assert done.stdout == f"{inner} ['seen'] ['seen'] content\n['outer'] ['seen']\n", done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_whoever_is_not_root_has_it_too() -> None:
    code = """
import ctypes, os, tempfile
from smtune.sandbox.namespace import Namespace, enter
os.setgroups([]); os.setgid(65534); os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, as after any exec
with tempfile.TemporaryDirectory() as base:
    if os.fork() == 0:
        enter(Namespace(base, ["algo-1"]))
        with open("/opt/ml/who", "w") as file:
            print(os.getuid(), os.getgid(), file=file)
        os._exit(0)
    os.wait()
    print(open(base + "/who").read())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["65534", "65534"], done.stderr
