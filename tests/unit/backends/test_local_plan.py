"""Everything that can be known is told before anything starts."""

import resource

import pytest

from smtune.backends import LocalBackend
from smtune.errors import LoweringError, SpecError
from smtune.space import ContinuousParameter
from smtune.spec import TuningSpec


@pytest.fixture
def project(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("print('hello')\n")
    (tmp_path / "code" / "train.sh").write_text("echo hello\n")
    (tmp_path / "data").mkdir()
    return tmp_path


def spec(project, *, name="rate", **training):
    fields = {"source_dir": project / "code", "entry_point": "train.py", "channels": {"train": project / "data"}}
    return TuningSpec(
        name="churn",
        objective={"metric": "loss", "goal": "Minimize"},
        parameters={name: ContinuousParameter(0.0, 1.0)},
        strategy="random",
        limits={"max_trials": 4},
        training={**fields, **training},
    )


def test_the_plan_holds_exactly_what_is_submitted(project):
    plan = LocalBackend().plan(spec(project))
    assert (plan.backend, plan.name, plan.trials, plan.warnings) == ("local", "churn", 4, ())
    assert TuningSpec.from_dict(plan.request) == plan.spec
    assert plan.spec.name == "churn"


def test_a_nameless_spec_gets_a_legal_name_of_its_own(project):
    nameless = TuningSpec.from_dict({k: v for k, v in spec(project).to_dict().items() if k != "name"})
    first, second = LocalBackend().plan(nameless), LocalBackend().plan(nameless)
    assert first.name != second.name
    assert first.spec.name == first.name
    assert LocalBackend().plan(nameless, name="mine").name == "mine"


@pytest.mark.parametrize(
    ("training", "field", "fix"),
    [
        ({"entry_point": "trian.py"}, "training.entry_point", "train.py"),
        ({"entry_point": "train.sh"}, "training.entry_point", ".py"),
        ({"source_dir": "/nowhere/at/all"}, "training.source_dir", "not there"),
        ({"channels": {"train": "/nowhere"}}, "training.channels.train", ""),
    ],
)
def test_what_is_missing_is_named_with_a_fix(project, training, field, fix):
    with pytest.raises(SpecError) as caught:
        LocalBackend().plan(spec(project, **training))
    (problem,) = caught.value.problems
    assert problem.field == field
    assert fix in problem.fix


def test_all_of_it_at_once(project):
    with pytest.raises(SpecError) as caught:
        LocalBackend().plan(spec(project, entry_point="no.py", channels={"a": "/no/a", "b": "/no/b"}))
    assert {problem.field for problem in caught.value.problems} == {
        "training.entry_point",
        "training.channels.a",
        "training.channels.b",
    }


@pytest.mark.parametrize(
    "training",
    [
        {"entry_point": None, "image": "example:1"},
        {"channels": {"train": "s3://bucket/train"}},
        {"output": "s3://bucket/output"},
    ],
)
def test_what_this_backend_cannot_do_is_a_lowering_error(project, training):
    with pytest.raises(LoweringError):
        LocalBackend().plan(spec(project, **training))


def test_nothing_to_train_names_both_ways(project):
    bare = TuningSpec.from_dict({k: v for k, v in spec(project).to_dict().items() if k != "training"})
    with pytest.raises(SpecError, match=r"entry_point.*function"):
        LocalBackend().plan(bare)
    assert LocalBackend(function=lambda parameters: 1.0).plan(bare).trials == 4
    with pytest.raises(SpecError, match="leave one of them out"):
        LocalBackend(function=lambda parameters: 1.0).plan(spec(project))


def test_one_letter_names_are_warned_of(project):
    (warning,) = LocalBackend().plan(spec(project, name="x")).warnings
    assert "-x" in warning
    bare = TuningSpec.from_dict({k: v for k, v in spec(project, name="x").to_dict().items() if k != "training"})
    assert LocalBackend(function=lambda parameters: 1.0).plan(bare).warnings == ()


def test_more_slots_than_trials_is_a_warning(project):
    fields = spec(project).to_dict()
    fields["limits"]["max_parallel"] = 9
    (warning,) = LocalBackend().plan(TuningSpec.from_dict(fields)).warnings
    assert "max_parallel" in warning


def test_more_trials_at_a_time_than_files_may_be_open(project):
    fields = spec(project).to_dict()
    fields["limits"]["max_parallel"] = 30
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        with pytest.raises(SpecError) as caught:
            LocalBackend().plan(TuningSpec.from_dict(fields))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    (problem,) = caught.value.problems
    assert problem.field == "limits.max_parallel"
    assert "ulimit -n 220" in problem.fix
    LocalBackend().plan(TuningSpec.from_dict(fields))


def test_a_chain_whose_later_steps_would_never_begin_is_refused(project):
    fields = spec(project).to_dict() | {
        "strategy": {"type": "chain", "steps": [{"strategy": "random"}, {"strategy": "grid"}]}
    }
    with pytest.raises(SpecError) as caught:
        LocalBackend().plan(TuningSpec.from_dict(fields))
    (problem,) = caught.value.problems
    assert problem.field == "strategy.steps[0].trials"
