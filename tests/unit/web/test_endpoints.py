"""Every endpoint of our own surface x every parameter x absent, of a wrong type, at the limit, over it."""

from collections.abc import Iterator
from typing import Any

import pytest

from spark_assets.domain.errors import InvalidParameter, MissingParameter
from spark_assets.domain.own_parameters import read_values
from spark_assets.domain.parameter import Parameter
from spark_assets.web.admin.endpoint import Endpoint
from spark_assets.web.admin.routes import ENDPOINTS

TEXTS: tuple[Any, ...] = (1, 1.5, True, [], {}, ["x"], {"a": 1})
WRONG: dict[str, tuple[Any, ...]] = {
    "string": TEXTS,
    "array": (1, "x", True, {}, [1], [None], [{}], [["x"]]),
    "object": (1, "x", True, [], ["x"]),
    "integer": ("x", 1.5, True, [], {}, "1.0", "-"),
    "boolean": ("x", 2, [], {}, "True"),
}
"""Values that a parameter of the JSON type must refuse."""

Case = tuple[Endpoint, Parameter]


def _name_of(value: object) -> str:
    if isinstance(value, Endpoint):
        return f"{value.method} {value.path}"
    return value.name if isinstance(value, Parameter) else repr(value)[:30]


def _query_cases() -> Iterator[Case]:
    for endpoint in ENDPOINTS:
        for parameter in endpoint.query:
            yield endpoint, parameter


def _body_cases() -> Iterator[Case]:
    for endpoint in ENDPOINTS:
        for parameter in (*endpoint.required, *endpoint.optional):
            yield endpoint, parameter


def _in_query(value: Any) -> Any:
    """A value as it stands in a query."""
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_query(endpoint: Endpoint, **given: Any) -> dict[str, Any]:
    return read_values(given, (), endpoint.query)


def _read_body(endpoint: Endpoint, **given: Any) -> dict[str, Any]:
    needed = {parameter.name: parameter.example for parameter in endpoint.required}
    return read_values({**needed, **given}, endpoint.required, endpoint.optional, endpoint.clearing)


every_query_parameter = pytest.mark.parametrize(("endpoint", "parameter"), list(_query_cases()), ids=_name_of)
every_body_parameter = pytest.mark.parametrize(("endpoint", "parameter"), list(_body_cases()), ids=_name_of)
every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=_name_of)


def _is_refused(parameter: Parameter, value: Any, read: Any) -> None:
    with pytest.raises(InvalidParameter) as refused:
        read(value)
    assert (refused.value.code, refused.value.param) == (f"InvalidParameter.{parameter.name}", parameter.name), value
    assert parameter.name in refused.value.message


@every_endpoint
def test_an_endpoint_and_all_its_parameters_are_described(endpoint: Endpoint) -> None:
    assert endpoint.summary
    assert endpoint.status == 307 or endpoint.answer is not None or endpoint.method in {"DELETE", "POST"}
    names = [parameter.name for parameter in (*endpoint.query, *endpoint.required, *endpoint.optional)]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and " " not in name for name in names)
    assert all(parameter.description for parameter in (*endpoint.query, *endpoint.required, *endpoint.optional))
    assert set(endpoint.clearing) <= {parameter.name for parameter in endpoint.optional}


@every_endpoint
def test_a_parameter_of_another_name_is_refused(endpoint: Endpoint) -> None:
    for name in ("Name", "nonsense", "limitt"):
        with pytest.raises(InvalidParameter) as refused:
            _read_query(endpoint, **{name: "x"})
        assert refused.value.param == name
        if endpoint.has_body:
            with pytest.raises(InvalidParameter) as refused:
                _read_body(endpoint, **{name: "x"})
            assert refused.value.param == name


@every_body_parameter
def test_the_absence_of_what_is_required_is_told_and_of_all_else_is_not(endpoint: Endpoint, parameter: Parameter) -> None:
    for absent in (None, ""):
        if parameter in endpoint.required:
            with pytest.raises(MissingParameter) as refused:
                _read_body(endpoint, **{parameter.name: absent})
            assert refused.value.code == f"MissingParameter.{parameter.name}"
        elif absent is None:
            expected = {parameter.field} if parameter.name in endpoint.clearing else set()
            assert set(_read_body(endpoint, **{parameter.name: None})) - set(_read_body(endpoint)) == expected


@every_body_parameter
def test_the_example_of_a_parameter_is_accepted(endpoint: Endpoint, parameter: Parameter) -> None:
    assert parameter.example is not None
    assert parameter.field in _read_body(endpoint, **{parameter.name: parameter.example})


@every_query_parameter
def test_the_example_of_a_query_is_accepted(endpoint: Endpoint, parameter: Parameter) -> None:
    if parameter.example is not None:
        assert parameter.field in _read_query(endpoint, **{parameter.name: _in_query(parameter.example)})


@every_body_parameter
def test_a_value_of_a_wrong_type_is_refused(endpoint: Endpoint, parameter: Parameter) -> None:
    for value in WRONG[parameter.json_type]:
        if value != [] or parameter not in endpoint.required:
            _is_refused(parameter, value, lambda wrong: _read_body(endpoint, **{parameter.name: wrong}))


@every_query_parameter
def test_a_query_that_cannot_be_read_is_refused(endpoint: Endpoint, parameter: Parameter) -> None:
    wrong = {"integer": ["x", "", "1.5", "\u0661", "1" * 30], "boolean": ["", "yes", "1", "TRUE"]}.get(parameter.json_type, [])
    for value in wrong:
        _is_refused(parameter, value, lambda text: _read_query(endpoint, **{parameter.name: text}))


@every_query_parameter
def test_a_query_is_read_up_to_its_limits_and_no_further(endpoint: Endpoint, parameter: Parameter) -> None:
    def read(value: Any) -> dict[str, Any]:
        return _read_query(endpoint, **{parameter.name: _in_query(value)})

    _try_limits(parameter, read)


@every_body_parameter
def test_a_value_is_read_up_to_its_limits_and_no_further(endpoint: Endpoint, parameter: Parameter) -> None:
    _try_limits(parameter, lambda value: _read_body(endpoint, **{parameter.name: value}))


def _try_limits(parameter: Parameter, read: Any) -> None:
    is_array = parameter.json_type == "array"
    if parameter.json_type == "integer":
        for limit, beyond in ((parameter.minimum, -1), (parameter.maximum, 1)):
            if limit is not None:
                assert parameter.field in read(limit)
                _is_refused(parameter, limit + beyond, read)
    elif parameter.choices:
        for choice in parameter.choices:
            assert parameter.field in read([choice] if is_array else choice)
        for wrong in ("nonsense", parameter.choices[0].swapcase()):
            _is_refused(parameter, [wrong] if is_array else wrong, read)
    elif parameter.max_length is not None and parameter.json_type in {"string", "array"}:
        fitting = str(parameter.example).ljust(parameter.max_length, "x") if parameter.pattern else "x" * parameter.max_length
        assert parameter.field in read([fitting] if is_array else fitting)
        _is_refused(parameter, [fitting + "x"] if is_array else fitting + "x", read)
