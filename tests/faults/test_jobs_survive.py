"""Jobs that are killed, starved of disk, or fed with bad scripts: nothing is lost, nothing hangs, the reason is told."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from smtune import TuningSpec, attach, resume, tune
from smtune.errors import JobBusyError, JobFailedError
from smtune.results import JobStatus
from smtune.store import JobDirectory, await_trials
from smtune.trial import TrialStatus
from tests.faults.runner_processes import all_gone, descendants, watched

SCRIPT = """
    from smtune.container import hyperparameters, report
    params = hyperparameters({"x": 0.0, "rounds": 3})
    for step in range(params["rounds"]):
        report({"loss": (params["x"] - 0.3) ** 2 + 1 / (step + 1)}, step=step)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def spec(folder, script=SCRIPT, **changes):
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(textwrap.dedent(script))
    fields = {
        "name": "churn",
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"x": {"type": "continuous", "min": 0, "max": 1}},
        "strategy": {"type": "evolutionary", "population": 4},
        "limits": {"max_trials": 14},
        "seed": 5,
        "training": {"source_dir": str(folder), "entry_point": "train.py", "preload": True},
    }
    return TuningSpec.from_dict(fields | changes)


def run(job_spec):
    return tune(job_spec).wait(progress=False)


def outcome(result):
    return [(t.number, t.parameters, t.status, t.objective, t.metrics, t.origin) for t in result.trials]


def trial_files(name):
    folder = JobDirectory(name).path / "trials"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


RUN_AND_HALT = """
import json, sys, threading
from smtune import TuningSpec, tune
from smtune.store import JobStore

spec, count, acted, backend = json.loads(sys.argv[1])
append = JobStore.append

def halt(store):
    if sum(1 for _ in store.events()) >= count:
        print("halted", flush=True)
        threading.Event().wait()

def append_and_halt(store, events, **options):
    if acted:
        halt(store)
    append(store, events, **options)
    if not acted:
        halt(store)

JobStore.append = append_and_halt
tune(TuningSpec.from_dict(spec), backend=backend).wait(progress=False)
"""


def start_elsewhere(job_spec, events, *, acted=False, backend="local"):
    """Run a job in a process of its own that halts at a place in the job's log; return it when it has.

    Its trials go on.

    Args:
        job_spec: The job.
        events: How many events the log holds then, or a few more if several come together.
        acted: Whether it has acted on the last of them, and is about to log the next.
        backend: Where it runs.
    """
    command = [sys.executable, "-c", RUN_AND_HALT, json.dumps([job_spec.to_dict(), events, acted, backend])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "halted\n"
    return process


def run_and_kill(job_spec, events, *, acted=False, backend="local"):
    """Run a job in a process of its own and kill this, as :func:`start_elsewhere` leaves it."""
    with start_elsewhere(job_spec, events, acted=acted, backend=backend) as process:
        process.kill()


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("events", [2, 3, 7, 20, 33, 50])
def test_a_job_killed_at_any_moment_goes_on_as_if_it_had_not_been(home, tmp_path, events, acted):
    whole = run(spec(tmp_path / "code", name="whole"))
    run_and_kill(spec(tmp_path / "code", name="parts"), events, acted=acted)
    killed = attach("parts").result()
    assert killed.status is JobStatus.Stopped
    assert "smtune resume parts" in killed.failure_reason
    assert outcome(resume("parts").wait(progress=False)) == outcome(whole)
    assert trial_files("parts") == trial_files("whole")


@pytest.mark.parametrize("kind", ["IdenticalDataAndAlgorithm", "TransferLearning"])
@pytest.mark.parametrize("events", [4, 20])
def test_a_job_that_started_warm_goes_on_without_its_parents(home, tmp_path, events, kind):
    run(spec(tmp_path / "code", name="first", strategy="random", limits={"max_trials": 6}))
    warm = {"warm_start": {"parents": ["first"], "type": kind}, "seed": 8, "limits": {"max_trials": 6}}
    whole = run(spec(tmp_path / "code", name="whole", **warm))
    run_and_kill(spec(tmp_path / "code", name="parts", **warm), events)
    shutil.rmtree(JobDirectory("first").path)
    killed = attach("parts").result()
    assert killed.status is JobStatus.Stopped
    assert killed.warm_start == whole.warm_start is not None
    assert outcome(resume("parts").wait(progress=False)) == outcome(whole)


def test_a_resumed_job_runs_the_code_it_began_with(home, tmp_path):
    run_and_kill(spec(tmp_path / "code"), 8)
    (tmp_path / "code" / "train.py").write_text("raise SystemExit('edited')\n")
    result = resume("churn").wait(progress=False)
    assert result.counts == {"Completed": 14, "Failed": 0, "Stopped": 0, "InProgress": 0}


def test_a_job_is_not_resumed_while_its_trials_still_end(home, tmp_path):
    directory = JobDirectory("churn")
    waiting = spec(tmp_path / "code", "import signal; print('begun', flush=True); signal.pause()")
    with start_elsewhere(waiting, 4) as process:  # the last event: the trial has begun
        launcher, *family = descendants(process.pid)
        os.kill(launcher, signal.SIGSTOP)
        process.kill()
    with pytest.raises(JobBusyError, match="do not end"):
        await_trials(directory, patience_seconds=0.1)
    watchers = watched(family)
    os.kill(launcher, signal.SIGCONT)
    await_trials(directory)
    assert all_gone(watchers)


def test_ended_trials_are_never_run_again(home, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    script = f"""
        import os, pathlib
        from smtune.container import hyperparameters, report
        x = hyperparameters()["x"]
        with open(pathlib.Path({str(marks)!r}) / os.environ["TRAINING_JOB_NAME"], "a") as mark:
            mark.write("started ")
        report({{"loss": x}})
        with open(pathlib.Path({str(marks)!r}) / os.environ["TRAINING_JOB_NAME"], "a") as mark:
            mark.write("ended ")
    """
    run_and_kill(spec(tmp_path / "code", script), 25)
    ended = {trial.number for trial in attach("churn").result().trials if trial.status.ended}
    assert ended
    resume("churn").wait(progress=False)
    for number in ended:
        assert (marks / f"churn-{number:03d}").read_text() == "started ended "


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:\n", "SyntaxError"),
        ("raise ValueError('eta is too large')", "exit code 1: ValueError: eta is too large"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("print('nothing to see')", "never reported the objective 'loss'; it reported no metric at all"),
        ("from smtune.container import report; report({'loss': float('nan')}, step=4)", "loss = nan at step 4"),
        ("from smtune.container import report; report({'lost': 1.0})", "it reported lost"),
    ],
)
@pytest.mark.parametrize("preload", [False, True])
def test_a_bad_script_fails_the_job_with_its_reason(home, tmp_path, script, reason, preload):
    job_spec = spec(tmp_path / "code", script, limits={"max_trials": 50, "max_parallel": 2}, strategy="random")
    fields = job_spec.to_dict()
    fields["training"]["preload"] = preload
    with pytest.raises(JobFailedError) as caught:
        run(TuningSpec.from_dict(fields))
    assert reason in str(caught.value)
    result = attach("churn").result()
    assert result.status is JobStatus.Failed
    assert 5 <= result.counts["Failed"] <= 6
    assert result.counts["InProgress"] == 0


def test_metrics_are_read_by_the_users_own_expressions(home, tmp_path):
    script = """
        print("[0]\\ttrain-auc:0.5\\tvalidation-auc:-1.25e-05")
        print("[1]\\ttrain-auc:0.6\\tvalidation-auc:7.5e+10")
    """
    job_spec = spec(
        tmp_path / "code",
        script,
        objective={"metric": "auc", "goal": "Maximize"},
        metrics={"auc": r"#011validation-auc:(\S+)"},
        limits={"max_trials": 1},
    )
    result = run(job_spec)
    assert result.best.objective == 7.5e10
    assert list(attach("churn").logs(0)) == [
        "[0]\ttrain-auc:0.5\tvalidation-auc:-1.25e-05",
        "[1]\ttrain-auc:0.6\tvalidation-auc:7.5e+10",
    ]


def test_a_script_that_ignores_sigterm_is_ended_when_the_job_is_stopped_by_force(home, tmp_path):
    script = """
        import signal, time
        from smtune.container import report
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        report({"loss": 1.0})
        while True:
            time.sleep(60)
    """
    job = tune(spec(tmp_path / "code", script))
    seen = []

    def stop(trial):
        seen.append(trial)
        if trial.metrics:
            job.backend.stop(job.name)
            job.backend.stop(job.name, force=True)

    job.backend.wait(job.name, listener=stop)
    result = job.result()
    assert result.status is JobStatus.Stopped
    assert [trial.status for trial in result.trials] == [TrialStatus.Stopped]


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_program_that_does_not_wait_for_its_job_ends_well(home, tmp_path, interrupted):
    code = """
        import os, signal, threading
        from smtune import TuningSpec, tune
        from smtune.container import report
        spec = TuningSpec(
            name="churn", objective={"metric": "loss", "goal": "min"}, strategy="random", limits={"max_trials": 4},
            parameters={"x": {"type": "continuous", "min": 0, "max": 1}},
        )
        gate = threading.Event()
        def train(parameters):
            report({"loss": 1.0})
            if not gate.wait(0.01) and os.environ["INTERRUPTED"] == "True":
                while True:
                    report({"loss": 1.0})
                    gate.wait(0.01)
            return parameters["x"]
        tune(spec, function=train)
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={**os.environ, "INTERRUPTED": str(interrupted)},
        stderr=subprocess.PIPE,
        text=True,
    )
    if interrupted:
        assert process.stderr is not None
        assert "waiting for job churn" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in err
    result = attach("churn").result()
    assert result.status is (JobStatus.Stopped if interrupted else JobStatus.Completed)
    assert result.counts["InProgress"] == 0


def test_ctrl_c_that_does_not_wake_the_waiting_thread_is_heard(home):
    """The kernel may hand a signal to any thread; the trial's own gets it here."""
    code = """
        import signal, sys, threading
        from smtune import TuningSpec, tune
        from smtune.container import report
        spec = TuningSpec(
            name="churn", objective={"metric": "loss", "goal": "min"}, strategy="random", limits={"max_trials": 1},
            parameters={"x": {"type": "continuous", "min": 0, "max": 1}},
        )
        def train(parameters):
            sys.stdin.readline()
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            while True:
                report({"loss": 1.0})
                threading.Event().wait(0.01)
        tune(spec, function=train)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert "waiting for job churn" in process.stderr.readline()
        _, err = process.communicate("now\n", timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "job churn is stopped" in err
    assert attach("churn").result().status is JobStatus.Stopped


def test_a_trial_directory_stays_as_the_training_left_it(home, tmp_path):
    script = """
        from smtune.container import channel, model_dir, output_dir, report
        (model_dir() / "model.txt").write_text((channel("train") / "rows.csv").read_text())
        (output_dir() / "notes.txt").write_text("notes")
        report({"loss": 1.0})
    """
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("1,2,3\n")
    fields = spec(tmp_path / "code", script, limits={"max_trials": 1}).to_dict()
    fields["training"] |= {"channels": {"train": str(tmp_path / "data" / "rows.csv")}, "output": str(tmp_path / "out")}
    run(TuningSpec.from_dict(fields))
    base = tmp_path / "out" / "churn" / "00000"
    assert (base / "model" / "model.txt").read_text() == "1,2,3\n"
    assert (base / "output" / "data" / "notes.txt").read_text() == "notes"
    assert json.loads((base / "input/config/hyperparameters.json").read_text())["x"]
    assert (base / "input/data/train/rows.csv").read_text() == "1,2,3\n"
    assert (base / "code/train.py").exists()


def test_children_never_see_aws_credentials(home, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hush")
    script = """
        import os
        from smtune.container import report
        assert "hu" + "sh" not in str(dict(os.environ))
        report({"loss": 1.0})
    """
    for preload in (False, True):
        fields = spec(tmp_path / "code", script, limits={"max_trials": 1}, name=f"p{int(preload)}").to_dict()
        fields["training"]["preload"] = preload
        assert run(TuningSpec.from_dict(fields)).counts["Completed"] == 1
    assert b"hush" not in b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def _can_mount():
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="needs a user namespace in which a small disk can be mounted")
def test_a_full_disk_ends_the_job_with_the_fix_and_keeps_what_was_there(tmp_path):
    (tmp_path / "disk").mkdir()
    job_spec = spec(
        tmp_path / "code",
        "print('x' * 40_000)\n" + textwrap.dedent(SCRIPT),
        limits={"max_trials": 200, "max_failures": 200},
    )
    code = """
        import json, sys
        from smtune import TuningSpec, attach, tune
        from smtune.errors import SmtuneError
        try:
            tune(TuningSpec.from_dict(json.loads(sys.argv[1]))).wait(progress=False)
        except SmtuneError as error:
            print("error", type(error).__name__, error)
        result = attach("churn").result()
        print("result", result.status.value, result.counts["Completed"])
    """
    command = f'mount -t tmpfs -o size=1500k tmpfs {tmp_path}/disk && exec {sys.executable} "$@"'
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", command, "sh"),
            *("-c", textwrap.dedent(code), json.dumps(job_spec.to_dict())),
        ],
        env={**os.environ, "SMTUNE_HOME": f"{tmp_path}/disk/home"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "error StoreError" in done.stdout, done.stdout + done.stderr
    assert "free" in done.stdout
    assert "result Stopped" in done.stdout
    assert int(done.stdout.split()[-1]) >= 1


def test_another_applications_database_is_no_job(home):
    directory = JobDirectory("churn")
    directory.make()
    connection = sqlite3.connect(directory.database)
    connection.execute("CREATE TABLE other (x)")
    connection.commit()
    connection.close()
    from smtune.errors import StoreError

    with pytest.raises(StoreError, match=str(Path(directory.database))):
        attach("churn")
