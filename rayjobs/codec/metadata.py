"""What a file says about its picture beside the pixels, and how much of that is written again."""

import re
from dataclasses import dataclass, replace
from typing import Literal

import pyvips
from PIL import Image as PillowImage

from rayjobs.codec.icc import sound
from rayjobs.codec.tiff_layout import Layout

Policy = Literal["strip", "keep", "strip_gps"]
"""What becomes of metadata."""

HEAD = b"Exif\0\0"
"""What EXIF begins with in a JPEG, and what libvips expects before it."""

PROFILE = "icc-profile-data"
"""libvips's name of a colour profile."""

_ORIENTATION, _ARTIST, _COPYRIGHT = 0x0112, 0x013B, 0x8298
_EXIF_IFD, _GPS_IFD, _MAKER_NOTE = 0x8769, 0x8825, 0x927C
"""Tags. Source: CIPA DC-008 (Exif 2.32), section 4.6."""

_TOLD_BY_TIFF = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, _ARTIST, _COPYRIGHT)
"""Tags of a TIFF that tell of its picture, not of how it is stored. Source: TIFF 6.0, section 8."""

_KEEP = {"exif-data": 1, "xmp-data": 2, "iptc-data": 4, PROFILE: 8}
"""libvips's name of a field, and its bit of `VipsForeignKeep`."""


@dataclass(frozen=True)
class Metadata:
    """Metadata as it stands in files, without interpretation."""

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.exif) + len(self.xmp) + len(self.iptc)

    def under(self, policy: Policy, *, keep_copyright: bool, orientation: int) -> "Metadata":
        """Return what may be written.

        Args:
            policy: `strip_gps` also takes the maker's own notes, which may tell the place as well, and XMP
                that speaks of GPS.
            keep_copyright: Artist and copyright of the EXIF stay, even under `strip`.
            orientation: Of the pixels that are written.
        """
        if policy == "strip" and not keep_copyright:
            return Metadata()
        exif = _rewritten(self.exif, policy, orientation)
        if policy == "strip":
            return Metadata(exif=exif)
        told = b"" if policy == "strip_gps" and b"GPS" in self.xmp else self.xmp
        turned = rb"\g<1>%d" % orientation
        return replace(self, exif=exif, xmp=re.sub(rb"(tiff:Orientation(?:=.|>))\d", turned, told))


def _rewritten(raw: bytes, policy: Policy, orientation: int) -> bytes:
    """Return the EXIF with what may stay; empty if it can't be read, or nothing is left.

    Its thumbnail, which would show what was cut off or blurred, never stays: Pillow does not write it.
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
    except Exception:  # noqa: BLE001 - whatever Pillow stumbles over, damaged EXIF loses no picture
        return b""


def with_exif_of_tiff(image: pyvips.Image, data: bytes) -> pyvips.Image:
    """Return the picture with what its TIFF file says as EXIF: there they are one, and libvips reads none."""
    whole, exif = PillowImage.Exif(), PillowImage.Exif()
    try:
        whole.load(data)
        exif.update({tag: whole[tag] for tag in _TOLD_BY_TIFF if tag in whole})
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


def stand_in(layout: Layout) -> pyvips.Image:
    """Return a dot of a TIFF's kind of samples, with what the file says beside its pixels."""
    format = _FORMATS_OF_SAMPLES.get((layout.kind, layout.bits), "uchar" if layout.bits <= 8 else "ushort")  # noqa: PLR2004 - bits
    image = pyvips.Image.black(1, 1, bands=layout.samples).cast(format)
    image = image.copy(interpretation="b-w" if layout.is_gray else "srgb")
    for name, tag in _TAGS_BESIDE.items():
        if raw := layout.raw(tag):
            image.set_type(pyvips.GValue.blob_type, name, raw)
    return image


_FORMATS_OF_SAMPLES = {
    (1, 32): "uint",
    (1, 24): "uint",
    (3, 16): "float",
    (3, 32): "float",
    (3, 64): "double",
}
"""Kind of number and bits: libvips's name."""

_TAGS_BESIDE = {"xmp-data": 700, "iptc-data": 33723, PROFILE: 34675}
"""libvips's name of a field: a TIFF's tag."""


def with_metadata(image: pyvips.Image, metadata: Metadata, profile: bytes | None) -> tuple[pyvips.Image, int]:
    """Return a copy that carries just this, and the bits for libvips's `keep`."""
    image = image.copy()
    for name in image.get_fields():
        # exif-ifd3-GPSLatitude and the like: as the loader read them; libvips writes them into our EXIF.
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
    """Return the metadata of a picture that was opened and not decoded yet."""
    if isinstance(image, pyvips.Image):
        return Metadata(*(_field(image, f"{kind}-data") for kind in ("exif", "xmp", "iptc")))
    return Metadata(*(_bytes(image.info.get(kind)) for kind in ("exif", "xmp")))


def profile_of(image: pyvips.Image | PillowImage.Image) -> bytes | None:
    """Return the colour profile of a picture that was opened and not decoded yet; of a damaged one None."""
    is_libvipss = isinstance(image, pyvips.Image)
    return sound(_field(image, PROFILE) if is_libvipss else _bytes(image.info.get("icc_profile")))


def _field(image: pyvips.Image, name: str) -> bytes:
    return bytes(image.get(name)) if image.get_typeof(name) else b""


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
