"""Bytes to pixels and back: formats, limits that are checked before decoding, orientation and colour.

runtime      sets up libvips, once in each process
formats      the formats that are read or written, as data; `options`: what a client may ask for
limits       the most that a file may declare
structure    walks over the parts of a file; `boxes`, `frames` and `tiff_directory` read several formats
header       the properties of the picture; `facts` lists all that the file contains about it
truncation   distinguishes a cut file from a broken one
decoding     a file to pixels, by libvips, `jpeg`, `heif`, `jxl`, `webp`, `pillow`, `bitmap` or `icon`;
             `twelve_bit_jpeg` decodes a JPEG of 12 bits a sample
tiff_layout  how a TIFF stores its samples, and which reader decodes them correctly; `sample_formats`
             decodes those that libvips does not, with `tiff_strip`
animation    joins the frames of an animation for the encoder
colour       to sRGB, by an `icc` profile or by `colour_signalling`; `orientation` turns upright
encoding     pixels to a file; `writing` has the encoder of each format
search       the quality that fits a size or a `similarity`
metadata     EXIF, XMP, IPTC and the profile, and how much of them is written
"""

from rayjobs.codec.animation import is_animated, joined
from rayjobs.codec.decoding import decode, decode_frames, scaling
from rayjobs.codec.encoding import AncillaryData, Encoded, encode
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
    "AncillaryData",
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
