"""What a check finds before a job is paid for."""

from __future__ import annotations

import os

import pytest

from smtune.amt.metrics import Verdict
from smtune.backends import AmtBackend, LocalBackend
from smtune.backends.checking import AccountOptions, Looks, check
from smtune.spec import TuningSpec
from smtune.trial import TrialStatus
from tests.services import somebody
from tests.services.tuning_service import ROLE, TuningService

REPORTS = """
from smtune.container import report
report({"validation:auc": 0.5, "train:auc": 0.9}, step=0)
"""
"""Once, so that the trial runs to its own end: it is stopped when every metric was read twice."""


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """Be somebody without an AWS configuration."""
    for name in os.environ.keys() - somebody.without_others(os.environ).keys():
        monkeypatch.delenv(name)
    for name, value in somebody.environment(tmp_path, region=None, credentials=False).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def spec(tmp_path):
    def make(script=REPORTS, **fields):
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / "train.py").write_text(script)
        cloud = {"image": "xgboost:3.0-5", "instance_type": "ml.m5.xlarge", "role": ROLE, "region": "eu-west-1"}
        defaults = {
            "name": "churn",
            "objective": {"metric": "validation:auc", "goal": "Maximize"},
            "parameters": {"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
            "strategy": "bayesian",
            "limits": {"max_trials": 10, "max_trial_seconds": 300},
            "training": {"source_dir": str(tmp_path / "code"), "entry_point": "train.py"},
        }
        return TuningSpec(**{**defaults, **fields, "sagemaker": {**cloud, **fields.get("sagemaker", {})}})

    return make


def look(spec, backend=None, **looks):
    return check(spec, backend or AmtBackend(), Looks(**{"account": False, **looks}))


def test_a_good_spec_has_no_problems_and_a_known_price(spec):
    found = look(spec())

    assert found.problems == ()
    assert [(one.name, one.verdict) for one in found.proofs] == [
        ("validation:auc", Verdict.Proven),
        ("train:auc", Verdict.Proven),
    ]
    assert found.rehearsal.status is TrialStatus.Completed
    assert found.plan.estimate.usd.expected < found.plan.estimate.usd.worst
    assert found.plan.estimate.usd.least is None


def test_what_is_reported_and_not_kept_by_sagemaker_is_told_with_what_to_write(spec):
    (warning,) = look(spec()).warnings
    assert warning.endswith("write metrics: [validation:auc, train:auc]")

    listed = spec(metrics=["validation:auc", "train:auc"])
    assert look(listed).warnings == ()
    (definition,) = [look(listed).plan.request["TrainingJobDefinition"]]
    names = [one["Name"] for one in definition["AlgorithmSpecification"]["MetricDefinitions"]]
    assert names == ["validation:auc", "train:auc"]


def test_a_regex_that_loses_the_exponent_is_a_problem_with_the_right_one(spec):
    printed = spec('print("validation:auc=1.2e-05")', metrics={"validation:auc": r"auc=([0-9\.]+)"})
    (problem,) = look(printed).problems

    assert problem.field == "metrics.validation:auc"
    assert "read 1.2 from" in problem.rule
    corrected = problem.fix.removeprefix("use ")
    assert look(spec('print("validation:auc=1.2e-05")', metrics={"validation:auc": corrected})).problems == ()


def test_a_regex_that_may_fail_on_another_log_is_a_warning(spec):
    found = look(spec('print("validation:auc=0.5")', metrics={"validation:auc": r"auc=([0-9\.]+)"}))

    assert found.problems == ()
    assert "would read" in found.warnings[0]


def test_a_log_takes_the_place_of_the_trial(spec, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("smtune: validation:auc=0.5\n")
    found = look(spec("raise SystemExit(1)"), log=log)

    assert (found.problems, found.rehearsal) == ((), None)
    assert found.proofs[0].matches == 1


SLOW = 'import signal; print("begun", flush=True); signal.pause()'


@pytest.mark.parametrize("metrics", [{}, {"validation:auc": "auc=(.+)", "train:auc": "train=(.+)"}])
def test_what_a_trial_did_not_come_to_print_is_no_problem(spec, metrics):
    found = look(spec(SLOW, metrics=metrics), seconds=1.0)

    assert found.problems == ()
    assert any("printed no validation:auc" in text and "--trial-seconds" in text for text in found.unchecked)


def test_a_regex_that_is_found_only_as_printed_is_wrong_in_a_short_trial_too(spec):
    script = SLOW.replace("begun", "\\tauc=0.5")
    (problem,) = look(spec(script, metrics={"validation:auc": r"\tauc=(.+)"}), seconds=1.0).problems
    assert "not as CloudWatch shows it" in problem.rule


def test_metrics_are_not_read_from_the_code_in_a_traceback(spec):
    found = look(spec('raise ValueError("auc=0.5"[:0])', metrics={"validation:auc": r"auc=([\d.]+)"}))

    assert [problem.field for problem in found.problems] == ["training.entry_point"]
    assert found.proofs[0].matches == 0


def test_as_json_numbers_are_numbers_and_lines_are_whole(spec, tmp_path):
    log = tmp_path / "log.txt"
    line = "x" * 200 + " loss=0.25 auc=nan"
    log.write_text(f"\n{line}\n")
    metrics = {"validation:auc": r"auc=(\S+)", "loss": r"loss=([\d.]+)"}
    auc, loss = look(spec(metrics=metrics), log=log).to_dict()["metrics"]

    assert (loss["matches"], loss["line_number"], loss["line"], loss["number"]) == (1, 2, line, 0.25)
    assert (auc["captured"], auc["number"], auc["verdict"]) == ("nan", None, "doubtful")


def test_what_of_a_log_was_not_read_is_told(spec, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("x" * 100_000 + "\nsmtune: validation:auc=0.5\n")
    found = look(spec(), log=log)
    assert found.proofs[0].matches == 1
    assert "log: of 1 line only the first 65,536 characters were read" in found.warnings

    log.write_bytes(bytes(1000))
    (problem,) = look(spec(), log=log).problems
    assert (problem.field, problem.rule) == ("log", "is a binary file")


def test_an_objective_that_is_never_reported_is_a_problem_told_once(spec):
    problems = look(spec('from smtune.container import report; report({"validation-auc": 0.5})')).problems

    assert [problem.field for problem in problems] == ["objective.metric"]
    assert "did you mean validation-auc?" in problems[0].fix


def test_a_script_that_fails_is_a_problem_with_its_reason(spec):
    found = look(spec("raise ValueError('no such column')"))

    assert found.problems[0].field == "training.entry_point"
    assert "ValueError: no such column" in found.problems[0].rule
    assert any("no such column" in line for line in found.rehearsal.lines)


def test_everything_that_is_wrong_comes_at_once(spec):
    wrong = spec(
        'print("loss=0.5")',
        parameters={name: {"type": "integer", "min": 1, "max": 5} for name in (f"p{index}" for index in range(31))},
        limits={"max_trials": 2000, "max_parallel": 101},
        sagemaker={"role": "SageMaker", "instance_type": "ml.m5.huge"},
    )
    fields = {problem.field for problem in look(wrong).problems}

    assert {
        "limits.max_trials",
        "limits.max_parallel",
        "sagemaker.role",
        "sagemaker.instance_type",
        "objective.metric",
        "parameters",
    } <= fields


def test_what_was_not_looked_at_is_listed(spec):
    unchecked = look(spec(), trial=False).unchecked

    assert any(text.startswith("metrics:") for text in unchecked)
    assert "role, bucket, image, quota: an AWS account was not asked, as --no-account says" in unchecked
    assert any("no AWS credentials were found" in text for text in look(spec(), trial=False, account=None).unchecked)


def test_what_else_an_account_would_be_asked_for_is_listed(spec, tmp_path):
    (text,) = look(elsewhere(spec, tmp_path), trial=False).unchecked[1:]

    assert text.startswith(
        "role, bucket, image, quota, warm_start.parents, training.channels.train, sagemaker.checkpoints: "
    )


def elsewhere(spec, tmp_path, **cloud):
    """Return a spec with a parent, and data and checkpoints in buckets of others."""
    code = {"source_dir": str(tmp_path / "code"), "entry_point": "train.py"}
    return spec(
        warm_start=[f"arn:aws:sagemaker:eu-west-1:{ROLE.split(':')[4]}:hyper-parameter-tuning-job/first"],
        training={**code, "channels": {"train": "s3://nobodys-data/train"}},
        sagemaker={"checkpoints": "s3://nobodys-states/x", **cloud},
    )


def test_an_account_is_asked_for_parents_and_for_the_buckets_of_data(spec, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    with TuningService() as service:
        options = AccountOptions(endpoint_url=service.url)
        asked = elsewhere(spec, tmp_path)
        found = check(asked, AmtBackend(), Looks(trial=False), account=options)
        assert {problem.field for problem in found.problems} == {
            "sagemaker.role",
            "warm_start.parents[0]",
            "training.channels.train",
            "sagemaker.checkpoints",
        }

        where = {"LocationConstraint": "eu-west-1"}
        for name in ("nobodys-data", "nobodys-states"):
            service.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
        service.denied.add("DescribeHyperParameterTuningJob")
        found = check(asked, AmtBackend(), Looks(trial=False), account=options)
        assert [problem.field for problem in found.problems] == ["sagemaker.role"]
        assert any(text.startswith("warm_start.parents: ") for text in found.unchecked)


def test_data_in_s3_keeps_a_trial_from_running_here(spec, tmp_path):
    training = {
        "source_dir": str(tmp_path / "code"),
        "entry_point": "train.py",
        "channels": {"train": "s3://data/train"},
    }
    found = look(spec(training=training))

    assert found.problems == ()
    assert any("training.channels.train" in text and "--log" in text for text in found.unchecked)


@pytest.mark.parametrize(
    ("metric", "goal", "problems", "warnings"),
    [
        ("validation:auc", "Maximize", 0, 0),
        ("validation:auc", "Minimize", 0, 1),
        ("validation:acu", "Maximize", 1, 0),
    ],
)
def test_a_built_in_algorithm_has_metrics_of_its_own(spec, metric, goal, problems, warnings):
    built_in = spec(
        objective={"metric": metric, "goal": goal},
        training={"image": "xgboost:3.0-5", "channels": {"train": "s3://data/train"}},
        sagemaker={"image": None},
        static={"num_round": 10},
    )
    found = look(built_in)

    assert [problem.field for problem in found.problems] == ["objective.metric"] * problems
    assert len(found.warnings) == warnings


def test_the_local_backend_is_checked_by_its_own_rules(spec, tmp_path):
    assert look(spec(strategy="evolutionary"), LocalBackend()).problems == ()
    problems = look(spec(strategy="evolutionary")).problems
    assert [problem.field for problem in problems] == ["strategy"]


def test_an_account_is_asked_for_role_and_bucket(spec, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    with TuningService() as service:
        options = AccountOptions(endpoint_url=service.url)
        found = check(spec(sagemaker={"bucket": "nobodys"}), AmtBackend(), Looks(trial=False), account=options)
        assert {problem.field for problem in found.problems} == {"sagemaker.role", "sagemaker.bucket"}
        assert service.calls == []

        trust = '{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}]}'
        service.client("iam").create_role(RoleName="SageMaker", AssumeRolePolicyDocument=trust)
        # Where no bucket is named, the default one is made when the job is submitted.
        assert check(spec(), AmtBackend(), Looks(trial=False), account=options).problems == ()
