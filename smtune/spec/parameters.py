"""Parameters as users write them in a file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from smtune.errors import Problem, SpecError
from smtune.space import (
    CategoricalParameter,
    ContinuousParameter,
    IntegerParameter,
    Parameter,
    Scaling,
    SearchSpace,
    Value,
)
from smtune.spec.problems import closest


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", use_enum_values=True)


class ContinuousForm(_Form):
    """A float between two bounds, both inclusive."""

    type: Literal["continuous"]
    min: Annotated[float, Field(description="Lower bound, inclusive.")]
    max: Annotated[float, Field(description="Upper bound, inclusive.")]
    scaling: Annotated[Scaling, Field(description="How draws spread over the range.")] = Scaling.Auto
    step: Annotated[float | None, Field(gt=0, description="Distance of the legal values, from min.")] = None


class IntegerForm(_Form):
    """A whole number between two bounds, both inclusive."""

    type: Literal["integer"]
    min: Annotated[int, Field(description="Lower bound, inclusive.")]
    max: Annotated[int, Field(description="Upper bound, inclusive.")]
    scaling: Annotated[Scaling, Field(description="How draws spread over the range.")] = Scaling.Auto
    step: Annotated[int | None, Field(ge=1, description="Distance of the legal values, from min.")] = None


class CategoricalForm(_Form):
    """One of the listed values."""

    type: Literal["categorical"]
    values: Annotated[list[str | int | float | bool], Field(min_length=1, description="The choices.")]
    ordered: Annotated[bool, Field(description="Whether neighbours in the list are similar.")] = False


_FORMS: dict[str, type[_Form]] = {
    "continuous": ContinuousForm,
    "integer": IntegerForm,
    "categorical": CategoricalForm,
}
_REQUIRED = {"continuous": ("min", "max"), "integer": ("min", "max"), "categorical": ("values",)}


def parse_parameter(form: object) -> object:
    """Return the parameter that a mapping such as ``{type: integer, min: 2, max: 10}`` describes.

    Anything but a mapping is returned as it is: a search space knows other libraries' parameters.

    Raises:
        SpecError: Every key that is wrong, with paths relative to the parameter.
    """
    if isinstance(form, str | int | float | list | tuple | None):
        written = form if isinstance(form, list | tuple) else ["a", "b"]
        fix = f"write {{type: categorical, values: [{', '.join(map(str, written))}]}}, or {{type: continuous, min: 0, max: 1}}"
        raise SpecError([Problem("", form, "is no parameter", fix)])
    if not isinstance(form, Mapping):
        return form
    kind = form.get("type")
    if kind not in _FORMS:
        names = ", ".join(_FORMS)
        if "type" not in form:
            raise SpecError([Problem("type", None, "is missing", f"use one of {names}")])
        raise SpecError(
            [Problem("type", kind, "is no kind of parameter", closest(str(kind), _FORMS, f"use one of {names}"))]
        )
    known = _FORMS[kind].model_fields
    problems = [
        Problem(str(key), form[key], f"is no key of a {kind} parameter", closest(str(key), known, "remove it"))
        for key in form
        if key not in known
    ]
    problems += [Problem(key, None, "is missing", "add it") for key in _REQUIRED[kind] if key not in form]
    if problems:
        raise SpecError(problems)
    if kind == "categorical":
        values, ordered = form["values"], form.get("ordered", False)
        if not isinstance(values, list | tuple):
            problems.append(Problem("values", values, "must be a list", "write [a, b, c]"))
        if not isinstance(ordered, bool):
            problems.append(Problem("ordered", ordered, "must be true or false", "write true or false"))
        if problems:
            raise SpecError(problems)
        return CategoricalParameter(values, ordered=ordered)
    build = ContinuousParameter if kind == "continuous" else IntegerParameter
    return build(form["min"], form["max"], form.get("scaling", Scaling.Auto), step=form.get("step"))


def dump_parameter(parameter: Parameter) -> dict[str, Any]:
    """Return the mapping that :func:`parse_parameter` reads; keys that are at their default are left out."""
    if isinstance(parameter, CategoricalParameter):
        values: list[Value] = list(parameter.values)
        return {"type": "categorical", "values": values} | ({"ordered": True} if parameter.ordered else {})
    if not isinstance(parameter, ContinuousParameter | IntegerParameter):
        raise TypeError(f"no form for {parameter!r}")
    form = {
        "type": "integer" if isinstance(parameter, IntegerParameter) else "continuous",
        "min": parameter.min_value,
        "max": parameter.max_value,
    }
    if parameter.scaling_type is not Scaling.Auto:
        form["scaling"] = parameter.scaling_type.value
    if parameter.step is not None:
        form["step"] = parameter.step
    return form


class SpaceField:
    """Teaches pydantic to read, write and describe a :class:`~smtune.space.SearchSpace`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with :meth:`_validate`, serialise with :func:`dump_parameter`."""
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda space: {name: dump_parameter(parameter) for name, parameter in space.items()}
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the mapping of names to forms."""
        forms = Annotated[ContinuousForm | IntegerForm | CategoricalForm, Field(discriminator="type")]
        return handler(TypeAdapter(dict[str, forms]).core_schema)

    @staticmethod
    def _validate(given: object) -> SearchSpace:
        if isinstance(given, SearchSpace):
            return given
        if not isinstance(given, Mapping):
            raise SpecError([Problem("", given, "must map names to parameters", "write  eta: {type: continuous, ...}")])
        problems: list[Problem] = []
        parameters: dict[str, object] = {}
        for name, form in given.items():
            try:
                parameters[name] = parse_parameter(form)
            except SpecError as error:
                problems.extend(problem.under(str(name)) for problem in error.problems)
        try:
            space = (
                (SearchSpace(parameters) if parameters else SearchSpace.empty()) if parameters or not given else None
            )
        except SpecError as error:
            problems.extend(error.problems)
        if problems or space is None:
            raise SpecError(problems)
        return space
