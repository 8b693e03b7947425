"""A spec reads the same from Python, YAML and TOML, and says everything that is wrong with it at once."""

import json

import pytest

from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter
from smtune.spec import (
    ChainConfig,
    Completion,
    EvolutionaryConfig,
    Goal,
    GridConfig,
    MedianConfig,
    PlateauConfig,
    Selection,
    TuningSpec,
)

YAML = r"""
name: churn
objective: {metric: "validation:auc", goal: max}
parameters:
  eta:       {type: continuous, min: 1e-2, max: 0.5, scaling: Logarithmic}
  max_depth: {type: integer, min: 2, max: 10}
  subsample: {type: continuous, min: 0.5, max: 1.0, step: 0.1}
  booster:   {type: categorical, values: [gbtree, dart]}
static: {num_round: 200, objective: "binary:logistic"}
strategy: {type: evolutionary, population: 12}
limits: {max_trials: 40, max_parallel: 2, max_trial_seconds: 300, max_failures: 10}
seed: 7
metrics: {"validation:auc": 'validation-auc:(\S+)'}
training:
  source_dir: code
  entry_point: train.py
  channels: {train: data/train, test: {source: "s3://bucket/test", content_type: text/csv}}
"""

TOML = r"""
name = "churn"
seed = 7
objective = {metric = "validation:auc", goal = "Maximize"}
static = {num_round = 200, objective = "binary:logistic"}
strategy = {type = "evolutionary", population = 12}
limits = {max_trials = 40, max_parallel = 2, max_trial_seconds = 300, max_failures = 10}
metrics = {"validation:auc" = 'validation-auc:(\S+)'}
[parameters]
booster = {type = "categorical", values = ["gbtree", "dart"]}
eta = {type = "continuous", min = 1e-2, max = 0.5, scaling = "Logarithmic"}
max_depth = {type = "integer", min = 2, max = 10}
subsample = {type = "continuous", min = 0.5, max = 1.0, step = 0.1}
[training]
source_dir = "code"
entry_point = "train.py"
[training.channels]
train = "data/train"
test = {source = "s3://bucket/test", content_type = "text/csv"}
"""


def minimal(**changes):
    fields = {
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"x": ContinuousParameter(0.0, 1.0)},
        "limits": {"max_trials": 10},
    }
    return fields | changes


def problems(**changes):
    with pytest.raises(SpecError) as caught:
        TuningSpec(**minimal(**changes))
    return caught.value.problems


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def test_yaml_toml_and_python_describe_the_same_job(tmp_path):
    from_yaml = TuningSpec.from_file(write(tmp_path, "tuning.yaml", YAML))
    from_toml = TuningSpec.from_file(write(tmp_path, "tuning.toml", TOML))
    from_python = TuningSpec(
        name="churn",
        objective={"metric": "validation:auc", "goal": "maximise"},
        parameters={
            "eta": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
            "max_depth": IntegerParameter(2, 10),
            "subsample": ContinuousParameter(0.5, 1.0, step=0.1),
            "booster": CategoricalParameter(["gbtree", "dart"]),
        },
        static={"num_round": 200, "objective": "binary:logistic"},
        strategy=EvolutionaryConfig(population=12),
        limits={"max_trials": 40, "max_parallel": 2, "max_trial_seconds": 300, "max_failures": 10},
        seed=7,
        metrics={"validation:auc": r"validation-auc:(\S+)"},
        training={
            "source_dir": tmp_path / "code",
            "entry_point": "train.py",
            "channels": {
                "train": tmp_path / "data/train",
                "test": {"source": "s3://bucket/test", "content_type": "text/csv"},
            },
        },
    )
    assert from_yaml == from_toml == from_python
    assert list(from_yaml.parameters) == ["booster", "eta", "max_depth", "subsample"]
    assert from_yaml.objective.goal is Goal.Maximize


def test_a_spec_survives_json(tmp_path):
    spec = TuningSpec.from_file(write(tmp_path, "tuning.yaml", YAML))
    assert TuningSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_every_strategy_survives_json():
    for strategy in (
        "random",
        "sobol",
        {"type": "grid", "levels": {"x": 3}},
        {"type": "manual", "configurations": [{"x": 0.5}]},
        {"type": "gradient", "method": "adam", "starts": 5, "step": 0.05, "tolerance": 1e-6, "check": False},
        {
            "type": "chain",
            "steps": [{"strategy": "random", "trials": 5}, {"strategy": {"type": "grid"}, "narrow": 0.2}],
        },
    ):
        spec = TuningSpec(**minimal(strategy=strategy))
        assert TuningSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-4", 1e-4), ("1E5", 1e5), (".5", 0.5), ("1.", 1.0), ("-3", -3), ("0x1F", 31), ("0o17", 15), ("017", 17)],
)
def test_yaml_numbers_follow_version_1_2(tmp_path, text, value):
    spec = TuningSpec.from_file(
        write(
            tmp_path,
            "tuning.yaml",
            f"objective: {{metric: loss, goal: min}}\nlimits: {{max_trials: 1}}\nstatic: {{a: {text}}}\n"
            "parameters: {x: {type: continuous, min: 0, max: 1}}\n",
        )
    )
    assert spec.static["a"] == value
    assert type(spec.static["a"]) is type(value)


@pytest.mark.parametrize("text", ["off", "yes", "No", "1:30", "2026-01-01", "1_000"])
def test_yaml_1_1_surprises_stay_text(tmp_path, text):
    spec = TuningSpec.from_file(
        write(
            tmp_path,
            "tuning.yaml",
            f"objective: {{metric: loss, goal: min}}\nlimits: {{max_trials: 1}}\nstatic: {{a: {text}}}\n"
            "parameters: {x: {type: continuous, min: 0, max: 1}}\n",
        )
    )
    assert spec.static["a"] == text


def test_relative_paths_are_taken_from_the_file(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, "tuning.yaml", YAML)
    monkeypatch.chdir(tmp_path)
    training = TuningSpec.from_file("project/tuning.yaml").training
    assert training is not None
    assert training.source_dir == str(folder / "code")
    assert training.channels["train"].source == str(folder / "data" / "train")
    assert training.channels["test"].source == "s3://bucket/test"


def test_all_problems_are_told_at_once_with_field_value_rule_and_fix(tmp_path):
    text = YAML.replace("min: 1e-2", "min: 0").replace("max_trials: 40", "max_trials: 0").replace("seed: 7", "sead: 7")
    with pytest.raises(SpecError) as caught:
        TuningSpec.from_file(write(tmp_path, "tuning.yaml", text))
    told = {problem.field: problem for problem in caught.value.problems}
    assert set(told) == {"parameters.eta.min", "limits.max_trials", "sead"}
    assert told["parameters.eta.min"].value == 0
    assert "min > 0" in told["parameters.eta.min"].rule
    assert "Linear" in told["parameters.eta.min"].fix
    assert "'seed'" in told["sead"].fix
    assert str(tmp_path / "tuning.yaml") in str(caught.value)
    assert "3 problems" in str(caught.value)


def test_wrong_keys_do_not_hide_what_is_wrong_between_the_others():
    found = problems(
        objective={"metric": "loss"},
        limits={"max_trials": 0},
        sead=1,
        name="under_score",
        static={"x": 3},
        baseline={"x": 7},
    )
    assert sorted(problem.field for problem in found) == [
        "baseline.x",
        "limits.max_trials",
        "name",
        "objective.goal",
        "sead",
        "static.x",
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"objective": {"metric": "loss"}}, "objective.goal"),
        ({"objective": "loss"}, "objective"),
        ({"limits": 3}, "limits"),
        ({"parameters": {"x": ["a", "b"]}}, "parameters.x"),
        ({"objectve": 1}, "objectve"),
        ({"objective": {"metric": "loss", "goal": "up"}}, "objective.goal"),
        ({"objective": {}}, "objective.metric"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": {"x": {"type": "continuous", "min": 2, "max": 1}}}, "parameters.x.min"),
        ({"parameters": {"x": {"type": "continuous", "min": 0, "max": 1, "scale": "log"}}}, "parameters.x.scale"),
        ({"parameters": {"x": {"type": "continuous", "min": 0}}}, "parameters.x.max"),
        ({"parameters": {"x": {"type": "float", "min": 0, "max": 1}}}, "parameters.x.type"),
        ({"parameters": {"x": {"min": 0, "max": 1}}}, "parameters.x.type"),
        ({"parameters": {"x": {"type": "continuous", "min": 0, "max": 1, "step": 2}}}, "parameters.x.step"),
        ({"parameters": {"x": {"type": "integer", "min": 0.5, "max": 1}}}, "parameters.x.min"),
        (
            {"parameters": {"x": {"type": "continuous", "min": 0, "max": 1, "scaling": "Logarithmic"}}},
            "parameters.x.min",
        ),
        (
            {"parameters": {"x": {"type": "continuous", "min": 0, "max": 1, "scaling": "ReverseLogarithmic"}}},
            "parameters.x.max",
        ),
        ({"parameters": {"x": {"type": "categorical", "values": ["a", "a"]}}}, "parameters.x.values"),
        ({"parameters": {"x": {"type": "categorical", "values": "abc"}}}, "parameters.x.values"),
        (
            {"parameters": {"sagemaker_program": {"type": "integer", "min": 1, "max": 2}}},
            "parameters.sagemaker_program",
        ),
        ({"early_stopping": "On"}, "early_stopping"),
        ({"early_stopping": True}, "early_stopping"),
        ({"early_stopping": {"patience": 3}}, "early_stopping"),
        ({"early_stopping": {"type": "medain"}}, "early_stopping.type"),
        ({"early_stopping": {"type": "median", "min_trials": 0}}, "early_stopping.min_trials"),
        ({"early_stopping": {"type": "median", "min_reports": 1}}, "early_stopping.min_reports"),
        ({"early_stopping": {"type": "median", "patience": 3}}, "early_stopping.patience"),
        ({"early_stopping": {"type": "plateau"}}, "early_stopping.patience"),
        ({"early_stopping": {"type": "plateau", "patience": 0}}, "early_stopping.patience"),
        ({"early_stopping": {"type": "plateau", "patience": 3, "min_change": -1}}, "early_stopping.min_change"),
        (
            {"early_stopping": {"type": "plateau", "patience": 3, "min_change": float("nan")}},
            "early_stopping.min_change",
        ),
        ({"completion": 0.9}, "completion"),
        ({"completion": {"target": "good"}}, "completion.target"),
        ({"completion": {"target": float("nan")}}, "completion.target"),
        ({"completion": {"targt": 0.9}}, "completion.targt"),
        ({"completion": {"not_improving": 0}}, "completion.not_improving"),
        ({"completion": {"not_improving": 3, "min_improvement": 1}}, "completion.min_improvement"),
        ({"completion": {"not_improving": 3, "min_improvement": -0.1}}, "completion.min_improvement"),
        ({"completion": {"min_improvement": 0.1}}, "completion.min_improvement"),
        ({"completion": {"on_convergence": "perhaps"}}, "completion.on_convergence"),
        ({"completion": {"on_convergence": True, "convergence_window": 0}}, "completion.convergence_window"),
        ({"completion": {"not_improving": 3, "convergence_window": 5}}, "completion.convergence_window"),
        ({"limits": {"max_trials": 0}}, "limits.max_trials"),
        ({"limits": {"max_trials": 5, "max_paralel": 1}}, "limits.max_paralel"),
        ({"limits": {}}, "limits.max_trials"),
        ({"strategy": "evolution"}, "strategy"),
        ({"strategy": {"population": 3}}, "strategy"),
        ({"strategy": {"type": "evolutionary", "populaton": 3}}, "strategy.populaton"),
        ({"strategy": {"type": "evolutionary", "population": 1}}, "strategy.population"),
        ({"strategy": {"type": "evolutionary", "preselection": 0}}, "strategy.preselection"),
        ({"strategy": {"type": "evolutionary", "preselection": 1001}}, "strategy.preselection"),
        ({"strategy": {"type": "chain", "steps": []}}, "strategy.steps"),
        ({"strategy": {"type": "chain", "steps": [{"strategy": {"type": "grd"}}]}}, "strategy.steps[0].strategy"),
        ({"strategy": {"type": "manual", "configurations": [{"x": 0.1}, {"y": 2}]}}, "strategy.configurations[1].y"),
        ({"strategy": {"type": "grid", "levels": {"y": 3}}}, "strategy.levels.y"),
        ({"strategy": {"type": "grid", "levels": 20}}, "limits.max_trials"),
        ({"static": {"x": 3}}, "static.x"),
        ({"static": {"y": float("nan")}}, "static.y"),
        ({"baseline": {"x": 7}}, "baseline.x"),
        ({"name": "under_score"}, "name"),
        ({"name": "a" * 33}, "name"),
        ({"seed": -1}, "seed"),
        ({"metrics": {"loss": "loss=[0-9]+"}}, "metrics.loss"),
        ({"metrics": {"loss": "loss=([0-9]+"}}, "metrics.loss"),
        ({"training": {}}, "training.entry_point"),
        ({"training": {"entry_point": "../train.py"}}, "training.entry_point"),
        ({"training": {"entry_point": "train.py", "channels": {"a/b": "data"}}}, "training.channels.a/b"),
        ({"training": {"entry_point": "train.py", "environment": {"A B": "1"}}}, "training.environment.A B"),
    ],
)
def test_what_is_wrong_is_named(changes, field):
    found = problems(**changes)
    assert field in [problem.field for problem in found]
    for problem in found:
        assert problem.rule
        assert problem.fix


SAMPLERS = "use random, sobol, evolutionary or bayesian"
STEPS = "use manual, grid, random, sobol, evolutionary, bayesian or gradient"


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (
            {"type": "hyperband", "sampler": "grid"},
            f"strategy.sampler = grid: cannot choose for hyperband or asha; {SAMPLERS}",
        ),
        (
            {"type": "asha", "sampler": GridConfig()},
            f"strategy.sampler = grid: cannot choose for hyperband or asha; {SAMPLERS}",
        ),
        ({"type": "hyperband", "sampler": "hyperbnd"}, f"strategy.sampler = hyperbnd: is no strategy; {SAMPLERS}"),
        ({"type": "hyperband", "sampler": {}}, f"strategy.sampler = {{}}: names no strategy; {SAMPLERS}"),
        (
            {"type": "chain", "steps": [{"strategy": "hyperband"}]},
            f"strategy.steps[0].strategy = hyperband: cannot be a step of a chain; {STEPS}",
        ),
        (
            {"type": "chain", "steps": [{"strategy": "auto"}]},
            f"strategy.steps[0].strategy = auto: cannot be a step of a chain; {STEPS}",
        ),
        (
            {"type": "chain", "steps": [{"strategy": "hyperbnd"}]},
            f"strategy.steps[0].strategy = hyperbnd: is no strategy; {STEPS}",
        ),
    ],
)
def test_a_strategy_within_another_is_one_of_those_that_fit(strategy, told):
    (problem,) = problems(strategy=strategy, static={"epochs": 9})
    assert f"{problem.subject}: {problem.rule}; {problem.fix}" == told


@pytest.mark.parametrize("name", ["max_runtime_seconds", "max_trial_seconds", "max_cost_usd", "usd_per_hour"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_limits_are_finite(name, value):
    (problem,) = problems(limits={"max_trials": 3, "usd_per_hour": 1.0, name: value})
    assert (problem.field, problem.rule) == (f"limits.{name}", "must be a finite number")
    assert problem.fix == "write a finite number, or leave it out"


def test_a_grid_larger_than_the_limit_is_refused_with_its_count_and_two_ways_out():
    (problem,) = problems(strategy=GridConfig(levels=12), repeats=2)
    assert "24 trials" in problem.rule
    assert "max_trials: 24" in problem.fix
    assert "coarser" in problem.fix


def test_a_search_that_ends_by_itself_needs_no_limit():
    assert TuningSpec(**minimal(limits={}, strategy="gradient")).planned_trials is None
    assert [problem.field for problem in problems(limits={}, strategy="evolutionary")] == ["limits.max_trials"]


def test_a_finite_strategy_needs_no_limit_and_says_its_count():
    assert TuningSpec(**minimal(limits={}, strategy=GridConfig(levels=7), repeats=3)).planned_trials == 21
    assert TuningSpec(**minimal(limits={}, strategy=GridConfig(levels=3), baseline={"x": 0.3})).planned_trials == 4
    assert TuningSpec(**minimal(limits={}, strategy=GridConfig(levels=3), baseline={"x": 0.5})).planned_trials == 3
    manual = {"type": "manual", "configurations": [{"x": 0.1}, {"x": 1}, {"x": 1.0}]}
    assert TuningSpec(**minimal(limits={}, strategy=manual, baseline={"x": 0.1})).planned_trials == 2
    chain = ChainConfig.model_validate(
        {"steps": [{"strategy": "random", "trials": 4}, {"strategy": {"type": "grid", "levels": 3}, "narrow": 0.1}]}
    )
    assert TuningSpec(**minimal(limits={}, strategy=chain)).planned_trials == 7
    finite = {"x": CategoricalParameter(["a", "b", "c"])}
    assert TuningSpec(**minimal(limits={}, strategy="random", parameters=finite)).planned_trials == 3


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("tuning.yaml", "objective: {metric: [", "YAML"),
        ("tuning.yaml", "- a\n- b\n", "no mapping"),
        ("tuning.yaml", "seed: 1\nseed: 2\n", "twice"),
        ("tuning.yaml", "a: 1\nb:\n  c: 2\n  c: 3\n", r"c: stands twice \(line 4\); keep one"),
        ("tuning.json", '{"seed": 1, "seed": 2}', "twice"),
        ("tuning.toml", "seed = \n", "TOML"),
        ("tuning.json", "{", "JSON"),
        ("tuning.ini", "[a]", "ending"),
    ],
)
def test_a_file_that_says_nothing_is_named_with_its_fault(tmp_path, name, text, told):
    with pytest.raises(SpecError, match=told):
        TuningSpec.from_file(write(tmp_path, name, text))


def test_a_missing_file_offers_its_neighbour(tmp_path):
    write(tmp_path, "tuning.yaml", YAML)
    with pytest.raises(SpecError, match=r"tuning\.yaml"):
        TuningSpec.from_file(tmp_path / "tunning.yaml")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("Off", None),
        (None, None),
        ("Auto", MedianConfig(min_trials=5, min_reports=2)),
        ("auto", MedianConfig()),
        ({"type": "median", "min_trials": 3}, MedianConfig(min_trials=3)),
        ({"type": "plateau", "patience": 4, "min_change": 0.1}, PlateauConfig(patience=4, min_change=0.1)),
    ],
)
def test_early_stopping_has_a_word_and_a_mapping_and_survives_json(given, meant):
    spec = TuningSpec(**minimal(early_stopping=given))
    assert spec.early_stopping == meant
    assert TuningSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    "given", [{}, {"target": 0}, {"not_improving": 5}, {"on_convergence": True, "convergence_window": 7}]
)
def test_completion_survives_json(given):
    spec = TuningSpec(**minimal(completion=given))
    assert spec.completion == Completion(**given)
    assert TuningSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_words_of_early_stopping_are_read_from_yaml(tmp_path):
    for word, meant in (("Auto", MedianConfig()), ("Off", None)):
        text = YAML + f"early_stopping: {word}\ncompletion: {{target: 0.95}}\n"
        spec = TuningSpec.from_file(write(tmp_path, "tuning.yaml", text))
        assert spec.early_stopping == meant
        assert spec.completion.target == 0.95


def test_misspelt_early_stopping_is_corrected():
    (problem,) = problems(early_stopping="Atuo")
    assert (problem.field, problem.value, problem.fix) == ("early_stopping", "Atuo", "did you mean 'Auto'?")


def test_a_spec_is_frozen():
    spec = TuningSpec(**minimal())
    with pytest.raises(Exception, match="frozen"):
        spec.seed = 3


def test_the_json_schema_knows_every_key(tmp_path):
    schema = TuningSpec.model_json_schema()
    assert set(schema["properties"]) == set(TuningSpec.model_fields)
    text = json.dumps(schema)
    assert "ReverseLogarithmic" in text
    assert "max_generations" in text
    options = schema["properties"]["early_stopping"]["anyOf"]
    assert {"enum": ["Off", "Auto"], "type": "string"} in options
    assert {"PlateauConfig", "MedianConfig", "Completion"} < set(schema["$defs"])


def test_repeats_are_a_number_or_a_race():
    fixed, race = TuningSpec(**minimal(repeats=3)), TuningSpec(**minimal(repeats={"min": 1, "max": 5}))
    assert (fixed.repeats.min, fixed.repeats.max, fixed.repeats.race) == (3, 3, False)
    assert (race.repeats.min, race.repeats.max, race.repeats.race) == (1, 5, True)
    assert fixed.to_dict()["repeats"] == 3
    for spec in (fixed, race):
        assert TuningSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    ("repeats", "field", "rule"),
    [
        (0, "repeats", "must be at least 1"),
        (2.5, "repeats", "is no number of trainings"),
        ({"min": 3, "max": 2}, "repeats.max", "is less than min = 3"),
        ({"min": 1, "max": 3, "level": 0.7}, "repeats.level", "less than 0.5"),
        ({"min": 1, "most": 3, "max": 4}, "repeats.most", "is no known key"),
    ],
)
def test_wrong_repeats(repeats, field, rule):
    (problem,) = problems(repeats=repeats)
    assert problem.field == field
    assert rule in problem.rule


def test_a_race_has_at_most_as_many_trials():
    race = {"min": 1, "max": 5}
    assert TuningSpec(**minimal(limits={}, strategy=GridConfig(levels=7), repeats=race)).planned_trials == 35
    # Twelve are enough if all the others are dropped at once.
    assert TuningSpec(**minimal(limits={"max_trials": 12}, strategy=GridConfig(levels=12), repeats=race))
    (problem,) = problems(limits={"max_trials": 11}, strategy=GridConfig(levels=12), repeats=race)
    assert problem.field == "limits.max_trials"


def test_the_rule_of_selection():
    assert TuningSpec(**minimal(selection="best")).selection is None
    spec = TuningSpec(**minimal(selection="one_standard_error"))
    assert spec.selection == Selection(prefer="seconds")
    assert TuningSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    ("selection", "field", "rule"),
    [
        ("one_standard_eror", "selection", "is no rule of selection"),
        (3, "selection", "is no rule of selection"),
        ({"preferred": "x"}, "selection.preferred", "is no known key"),
        ({"prefer": "loss"}, "selection.prefer", "is the objective"),
        ({"prefer": "test:loss"}, "selection.prefer", "takes no part in choices"),
        ({"prefer": "kind"}, "selection.prefer", "neither small nor large"),
    ],
)
def test_wrong_rules_of_selection(selection, field, rule):
    space = {
        "x": {"type": "continuous", "min": 0, "max": 1},
        "kind": {"type": "categorical", "values": ["a", "b"]},
    }
    found = problems(selection=selection, parameters=space, objective={"metric": "loss", "goal": "Minimize"})
    assert [problem.field for problem in found] == [field]
    assert rule in found[0].rule


def test_the_holdout_is_no_objective():
    spec = TuningSpec(**minimal(objective={"metric": "validation:auc", "goal": "Maximize"}))
    assert spec.objective.holdout_metric == "test:auc"
    named = TuningSpec(**minimal(objective={"metric": "test:auc", "goal": "Maximize", "holdout": "later:auc"}))
    assert named.objective.holdout_metric == "later:auc"
    assert TuningSpec(**minimal(objective={"metric": "test:auc", "goal": "Maximize"})).objective.holdout_metric is None
    (problem,) = problems(objective={"metric": "auc", "goal": "Maximize", "holdout": "auc"})
    assert (problem.field, problem.rule) == (
        "objective.holdout",
        "is the objective itself, so it takes part in the selection",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"entry_point": "a.py", "environment": {"1X": "hunter2"}}},
        {"training": {"entry_point": "a.py", "environment": {"X=hunter2": ""}}},
        {"training": {"entry_point": "a.py", "environment": {"API_TOKEN": ["hunter2"]}}},
        {"training": {"entry_point": "a.py", "environment": ["API_TOKEN=hunter2"]}},
        {"training": {"entry_point": "a.py", "enviroment": {"X": "hunter2"}}},
        {"training": {"entry_point": "a.py", "api_token": "hunter2"}},
        {"training": [{"environment": {"X": "hunter2"}}]},
        {"trianing": {"environment": {"X": "hunter2"}}},
        {"static": {"api_key": {"hunter2"}}},
        {"definitions": {"other": {"parameters": {}, "training": {"environment": {"1X": "hunter2"}}}}},
        {"definitions": {"other": {"parameters": {}, "training": {"environment": ["hunter2"]}}}},
    ],
)
def test_no_secret_is_shown(changes):
    with pytest.raises(SpecError) as caught:
        TuningSpec(
            **{
                "objective": {"metric": "loss", "goal": "min"},
                "parameters": {"x": {"type": "integer", "min": 1, "max": 2}},
                "strategy": "grid",
                **changes,
            }
        )
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.problems)


def test_what_only_sounds_secret_is_shown():
    with pytest.raises(SpecError, match=r"max_tokens\.min = x"):
        TuningSpec(
            objective={"metric": "loss", "goal": "min"},
            parameters={"max_tokens": {"type": "integer", "min": "x", "max": 2}},
            limits={"max_trials": 1},
        )
