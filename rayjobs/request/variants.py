"""What is written of each picture: one file, or a file for each variant, under names that never meet."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from rayjobs.codec import Encoding
from rayjobs.errors import InvalidRequestError, OutputNameError, Problem
from rayjobs.filters.geometry import AutoOrient
from rayjobs.model.item import Item
from rayjobs.request import naming
from rayjobs.request.pipeline import Pipeline, parse_pipeline
from rayjobs.request.problems import problems_of, shown

MAX_VARIANTS = 16
"""Files of one picture; all of them wait in memory together, and each takes of the item's one deadline."""

VariantName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
"""Lower case, so that no file system takes two names for one."""

Template = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Output(Encoding):
    """How the pictures are written, and under which names."""

    name: Template = "{index:06d}-{stem}.{ext}"
    """Template of the file's name; see `naming.FIELDS`. With variants its default is
    `{index:06d}-{stem}-{variant}.{ext}`."""
    folder: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None
    """Folder that batches share, below `outputs/shared`; by default each batch has its own."""
    on_exists: Literal["overwrite", "skip", "fail"] = "overwrite"
    """What becomes of a file that is in the shared folder when its item is listed."""

    @model_validator(mode="after")
    def _where_something_can_exist(self) -> "Output":
        if self.on_exists != "overwrite" and self.folder is None:
            raise ValueError(f"on_exists {self.on_exists!r} needs a folder; a batch's own is empty")
        if self.on_exists != "overwrite" and self.format == "auto":
            raise ValueError(f"on_exists {self.on_exists!r} needs a format: the name of an output has it")
        return self

    def told_apart(self) -> "Output":
        """Return the same for several variants: by default their names have that of the variant."""
        asks = "name" in self.model_fields_set
        return self if asks else self.model_copy(update={"name": _NAME_OF_A_VARIANT})


_NAME_OF_A_VARIANT = "{index:06d}-{stem}-{variant}.{ext}"


@dataclass(frozen=True)
class Variant:
    """One of the files that are made of each picture."""

    name: str
    """Empty of the one file of a batch without variants."""
    pipeline: Pipeline
    """What is done for this file alone, behind the batch's own pipeline."""
    output: Output
    pointer: str = ""
    """JSON pointer to it in the request's body."""

    def file_name(self, item: Item, extension: str) -> str:
        """Return the file's name within its folder; raises `OutputNameError`."""
        return naming.name(self.output.name, item, extension, self.name)

    def as_json(self) -> dict[str, Any]:
        """Return the variant as a request carries it, with what it has of the batch."""
        output = self.output.model_dump(mode="json", exclude_none=True)
        return {"name": self.name, "pipeline": self.pipeline.as_json(), "output": output}


class _Given(BaseModel):
    """A variant's form; its parts have parsers of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: VariantName
    pipeline: Any = ()
    output: dict[str, Any] = {}


def parse_variants(raw: object, shared: Output) -> tuple[Variant, ...]:
    """Return the variants that a request asks for.

    Args:
        raw: The JSON value: a list of objects, each with a `name`, and perhaps a `pipeline` and an `output`.
        shared: The batch's own output; what a variant leaves out is as it says, as far as the variant's
            format has it.

    Raises:
        InvalidRequestError, or a subclass of it: With the problems of all variants.
    """
    if not isinstance(raw, list | tuple):
        problem = Problem("/variants", "wrong_type", "must be a list of variants", actual=shown(raw))
        raise InvalidRequestError("The variants are not a list.", [problem])
    if not 1 <= len(raw) <= MAX_VARIANTS:
        code = "too_many" if raw else "too_few"
        text = f"must have 1 to {MAX_VARIANTS} variants; leave it out for a single file of each picture"
        problem = Problem("/variants", code, text, limit=MAX_VARIANTS if raw else 1, actual=len(raw))
        raise InvalidRequestError(f"/variants: {text}", [problem])
    variants, errors = [], []
    for at, one in enumerate(raw):
        try:
            variants.append(_parse_variant(one, f"/variants/{at}", shared))
        except InvalidRequestError as error:
            errors.append(error)
    if errors:
        problems = [problem for error in errors for problem in error.problems]
        raise type(errors[0])(errors[0].detail, problems)
    _check_distinct(variants)
    return tuple(variants)


def _parse_variant(raw: object, pointer: str, shared: Output) -> Variant:
    try:
        given = _Given.model_validate(raw)
    except ValidationError as error:
        raise _refused(problems_of(error, pointer, _Given, raw)) from error
    pipeline = parse_pipeline(given.pipeline, f"{pointer}/pipeline")
    for at, each in enumerate(pipeline.filters):
        if isinstance(each, AutoOrient):
            text = (
                "variants share one decoded picture: auto_orient belongs to the front of the batch's pipeline"
            )
            raise _refused([Problem(f"{pointer}/pipeline/{at}", "not_allowed", text)])
    try:
        output = Output.model_validate(beside(shared.model_dump(), given.output))
    except ValidationError as error:
        raise _refused(problems_of(error, f"{pointer}/output", Output, given.output)) from error
    naming.check_template(output.name, f"{pointer}/output/name", has_variants=True)
    return Variant(given.name, pipeline, output, pointer)


def beside(shared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an output with what it leaves out: as another says, as far as its own format has the option."""
    named = given.get("format", shared.get("format", Output().format))
    known = {"format", "name", "folder", "on_exists", *Encoding.options_of(named)}
    return {key: value for key, value in shared.items() if key in known} | dict(given)


def _check_distinct(variants: Sequence[Variant]) -> None:
    seen: set[str] = set()
    for each in variants:
        if each.name in seen:
            text = f"another variant has the name {each.name!r} already"
            raise _refused([Problem(f"{each.pointer}/name", "not_unique", text, actual=each.name)])
        seen.add(each.name)


def _refused(problems: list[Problem]) -> InvalidRequestError:
    first = f"{problems[0].pointer}: {problems[0].detail}" if problems else ""
    return InvalidRequestError(f"The request can't be read. {first}", problems)


def are_unique(variants: Sequence[Variant]) -> bool:
    """Whether no two files can have the same name, whatever the items are called.

    True where each name has the item's index in a place where it is told from the rest, and variants that
    share a folder have one template, with `{variant}` in it.
    """
    templates = defaultdict(list)
    for each in variants:
        templates[each.output.folder].append(each.output.name)
    return all(
        naming.is_unique(found[0])
        and (len(found) == 1 or (len(set(found)) == 1 and naming.has_field(found[0], "variant")))
        for found in templates.values()
    )


def require_unique(variants: Sequence[Variant]) -> None:
    """Refuse names of which it is not certain that no two meet; for items that are listed later."""
    if are_unique(variants):
        return
    needs = "{index} at its start or its end"
    if len(variants) > 1:
        needs += ", and variants that share a folder one name with {variant}"
    detail = f"this source is listed later, so the name must have {needs}, to be no other file's"
    pointer, actual = f"{variants[0].pointer}/output/name", variants[0].output.name
    raise OutputNameError(detail, [Problem(pointer, OutputNameError.code, detail, actual=actual)])


def check_names(variants: Sequence[Variant], items: Iterable[Item]) -> None:
    """Raise `OutputNameError`, with both indices, if two files would have the same name."""
    seen: dict[tuple[str | None, str], tuple[Item, Variant]] = {}
    for item in items:
        for variant in variants:
            for extension in variant.output.extensions:
                name = variant.file_name(item, extension)
                here = variant.output.folder, naming.folded(name)
                other = seen.setdefault(here, (item, variant))
                if other != (item, variant):
                    raise _both(name, other, (item, variant))


def _both(name: str, one: tuple[Item, Variant], other: tuple[Item, Variant]) -> OutputNameError:
    (first, _), (second, variant) = one, other
    who = f"items {first.index} and {second.index} would both be"
    fields = "{index}"
    if first.index == second.index:
        who = f"variants {one[1].name!r} and {variant.name!r} of item {first.index} would both be"
        fields = "{variant}"
    detail = f"{who} written as {name!r}; add {fields} to the name"
    pointer = f"{variant.pointer}/output/name"
    return OutputNameError(
        detail, [Problem(pointer, OutputNameError.code, detail, actual=variant.output.name)]
    )
