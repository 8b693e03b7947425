"""``--set``: keys are replaced as if they stood so in the file."""

from __future__ import annotations

import pytest

from smtune.cli.overrides import read_spec
from smtune.errors import SpecError


@pytest.fixture
def path(smtune):
    return smtune.folder / "tuning.yaml"


@pytest.mark.parametrize(
    ("assignments", "read", "expected"),
    [
        (["limits.max_trials=10"], lambda spec: spec.limits.max_trials, 10),
        (["limits.max_trials=10", "limits.max_trials=11"], lambda spec: spec.limits.max_trials, 11),
        (["parameters.x.min=1e-3"], lambda spec: spec.parameters["x"].min_value, 0.001),
        (["static.switch=off"], lambda spec: spec.static["switch"], "off"),
        (["static.equation=a=b"], lambda spec: spec.static["equation"], "a=b"),
        (["static.objective=binary:logistic"], lambda spec: spec.static["objective"], "binary:logistic"),
        (["strategy=sobol"], lambda spec: spec.strategy.type, "sobol"),
        (["strategy=evolutionary", "strategy.population=4"], lambda spec: spec.strategy.population, 4),
        (["parameters={x: {type: integer, min: 0, max: 9}}"], lambda spec: spec.parameters["x"].max_value, 9),
        (["training.environment.OMP_NUM_THREADS=1"], lambda spec: spec.training.environment["OMP_NUM_THREADS"], "1"),
    ],
)
def test_a_value_is_yaml(path, assignments, read, expected):
    value = read(read_spec(path, assignments))

    assert value == expected
    assert type(value) is type(expected)


def test_paths_are_taken_from_the_files_folder(path, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    spec = read_spec(path, ["training.channels.train=data"])

    assert spec.training is not None
    assert spec.training.channels["train"].source == str(path.parent / "data")


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("limits.max_trials", "is no assignment"),
        ("=3", "is no assignment"),
        ("limits..max_trials=3", "is no assignment"),
        ("objective.metric.name=loss", "holds no keys"),
        ("seed={", "is no valid YAML"),
        ("limits.max_trial=3", "did you mean 'max_trials'?"),
    ],
)
def test_what_cannot_be_set_is_explained(path, assignment, words):
    with pytest.raises(SpecError, match=words.replace("?", r"\?")):
        read_spec(path, [assignment])


@pytest.mark.parametrize(
    "assignment",
    [
        "training.environment.1X=hunter2",
        "training.environment=[API_TOKEN=hunter2]",
        "training.environment.API_TOKEN=[hunter2]",
        "training.environment.API_TOKEN={hunter2",
        "training={environment: {API_TOKEN: hunter2}",
        "training..environment.X=hunter2",
    ],
)
def test_no_secret_is_shown(path, assignment):
    with pytest.raises(SpecError) as caught:
        read_spec(path, [assignment])
    assert "hunter2" not in str(caught.value)
