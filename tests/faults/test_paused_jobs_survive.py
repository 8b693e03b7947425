"""Scripts that are paused, killed and resumed: from checkpoints or not, ahead of the stop or not, it is the same job."""

import pytest

from smtune import attach, resume, tune
from smtune.container import report
from smtune.results import JobStatus
from smtune.store import JobDirectory, JobStore
from smtune.trial import TrialStatus
from tests.faults.test_jobs_survive import run_and_kill, spec, trial_files

SCRIPT = """
    import os, signal
    from smtune.container import checkpoint_dir, hyperparameters, report

    def keep(file, number):
        file.with_suffix(".draft").write_text(str(number))
        os.replace(file.with_suffix(".draft"), file)  # it may be stopped, or killed, at any moment

    params = hyperparameters({"x": 0.0, "gated": True, "checkpoints": True})
    starts, epochs = checkpoint_dir() / "starts", checkpoint_dir() / "epochs"
    start = int(starts.read_text()) if starts.exists() else 0
    keep(starts, start + 1)
    begin = int(epochs.read_text()) if params["checkpoints"] and epochs.exists() else 0
    print("begins at epoch", begin)
    for epoch in range(begin, 9):
        if params["gated"]:
            keep(epochs, epoch + 1)  # a kill may come before the report
        report({"loss": (params["x"] - 0.3) ** 2 + 1 / (epoch + 1)}, step=epoch)
        if params["gated"] and epoch + 1 == [1, 3, None][start]:
            signal.pause()
        keep(epochs, epoch + 1)  # a stop may not: what a checkpoint holds must have been reported
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))


def job_spec(tmp_path, name, *, static=None, **changes):
    """Nine trials train one epoch, three of them three, the best all nine; each waits at its rung to be paused."""
    strategy = {"type": "hyperband", "resource": {"epochs": "1 to 9"}, "brackets": 1}
    fields = {"name": name, "strategy": strategy, "limits": {"max_trials": 9}, "static": static or {}}
    return spec(tmp_path / "code", SCRIPT, **fields | changes)


def finish(job_spec):
    return tune(job_spec).wait(progress=False)


def outcome(result):
    return [(t.number, t.parameters, t.status, t.objective, t.resource, t.failure_reason) for t in result.trials]


def begins(name, trial):
    return [int(line.split()[-1]) for line in attach(name).logs(trial.number) if line.startswith("begins at")]


def steps(name, trial):
    with JobStore.open(JobDirectory(name), read_only=True) as store:
        return [one.step for one in store.measurements(trial.number)]


def expected(trial):
    return (trial.parameters["x"] - 0.3) ** 2 + 1 / trial.resource


def test_trials_go_on_from_their_checkpoints(tmp_path):
    result = finish(job_spec(tmp_path, "whole"))
    assert result.status is JobStatus.Completed
    assert sorted(trial.resource for trial in result.trials) == [1] * 6 + [3] * 2 + [9]
    for trial in result.trials:
        assert begins("whole", trial) == {1: [0], 3: [0, 1], 9: [0, 1, 3]}[trial.resource]
        assert steps("whole", trial) == list(range(trial.resource))
        assert trial.objective == expected(trial)
        assert trial.status is (TrialStatus.Completed if trial.resource == 9 else TrialStatus.Stopped)
    assert result.best.resource == 9


def test_a_script_without_checkpoints_starts_over_and_comes_to_the_same(tmp_path):
    whole = finish(job_spec(tmp_path, "whole"))
    again = finish(job_spec(tmp_path, "again", static={"checkpoints": False}))
    assert outcome(again) == outcome(whole)
    for trial in again.trials:
        assert begins("again", trial) == {1: [0], 3: [0, 0], 9: [0, 0, 0]}[trial.resource]
        assert steps("again", trial) == list(range(trial.resource))


def test_scripts_that_run_ahead_of_the_stop_come_to_the_same(tmp_path):
    whole = finish(job_spec(tmp_path, "whole"))
    assert outcome(finish(job_spec(tmp_path, "ahead", static={"gated": False}))) == outcome(whole)
    for trial in attach("ahead").result().trials:
        taken = steps("ahead", trial)
        assert taken == list(range(len(taken)))


def test_trials_beside_one_another_come_to_the_same(tmp_path):
    whole = finish(job_spec(tmp_path, "whole"))
    limits = {"max_trials": 9, "max_parallel": 4}
    assert outcome(finish(job_spec(tmp_path, "beside", limits=limits))) == outcome(whole)


# created, started; of each trial: suggested or promoted, started, measured once or more, ended
@pytest.mark.parametrize("events", [4, 5, 20, 37, 38, 40, 42, 46, 50])
def test_a_job_killed_at_any_event_goes_on_as_if_it_had_not_been(tmp_path, events):
    whole = finish(job_spec(tmp_path, "whole"))
    run_and_kill(job_spec(tmp_path, "parts"), events)
    assert attach("parts").result().status is JobStatus.Stopped
    assert outcome(resume("parts").wait(progress=False)) == outcome(whole)
    assert trial_files("parts") == trial_files("whole")
    for trial in attach("parts").result().trials:
        assert steps("parts", trial) == list(range(trial.resource))


@pytest.mark.parametrize("ended", [1, 9, 10, 12])
def test_a_job_stopped_while_trials_are_paused_goes_on_as_if_it_had_not_been(tmp_path, ended):
    whole = finish(job_spec(tmp_path, "whole"))
    job = tune(job_spec(tmp_path, "parts"))
    pauses = []

    def stop(trial):
        pauses.extend([trial.number] * trial.status.ended)
        if len(pauses) == ended:
            job.backend.stop("parts")

    stopped = job.backend.wait("parts", listener=stop)
    assert stopped.status is JobStatus.Stopped
    assert outcome(resume("parts").wait(progress=False)) == outcome(whole)


def reporting(parameters):
    for epoch in range(9):
        report({"loss": (parameters["x"] - 0.3) ** 2 + 1 / (epoch + 1)}, step=epoch)


@pytest.mark.parametrize("slots", [1, 4])
def test_functions_in_processes_come_to_the_same(tmp_path, slots):
    whole = finish(job_spec(tmp_path, "whole"))
    fields = job_spec(tmp_path, "workers", limits={"max_trials": 9, "max_parallel": slots}).to_dict()
    del fields["training"]
    job = tune(type(job_spec(tmp_path, "workers")).from_dict(fields), function=reporting, isolation="process")
    assert outcome(job.wait(progress=False)) == outcome(whole)
