"""EXIF, XMP and IPTC of a file, and how much of them is written again."""

import re
from dataclasses import dataclass, replace
from typing import Literal

import pyvips
from PIL import Image as PillowImage

from rayjobs.codec.icc import sound
from rayjobs.codec.tiff_layout import Layout

Policy = Literal["strip", "keep", "strip_gps"]
"""How metadata of the source is written: none, all, or all without the place."""

HEAD = b"Exif\0\0"
"""The prefix of EXIF in a JPEG, which libvips expects too."""

PROFILE = "icc-profile-data"
"""libvips's field for the colour profile."""

_ORIENTATION, _ARTIST, _COPYRIGHT = 0x0112, 0x013B, 0x8298
_EXIF_IFD, _GPS_IFD, _MAKER_NOTE = 0x8769, 0x8825, 0x927C
"""Tags. Source: CIPA DC-008 (Exif 2.32), section 4.6."""

_DESCRIPTIVE_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, _ARTIST, _COPYRIGHT)
"""Tags of a TIFF that describe the picture, not its storage. Source: TIFF 6.0, section 8."""

_KEEP = {"exif-data": 1, "xmp-data": 2, "iptc-data": 4, PROFILE: 8}
"""libvips's field: its bit of `VipsForeignKeep`."""


@dataclass(frozen=True)
class Metadata:
    """The raw metadata of a file."""

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of all three together."""
        return len(self.exif) + len(self.xmp) + len(self.iptc)

    def under(self, policy: Policy, *, keep_copyright: bool, orientation: int) -> "Metadata":
        """Return the metadata that may be written.

        Args:
            policy: `strip_gps` also removes the maker's own notes, which may contain the place too, and XMP
                that mentions GPS.
            keep_copyright: Whether artist and copyright of the EXIF stay, even under `strip`.
            orientation: EXIF orientation of the written pixels.
        """
        if policy == "strip" and not keep_copyright:
            return Metadata()
        exif = _rewritten(self.exif, policy, orientation)
        if policy == "strip":
            return Metadata(exif=exif)
        xmp = b"" if policy == "strip_gps" and b"GPS" in self.xmp else self.xmp
        turned = rb"\g<1>%d" % orientation
        return replace(self, exif=exif, xmp=re.sub(rb"(tiff:Orientation(?:=.|>))\d", turned, xmp))


def _rewritten(raw: bytes, policy: Policy, orientation: int) -> bytes:
    """Return the EXIF that may be written; empty if it is damaged, or nothing is left.

    Its thumbnail is never written, because it would show areas that were cut off or blurred. Pillow omits it.
    """
    exif = PillowImage.Exif()
    try:
        exif.load(raw)
        if policy == "strip":
            kept = {tag: exif[tag] for tag in (_ARTIST, _COPYRIGHT) if tag in exif}
            exif = PillowImage.Exif()
            exif.update(kept)
        else:
            exif[_ORIENTATION] = orientation
        if policy == "strip_gps":
            exif.pop(_GPS_IFD, None)
            exif.get_ifd(_EXIF_IFD).pop(_MAKER_NOTE, None)
        return exif.tobytes() if len(exif) else b""
    except Exception:  # noqa: BLE001 - Pillow raises many classes, and damaged EXIF must not lose the picture
        return b""


def with_exif_of_tiff(image: pyvips.Image, data: bytes) -> pyvips.Image:
    """Return the picture with the EXIF of its TIFF's tags, which libvips does not read."""
    whole, exif = PillowImage.Exif(), PillowImage.Exif()
    try:
        whole.load(data)
        exif.update({tag: whole[tag] for tag in _DESCRIPTIVE_TAGS if tag in whole})
        for ifd in (_EXIF_IFD, _GPS_IFD):
            if ifd in whole:
                exif.get_ifd(ifd).update(whole.get_ifd(ifd))
        raw = exif.tobytes() if len(exif) else b""
    except Exception:  # noqa: BLE001 - as above
        return image
    if raw:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "exif-data", raw)
    return image


def placeholder(layout: Layout) -> pyvips.Image:
    """Return one pixel of a TIFF's sample format, with the file's profile, XMP and IPTC."""
    format = _SAMPLE_FORMATS.get((layout.kind, layout.bits), "uchar" if layout.bits <= 8 else "ushort")  # noqa: PLR2004 - bits
    image = pyvips.Image.black(1, 1, bands=layout.samples).cast(format)
    image = image.copy(interpretation="b-w" if layout.is_gray else "srgb")
    for name, tag in _METADATA_TAGS.items():
        if raw := layout.raw(tag):
            image.set_type(pyvips.GValue.blob_type, name, raw)
    return image


_SAMPLE_FORMATS = {
    (1, 32): "uint",
    (1, 24): "uint",
    (3, 16): "float",
    (3, 32): "float",
    (3, 64): "double",
}
"""Kind of number and bits: libvips's band format."""

_METADATA_TAGS = {"xmp-data": 700, "iptc-data": 33723, PROFILE: 34675}
"""libvips's field: the tag of a TIFF."""


def with_metadata(image: pyvips.Image, metadata: Metadata, profile: bytes | None) -> tuple[pyvips.Image, int]:
    """Return a copy with exactly this metadata and profile, and the bits for libvips's `keep`."""
    image = image.copy()
    for name in image.get_fields():
        # The loader sets fields such as exif-ifd3-GPSLatitude, and libvips would write them into our EXIF.
        if name in _KEEP or name in {"orientation", "jpeg-thumbnail-data"} or name.startswith("exif-"):
            image.remove(name)
    exif = metadata.exif and HEAD + metadata.exif.removeprefix(HEAD)
    values = exif, metadata.xmp, metadata.iptc, profile
    kept = 0
    for (name, bit), value in zip(_KEEP.items(), values, strict=True):
        if value:
            image.set_type(pyvips.GValue.blob_type, name, value)
            kept |= bit
    return image, kept


def metadata_of(image: pyvips.Image | PillowImage.Image) -> Metadata:
    """Return the metadata of an opened picture; no pixel is decoded."""
    if isinstance(image, pyvips.Image):
        return Metadata(*(_field(image, f"{kind}-data") for kind in ("exif", "xmp", "iptc")))
    return Metadata(*(_bytes(image.info.get(kind)) for kind in ("exif", "xmp")))


def profile_of(image: pyvips.Image | PillowImage.Image) -> bytes | None:
    """Return the ICC profile of an opened picture; None if it has none or a damaged one."""
    is_vips = isinstance(image, pyvips.Image)
    return sound(_field(image, PROFILE) if is_vips else _bytes(image.info.get("icc_profile")))


def _field(image: pyvips.Image, name: str) -> bytes:
    return bytes(image.get(name)) if image.get_typeof(name) else b""


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
