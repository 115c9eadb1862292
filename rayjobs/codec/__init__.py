"""Bytes to pixels and back: formats, limits checked before decoding, orientation and colour taken care of.

runtime      libvips, set up once
formats      what can be read or written, as data; `options` what a client may say of it
limits       what a file may ask of us
structure    the parts of a file, stepped over; `boxes`, `directory`, `frames` those of several formats
header       what it says of its picture; `facts` all that it says; `truncation` whether it was cut
decoding     pixels out of it, by libvips or `jpeg`, `deep`, `heif`, `jxl`, `pillow`, `bitmap`, `icon`
layout       which TIFF's pixels are right, and by whom; `samples` reads the rest, `strip` by `strip`
animation    its frames apart, and together again
colour       to sRGB, from an `icc` profile or other `colour_signalling`; `orientation` upright
encoding     a file again, by `writing`: by libvips or `jpeg`, `jxl`, `webp`
search       the quality for a size or a `similarity`
metadata     what is written beside the pixels
"""

from rayjobs.codec.animation import is_animated, joined
from rayjobs.codec.decoding import decode, decode_frames, scaling
from rayjobs.codec.encoding import Beside, Encoded, encode
from rayjobs.codec.facts import facts
from rayjobs.codec.formats import FORMATS, SUFFIXES, Format
from rayjobs.codec.header import Header, read_header
from rayjobs.codec.limits import Limits
from rayjobs.codec.options import Encoding, Reading, describe_formats, describe_not_read
from rayjobs.codec.orientation import upright
from rayjobs.codec.runtime import engine_versions
from rayjobs.codec.truncation import unreadable

__all__ = [
    "FORMATS",
    "SUFFIXES",
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
    "describe_not_read",
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
