"""Bytes to pixels and back: formats, limits checked before decoding, orientation and colour taken care of."""

from rayjobs.codec.animation import is_animated, joined
from rayjobs.codec.decoding import decode, decode_frames, scaling
from rayjobs.codec.encoding import Beside, Encoded, encode
from rayjobs.codec.facts import facts
from rayjobs.codec.formats import FORMATS, Format
from rayjobs.codec.header import Header, read_header
from rayjobs.codec.limits import Limits
from rayjobs.codec.options import Encoding, Reading, describe_formats
from rayjobs.codec.orientation import upright
from rayjobs.codec.runtime import engine_versions
from rayjobs.codec.truncation import unreadable

__all__ = [
    "FORMATS",
    "Beside",
    "Encoded",
    "Encoding",
    "Format",
    "Header",
    "Limits",
    "Reading",
    "decode",
    "decode_frames",
    "describe_formats",
    "encode",
    "engine_versions",
    "facts",
    "is_animated",
    "joined",
    "read_header",
    "scaling",
    "unreadable",
    "upright",
]
