"""What a client asks for, checked before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rayjobs.codec import Reading
from rayjobs.errors import InvalidRequestError
from rayjobs.request.naming import check_template
from rayjobs.request.pipeline import Pipeline, parse_pipeline, unrunnable
from rayjobs.request.problems import problems_of
from rayjobs.request.variants import Output, Variant, parse_variants

MAX_DEADLINE_S = 30 * 24 * 3600
"""Seconds; a batch that takes longer has none."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("not_allowed", "has a NUL character, which no path can have")
    return text


Name = Annotated[Text, AfterValidator(_without_nul), Field(json_schema_extra={"pattern": r"^[^\u0000]+$"})]
"""A path, or a pattern of paths."""

PresetReference = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}(@[1-9]\d{0,5})?$")]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class SamplesSource(_Model):
    """`count` items, cycling over the shipped pictures."""

    type: Literal["samples"]
    count: int = Field(ge=1)


class PathsSource(_Model):
    """Files under an allowed root, by their absolute paths."""

    type: Literal["paths"]
    paths: list[Name] = Field(min_length=1)
    custom_ids: list[Text] | None = None

    @model_validator(mode="after")
    def _one_id_each(self) -> "PathsSource":
        if self.custom_ids is not None and len(self.custom_ids) != len(self.paths):
            raise ValueError(f"{len(self.custom_ids)} custom_ids for {len(self.paths)} paths")
        return self


class FolderSource(_Model):
    """Files of a folder under an allowed root, in sorted order within each folder."""

    type: Literal["folder"]
    path: Name
    pattern: Name | None = None
    """`*` and `?` stay within a folder, `**/` stands for any folders; none: all pictures by their suffix."""
    hidden: bool = False
    """Whether hidden entries are taken too: names that begin with a dot, and what systems put beside pictures
    (`__MACOSX`, `@eaDir`, `Thumbs.db`, ...). By default they are left out, and counted in `left_out`."""


class UploadSource(_Model):
    """Pictures that were sent to `POST /uploads` before."""

    type: Literal["upload"]
    ids: list[Text] = Field(min_length=1)


Source = Annotated[SamplesSource | PathsSource | FolderSource | UploadSource, Field(discriminator="type")]


class Treatment(_Model):
    """How pictures are read and written; what is done to them in between has a parser of its own."""

    input: Reading = Reading()
    output: Output = Output()


TreatmentT = TypeVar("TreatmentT", bound=Treatment)


class Terms(Treatment):
    """What holds for every item of a batch, beside its pipeline."""

    preset: PresetReference | None = None
    """Preset that says what is not said here, `NAME` or `NAME@VERSION`; of `output` and `input` each field by
    itself. A batch shows the version that it was made of, and all that it said."""
    priority: int = Field(0, ge=-10, le=10)
    """Each step doubles the batch's share of the slots."""
    cache: bool = False
    """Whether files that were made of the same content under the same terms are taken instead of rendering,
    and these ones may be later. Off by default: it costs one more durable file for each item rendered."""
    max_attempts: int = Field(3, ge=1, le=10)
    """Tries of an item, the first included."""
    deadline_s: float | None = Field(None, gt=0, le=MAX_DEADLINE_S)
    """Seconds from the submission until what still waits is given up."""
    max_failed_ratio: float | None = Field(None, ge=0, le=1)
    """Share of the items that may fail; with more, the batch ends early as failed."""
    labels: dict[Text, Annotated[str, StringConstraints(max_length=256)]] = Field(
        default_factory=dict, max_length=32
    )


@dataclass(frozen=True)
class Work:
    """What a slot must know of a batch: all but where its items come from."""

    terms: Treatment
    pipeline: Pipeline
    """What is done once for all the files that are made of a picture."""
    variants: tuple[Variant, ...]
    """The files; a batch without variants has one, without a name and with no filters of its own."""
    cache: bool = False
    """Whether files that were made before may be taken."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Work":
        """Read what `Form.document` wrote.

        A batch with a filter that this process lacks, of a plug-in, is work that fails on every item.
        """
        terms = Treatment.model_validate({name: document[name] for name in Treatment.model_fields})
        try:
            return _work(terms, parse_pipeline(document["pipeline"]), document)
        except InvalidRequestError as error:
            return _work(terms, unrunnable(error.detail), {})

    @property
    def has_variants(self) -> bool:
        """Whether a picture's files are told apart by the names of variants."""
        return bool(self.variants[0].name)


class BatchRequest(Terms):
    """A request for a batch, but for its pipeline and variants, which have parsers of their own."""

    source: Source

    def document(self, work: Work) -> dict[str, Any]:
        """Return what a batch shows for ever: its long lists are counted and left out."""
        shown = self.model_dump(mode="json", exclude={"source": {"paths", "ids", "custom_ids"}})
        if isinstance(self.source, PathsSource | UploadSource):
            shown["source"]["count"] = len(
                getattr(self.source, "paths", ()) or getattr(self.source, "ids", ())
            )
        made: dict[str, Any] = {"pipeline": work.pipeline.as_json()}
        if work.has_variants:
            made["variants"] = [variant.as_json() for variant in work.variants]
        return {"source": shown.pop("source"), **made, **shown}


def parse_request(body: Mapping[str, Any]) -> tuple[BatchRequest, Work]:
    """Return the batch that a request's body asks for; raises as `parse_work`."""
    return parse_work(BatchRequest, body)


def parse_work(model: type[TreatmentT], body: Mapping[str, Any]) -> tuple[TreatmentT, Work]:
    """Return what a body says: pipeline and variants, and beside them what `model` has.

    Raises:
        InvalidRequestError: The body has not the form; one problem for each fault.
        InvalidPipelineError: A filter's parameters are wrong.
        UnknownFilterError: A filter does not exist.
        OutputNameError: The naming template can't be used.
    """
    has_variants = "variants" in body
    pipeline = parse_pipeline(body.get("pipeline", () if has_variants else None))
    form = parse_form(model, {key: value for key, value in body.items() if key not in _PARSED_APART})
    if has_variants:
        form = form.model_copy(update={"output": form.output.told_apart()})
    check_template(form.output.name, has_variants=has_variants)
    return form, _work(form, pipeline, body)


_PARSED_APART = ("pipeline", "variants")


def _work(terms: Treatment, pipeline: Pipeline, body: Mapping[str, Any]) -> Work:
    if "variants" in body:
        variants = parse_variants(body["variants"], terms.output)
    else:
        variants = (Variant("", Pipeline(), terms.output),)
    return Work(terms, pipeline, variants, cache=bool(body.get("cache")))


FormT = TypeVar("FormT", bound=BaseModel)


def parse_form(model: type[FormT], raw: object, pointer: str = "") -> FormT:
    """Return `raw` as a model; raises `InvalidRequestError` with a problem for each fault."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems = problems_of(error, pointer, model, raw)
        first = f"{problems[0].pointer}: {problems[0].detail}" if problems else str(error)
        raise InvalidRequestError(f"The request can't be read. {first}", problems) from error
