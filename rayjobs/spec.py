"""What a client asks for, checked before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from rayjobs.codec import Encoding, Reading
from rayjobs.errors import InvalidRequestError
from rayjobs.naming import check_template
from rayjobs.pipeline import Pipeline, parse_pipeline
from rayjobs.problems import problems_of

MAX_DEADLINE_S = 30 * 24 * 3600
"""Seconds; a batch that takes longer has none."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SamplesSource(_Form):
    """`count` items, cycling over the shipped pictures."""

    type: Literal["samples"]
    count: int = Field(ge=1)


class PathsSource(_Form):
    """Files under an allowed root, by their absolute paths."""

    type: Literal["paths"]
    paths: list[Text] = Field(min_length=1)
    custom_ids: list[Text] | None = None

    @model_validator(mode="after")
    def _one_id_each(self) -> "PathsSource":
        if self.custom_ids is not None and len(self.custom_ids) != len(self.paths):
            raise ValueError(f"{len(self.custom_ids)} custom_ids for {len(self.paths)} paths")
        return self


class FolderSource(_Form):
    """Files of a folder under an allowed root, in sorted order within each folder."""

    type: Literal["folder"]
    path: Text
    pattern: Text | None = None
    """`*` and `?` stay within a folder, `**/` stands for any folders; none: all pictures by their suffix."""


class UploadSource(_Form):
    """Pictures that were sent to `POST /uploads` before."""

    type: Literal["upload"]
    ids: list[Text] = Field(min_length=1)


Source = Annotated[SamplesSource | PathsSource | FolderSource | UploadSource, Field(discriminator="type")]


class Output(Encoding):
    """How the pictures are written, and under which names."""

    name: Text = "{index:06d}-{stem}.{ext}"
    """Template of the file's name; see `naming.FIELDS`."""
    folder: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None
    """Folder that batches share, below `outputs/shared`; by default each batch has its own."""
    on_exists: Literal["overwrite", "skip", "fail"] = "overwrite"
    """What becomes of an item whose output is in the shared folder when the item is listed."""

    @model_validator(mode="after")
    def _where_something_can_exist(self) -> "Output":
        if self.on_exists != "overwrite" and self.folder is None:
            raise ValueError(f"on_exists {self.on_exists!r} needs a folder; a batch's own is empty")
        if self.on_exists != "overwrite" and self.format == "auto":
            raise ValueError(f"on_exists {self.on_exists!r} needs a format: the name of an output has it")
        return self


class Terms(_Form):
    """What holds for every item of a batch, beside its pipeline."""

    input: Reading = Reading()
    output: Output = Output()
    priority: int = Field(0, ge=-10, le=10)
    """Each step doubles the batch's share of the slots."""
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

    terms: Terms
    pipeline: Pipeline

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Work":
        """Read what `document` wrote."""
        terms = {name: document[name] for name in Terms.model_fields if name in document}
        return cls(Terms.model_validate(terms), parse_pipeline(document["pipeline"]))


class Form(Terms):
    """A request for a batch, without its pipeline, which has a parser of its own."""

    source: Source

    def document(self, pipeline: Pipeline) -> dict[str, Any]:
        """Return what a batch shows for ever: its long lists are counted and left out."""
        shown = self.model_dump(mode="json", exclude={"source": {"paths", "ids", "custom_ids"}})
        if isinstance(self.source, PathsSource | UploadSource):
            shown["source"]["count"] = len(
                getattr(self.source, "paths", ()) or getattr(self.source, "ids", ())
            )
        return {"source": shown.pop("source"), "pipeline": pipeline.as_json(), **shown}


def parse_request(body: Mapping[str, Any]) -> tuple[Form, Pipeline]:
    """Return the batch that a request's body asks for.

    Raises:
        InvalidRequestError: The body has not the form of a batch; one problem for each fault.
        InvalidPipelineError: A filter's parameters are wrong.
        UnknownFilterError: A filter does not exist.
        OutputNameError: The naming template can't be used.
    """
    pipeline = parse_pipeline(body.get("pipeline"))
    form = parse_form(Form, {key: value for key, value in body.items() if key != "pipeline"})
    check_template(form.output.name)
    return form, pipeline


FormT = TypeVar("FormT", bound=BaseModel)


def parse_form(model: type[FormT], raw: object, pointer: str = "") -> FormT:
    """Return `raw` as a model; raises `InvalidRequestError` with a problem for each fault."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems = problems_of(error, pointer, model, raw)
        first = f"{problems[0].pointer}: {problems[0].detail}" if problems else str(error)
        raise InvalidRequestError(f"The request can't be read. {first}", problems) from error
