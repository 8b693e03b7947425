"""What hypothesis draws: every kind of range that a user may write."""

from decimal import Decimal

from hypothesis import strategies as st

from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, Parameter, Value

_LARGEST = 10**12


@st.composite
def integer_ranges(draw) -> IntegerParameter:
    scaling = draw(st.sampled_from(["Auto", "Linear", "Logarithmic"]))
    low, high = sorted(
        draw(st.lists(st.integers(1 if scaling == "Logarithmic" else -_LARGEST, _LARGEST), min_size=2, max_size=2))
        if draw(st.booleans())
        else draw(st.lists(st.integers(1, 40), min_size=2, max_size=2))
    )
    step = draw(st.none() | st.integers(1, max(high - low, 1)))
    return IntegerParameter(low, high, scaling, step=step)


@st.composite
def continua(draw) -> ContinuousParameter:
    scaling = draw(st.sampled_from(["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]))
    bounds = {
        "Logarithmic": st.floats(1e-300, 1e300),
        "ReverseLogarithmic": st.floats(0, 1, exclude_max=True),
    }.get(scaling, st.floats(-1e300, 1e300))
    low, high = sorted(draw(st.lists(bounds, min_size=2, max_size=2)))
    return ContinuousParameter(low, high, scaling)


@st.composite
def lattices(draw) -> ContinuousParameter:
    """Steps and bounds are short decimals, as users write them; the upper bound need not be a level."""
    scaling = draw(st.sampled_from(["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]))
    digits = draw(st.integers(0, 9))
    unit = Decimal(1).scaleb(-digits)
    if scaling == "ReverseLogarithmic":
        most = int(Decimal("0.999999999") / unit)
        low, high = sorted(draw(st.lists(st.integers(0, most), min_size=2, max_size=2)))
    else:
        least = 1 if scaling == "Logarithmic" else -(10**6)
        low, high = sorted(draw(st.lists(st.integers(least, 10**6), min_size=2, max_size=2)))
    step = draw(st.integers(1, max(high - low, 1)))
    return ContinuousParameter(float(low * unit), float(high * unit), scaling, step=float(step * unit))


@st.composite
def choices(draw) -> CategoricalParameter:
    values: st.SearchStrategy[Value] = (
        st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
    )
    listed = draw(st.lists(values, min_size=1, max_size=8, unique_by=lambda value: (type(value), value)))
    return CategoricalParameter(listed, ordered=draw(st.booleans()))


finite_parameters: st.SearchStrategy[Parameter] = integer_ranges() | lattices() | choices()
numeric_ranges: st.SearchStrategy[ContinuousParameter | IntegerParameter] = integer_ranges() | continua() | lattices()
parameters: st.SearchStrategy[Parameter] = numeric_ranges | choices()
positions = st.floats(0, 1)


@st.composite
def legal_values(draw, parameter: Parameter) -> Value:
    """A legal value: any level of finitely many, any float of a continuum."""
    if parameter.cardinality is not None:
        return parameter.level(draw(st.integers(0, parameter.cardinality - 1)))
    assert isinstance(parameter, ContinuousParameter)
    value: float = draw(st.floats(parameter.min_value, parameter.max_value))
    return value
