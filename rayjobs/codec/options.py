"""The options for reading and writing files, typed, bounded and checked against the format."""

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
"""Options of `auto`; the chosen format gets those that it has."""

_CHOICES_OF_AUTO: tuple[OutputFormat, ...] = ("jpeg", "png", "webp")


class Reading(BaseModel):
    """How source files are read."""

    model_config = _CONFIG

    page: Annotated[int, Field(ge=0, le=9999)] = 0
    """The page of a `tiff`, the frame of a `gif` or `webp`, counted from 0; the other formats have one."""
    on_truncated: Literal["fail", "salvage"] = "fail"
    """What to do with a cut file: `salvage` takes the rows that the file has. The rest stays black, gray or
    transparent, and the item's input has `salvaged`. For `jpeg`, `png`, `gif`, `tiff`, `bmp` and `ppm`."""
    profile: Literal["srgb", "keep"] = "srgb"
    """`srgb` converts the colours to sRGB. `keep` leaves them as they are and writes their ICC profile; CMYK
    becomes sRGB even so."""


class Encoding(BaseModel):
    """How pictures are written. `GET /formats` lists the default of each option for each format."""

    model_config = _CONFIG

    format: Literal[OutputFormat, "auto"] = "jpeg"
    """`jpeg` flattens alpha on white; `png` and `tiff` are lossless; `webp`, `avif` and `jxl` are smaller and
    keep alpha. `auto`: `webp` if there is alpha, else `jpeg`; `png` where it is smaller, as for drawings."""
    quality: Annotated[int, Field(ge=1, le=100)] | None = None
    """For `jpeg`, `webp`, `avif` and `jxl`, each with its own scale; 1 is the worst. A search tries no
    quality above it."""
    lossless: bool | None = None
    """For `webp`, `avif` and `jxl`: no pixel changes (`avif`: except by rounding), and `quality` is
    ignored."""
    effort: Annotated[int, Field(ge=0, le=10)] | None = None
    """More takes more time for smaller files: `webp` 0 to 6, `avif` 0 to 9, `jxl` 1 to 9, `gif` 1 to 10."""
    chroma: Literal["420", "444"] | None = None
    """For `jpeg` and `avif`: `420` has colour at half the size, `444` at full size for drawings and red
    text."""
    progressive: bool | None = None
    """For `jpeg`, `png` and `gif`: a coarse picture appears first; png and gif files become larger."""
    optimise: Literal["none", "tables", "trellis"] | None = None
    """For `jpeg`, by mozjpeg: `tables` is lossless and 2 % smaller; `trellis` also drops the least visible
    detail, for about 10 % smaller files in 8 times the time."""
    compression: Annotated[int, Field(ge=0, le=9)] | None = None
    """For `png`: zlib's level. For a photograph, 1 takes half the time of 6 and 17 % more bytes."""
    palette: Literal[2, 4, 16, 256] | None = None
    """For `png` and `gif`: the largest number of colours, chosen for the picture."""
    dither: Annotated[float, Field(ge=0, le=1)] | None = None
    """For `png` and `gif` with a palette: the part of the error that is passed to neighbour pixels."""
    packing: Literal["none", "lzw", "deflate"] | None = None
    """The compression of a `tiff`; all are lossless."""
    frames: Literal["first", "all"] | None = None
    """For `gif`, `webp` and `tiff`: `all` runs the pipeline on each frame of an animated `gif` or `webp`."""
    max_bytes: Annotated[int, Field(ge=100, le=2**30, json_schema_extra={"unit": "bytes"})] | None = None
    """Largest size of the file: a search finds the best quality that fits, in at most 8 tries."""
    target_ssim: Annotated[float, Field(ge=0.5, le=0.9999)] | None = None
    """Least structural similarity (SSIM) of the file to the picture: a search finds the lowest quality that
    has it, in at most 8 tries. 0.98 is hardly visible; a DSSIM of d is an SSIM of 1 - 2 d."""
    metadata: Policy | None = None
    """EXIF, XMP and IPTC: `strip` writes none, `strip_gps` all except the place, `keep` all. An embedded
    thumbnail is never kept."""
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
        """Return the names of the options of a format; none for an unknown format."""
        if format == "auto":
            return _OF_AUTO
        return set(FORMATS[format].options) if isinstance(format, str) and format in FORMATS else set()

    def option(self, name: str) -> Any:  # noqa: ANN401 - each option has its own type
        """Return the value of an option: the requested one, else the default of the format."""
        requested = getattr(self, name)
        return FORMATS[self.format].options.get(name) if requested is None else requested

    def of(self, format: OutputFormat) -> "Encoding":
        """Return the same encoding for one of the formats that `auto` chooses from."""
        known = {name: getattr(self, name) for name in _OF_AUTO & set(FORMATS[format].options)}
        return Encoding(format=format, **known)

    @property
    def extension(self) -> str:
        """Extension of the files, without the dot; `auto` if the format is not chosen yet."""
        return self.format if self.format == "auto" else FORMATS[self.format].extension

    @property
    def extensions(self) -> tuple[str, ...]:
        """All extensions that the files may have, without the dot."""
        names = _CHOICES_OF_AUTO if self.format == "auto" else (self.format,)
        return tuple(FORMATS[name].extension for name in names)


def _fault(name: str, value: object, error: PydanticCustomError) -> InitErrorDetails:
    return {"type": error, "loc": (name,), "input": value}


def describe_formats() -> list[dict[str, Any]]:
    """Return each format, with the JSON Schema of its options, for `GET /formats`."""
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
    """Return the formats that are not read, with the reason, for `GET /formats`."""
    return [{"name": name, "reason": reason} for name, reason in NOT_READ.items()]


def _schema_of(option: str, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = dict(Encoding.model_json_schema()["properties"][option])
    # A missing option is null; the schema describes only the values of a given one.
    schema |= schema.pop("anyOf")[0]
    if option == "effort":
        schema |= {"minimum": FORMATS[name].efforts[0], "maximum": FORMATS[name].efforts[-1]}
    return schema | {"default": FORMATS[name].options[option]}
