"""What a job takes over from earlier ones."""

import json
import subprocess
import sys
import threading

import pytest

from smtune import CategoricalParameter, ContinuousParameter, IntegerParameter, TuningSpec, attach, tune
from smtune.backends import LocalBackend
from smtune.container import report
from smtune.errors import SpecError
from tests.unit.amt.summaries import summary
from tests.unit.backends.sagemaker_service import SageMakerService, arn


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))


def train(parameters):
    if parameters["eta"] > 0.9:
        raise ValueError("diverged")
    return 1 - (parameters["eta"] - 0.3) ** 2


def spec(name, *, low=0.0, high=1.0, **changes):
    fields = {
        "name": name,
        "objective": {"metric": "validation:auc", "goal": "Maximize"},
        "parameters": {"eta": ContinuousParameter(low, high)},
        "strategy": "sobol",
        "limits": {"max_trials": 20},
    }
    return TuningSpec(**(fields | changes))


def run(job_spec):
    return tune(job_spec, function=train).wait(progress=False)


def plan(job_spec):
    return LocalBackend(function=train).plan(job_spec)


def problem_of(job_spec):
    with pytest.raises(SpecError) as caught:
        plan(job_spec)
    (problem,) = caught.value.problems
    return problem


# --- earlier jobs of this machine ---------------------------------------------------------------------------------


def test_a_model_proposes_at_once_and_nothing_is_trained_twice():
    first = run(spec("first", high=0.8))
    second = run(spec("second", strategy="bayesian", limits={"max_trials": 4}, warm_start=["first"], seed=3))
    assert {trial.origin for trial in second.trials} == {"bayesian"}
    assert not {trial.parameters["eta"] for trial in second.trials} & {t.parameters["eta"] for t in first.trials}
    assert second.best.objective > first.best.objective
    assert second.best_parent is not None
    assert second.best_parent.best.objective == first.best.objective
    assert (second.best_parent.name, second.best_parent.best.number) == ("first", first.best.number)


def test_what_is_used_and_what_is_not_is_told():
    first = run(spec("first"))
    outside = sum(0.9 >= float(trial.parameters["eta"]) > 0.5 for trial in first.trials)
    failed = first.counts["Failed"]
    assert outside > failed > 0
    second = spec("second", high=0.5, warm_start="first", limits={"max_trials": 1})
    used = 20 - outside - failed
    reasons = f"{outside + failed} left out: {outside} x eta outside 0 to 0.5, {failed} x no result"
    assert plan(second).warnings == (f"warm_start: {used} of 20 trials of first are used; {reasons}",)
    (parent,) = run(second).to_dict()["warm_start"]["parents"]
    assert parent == {
        "name": "first",
        "used": used,
        "left_out": {"eta outside 0 to 0.5": outside, "no result": failed},
        "best": {
            "number": first.best.number,
            "objective": first.best.objective,
            "parameters": {"eta": first.best.parameters["eta"]},
        },
    }
    assert plan(spec("third", high=0.8, warm_start=["second"])).warnings == ()


def test_transfer_tries_the_best_first_and_does_not_learn_their_values():
    first = run(spec("first", high=0.8))
    warm = {"parents": ["first"], "type": "TransferLearning"}
    second = run(spec("second", strategy={"type": "evolutionary", "population": 8}, warm_start=warm))
    ranked = sorted(first.trials, key=lambda trial: -trial.objective)
    assert [trial.parameters for trial in second.trials[:3]] == [trial.parameters for trial in ranked[:3]]
    assert [trial.origin for trial in second.trials[:4]] == ["enqueued"] * 3 + ["initial"]
    assert second.best_parent is None
    assert second.to_dict()["warm_start"]["type"] == "TransferLearning"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("random", [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]),
        ({"type": "bayesian", "startup": 6}, [("a", 0), ("b", 0), ("a", 1)]),
        ({"type": "evolutionary", "population": 5}, [("a", 0), ("b", 0)]),
        ({"type": "chain", "steps": [{"strategy": {"type": "bayesian", "startup": 2}}]}, [("a", 0)]),
    ],
)
def test_parents_take_turns_and_leave_half_of_a_start_design(strategy, expected):
    ranked = {
        name: sorted(run(spec(name, high=0.8, seed=seed)).trials, key=lambda trial: -trial.objective)
        for seed, name in enumerate("ab")
    }
    warm = {"parents": ["a", "b"], "type": "TransferLearning"}
    planned = plan(spec("second", strategy=strategy, warm_start=warm)).warm_start
    assert planned is not None
    assert list(planned.tried_first) == [ranked[name][rank].parameters for name, rank in expected]
    assert planned.learned == ()


def test_repeats_count_once_with_their_mean():
    scores = iter([0.9, 0.1, 0.6, 0.6])
    first = spec("first", repeats=2, limits={"max_trials": 4})
    result = tune(first, function=lambda _: next(scores)).wait(progress=False)
    parent = run(spec("second", warm_start=["first"], limits={"max_trials": 1})).best_parent
    assert parent is not None
    assert (parent.used, parent.best.number, parent.best.objective) == (4, 2, result.best.objective)


def test_trials_that_were_trained_in_part_are_left_out_and_told(tmp_path):
    strategy = {"type": "hyperband", "resource": {"epochs": "1 to 9"}, "sampler": "random", "brackets": 1}
    first = tune(spec("first", strategy=strategy, limits={"max_trials": 9}), function=train_for_epochs).wait(
        progress=False
    )
    paused = [trial.number for trial in first.trials if trial.paused]
    assert 0 < len(paused) < 9
    document = first.to_dict()
    assert [one["number"] for one in document["trials"] if one["paused"]] == paused
    (tmp_path / "old.json").write_text(json.dumps(document))
    for parent, name in (("first", "first"), (tmp_path / "old.json", "old.json")):
        planned = plan(spec("second", warm_start=[parent]))
        assert planned.warm_start is not None
        assert [value for _, value in planned.warm_start.learned] == [
            trial.objective for trial in first.trials if not trial.paused
        ]
        told = f"warm_start: {9 - len(paused)} of 9 trials of {name} are used; {len(paused)} left out: trained in part"
        assert planned.warnings == (told,)


def train_for_epochs(parameters):
    for epoch in range(1, 10):
        report({"validation:auc": parameters["eta"] * epoch}, step=epoch)


def test_what_was_static_in_a_parent_may_vary_now():
    run(spec("first", static={"depth": 3, "rounds": 7}, high=0.8))
    parameters = {"eta": ContinuousParameter(0.0, 1.0), "depth": IntegerParameter(1, 5)}
    planned = plan(spec("second", parameters=parameters, warm_start=["first"])).warm_start
    assert planned is not None
    assert len(planned.learned) == 20
    assert all(parameters["depth"] == 3 for parameters, _ in planned.learned)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"low": 5.0, "high": 9.0}, "nothing that this job can use; 20 left out: eta outside 5 to 9"),
        ({"parameters": {"depth": IntegerParameter(1, 5)}}, "nothing that this job can use; 20 left out: no depth"),
        (
            {"parameters": {"eta": CategoricalParameter(["a", "b"])}},
            "nothing that this job can use; 20 left out: eta is none of the choices",
        ),
        ({"objective": {"metric": "loss", "goal": "Maximize"}}, "has the objective Maximize validation:auc"),
        ({"objective": {"metric": "validation:auc", "goal": "min"}}, "and this job Minimize validation:auc"),
    ],
)
@pytest.mark.parametrize("kind", ["IdenticalDataAndAlgorithm", "TransferLearning"])
def test_a_parent_of_another_search_is_refused(changes, rule, kind):
    run(spec("first", high=0.8))
    problem = problem_of(spec("second", warm_start={"parents": ["first"], "type": kind}, **changes))
    assert (problem.field, problem.value) == ("warm_start.parents[0]", "first")
    assert rule in problem.rule
    assert problem.fix


def test_a_parent_must_have_ended():
    gate = threading.Event()
    job = tune(spec("first"), function=lambda _: gate.wait(60) and 0.5)
    problem = problem_of(spec("second", warm_start=["first"]))
    gate.set()
    job.wait(progress=False)
    assert problem.rule.startswith("has not ended")
    assert "smtune stop first" in problem.fix
    assert plan(spec("second", warm_start=["first"])).warm_start is not None


def test_every_parent_that_is_missing_is_told():
    run(spec("first"))
    with pytest.raises(SpecError) as caught:
        plan(spec("second", warm_start=["frist", "nowhere.json", "first"]))
    told = [(problem.field, problem.value) for problem in caught.value.problems]
    assert told == [("warm_start.parents[0]", "frist"), ("warm_start.parents[1]", "nowhere.json")]
    assert "did you mean first?" in caught.value.problems[0].fix


def test_a_search_with_nothing_left_is_refused_and_one_with_a_rest_is_not():
    space = {"depth": IntegerParameter(1, 4)}
    first = spec("first", parameters=space, strategy="grid", limits={})
    tune(first, function=lambda given: float(given["depth"])).wait(progress=False)
    problem = problem_of(spec("second", parameters=space, strategy="grid", limits={}, warm_start=["first"]))
    assert (problem.field, problem.value) == ("warm_start.parents", "first")
    wider = spec("third", parameters={"depth": IntegerParameter(1, 6)}, warm_start=["first"])
    result = tune(wider, function=lambda given: float(given["depth"])).wait(progress=False)
    assert sorted(trial.parameters["depth"] for trial in result.trials) == [5, 6]


def test_a_baseline_that_a_parent_has_trained_is_told():
    first = run(spec("first", baseline={"eta": 0.5}, high=0.8))
    assert first.baseline is not None
    second = spec("second", baseline={"eta": 0.5}, high=0.8, warm_start=["first"], limits={"max_trials": 2})
    (warning,) = plan(second).warnings
    assert warning.startswith("baseline: a parent has trained it")
    assert run(second).baseline is None
    assert plan(spec("third", baseline={"eta": 0.4}, high=0.8, warm_start=["first"])).warnings == ()


# --- files --------------------------------------------------------------------------------------------------------


def test_a_result_in_a_file_is_as_good_as_the_job(tmp_path):
    first = run(spec("first"))
    (tmp_path / "old.json").write_text(json.dumps(first.to_dict()))
    job, file = (plan(spec("second", warm_start=[parent])).warm_start for parent in ("first", tmp_path / "old.json"))
    assert job is not None
    assert file is not None
    assert file.learned == job.learned
    assert [parent["name"] for parent in file.parents] == ["old.json"]


def test_what_the_aws_command_line_prints_is_read(tmp_path):
    summaries = [summary(number, 0.5 + number / 100, eta=str(number / 20), rounds="200") for number in range(12)]
    summaries += [summary(12, None, "Failed", eta="0.1"), summary(13, 0.99, "Stopped", eta="0.7"), summary(14, 0.9)]
    (tmp_path / "amt.json").write_text(json.dumps({"TrainingJobSummaries": summaries[::-1]}))
    planned = plan(spec("second", high=0.8, warm_start=[tmp_path / "amt.json"]))
    assert planned.warm_start is not None
    assert planned.warm_start.learned[:2] == (({"eta": 0.0}, 0.5), ({"eta": 0.05}, 0.51))
    (parent,) = planned.warm_start.parents
    assert (parent["used"], parent["left_out"]) == (13, {"no result": 1, "no eta": 1})
    assert parent["best"] == {
        "number": 13,
        "objective": 0.99,
        "parameters": {"eta": 0.7},
        "training_job": "churn-013-5d0f5aea",
    }


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "cannot be read"),
        ("[]", "holds neither trials nor TrainingJobSummaries"),
        ('{"number": 3, "objective": 0.9}', "holds neither trials nor TrainingJobSummaries"),
        ('{"trials": [{"number": 0}]}', "is no result of smtune: the key status is missing"),
        (
            '{"status": "Completed", "objective": {"metric": "loss", "goal": "min"}, "trials": [{"status": "Failed"}]}',
            "is no result of smtune: the key trials[0].number is missing",
        ),
        ('{"status": "Done", "trials": []}', "is no result of smtune: 'Done' is not a valid JobStatus"),
        (json.dumps({"TrainingJobSummaries": [summary(1, 0.9)], "NextToken": "x"}), "NextToken"),
        (json.dumps({"TrainingJobSummaries": [summary(1, None, "InProgress", eta="0.1")]}), "has not ended"),
        (json.dumps({"TrainingJobSummaries": [{"a": 1}]}), "wrong at TrainingJobSummaries[0].TrainingJobName"),
        (json.dumps({"TrainingJobSummaries": []}), "has no trials"),
        (
            '{"status": "InProgress", "objective": {"metric": "validation:auc", "goal": "Maximize"}, "trials": []}',
            "has not ended",
        ),
    ],
)
def test_a_file_that_holds_no_results_is_told(tmp_path, content, rule):
    (tmp_path / "old.json").write_text(content)
    problem = problem_of(spec("second", warm_start=[tmp_path / "old.json"]))
    assert (problem.field, problem.value) == ("warm_start.parents[0]", str(tmp_path / "old.json"))
    assert rule in problem.rule
    assert problem.fix


# --- SageMaker ----------------------------------------------------------------------------------------------------


@pytest.fixture
def account(monkeypatch, tmp_path):
    """Be somebody without an AWS configuration."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def sagemaker(account, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    with SageMakerService() as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", service.url)
        yield service


def stored(number, value, status="Completed", **parameters):
    """Return a summary as it goes over the wire, where times are numbers."""
    times = {"TrainingStartTime": 1772341500 + number, "TrainingEndTime": 1772341560 + number}
    return {**summary(number, value, status, **parameters), "CreationTime": 1772341500 + number, **times}


def test_a_tuning_job_is_read_from_sagemaker_page_by_page(sagemaker, monkeypatch):
    sagemaker.add("churn", [stored(number, 0.5 + number / 100, eta=str(number / 50)) for number in range(24)])
    second = spec("second", strategy="bayesian", limits={"max_trials": 2}, warm_start=[arn("churn")])
    result = run(second)
    assert {trial.origin for trial in result.trials} == {"bayesian"}
    assert (result.best_parent.name, result.best_parent.used) == ("churn", 24)
    assert (result.best_parent.best.number, result.best_parent.best.objective) == (23, 0.73)
    assert sagemaker.calls.count("ListTrainingJobsForHyperParameterTuningJob") == 3
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    by_name = plan(spec("third", warm_start=["amt:churn"])).warm_start
    assert by_name is not None
    assert len(by_name.learned) == 24
    assert attach("second").result().best_parent.used == 24


@pytest.mark.parametrize(
    ("parent", "rule"),
    [
        (arn("running"), "has not ended"),
        (arn("many"), "has several training definitions"),
        (arn("nowhere"), "is no tuning job of this account"),
        (arn("churn", "999999999999"), "belongs to another account"),
        ("amt:churn", "names no AWS region"),
    ],
)
def test_a_tuning_job_that_cannot_be_a_parent_is_told(sagemaker, parent, rule):
    sagemaker.add("churn", [stored(0, 0.5, eta="0.5")])
    sagemaker.add("running", [stored(0, 0.5, eta="0.5")], "InProgress")
    sagemaker.add("many", [stored(0, 0.5, eta="0.5")], RandomSeed=3)
    problem = problem_of(spec("second", warm_start=[parent]))
    assert (problem.field, problem.value) == ("warm_start.parents[0]", parent)
    assert rule in problem.rule
    assert problem.fix


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("AccessDeniedException", "not authorised"),
        ("ExpiredTokenException", "have expired"),
        ("UnrecognizedClientException", "are not valid"),
        ("ValidationException", "SageMaker answers ValidationException"),
    ],
)
def test_a_refusal_is_told_without_the_words_of_the_service(sagemaker, code, rule):
    sagemaker.refusal = (code, "AKIDEXAMPLE may not")
    with pytest.raises(SpecError, match=rule) as caught:
        plan(spec("second", warm_start=[arn("churn")]))
    assert "AKIDEXAMPLE" not in str(caught.value)


def test_missing_credentials_are_told(account):
    problem = problem_of(spec("second", warm_start=[arn("churn")]))
    assert "there are no AWS credentials" in problem.rule
    assert "aws configure" in problem.fix


def test_a_service_that_cannot_be_reached_is_told(sagemaker, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", "http://user:secret@127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SpecError, match="cannot be reached") as caught:
        plan(spec("second", warm_start=[arn("churn")]))
    assert "secret" not in str(caught.value)


WITHOUT_BOTO3 = """
import sys
sys.modules["boto3"] = None  # what Python makes of a package that is not there
from smtune import TuningSpec, tune
from smtune.errors import MissingExtraError
spec = TuningSpec(
    objective={"metric": "loss", "goal": "Minimize"},
    parameters={"x": {"type": "continuous", "min": 0, "max": 1}},
    limits={"max_trials": 3},
    warm_start=["nowhere", "amt:churn"],
)
try:
    tune(spec, function=print)
except MissingExtraError as error:
    print("told:", error)
"""


def test_boto3_is_asked_for_before_anything_is_read():
    done = subprocess.run([sys.executable, "-c", WITHOUT_BOTO3], capture_output=True, text=True, check=True)
    text = 'told: a warm start from a SageMaker tuning job needs an optional package: pip install "smtune[aws]"'
    assert done.stdout.strip() == text
