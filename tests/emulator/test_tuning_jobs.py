"""Tuning jobs of the service, over training jobs that a test plays."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from smtune.amt import decode_description, encode_request, lower
from smtune.emulator.service.kept_jobs import KeptTuning
from smtune.emulator.service.tuning_job import NO_SUCCESS, TuningJob, seeded
from smtune.errors import SpecError
from smtune.results import JobStatus
from smtune.spec import TuningSpec
from tests.services.tuning_service import ROLE

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:hyper-parameter-tuning-job/churn"


@dataclass
class Played:
    """A training job that a test plays."""

    name: str
    request: dict[str, Any]
    status: str = "InProgress"
    secondary_status: str = "Starting"
    failure_reason: str | None = None
    created_at: float = field(default_factory=time.time)
    started_at: float | None = None
    ended_at: float | None = None


class Stage:
    """Trains at once, by a function of the hyperparameters."""

    def __init__(self, play):
        self.play = play
        self.jobs: list[Played] = []
        self.held = threading.Event()
        self.held.set()

    def create(self, request, *, tuning_job=None, listener=None):
        job = Played(request["TrainingJobName"], dict(request))
        self.jobs.append(job)
        threading.Thread(target=self._run, args=(job, listener)).start()
        return job

    def _run(self, job, listener):
        self.held.wait(30)
        job.started_at = time.time()
        listener.started(job, job.started_at)
        outcome = self.play(job.request["HyperParameters"])
        if isinstance(outcome, str):
            job.status, job.failure_reason = "Failed", outcome
        elif job.status == "Stopping":
            job.status = "Stopped"
        else:
            for value in [] if outcome is None else outcome:
                listener.measured(job, time.time(), {"validation:auc": value})
            job.status = "Completed"
        job.ended_at = time.time()
        listener.ended(job)

    def find(self, name, *, tuning_job):
        return next((one for one in self.jobs if one.name == name), None)

    def stop(self, name):
        job = next(one for one in self.jobs if one.name == name)
        if job.status == "InProgress":
            job.status = "Stopping"
        self.held.set()


def request(**fields) -> dict[str, Any]:
    defaults = {
        "name": "churn",
        "objective": {"metric": "validation:auc", "goal": "Maximize"},
        "parameters": {
            "eta": {"type": "continuous", "min": 0.01, "max": 0.5},
            "booster": {"type": "categorical", "values": ["gbtree", "dart"]},
        },
        "strategy": "random",
        "limits": {"max_trials": 6, "max_parallel": 2, "max_trial_seconds": 300},
        "seed": 7,
        "metrics": ["validation:auc"],
        "training": {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1", "output": "s3://bucket/out"},
        "sagemaker": {"instance_type": "ml.m5.xlarge", "role": ROLE},
    }
    return encode_request(lower(TuningSpec(**{**defaults, **fields})))


def by_eta(hyperparameters):
    return [float(hyperparameters["eta"])]


def run(stage, tmp_path, parents=(), **fields):
    job = TuningJob(seeded(request(**fields)), arn=ARN, jobs=stage, folder=tmp_path / "job", parents=parents)
    job.start()
    job.join(60)
    assert job.ended
    return job


def test_a_tuning_job_trains_and_finds_the_best(tmp_path):
    stage = Stage(by_eta)
    job = run(stage, tmp_path)
    result = decode_description(job.description(), job.summaries())

    assert result.status is JobStatus.Completed
    assert result.counts["Completed"] == len(stage.jobs) == 6
    etas = [float(one.request["HyperParameters"]["eta"]) for one in stage.jobs]
    assert result.best is not None
    assert result.best.objective == max(etas)
    assert stage.jobs[0].request["HyperParameters"]["_tuning_objective_metric"] == "validation:auc"
    assert {one["TunedHyperParameters"]["booster"] for one in job.summaries()} <= {"gbtree", "dart"}


def test_the_same_seed_trains_the_same(tmp_path):
    first, second = Stage(by_eta), Stage(by_eta)
    run(first, tmp_path / "1")
    run(second, tmp_path / "2")

    def tried(stage):
        return sorted(one.request["HyperParameters"]["eta"] for one in stage.jobs)

    assert tried(first) == tried(second)


def test_five_failures_at_first_fail_it_as_the_service_says(tmp_path):
    job = run(Stage(lambda _: "AlgorithmError: no"), tmp_path)

    assert job.status is JobStatus.Failed
    assert job.description()["FailureReason"] == NO_SUCCESS
    assert job.description()["TrainingJobStatusCounters"]["NonRetryableError"] >= 5


def test_a_training_without_the_objective_has_completed_all_the_same(tmp_path):
    job = run(Stage(lambda given: None if float(given["eta"]) < 0.3 else [0.5]), tmp_path)

    summaries = job.summaries()
    assert {one["TrainingJobStatus"] for one in summaries} == {"Completed"}
    assert {one["ObjectiveStatus"] for one in summaries} == {"Succeeded", "Failed"}


def test_a_stopped_job_stops_its_training_jobs(tmp_path):
    stage = Stage(by_eta)
    stage.held.clear()
    job = TuningJob(seeded(request()), arn=ARN, jobs=stage, folder=tmp_path)
    job.start()
    while len(stage.jobs) < 2:
        time.sleep(0.001)
    job.stop()
    job.join(60)

    assert job.status is JobStatus.Stopped
    assert [one["TrainingJobStatus"] for one in job.summaries()] == ["Stopped", "Stopped"]


def test_a_training_job_that_stops_is_told_as_stopping(tmp_path):
    stage = Stage(by_eta)
    stage.held.clear()
    job = TuningJob(seeded(request()), arn=ARN, jobs=stage, folder=tmp_path)
    job.start()
    while len(job.summaries()) < 2:
        time.sleep(0.001)
    first, second = stage.jobs[:2]
    assert {one["TrainingJobStatus"] for one in job.summaries()} == {"InProgress"}
    first.status = "Stopping"

    told = {one["TrainingJobName"]: one["TrainingJobStatus"] for one in job.summaries()}
    assert told == {first.name: "Stopping", second.name: "InProgress"}
    job.stop()
    stage.held.set()
    job.join(60)


@pytest.mark.parametrize("strategy", ["random", "bayesian", "grid", {"type": "hyperband", "resource": {"epochs": 4}}])
def test_every_strategy_of_the_service_runs(tmp_path, strategy):
    fields = {}
    if strategy == "grid":
        values = {"type": "categorical", "values": [0.1, 0.2, 0.3]}
        fields = {"parameters": {"eta": values}, "limits": {"max_parallel": 2, "max_trial_seconds": 300}}
    job = run(Stage(by_eta), tmp_path, strategy=strategy, **fields)

    assert job.status is JobStatus.Completed
    assert len(job.summaries()) == (3 if strategy == "grid" else 6)


@pytest.mark.parametrize("maximum", ["stated", "inferred"])
def test_hyperband_stops_what_goes_past_its_greatest_resource(tmp_path, maximum):
    class Patient(Stage):
        """Trains epoch by epoch, and as many as it is asked for unless it is stopped."""

        def _run(self, job, listener):
            job.started_at = time.time()
            listener.started(job, job.started_at)
            for _ in range(int(job.request["HyperParameters"]["rounds"])):
                listener.measured(job, time.time(), {"validation:auc": 0.5})
            if int(job.request["HyperParameters"]["rounds"]) > 9:
                self.stopped.wait(30)
                self.stopped.clear()
            job.status = "Stopped" if job.status == "Stopping" else "Completed"
            job.ended_at = time.time()
            listener.ended(job)

        stopped = threading.Event()

        def stop(self, name):
            super().stop(name)
            self.stopped.set()

    rounds = {"type": "integer", "min": 8, "max": 11}
    strategy = {"type": "hyperband", "resource": {"epochs": "1 to 9"}}
    whole = request(strategy=strategy, parameters={"rounds": rounds}, limits={"max_trials": 8, "max_parallel": 1})
    if maximum == "inferred":
        del whole["HyperParameterTuningJobConfig"]["StrategyConfig"]
        whole["TrainingJobDefinition"].setdefault("StaticHyperParameters", {})["epochs"] = "9"
    job = TuningJob(seeded(whole), arn=ARN, jobs=Patient(by_eta), folder=tmp_path / "job")
    job.start()
    job.join(60)

    ends = {
        (int(one["TunedHyperParameters"]["rounds"]) > 9, one["TrainingJobStatus"], one["ObjectiveStatus"])
        for one in job.summaries()
    }
    assert ends == {(False, "Completed", "Succeeded"), (True, "Stopped", "Succeeded")}
    assert {"9", "10"} <= {one["TunedHyperParameters"]["rounds"] for one in job.summaries()}


def test_several_definitions_share_the_trials(tmp_path):
    definitions = {"other": {"parameters": {"eta": {"type": "continuous", "min": 0.6, "max": 0.9}}}}
    job = run(Stage(by_eta), tmp_path, definitions=definitions)

    names = [one["TrainingJobDefinitionName"] for one in job.summaries()]
    assert names == ["main"] * 3 + ["other"] * 3
    best = decode_description(job.description(), job.summaries()).best
    assert best is not None
    assert float(best.parameters["eta"]) > 0.5


OTHER = {"other": {"parameters": {"eta": {"type": "continuous", "min": 0.6, "max": 0.9}}}}


@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        ((False, True), JobStatus.Completed),
        ((True, False), JobStatus.Completed),
        ((True, True), JobStatus.Failed),
    ],
)
def test_several_definitions_fail_only_together(tmp_path, fails, expected):
    stage = Stage(lambda given: "AlgorithmError: no" if fails[float(given["eta"]) > 0.5] else [0.5])
    job = run(stage, tmp_path, definitions=OTHER)

    assert len(job.summaries()) == 6
    assert job.status is expected
    assert job.failure_reason == (NO_SUCCESS if expected is JobStatus.Failed else None)


def test_a_criterion_that_a_definition_meets_ends_the_whole_job(tmp_path):
    job = run(Stage(by_eta), tmp_path, definitions=OTHER, completion={"target": 0.02}, seed=7)

    assert job.status is JobStatus.Completed
    assert {one["TrainingJobDefinitionName"] for one in job.summaries()} == {"main"}


def test_definitions_share_the_runtime(tmp_path):
    whole = request(definitions=OTHER)
    whole["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = 1
    stage = Stage(by_eta)
    stage.held.clear()  # until they are stopped, when the time is over
    job = TuningJob(seeded(whole), arn=ARN, jobs=stage, folder=tmp_path / "job")
    job.start()
    job.join(60)

    assert job.ended
    assert [one["TrainingJobDefinitionName"] for one in job.summaries()] == ["main"] * 2


def test_a_warm_start_learns_from_its_parents(tmp_path):
    parent = run(Stage(by_eta), tmp_path / "parent")
    tried = {one["TunedHyperParameters"]["eta"] for one in parent.summaries()}
    child = run(Stage(by_eta), tmp_path / "child", parents=[parent], warm_start=["amt:churn"], strategy="bayesian")

    assert child.status is JobStatus.Completed
    assert not tried & {one["TunedHyperParameters"]["eta"] for one in child.summaries()}


@pytest.mark.parametrize(("score", "expected"), [(0.0, "parent"), (1.0, "child")])
def test_the_best_of_a_job_and_its_parents_is_named(tmp_path, score, expected):
    parent = run(Stage(by_eta), tmp_path / "parent", name="parent")
    stage = Stage(lambda _: [score])
    child = run(stage, tmp_path / "child", parents=[parent], warm_start=["amt:parent"], name="child")

    overall = child.description()["OverallBestTrainingJob"]
    assert overall["TuningJobName"] == expected
    job = {"parent": parent, "child": child}[expected]
    assert overall["TrainingJobName"] == job.description()["BestTrainingJob"]["TrainingJobName"]


def test_a_job_of_an_emulator_before_still_knows_its_parents(tmp_path):
    parent = run(Stage(by_eta), tmp_path / "parent", name="parent")
    stage = Stage(lambda _: [0.0])
    child = run(stage, tmp_path / "child", parents=[parent], warm_start=["amt:parent"], name="child")
    seen = KeptTuning(1, child.request, child.created_at, child.status.value, None, child.ended_at)
    again = TuningJob(child.request, arn=ARN, jobs=stage, folder=child.folder, seen=seen)  # the parent may be gone

    assert again.description()["OverallBestTrainingJob"] == child.description()["OverallBestTrainingJob"]
    assert again.description()["OverallBestTrainingJob"]["TuningJobName"] == "parent"


def test_a_parent_of_which_nothing_is_of_use_leaves_the_search_to_itself(tmp_path):
    parent = run(Stage(by_eta), tmp_path / "parent")
    others = {"parameters": {"eta": {"type": "continuous", "min": 0.6, "max": 0.9}}}
    child = run(Stage(by_eta), tmp_path / "child", parents=[parent], warm_start=["amt:churn"], **others)

    assert child.status is JobStatus.Completed
    assert len(child.summaries()) == 6


def test_a_parent_with_another_objective_is_refused(tmp_path):
    parent = run(Stage(by_eta), tmp_path / "parent")
    with pytest.raises(SpecError, match="has the objective Maximize validation:auc, and this job Minimize"):
        run(
            Stage(by_eta),
            tmp_path / "child",
            parents=[parent],
            warm_start=["amt:churn"],
            objective={"metric": "validation:auc", "goal": "Minimize"},
        )
