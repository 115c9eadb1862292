"""Bytes to pixels and back: formats, limits checked before decoding, orientation and colour taken care of."""

from rayjobs.codec.decoding import decode
from rayjobs.codec.encoding import Encoding, describe_formats, encode
from rayjobs.codec.facts import facts
from rayjobs.codec.formats import FORMATS, Format
from rayjobs.codec.header import Header, read_header
from rayjobs.codec.limits import Limits
from rayjobs.codec.runtime import engine_versions
from rayjobs.codec.truncation import unreadable

__all__ = [
    "FORMATS",
    "Encoding",
    "Format",
    "Header",
    "Limits",
    "decode",
    "describe_formats",
    "encode",
    "engine_versions",
    "facts",
    "read_header",
    "unreadable",
]
