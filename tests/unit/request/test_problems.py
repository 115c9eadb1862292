"""Translating pydantic's findings, for models other than filters."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rayjobs.errors import Problem
from rayjobs.request.problems import problems_of


class Cat(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["cat"]
    lives: int = Field(le=9)


class Dog(BaseModel):
    kind: Literal["dog"]


class Zoo(BaseModel):
    animals: list[Annotated[Cat | Dog, Field(discriminator="kind")]]
    name: str = Field(max_length=3)


def problems(body: object) -> dict[str, Problem]:
    try:
        Zoo.model_validate(body)
    except ValidationError as error:
        return {each.pointer: each for each in problems_of(error, "/zoo", Zoo, body)}
    return {}


def test_a_unions_member_is_no_step_of_the_pointer() -> None:
    found = problems({"animals": [{"kind": "cat", "lives": 10}, {"kind": "cat"}], "name": "a"})
    assert found["/zoo/animals/0/lives"].limit == 9
    assert found["/zoo/animals/1/lives"].code == "missing"


def test_an_unknown_member_and_a_long_text_are_told() -> None:
    found = problems({"animals": [{"kind": "cow"}], "name": "abcd"})
    assert found["/zoo/animals/0"].code == "not_allowed"
    assert (found["/zoo/name"].code, found["/zoo/name"].limit) == ("too_long", 3)


def test_an_absent_bound_is_absent_in_json() -> None:
    missing = problems({"animals": []})["/zoo/name"].as_json()
    assert set(missing) == {"pointer", "code", "detail"}
