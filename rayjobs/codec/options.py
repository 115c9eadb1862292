"""How a client asks for files to be read and written: typed, bounded, and told apart by format."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from rayjobs.codec.formats import FORMATS, NOT_READ, OutputFormat
from rayjobs.codec.metadata import Policy

_CONFIG = ConfigDict(
    frozen=True, extra="forbid", allow_inf_nan=False, strict=True, use_attribute_docstrings=True
)

_OF_AUTO = {"quality", "max_bytes", "target_ssim", "metadata", "keep_copyright"}
"""Options that `auto` takes; they are kept as far as the chosen format has them."""

_CHOICES_OF_AUTO: tuple[OutputFormat, ...] = ("jpeg", "png", "webp")


class Reading(BaseModel):
    """How files are read."""

    model_config = _CONFIG

    page: Annotated[int, Field(ge=0, le=9999)] = 0
    """Of `tiff` a page, of `gif` and `webp` a frame, counted from 0; the others have one."""
    on_truncated: Literal["fail", "salvage"] = "fail"
    """Of a file that was cut, `salvage` takes what there is; the rest stays black, gray or transparent, and
    the item's input says `salvaged`. Of `jpeg`, `png`, `gif`, `tiff`, `bmp` and `ppm`."""
    profile: Literal["srgb", "keep"] = "srgb"
    """`keep` leaves colours as their ICC profile has them, and writes the profile; CMYK becomes sRGB all the
    same."""


class Encoding(BaseModel):
    """How pictures are written. An option left out is what `GET /formats` says for the format."""

    model_config = _CONFIG

    format: Literal[OutputFormat, "auto"] = "jpeg"
    """`jpeg` flattens alpha on white; `png` and `tiff` are lossless; `webp`, `avif` and `jxl` are smaller and
    keep alpha. `auto`: `webp` if there is alpha, else `jpeg`; `png` where that is smaller, as of drawings."""
    quality: Annotated[int, Field(ge=1, le=100)] | None = None
    """Of `jpeg`, `webp`, `avif` and `jxl`, on their own scales, 1 is the worst; of a search the highest that
    is tried."""
    lossless: bool | None = None
    """Of `webp`, `avif` and `jxl`: no pixel changes (of `avif`, but for rounding), and `quality` is not
    asked."""
    effort: Annotated[int, Field(ge=0, le=10)] | None = None
    """Time for smaller files: of `webp` 0 to 6, `avif` 0 to 9, `jxl` 1 to 9, `gif` 1 to 10."""
    chroma: Literal["420", "444"] | None = None
    """Of `jpeg` and `avif`: colour at half its size, or whole for drawings and red text."""
    progressive: bool | None = None
    """Of `jpeg`, `png` and `gif`: a coarse picture shows first; png and gif grow by it."""
    optimise: Literal["none", "tables", "trellis"] | None = None
    """Of `jpeg`, by mozjpeg: `tables` is lossless and 2 % smaller, `trellis` also drops what least is seen:
    about 10 % smaller in 8 times the time."""
    compression: Annotated[int, Field(ge=0, le=9)] | None = None
    """Of `png`: zlib's effort. On a photograph 1 takes half the time of 6 for 17 % more bytes."""
    palette: Literal[2, 4, 16, 256] | None = None
    """Of `png` and `gif`: at most so many colours, chosen for the picture."""
    dither: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of `png` and `gif` with a palette: how much of its error goes to the neighbours."""
    packing: Literal["none", "lzw", "deflate"] | None = None
    """Of `tiff`; all are lossless."""
    frames: Literal["first", "all"] | None = None
    """Of `gif`, `webp` and `tiff`: `all` takes each frame of an animated `gif` or `webp` through the
    pipeline."""
    max_bytes: Annotated[int, Field(ge=100, le=2**30, json_schema_extra={"unit": "bytes"})] | None = None
    """Largest file: the best quality that fits is searched for, in at most 8 tries."""
    target_ssim: Annotated[float, Field(ge=0.5, le=0.9999)] | None = None
    """Least structural similarity to the picture before it was written: the lowest quality that has it is
    searched for, in at most 8 tries. 0.98 is hardly told apart; a DSSIM of d is an SSIM of 1 - 2 d."""
    metadata: Policy | None = None
    """EXIF, XMP and IPTC: `strip` writes none, `strip_gps` all but the place, `keep` all. A thumbnail within
    is never kept."""
    keep_copyright: bool | None = None
    """Write EXIF's artist and copyright, even with `strip`."""

    @model_validator(mode="after")
    def _options_belong_to_the_format(self) -> Self:
        faults = list(self._faults())
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults)
        return self

    def _faults(self) -> Iterator[InitErrorDetails]:
        known = self.options_of(self.format)
        for name in sorted(set(Encoding.model_fields) - {"format"} - known):
            if (value := getattr(self, name)) is not None:
                text = "is no option of {format}, which has {expected}"
                context = {"format": self.format, "expected": ", ".join(sorted(known))}
                yield _fault(name, value, PydanticCustomError("not_allowed", text, context))
        if self.format != "auto" and self.effort is not None and known:
            yield from self._faults_of_effort(FORMATS[self.format].efforts)
        if self.lossless and (self.max_bytes or self.target_ssim):
            text = "can't be searched for: a lossless file has one size"
            name = "max_bytes" if self.max_bytes else "target_ssim"
            yield _fault(name, getattr(self, name), PydanticCustomError("not_allowed", text))

    def _faults_of_effort(self, efforts: range) -> Iterator[InitErrorDetails]:
        if efforts and self.effort not in efforts:
            text = "must be {least} to {most} for {format}"
            context = {
                "least": efforts[0],
                "most": efforts[-1],
                "format": self.format,
                "expected": efforts[-1],
            }
            yield _fault("effort", self.effort, PydanticCustomError("out_of_bounds", text, context))

    @staticmethod
    def options_of(format: object) -> set[str]:
        """Return the names of the options that a format has; none of what is no format."""
        if format == "auto":
            return _OF_AUTO
        return set(FORMATS[format].options) if isinstance(format, str) and format in FORMATS else set()

    def option(self, name: str) -> Any:  # noqa: ANN401 - of the option's own type
        """Return an option of the format: what was asked for, else its default."""
        asked = getattr(self, name)
        return FORMATS[self.format].options.get(name) if asked is None else asked

    def of(self, format: OutputFormat) -> "Encoding":
        """Return the same encoding for one of the formats that `auto` chooses from."""
        known = {name: getattr(self, name) for name in _OF_AUTO & set(FORMATS[format].options)}
        return Encoding(format=format, **known)

    @property
    def extension(self) -> str:
        """Extension of the files, without the dot; `auto` as long as nobody knows."""
        return self.format if self.format == "auto" else FORMATS[self.format].extension

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions that files may have, without the dot."""
        names = _CHOICES_OF_AUTO if self.format == "auto" else (self.format,)
        return tuple(FORMATS[name].extension for name in names)


def _fault(name: str, value: object, error: PydanticCustomError) -> InitErrorDetails:
    return {"type": error, "loc": (name,), "input": value}


def describe_formats() -> list[dict[str, Any]]:
    """Return each format, and the JSON Schema of its options if it is written, for `GET /formats`."""
    return [
        {
            "name": each.name,
            "summary": each.summary,
            "extension": each.extension,
            "media_type": each.media_type,
            "reads": True,
            "writes": each.writes,
            "schema": {
                "type": "object",
                "properties": {name: _schema_of(name, each.name) for name in each.options},
            },
        }
        for each in FORMATS.values()
    ]


def describe_not_read() -> list[dict[str, str]]:
    """Return formats that people ask for and that are left out, with the reason, for `GET /formats`."""
    return [{"name": name, "reason": reason} for name, reason in NOT_READ.items()]


def _schema_of(option: str, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = dict(Encoding.model_json_schema()["properties"][option])
    # Left out is null; of what a format takes only the value itself is told.
    schema |= schema.pop("anyOf")[0]
    if option == "effort":
        schema |= {"minimum": FORMATS[name].efforts[0], "maximum": FORMATS[name].efforts[-1]}
    return schema | {"default": FORMATS[name].options[option]}
