"""What a training spends, in every way in which it may be written."""

import json

import pytest

from smtune.errors import SpecError
from smtune.spec import (
    AshaConfig,
    AshaRuleConfig,
    EvolutionaryConfig,
    HyperbandConfig,
    Resource,
    SobolConfig,
    TuningSpec,
)
from smtune.spec.resources import resource_of

FORMS = [
    ({"epochs": "1 to 27"}, Resource(unit="epochs", min=1, max=27)),
    ({"epochs": "1to27"}, Resource(unit="epochs", min=1, max=27)),
    ({"epochs": " 3 - 27 "}, Resource(unit="epochs", min=3, max=27)),
    ({"epochs": "3..27"}, Resource(unit="epochs", min=3, max=27)),
    ({"epochs": [1, 27]}, Resource(unit="epochs", min=1, max=27)),
    ({"epochs": (2, 27)}, Resource(unit="epochs", min=2, max=27)),
    ({"epochs": 27}, Resource(unit="epochs", min=1, max=27)),
    ({"num_round": "10 to 10"}, Resource(unit="num_round", min=10, max=10)),
    ({"unit": "epochs", "min": 3, "max": 27}, Resource(unit="epochs", min=3, max=27)),
    ({"unit": "epochs", "max": 27}, Resource(unit="epochs", min=1, max=27)),
    (Resource(unit="epochs", min=3, max=27), Resource(unit="epochs", min=3, max=27)),
]


def fields(**changes):
    return {
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"x": {"type": "continuous", "min": 0, "max": 1}},
        "limits": {"max_trials": 10},
    } | changes


def spec(**changes):
    return TuningSpec(**fields(**changes))


def problems(**changes):
    with pytest.raises(SpecError) as caught:
        spec(**changes)
    return caught.value.problems


@pytest.mark.parametrize("type_", ["hyperband", "asha"])
@pytest.mark.parametrize(("given", "meant"), FORMS)
def test_a_resource_has_many_forms_and_one_meaning_and_survives_json(type_, given, meant):
    read = spec(strategy={"type": type_, "resource": given})
    assert read.strategy.resource == meant
    assert TuningSpec.from_dict(json.loads(json.dumps(read.to_dict()))) == read


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tuning.yaml", "strategy: {{type: hyperband, resource: {}}}"),
        ("tuning.toml", "strategy = {{type = 'hyperband', resource = {}}}"),
    ],
)
@pytest.mark.parametrize("form", ["range", "list", "whole", "keys"])
def test_every_form_is_read_from_a_file(tmp_path, name, text, form):
    """YAML and TOML differ in how they write a key and its value."""
    is_at = ": " if name == "tuning.yaml" else " = "
    written = {
        "range": f"{{epochs{is_at}'1 to 27'}}",
        "list": f"{{epochs{is_at}[1, 27]}}",
        "whole": f"{{epochs{is_at}27}}",
        "keys": f"{{unit{is_at}'epochs', min{is_at}1, max{is_at}27}}",
    }[form]
    rest = {key: value for key, value in fields().items() if key != "parameters"}
    lines = [f"{key}{is_at}{_inline(value, is_at)}" for key, value in rest.items()]
    lines.append(f"parameters{is_at}" + _inline(fields()["parameters"], is_at))
    (tmp_path / name).write_text("\n".join([*lines, text.format(written), ""]))
    strategy = TuningSpec.from_file(tmp_path / name).strategy
    assert strategy == HyperbandConfig(resource=Resource(unit="epochs", min=1, max=27))


def _inline(value, is_at):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}{is_at}{_inline(one, is_at)}" for key, one in value.items()) + "}"
    return json.dumps(value)


def test_yaml_needs_no_quotes(tmp_path):
    text = json.dumps(fields())[:-1] + ", strategy: {type: asha, resource: {epochs: 1 to 27}, eta: 4, sampler: sobol}}"
    (tmp_path / "tuning.yaml").write_text(text)
    strategy = TuningSpec.from_file(tmp_path / "tuning.yaml").strategy
    assert strategy == AshaConfig(resource=Resource(unit="epochs", max=27), eta=4, sampler=SobolConfig())


@pytest.mark.parametrize(
    ("strategy", "field", "value"),
    [
        ({"resource": {"epochs": "many"}}, "strategy.resource.epochs", "many"),
        ({"resource": {"epochs": "1 to x"}}, "strategy.resource.epochs", "1 to x"),
        ({"resource": {"epochs": [1, 9, 27]}}, "strategy.resource.epochs", [1, 9, 27]),
        ({"resource": {"epochs": 2.5}}, "strategy.resource.epochs", 2.5),
        ({"resource": {"epochs": True}}, "strategy.resource.epochs", True),
        ({"resource": {"epochs": [True, 27]}}, "strategy.resource.epochs", [True, 27]),
        ({"resource": {"epochs": [1.5, 27]}}, "strategy.resource.epochs", [1.5, 27]),
        ({"resource": {"epochs": "27 to 1"}}, "strategy.resource.max", 1),
        ({"resource": {"epochs": 0}}, "strategy.resource.max", 0),
        ({"resource": {"epochs": [0, 27]}}, "strategy.resource.min", 0),
        ({"resource": {"epochs": 10**9 + 1}}, "strategy.resource.max", 10**9 + 1),
        ({"resource": {"epochs": -3}}, "strategy.resource.max", -3),
        ({"resource": {"unit": "epochs"}}, "strategy.resource.unit", "epochs"),
        ({"resource": {"max": 27}}, "strategy.resource.unit", None),
        ({"resource": {"unit": "", "max": 27}}, "strategy.resource.unit", ""),
        ({"resource": {"unit": "epochs", "max": 27, "mni": 1}}, "strategy.resource.mni", 1),
        ({"resource": {"epochs": 27, "rounds": 3}}, "strategy.resource.epochs", 27),
        ({"resource": 27}, "strategy.resource", 27),
        ({"resource": {}}, "strategy.resource.unit", None),
        ({"resource": {"epochs": 27}, "eta": 1}, "strategy.eta", 1),
        ({"resource": {"epochs": 27}, "eta": 2.5}, "strategy.eta", 2.5),
        ({"resource": {"epochs": 27}, "eta": 101}, "strategy.eta", 101),
        ({"resource": {"epochs": 27}, "sampler": "grid"}, "strategy.sampler", None),
        ({"resource": {"epochs": 27}, "sampler": "randm"}, "strategy.sampler", "randm"),
        ({"resource": {"epochs": 27}, "bracket": 1}, "strategy.bracket", 1),
        ({"resource": {"epochs": 27}, "brackets": 0}, "strategy.brackets", 0),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_a_fix(strategy, field, value):
    found = {problem.field: problem for problem in problems(strategy={"type": "hyperband", **strategy})}
    assert field in found
    assert found[field].rule
    assert found[field].fix
    if value is not None:
        assert found[field].value == value


def test_the_bounds_in_the_wrong_order_are_told_to_be_swapped():
    (problem,) = problems(strategy={"type": "asha", "resource": {"epochs": "27 to 3"}})
    assert (problem.field, problem.rule, problem.fix) == ("strategy.resource.max", "is less than min = 27", "swap them")


@pytest.mark.parametrize(
    ("static", "resource"),
    [
        ({"epochs": 27}, Resource(unit="epochs", max=27)),
        ({"n-epochs": 5, "num_round": 300}, Resource(unit="n-epochs", max=5)),
        ({"num_round": 300}, Resource(unit="num_round", max=300)),
        ({"n_estimators": 100}, Resource(unit="n_estimators", max=100)),
        ({"epochs": "27"}, None),
        ({"epochs": 2.5, "max_iter": 50}, Resource(unit="max_iter", max=50)),
        ({"epochs": True}, None),
        ({"epochs": 0}, None),
        ({"depth": 3}, None),
        ({}, None),
    ],
)
def test_the_length_of_a_training_is_found_among_the_static_hyperparameters(static, resource):
    assert resource_of(static) == resource
    if resource is not None:
        assert spec(strategy="hyperband", static=static).strategy.resource == resource
    else:
        (problem,) = problems(strategy="hyperband", static=static)
        assert (problem.field, problem.fix) == ("strategy.resource", "write e.g. resource: {epochs: 1 to 27}")


def test_a_resource_that_is_given_wins():
    read = spec(strategy={"type": "asha", "resource": {"epochs": "3 to 9"}}, static={"epochs": 27})
    assert read.strategy.resource == Resource(unit="epochs", min=3, max=9)


@pytest.mark.parametrize("type_", ["hyperband", "asha"])
def test_a_resource_beyond_the_length_of_a_training_is_refused(type_):
    strategy = {"type": type_, "resource": {"epochs": "1 to 9"}}
    (problem,) = problems(strategy=strategy, static={"epochs": 3})
    assert (problem.field, problem.value) == ("strategy.resource.max", 9)
    assert "static.epochs = 3" in problem.rule
    assert problem.fix == "write resource: {epochs: 1 to 3}, or raise static.epochs"
    for static in ({"epochs": 9}, {"epochs": "3"}, {"epochs": True}, {"rounds": 3}):
        assert spec(strategy=strategy, static=static).strategy.resource.max == 9


def test_a_resource_that_is_tuned_is_refused():
    tuned = {"epochs": {"type": "integer", "min": 1, "max": 9}}
    (problem,) = problems(strategy={"type": "hyperband", "resource": {"epochs": "1 to 9"}}, parameters=tuned)
    assert (problem.field, problem.value) == ("strategy.resource.unit", "epochs")
    assert "no common length" in problem.rule
    assert "static.epochs: 9" in problem.fix


def test_what_a_strategy_finds_is_no_part_of_the_config_that_was_given():
    config = HyperbandConfig()
    assert spec(strategy=config, static={"epochs": 27}).strategy.resource is not None
    assert config == HyperbandConfig(resource=None, eta=3, sampler=EvolutionaryConfig(), brackets=None)


@pytest.mark.parametrize("type_", ["hyperband", "asha"])
def test_what_cannot_be_combined_is_told_at_once(type_):
    found = problems(strategy=type_, early_stopping="Auto", repeats=3)
    assert [(problem.field, problem.value) for problem in found] == [
        ("strategy.resource", None),
        ("early_stopping", "median"),
        ("repeats", 3),
    ]
    assert all(type_ in problem.rule for problem in found[1:])
    assert [problem.fix for problem in found[1:]] == ["leave it out, or use Off", "use repeats: 1"]


def test_a_search_that_never_ends_by_itself_needs_a_limit():
    (problem,) = problems(strategy="hyperband", static={"epochs": 9}, limits={})
    assert problem.field == "limits.max_trials"
    assert "a multiple of the trials of one round" in problem.fix
    assert spec(strategy="hyperband", static={"epochs": 9}, limits={"max_runtime_seconds": 9}).planned_trials is None
    assert spec(strategy="hyperband", static={"epochs": 9}).planned_trials == 10


@pytest.mark.parametrize(
    ("given", "meant"),
    [({"type": "asha"}, AshaRuleConfig(first=1, eta=3)), ({"type": "asha", "first": 5, "eta": 2}, AshaRuleConfig(first=5, eta=2))],
)  # fmt: skip
def test_the_rung_rule_survives_json(given, meant):
    read = spec(early_stopping=given)
    assert read.early_stopping == meant
    assert TuningSpec.from_dict(json.loads(json.dumps(read.to_dict()))) == read


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"type": "asha", "eta": 1}, "early_stopping.eta"),
        ({"type": "asha", "first": 0}, "early_stopping.first"),
        ({"type": "asha", "frist": 2}, "early_stopping.frist"),
        ({"type": "ahsa"}, "early_stopping.type"),
    ],
)
def test_what_is_wrong_with_the_rung_rule_is_named(given, field):
    (problem,) = problems(early_stopping=given)
    assert problem.field == field
    assert problem.fix


def test_the_json_schema_knows_every_form():
    schema = TuningSpec.model_json_schema()
    definitions = schema["$defs"]
    assert {"HyperbandConfig", "AshaConfig", "AshaRuleConfig", "Resource"} < set(definitions)
    for config in ("HyperbandConfig", "AshaConfig"):
        options = definitions[config]["properties"]["resource"]["anyOf"]
        assert {"$ref": "#/$defs/Resource"} in options
        assert {"type": "null"} in options
        (short,) = [option for option in options if option.get("additionalProperties")]
        assert (short["type"], short["minProperties"], short["maxProperties"]) == ("object", 1, 1)
        kinds = short["additionalProperties"]["anyOf"]
        assert [kind["type"] for kind in kinds] == ["string", "integer", "array"]
        assert definitions[config]["properties"]["sampler"]["description"]
    assert definitions["Resource"]["required"] == ["unit", "max"]
