"""One short trial: what it prints, with real processes."""

import textwrap

import pytest

from smtune.amt.metrics import Verdict, metric_regexes, objective_problem, prove_metrics, reported_metrics
from smtune.backends.rehearsal import rehearse
from smtune.errors import LoweringError, SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter
from smtune.spec import TuningSpec
from smtune.trial import TrialStatus


def for_ever(script):
    """Return a script that only ends when it is told to."""
    return textwrap.dedent(script) + "import signal\nsignal.pause()\n"


@pytest.fixture
def rehearsal(tmp_path, monkeypatch):
    """Return a function that rehearses a script; whatever it leaves in the temporary directory fails the test."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def run(script, *, seconds=120.0, grace_seconds=60.0, training=None, **fields):
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / "train.py").write_text(textwrap.dedent(script))
        given = {
            "objective": {"metric": "validation:loss", "goal": "Minimize"},
            "parameters": {
                "x": ContinuousParameter(0.0, 1.0),
                "depth": IntegerParameter(2, 10),
                "kind": CategoricalParameter(["a", "b", "c"]),
            },
            "limits": {"max_trials": 4},
            "training": {
                "source_dir": tmp_path / "code",
                "entry_point": "train.py",
                "channels": {"train": tmp_path / "code"},
                **(training or {}),
            },
        }
        found = rehearse(TuningSpec(**given | fields), seconds=seconds, grace_seconds=grace_seconds)
        assert list(temporary.iterdir()) == []
        return found

    return run


def test_a_trial_that_reports_ends_once_every_metric_was_read_twice(rehearsal):
    found = rehearsal(
        for_ever("""
        from smtune.container import report
        for step in range(2):
            report({"train:loss": 1.0, "validation:loss": 1e-07}, step=step)
        """),
    )
    assert (found.status, found.failure_reason, found.complete) == (TrialStatus.Stopped, None, True)
    assert found.lines[:2] == tuple(f"smtune: step={step}; train:loss=1.0; validation:loss=1e-07" for step in (0, 1))
    reported = reported_metrics(found.lines)
    proofs = prove_metrics(metric_regexes({}, "validation:loss", reported), found.lines)
    assert [(proof.name, proof.verdict, proof.value) for proof in proofs] == [
        ("validation:loss", Verdict.Proven, 1e-07),
        ("train:loss", Verdict.Proven, 1.0),
    ]


def test_a_trial_that_prints_ends_once_its_regexes_have_read_twice(rehearsal):
    found = rehearsal(
        for_ever(r"""
        for step in range(2):
            print(f"[{step}]\ttrain-loss:0.25\tvalidation-loss:0.5", flush=True)
        """),
        metrics={"train:loss": r"train-loss:([\d.]+)", "validation:loss": r"#011validation-loss:([\d.]+)"},
    )
    assert (found.status, found.complete) == (TrialStatus.Stopped, True)
    assert found.lines[1] == "[1]\ttrain-loss:0.25\tvalidation-loss:0.5"


def test_a_regex_that_captures_no_number_is_waited_for_a_while_only(rehearsal):
    script = """
        for step in range(10):
            print("loss=0.5,", flush=True)
    """
    found = rehearsal(for_ever(script), metrics={"validation:loss": r"loss=(\S+)"})
    assert found.status is TrialStatus.Stopped
    assert found.lines[:10] == ("loss=0.5,",) * 10


def test_a_regex_that_takes_for_ever_does_not_keep_the_trial(rehearsal):
    script = for_ever('print("loss=1 " + "a" * 40)\nprint("loss=2")\n')
    regexes = {"validation:loss": r"loss=(\d)", "slow": "(a*)*b"}
    found = rehearsal(script, metrics=regexes)
    assert (found.status, found.complete) == (TrialStatus.Stopped, True)


def test_a_trial_that_ends_by_itself_is_kept_whole(rehearsal):
    script = """
        import json, os
        from pathlib import Path
        print(json.dumps(json.loads(os.environ["SM_HPS"]), sort_keys=True))
        print((Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.py").exists())
        print("no newline", end="")
    """
    found = rehearsal(script, static={"epochs": 3})
    assert (found.status, found.complete) == (TrialStatus.Completed, False)
    assert found.lines == ('{"depth": 6, "epochs": 3, "kind": "b", "x": 0.5}', "True", "no newline")
    assert found.configuration == {"depth": 6, "kind": "b", "x": 0.5}
    assert found.seconds > 0


def test_the_baseline_is_what_is_trained(rehearsal):
    script = "import os; print(os.environ['SM_HPS'])"
    baseline = {"depth": 3, "kind": "c", "x": 0.25}
    assert rehearsal(script, baseline=baseline).configuration == baseline


def test_a_trial_that_fails_says_why(rehearsal):
    found = rehearsal("print('loss=1')\nraise ValueError('no such file')")
    assert (found.status, found.failure_reason) == (TrialStatus.Failed, "exit code 1: ValueError: no such file")
    assert found.lines[0] == "loss=1"
    assert found.lines[-1] == "ValueError: no such file"


def test_a_trial_without_metrics_is_ended_when_the_time_is_over(rehearsal):
    found = rehearsal(for_ever(""), seconds=0.0)
    assert (found.status, found.complete) == (TrialStatus.Stopped, False)


def test_a_trial_that_does_not_listen_is_killed(rehearsal):
    script = """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for _ in range(2):
            print("smtune: validation:loss=1.0", flush=True)
        while True:
            signal.pause()
    """
    found = rehearsal(script, grace_seconds=0.05)
    assert (found.status, found.complete) == (TrialStatus.Stopped, True)
    assert found.failure_reason == "did not end within 0.05 s of SIGTERM"


def test_an_objective_of_another_name_is_told(rehearsal):
    found = rehearsal("print('smtune: train:loss=1.0; validation-loss=2.0')")
    problem = objective_problem({}, "validation:loss", reported_metrics(found.lines))
    assert problem is not None
    assert problem.fix == "did you mean validation-loss?"


@pytest.mark.parametrize(
    ("training", "error", "fields"),
    [
        (None, SpecError, ["training"]),
        ({"entry_point": "trian.py"}, SpecError, ["training.entry_point"]),
        ({"entry_point": None, "image": "1.dkr.ecr.eu-west-1.amazonaws.com/a:1"}, LoweringError, ["training.image"]),
        ({"channels": {"train": "s3://bucket/train"}}, LoweringError, ["training.channels.train"]),
        (
            {"channels": {"train": "/nowhere", "test": "s3://bucket/test"}, "output": "s3://bucket/out"},
            SpecError,
            ["training.channels.train", "training.channels.test"],
        ),
    ],
)
def test_what_cannot_be_rehearsed_is_told_with_all_reasons(tmp_path, training, error, fields):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("")
    given = {"source_dir": tmp_path / "code", "entry_point": "train.py"}
    spec = TuningSpec(
        objective={"metric": "loss", "goal": "Minimize"},
        parameters={"x": ContinuousParameter(0.0, 1.0)},
        limits={"max_trials": 4},
        training=None if training is None else {**given, **training},
    )
    with pytest.raises(error) as caught:
        rehearse(spec)
    assert type(caught.value) is error
    assert [problem.field for problem in caught.value.problems] == fields


def test_outputs_elsewhere_are_no_obstacle(rehearsal):
    assert rehearsal("print(1)", training={"output": "s3://bucket/out"}).lines == ("1",)


def test_a_spec_whose_ranges_sagemaker_chooses_is_rehearsed_with_what_does_not_vary(rehearsal):
    found = rehearsal(
        "import os; print(os.environ['SM_HPS'])", parameters={}, static={"epochs": 3}, sagemaker={"autotune": True}
    )
    assert (found.configuration, found.lines) == ({}, ('{"epochs":3}',))
