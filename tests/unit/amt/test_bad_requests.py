"""Requests that are wrong or odd: a SpecError that names the member, or nothing is lost; never anything else."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtune.amt import decode_request, encode_request
from smtune.amt.patches import canonical
from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter
from smtune.spec import TuningSpec
from tests.unit.amt.recordings import NAMES, recorded
from tests.unit.amt.requests import CONFIG, DEFINITION, GONE, changed

Path = tuple[str | int, ...]

_REQUESTS = {name: recorded(name) for name in NAMES}


def _paths(value: Any, path: Path = ()) -> list[Path]:
    """Return the paths of everything in a request."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, one in inner for deeper in _paths(one, (*path, key)))]


_PATHS = [(name, path) for name, request in _REQUESTS.items() for path in _paths(request) if path]
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(
        ["1E-4", " 0.5", "5.0", "Infinity", "nan", "1_0", "\u0663", "null", '"', "{", "s3://", "minimize", "Auto"]
    )
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["Name", "Key", "MinValue", "x"]) | st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
_changes = st.tuples(st.sampled_from(_PATHS), st.just(GONE) | st.just("twice") | _values)


def mutated(request: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy with the value at the path taken out, put there twice, or replaced."""
    request = copy.deepcopy(request)
    here: Any = request
    for part in path[:-1]:
        here = here[part]
    if value is GONE:
        del here[path[-1]]
    elif value == "twice" and isinstance(here, list):
        here.append(copy.deepcopy(here[int(path[-1])]))
    else:
        here[path[-1]] = value
    return request


def check_change(request: dict[str, Any]) -> None:
    """See that a request is refused by fields, or read without loss."""
    try:
        spec = decode_request(request)
    except SpecError as error:
        assert all(problem.field for problem in error.problems), error  # noqa: PT017 - either outcome is right
    else:
        assert canonical(encode_request(spec)) == canonical(request)
        assert encode_request(TuningSpec.from_dict(spec.to_dict())) == encode_request(spec)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(_changes)
def test_a_changed_request_is_read_without_loss_or_refused_by_field(change):
    (name, path), value = change
    check_change(mutated(_REQUESTS[name], path, value))


def _at(name: str, path: Path) -> Any:
    here: Any = _REQUESTS[name]
    for part in path:
        here = here[part]
    return here


_OBJECTS = [(name, path) for name, path in _PATHS if isinstance(_at(name, path), dict)]
_MEMBERS = [(name, path) for name, path in _PATHS if isinstance(path[-1], str)]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(_OBJECTS), st.sampled_from(_MEMBERS))
def test_a_member_out_of_place_is_kept_or_refused_by_field(target, source):
    (name, path), member = target, str(source[1][-1])
    check_change(mutated(_REQUESTS[name], (*path, member), copy.deepcopy(_at(*source))))


def decoded(*changes: tuple[Any, ...], name: str = "v2_builtin_algorithm") -> TuningSpec:
    """Return what a recorded request with these changes means, and see that nothing of it is lost."""
    request = changed(_REQUESTS[name], *changes)
    spec = decode_request(request)
    assert canonical(encode_request(spec)) == canonical(request)
    return spec


def refusal(*changes: tuple[Any, ...], name: str = "v2_builtin_algorithm") -> list[tuple[str, str]]:
    """Return the fields and the rules that a recorded request with these changes breaks."""
    with pytest.raises(SpecError) as caught:
        decode_request(changed(_REQUESTS[name], *changes))
    return [(problem.field, problem.rule) for problem in caught.value.problems]


ETA = (CONFIG, "ParameterRanges", "ContinuousParameterRanges", 0)
DEPTH = (CONFIG, "ParameterRanges", "IntegerParameterRanges", 0)
BOOSTER = (CONFIG, "ParameterRanges", "CategoricalParameterRanges", 0, "Values")
STATIC = (DEFINITION, "StaticHyperParameters")
SEVERAL = "v2_several_algorithms"


class TestNumbersAsText:
    @pytest.mark.parametrize(
        ("text", "number"), [("1E-4", 1e-4), (" 0.25 ", 0.25), ("+.5", 0.5), ("1.", 1.0), ("1", 1.0)]
    )
    def test_are_read_in_every_spelling(self, text: str, number: float):
        spec = decoded((*ETA, "MinValue", text), (*ETA, "MaxValue", "2"))
        assert spec.parameters["eta"] == ContinuousParameter(number, 2.0, "Logarithmic")

    @pytest.mark.parametrize(("text", "number"), [("5.0", 5), ("1e1", 10), ("-3", -3), ("007", 7)])
    def test_are_whole_where_they_must_be(self, text: str, number: int):
        spec = decoded((*DEPTH, "MinValue", text), (*DEPTH, "MaxValue", "99"))
        assert spec.parameters["max_depth"] == IntegerParameter(number, 99)

    @pytest.mark.parametrize("text", ["Infinity", "nan", "1_0", "\u0665", "0x10", "", "1e999", "ten"])
    def test_are_refused_if_they_are_none(self, text: str):
        assert refusal((*ETA, "MaxValue", text)) == [("parameters.eta.max", "is no finite number")]

    def test_are_refused_if_they_are_broken_where_whole_ones_are_due(self):
        assert refusal((*DEPTH, "MaxValue", "9.5")) == [("parameters.max_depth.max", "is no whole number")]

    def test_are_text_and_not_numbers(self):
        assert refusal((*DEPTH, "MaxValue", 9)) == [
            (f"{CONFIG}.ParameterRanges.IntegerParameterRanges[0].MaxValue", "must be text")
        ]

    def test_may_leave_one_value_only(self):
        assert decoded((*DEPTH, "MinValue", "12")).parameters["max_depth"].cardinality == 1


class TestChoices:
    def test_keep_their_texts_where_two_would_mean_the_same(self):
        spec = decoded((*BOOSTER, ["0.1", "0.10", "1e-1"]))
        assert list(spec.parameters["booster"].levels(None)) == ["0.1", "0.10", "1e-1"]

    def test_may_be_spelled_as_python_does(self):
        spec = decoded((*BOOSTER, ["True", "False"]))
        assert spec.sagemaker is not None
        assert (spec.parameters["booster"], spec.sagemaker.quoting) == (CategoricalParameter([True, False]), "python")
        assert "ParameterRanges" not in spec.sagemaker.request["HyperParameterTuningJobConfig"]

    def test_stand_once(self):
        assert refusal((*BOOSTER, ["dart", "dart"])) == [("parameters.booster.values", "stands twice")]

    @pytest.mark.parametrize(
        "texts", [["null", "[1, 2]", '{"a": null}'], ["", " ", "\u00e4\U0001f600"], ["True", "true"]]
    )
    def test_of_any_text(self, texts: list[str]):
        assert len(decoded((*BOOSTER, texts)).parameters["booster"].levels(None)) == len(texts)


class TestStaticHyperparameters:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("", ""),
            ('""', ""),
            ("\u00e4\U0001f600", "\u00e4\U0001f600"),
            ('{"deep": [1, {"a": null}]}', {"deep": [1, {"a": None}]}),
            ("[1,2]", [1, 2]),
            ("1E5", 100_000.0),
            ("007", "007"),
            ("NaN", "NaN"),
            ("True", True),
            ("x" * 2500, "x" * 2500),
        ],
    )
    def test_of_any_text(self, text: str, value: object):
        assert decoded((*STATIC, "odd", text)).static["odd"] == value

    def test_that_are_null_stand_in_no_spec(self):
        assert "odd" not in decoded((*STATIC, "odd", "null")).static

    @pytest.mark.parametrize("name", ["name", "objective", "type", "static", "request", "x.y", "", "\u00e4"])
    def test_of_any_name(self, name: str):
        assert decoded((*STATIC, name, "7")).static[name] == 7

    @pytest.mark.parametrize(
        ("program", "code"), [("/opt/train.py", "s3://b/c"), ("../x.py", "s3://b/c"), ("train.py", "/opt/ml")]
    )
    def test_name_no_script_that_smtune_could_send(self, program: str, code: str):
        spec = decoded((*STATIC, "sagemaker_program", program), (*STATIC, "sagemaker_submit_directory", code))
        assert spec.training is not None
        assert (spec.training.entry_point, spec.static["sagemaker_program"]) == (None, program)

    def test_are_text(self):
        assert refusal((*STATIC, "num_round", 200)) == [
            (f"{DEFINITION}.StaticHyperParameters.num_round", "must be text")
        ]

    def test_are_not_tuned_as_well(self):
        assert refusal((*STATIC, "eta", "0.1")) == [("static.eta", "is tuned as well")]


class TestDefinitions:
    def test_may_be_a_list_of_one(self):
        first = _REQUESTS[SEVERAL]["TrainingJobDefinitions"][0]
        assert decoded(("TrainingJobDefinitions", [first]), name=SEVERAL).definitions == {}

    @pytest.mark.parametrize("name", [GONE, None, "", "boosting"])
    def test_have_names_of_their_own(self, name: object):
        field = "TrainingJobDefinitions[1].DefinitionName"
        change = ("TrainingJobDefinitions", 1, "DefinitionName", name)
        assert refusal(change, name=SEVERAL) == [(field, "must be a name of its own")]

    def test_keep_an_objective_and_ranges_that_have_no_meaning_there(self):
        config = _REQUESTS["v2_builtin_algorithm"][CONFIG]
        spec = decoded(
            (DEFINITION, "TuningObjective", config["HyperParameterTuningJobObjective"]),
            (DEFINITION, "HyperParameterRanges", config["ParameterRanges"]),
        )
        assert spec.sagemaker is not None
        assert sorted(spec.sagemaker.definition) == ["HyperParameterRanges", "TuningObjective"]

    def test_are_one_or_several(self):
        both = _REQUESTS[SEVERAL]["TrainingJobDefinitions"]
        rule = "cannot stand beside TrainingJobDefinition"
        assert refusal(("TrainingJobDefinitions", both)) == [("TrainingJobDefinitions", rule)]

    @pytest.mark.parametrize("nothing", [GONE, None, []])
    def test_are_there(self, nothing: object):
        fields = [field for field, _ in refusal(("TrainingJobDefinitions", nothing), name=SEVERAL)]
        assert fields[0].startswith("TrainingJobDefinition")

    def test_are_named_by_their_problems(self):
        change = ("TrainingJobDefinitions", 1, "HyperParameterRanges", "IntegerParameterRanges", 0, "MaxValue", "1")
        assert [field for field, _ in refusal(change, name=SEVERAL)] == ["definitions.forest.parameters.max_depth.min"]

    def test_that_say_nothing_of_time_have_a_day(self):
        changes = [
            ("TrainingJobDefinitions", 0, "StoppingCondition", "MaxRuntimeInSeconds", 600),
            ("TrainingJobDefinitions", 1, "StoppingCondition", "MaxRuntimeInSeconds", GONE),
        ]
        definitions = decoded(*changes, name=SEVERAL).definitions
        assert definitions is not None
        assert definitions["forest"].max_trial_seconds == 86_400

    def test_may_tell_the_toolkit_different_regions(self):
        forest = _REQUESTS[SEVERAL]["TrainingJobDefinitions"][1]
        other = changed(
            forest, ("DefinitionName", "other"), ("StaticHyperParameters", "sagemaker_region", '"eu-west-1"')
        )
        spec = decoded(("TrainingJobDefinitions", 2, other), name=SEVERAL)
        assert spec.sagemaker is not None
        assert spec.sagemaker.region == "us-east-1"


class TestMembers:
    @pytest.mark.parametrize(
        "path",
        [
            ("HyperParameterTuningJobName",),
            (CONFIG,),
            (CONFIG, "Strategy"),
            (CONFIG, "ResourceLimits"),
            (CONFIG, "ResourceLimits", "MaxParallelTrainingJobs"),
            (CONFIG, "HyperParameterTuningJobObjective"),
            (DEFINITION, "AlgorithmSpecification"),
            (DEFINITION, "AlgorithmSpecification", "TrainingInputMode"),
            (DEFINITION, "OutputDataConfig"),
            (DEFINITION, "StoppingCondition"),
        ],
    )
    def test_that_are_required_are_named(self, path: tuple[str, ...]):
        assert ".".join(path) in [field for field, _ in refusal((*path, GONE))]

    def test_that_are_null_are_missing(self):
        spec = decoded(("Tags", None), (CONFIG, "RandomSeed", None), (DEFINITION, "VpcConfig", None))
        assert spec.seed == 0

    def test_that_spell_the_goal_otherwise_are_kept(self):
        assert decoded((CONFIG, "HyperParameterTuningJobObjective", "Type", "minimize")).objective.goal == "Minimize"

    @pytest.mark.parametrize("value", ["text", 7, ["list"], True])
    def test_of_another_type_are_named(self, value: object):
        assert CONFIG in [field for field, _ in refusal((CONFIG, value))]

    def test_are_those_of_a_request(self):
        with pytest.raises(SpecError):
            decode_request([])  # type: ignore[arg-type]
