"""Processes that are killed from outside, one kind after the other."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from smtune.runners import FunctionRunner, Runner, end_survivors
from smtune.sandbox.namespace import unavailable
from smtune.trial import Trial, TrialStatus
from tests.contracts import trial_code
from tests.contracts.runner_contract import Gate, ended, until_idle, until_measured
from tests.faults.runner_processes import all_gone, descendants, process_runner, watched

FAMILY_SCRIPT = """
    import signal, sys
    from family import family
    family(sys.argv[2])
    if "--short" not in sys.argv:
        signal.pause()
"""

NAMESPACES = pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))


@pytest.fixture(params=[None, ()], ids=["fresh interpreter", "fork"])
def preload(request: pytest.FixtureRequest) -> Any:
    return request.param


def family_of(folder: Path, number: int) -> list[int]:
    return [int(pid) for pid in (folder / f"pids-{number}").read_text().split()]


def start_family(folder: Path, runner: Runner, number: int, **parameters: Any) -> None:
    runner.start(Trial(number, {"family": str(folder / f"pids-{number}"), **parameters}))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def start_program(folder: Path, script: str) -> subprocess.Popen[str]:
    """Start a Python program in a session of its own; return it when it has printed a line."""
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    return program


PARENT = """
    import os, signal, sys
    from pathlib import Path
    from smtune.trial import Trial
    from tests.contracts.runner_contract import until_measured
    from tests.faults.runner_processes import process_runner
    from tests.faults.test_runners_kills import FAMILY_SCRIPT
    folder = Path(sys.argv[1])
    runner = process_runner(folder, FAMILY_SCRIPT, preload={preload}, private={private})
    runner.start(Trial(0, {{"family": str(folder / "pids-0")}}))
    until_measured(runner, 0)
    {more}
    print("ready", flush=True)
    runner.wait(None)
"""


@pytest.mark.parametrize("private", [False, pytest.param(True, marks=NAMESPACES)], ids=["", "namespace"])
def test_nothing_outlives_a_killed_parent(tmp_path: Path, preload: Any, private: bool) -> None:
    program = start_program(tmp_path, PARENT.format(preload=preload, private=private, more=""))
    below = descendants(program.pid)
    assert set(family_of(tmp_path, 0)) < set(below)
    watchers = watched(below)
    program.kill()
    program.communicate()
    assert all_gone(watchers)


def test_nothing_outlives_a_killed_parent_although_a_fork_of_it_lives_on(tmp_path: Path) -> None:
    more = """
    fork = os.fork()
    if fork == 0:
        signal.pause()
    (folder / "fork").write_text(str(fork))
    """
    program = start_program(tmp_path, PARENT.format(preload=None, private=False, more=more))
    fork = int((tmp_path / "fork").read_text())
    watchers = watched(set(descendants(program.pid)) - {fork})
    program.kill()
    program.wait()
    if program.stdout is not None:  # the fork has a copy: its end does not come
        program.stdout.close()
    try:
        assert all_gone(watchers)
        os.kill(fork, 0)
    finally:
        os.kill(fork, signal.SIGKILL)


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = """
        import os, sys
        from pathlib import Path
        from smtune.runners import FunctionRunner, Runner
        from smtune.trial import Trial
        from tests.contracts import trial_code
        from tests.contracts.runner_contract import until_measured
        gate = Path(sys.argv[1]) / "gate"
        os.mkfifo(gate)
        runner = FunctionRunner(trial_code.train, slots=2, objective="auc", isolation="process")
        runner.start(Trial(0, {"do": "hold_on", "gate": str(gate)}))
        until_measured(runner, 0)
        print("ready", flush=True)
        runner.wait(None)
    """
    program = start_program(tmp_path, script)
    watchers = watched(descendants(program.pid))
    assert len(watchers) == 3
    program.kill()
    program.communicate()
    assert all_gone(watchers)


def test_interrupt_from_the_terminal_is_the_parents_decision_alone(tmp_path: Path) -> None:
    more = """
    signal.signal(signal.SIGINT, lambda *_: runner.wake())
    """
    program = start_program(
        tmp_path,
        PARENT.format(preload=None, private=False, more=more)
        + "    print(runner.busy(), flush=True); runner.close()\n",
    )
    below = descendants(program.pid)
    assert {os.getpgid(pid) for pid in below}.isdisjoint({os.getpgid(program.pid)})
    os.killpg(program.pid, signal.SIGINT)
    assert program.communicate()[0] == "1\n"
    assert program.returncode == 0


def test_killed_launcher_fails_its_trials_and_the_next_ones_work(tmp_path: Path, preload: Any) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT, preload=preload) as runner:
        start_family(tmp_path, runner, 0)
        start_family(tmp_path, runner, 1)
        until_measured(runner, 0, 1)
        trial = family_of(tmp_path, 0)
        launcher = parent_of(parent_of(trial[0]))
        assert parent_of(launcher) == os.getpid()
        watchers = watched(descendants(launcher))
        runner.stop(1)
        os.kill(launcher, signal.SIGKILL)
        events = until_idle(runner)
        assert ended(events, 0).status is TrialStatus.Failed
        assert ended(events, 0).reason == "the launcher died: killed by signal 9 (SIGKILL), perhaps out of memory"
        assert ended(events, 1).status is TrialStatus.Stopped
        assert all_gone(watchers)
        start_family(tmp_path, runner, 2, short=1)
        assert ended(until_idle(runner), 2).status is TrialStatus.Completed


def test_launcher_that_is_killed_while_idle_costs_no_trial(tmp_path: Path) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT) as runner:
        start_family(tmp_path, runner, 0, short=1)
        until_idle(runner)
        launcher, keeper = descendants(os.getpid())
        watchers = watched([launcher, keeper])
        os.kill(launcher, signal.SIGKILL)
        assert all_gone(watchers)
        start_family(tmp_path, runner, 1, short=1)
        assert ended(until_idle(runner), 1).status is TrialStatus.Completed


def test_keeper_that_is_killed_while_idle_costs_no_trial(tmp_path: Path) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT) as runner:
        start_family(tmp_path, runner, 0, short=1)
        until_idle(runner)
        _, keeper = descendants(os.getpid())
        watchers = watched([keeper])
        os.kill(keeper, signal.SIGKILL)
        assert all_gone(watchers)
        start_family(tmp_path, runner, 1, short=1)
        assert ended(until_idle(runner), 1).status is TrialStatus.Completed


def test_one_keeper_runs_one_trial_after_the_other(tmp_path: Path, preload: Any) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT, preload=preload) as runner:
        keepers = set()
        for number in range(3):
            start_family(tmp_path, runner, number)
            until_measured(runner, number)
            keepers.add(parent_of(family_of(tmp_path, number)[0]))
            watchers = watched(family_of(tmp_path, number))
            runner.stop(number)
            assert ended(until_idle(runner), number).status is TrialStatus.Stopped
            assert all_gone(watchers)
        assert len(keepers) == 1


def test_keeper_ends_its_process_when_the_launcher_dies_without_listening() -> None:
    script = """
        import os, signal, socket
        from smtune.runners.launcher.keeper import Keeper
        ours, theirs = socket.socketpair()
        keeper = Keeper(theirs, os.pipe()[0], imported=None)
        ready, ready_end = os.pipe()
        leader = os.fork()
        if leader == 0:
            ours.close()
            os.setsid()
            os.write(ready_end, b".")
            signal.pause()
        os.read(ready, 1)
        theirs.send(b"unread")
        ours.close()
        print(keeper.watch(leader))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("9\n", "")


def test_killed_keeper_fails_its_trial_alone(tmp_path: Path, preload: Any) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT, preload=preload) as runner:
        start_family(tmp_path, runner, 0)
        start_family(tmp_path, runner, 1)
        until_measured(runner, 0, 1)
        watchers = watched(family_of(tmp_path, 0))
        os.kill(parent_of(family_of(tmp_path, 0)[0]), signal.SIGKILL)
        events = list(runner.wait(60))
        end = ended(events, 0)
        assert end.status is TrialStatus.Failed
        assert str(end.reason).startswith("the process that watched over it ended: killed by signal 9")
        assert all_gone(watchers)
        assert runner.busy() == 1
        assert all(Path(f"/proc/{pid}").exists() for pid in family_of(tmp_path, 1))


def test_trial_of_a_killed_keeper_ends_although_nobody_is_there_to_end_it(tmp_path: Path, preload: Any) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT, preload=preload) as runner:
        start_family(tmp_path, runner, 0)
        until_measured(runner, 0)
        leader, child, daemon = family_of(tmp_path, 0)
        keeper = parent_of(leader)
        launcher = parent_of(keeper)
        watchers, last = watched([leader, child]), watched([daemon])
        os.kill(launcher, signal.SIGSTOP)
        os.kill(keeper, signal.SIGKILL)
        assert all_gone(watchers)
        os.kill(launcher, signal.SIGCONT)
        assert str(ended(until_idle(runner), 0).reason).startswith("the process that watched over it ended")
        assert all_gone(last)


def test_paused_trial_hears_that_it_is_to_stop(tmp_path: Path, preload: Any) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT, preload=preload, grace_seconds=3600) as runner:
        start_family(tmp_path, runner, 0)
        until_measured(runner, 0)
        os.kill(family_of(tmp_path, 0)[0], signal.SIGSTOP)
        runner.stop(0)
        end = ended(until_idle(runner), 0)
        assert (end.status, end.reason) == (TrialStatus.Stopped, None)


def test_paused_keeper_does_not_save_its_trial(tmp_path: Path) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT) as runner:
        start_family(tmp_path, runner, 0)
        until_measured(runner, 0)
        family = family_of(tmp_path, 0)
        keeper = parent_of(family[0])
        watchers = watched([keeper, *family])
        os.kill(keeper, signal.SIGSTOP)
    assert all_gone(watchers)


def test_trial_that_outlived_everything_is_ended_before_it_starts_afresh(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        os.closerange(3, 1000)  # its lifeline among them
        print("loss 1", flush=True)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    """
    runner = process_runner(tmp_path, script, metrics={"loss": r"loss (\S+)"}, slots=1)
    runner.start(Trial(0, {}))
    until_measured(runner, 0)
    launcher, keeper, trial = descendants(os.getpid())
    watchers = watched([trial])
    os.kill(launcher, signal.SIGSTOP)
    for pid in (keeper, launcher):
        os.kill(pid, signal.SIGKILL)
    runner.close()
    assert Path(f"/proc/{trial}").exists()
    end_survivors([tmp_path / "trials/1", tmp_path / "trials"])
    assert Path(f"/proc/{trial}").exists()
    end_survivors([tmp_path / "trials/0"])
    assert all_gone(watchers)


def test_fork_of_the_parent_cannot_end_anything(tmp_path: Path) -> None:
    with process_runner(tmp_path, FAMILY_SCRIPT) as runner:
        start_family(tmp_path, runner, 0)
        until_measured(runner, 0)
        fork = os.fork()
        if fork == 0:
            runner.close()
            os._exit(0)
        os.waitpid(fork, 0)
        assert runner.busy() == 1
        assert list(runner.wait(0)) == []
        assert all(Path(f"/proc/{pid}").exists() for pid in family_of(tmp_path, 0))
        assert (tmp_path / "trials/0/input/config/hyperparameters.json").exists()


def test_worker_that_dies_while_idle_costs_no_trial(tmp_path: Path) -> None:
    with FunctionRunner(trial_code.train, slots=1, objective="auc", isolation="process") as runner:
        runner.start(Trial(0, {"do": "complete"}))
        until_idle(runner)
        worker = descendants(os.getpid())[-1]
        watchers = watched([worker])
        os.kill(worker, signal.SIGKILL)
        assert all_gone(watchers)
        runner.start(Trial(1, {"do": "complete"}))
        assert ended(until_idle(runner), 1).status is TrialStatus.Completed


def test_killed_worker_fails_its_trial_alone(tmp_path: Path) -> None:
    gates = [Gate(tmp_path / "first"), Gate(tmp_path / "second")]
    with FunctionRunner(trial_code.train, slots=2, objective="auc", isolation="process") as runner:
        runner.start(Trial(0, {"do": "hold", "gate": gates[0].path}))
        until_measured(runner, 0)
        worker = descendants(os.getpid())[-1]
        runner.start(Trial(1, {"do": "hold", "gate": gates[1].path}))
        until_measured(runner, 1)
        os.kill(worker, signal.SIGKILL)
        assert ended(list(runner.wait(60)), 0).reason == "killed by signal 9 (SIGKILL), perhaps out of memory"
        gates[1].open()
        assert ended(until_idle(runner), 1).status is TrialStatus.Completed
        gates[1].remove()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux lists a process's descriptors")
def test_looking_for_survivors_leaves_no_descriptors_open(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    end_survivors([tmp_path / "trials/0"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
