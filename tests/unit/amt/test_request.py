from botocore.session import get_session
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtune.amt import decode_request, encode_request, lower
from smtune.amt.limits import Severity
from smtune.amt.patches import apply_patch, canonical, make_patch
from smtune.amt.shapes import check_shapes
from smtune.spec import TuningSpec
from smtune.strategies import strategy_of
from tests.unit.amt.specs import specs

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


@settings(max_examples=150, suppress_health_check=SLOW)
@given(specs())
def test_what_is_encoded_is_decoded_again(spec: TuningSpec):
    assert decode_request(encode_request(spec)) == spec


@settings(max_examples=50, suppress_health_check=SLOW)
@given(specs())
def test_lowering_leaves_alone_what_the_service_can_be_told(spec: TuningSpec):
    assert lower(spec) == spec


@settings(max_examples=50, suppress_health_check=SLOW)
@given(specs())
def test_a_spec_that_was_decoded_can_be_written_to_a_file(spec: TuningSpec):
    assert TuningSpec.from_dict(spec.to_dict()) == spec


@settings(max_examples=25, suppress_health_check=SLOW)
@given(specs())
def test_both_sides_of_the_wire_search_alike(spec: TuningSpec):
    if spec.strategy.type == "bayesian":
        spec = spec.model_copy(update={"strategy": type(spec.strategy)(startup=2)})
    here, there = (strategy_of(one) for one in (spec, decode_request(encode_request(spec))))
    assert [one.parameters for one in here.ask(3)] == [one.parameters for one in there.ask(3)]


@settings(max_examples=100, suppress_health_check=SLOW)
@given(specs())
def test_what_is_encoded_has_the_shape_that_the_service_wants(spec: TuningSpec):
    request = encode_request(spec)

    assert [one for one in check_shapes(request) if one.severity is Severity.error] == []
    known = _without_unknown(request)
    assert ParamValidator().validate(known, _CREATE).generate_report() == ""


_CREATE = get_session().get_service_model("sagemaker").operation_model("CreateHyperParameterTuningJob").input_shape


def _without_unknown(value):
    """Leave out the members that no service knows yet."""
    if isinstance(value, dict):
        return {key: _without_unknown(one) for key, one in value.items() if key not in ("NewMember", "Another")}
    return [_without_unknown(one) for one in value] if isinstance(value, list) else value


_values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
)
_objects = st.dictionaries(st.text(max_size=2), _values, max_size=4)


@given(_objects, _objects)
def test_a_patch_turns_one_request_into_another(source, target):
    assert apply_patch(source, make_patch(source, target)) == target


@given(_objects)
def test_the_canonical_form_is_its_own(request):
    assert canonical(canonical(request)) == canonical(request)
