"""Files of every kind, good, odd and damaged, made by each run: the same seed gives the same bytes."""

import numpy as np
from PIL import Image, ImageCms

from rayjobs.codec import Encoding, encode
from tests.support.heic import HEIC
from tests.support.pictures import file_of, picture, vips

Corpus = dict[str, bytes]
"""Name, which describes the file, and its bytes."""

SIZE = 71, 53
"""Odd sides, so that half of each is no integer."""

_MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA", "L"),
    "GIF": ("L", "P", "RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "TGA": ("L", "LA", "P", "RGB", "RGBA"),
    "ICO": ("RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I;16"),
    "AVIF": ("L", "LA", "RGB", "RGBA"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA", "I;16", "YCbCr"),
}
"""Pillow's format, and the modes that it can hold."""

_ORIENTED = ("JPEG", "PNG", "WEBP", "TIFF")
_FRAMED = ("GIF", "WEBP", "TIFF", "PNG", "AVIF")


def good() -> Corpus:
    """Return files that every viewer shows."""
    return {
        **_by_mode(),
        **_by_orientation(),
        **_by_option(),
        **_animated(),
        **_jxl(),
        **{f"heic-{name}": data for name, data in HEIC.items()},
    }


def broken(whole: Corpus) -> Corpus:
    """Return files with a lost end, flipped bits, or the name or header of another format."""
    rng = np.random.default_rng(8)
    files = {}
    for name, data in whole.items():
        for part in (0.02, 0.3, 0.6, 0.95, 0.999):
            files[f"{name}-cut-{part}"] = data[: int(len(data) * part)]
        for turn in range(5):
            files[f"{name}-flipped-{turn}"] = flipped(data, rng, 1 + turn)
        files[f"{name}-noise"] = data[:64] + rng.integers(0, 256, 4000, dtype=np.uint8).tobytes()
        files[f"{name}-tail"] = data + b"tail" * 500
    return files


def flipped(data: bytes, rng: np.random.Generator, times: int) -> bytes:
    """Return the file with a few changed bytes, most of them in its first part, which has the structure."""
    changed = np.frombuffer(data, np.uint8).copy()
    for _ in range(times):
        end = len(changed) if rng.random() < 0.4 else min(len(changed), 300)
        changed[rng.integers(4, max(5, end))] ^= rng.integers(1, 256)
    return changed.tobytes()


def no_pictures() -> Corpus:
    """Return files that are no pictures, despite their names."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    return {
        "empty": b"",
        "one-byte": b"\xff",
        "text": b"this is no picture\n" * 20,
        "html": b"<!doctype html><title>404</title>",
        "svg": svg,
        "svg-xml": b'<?xml version="1.0"?>' + svg,
        "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "mvg": b"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'url:http://127.0.0.1/'\n",
        "zip": b"PK\3\4" + b"\0" * 60,
        "elf": b"\x7fELF" + b"\0" * 60,
        "psd": b"8BPS\0\1" + b"\0" * 40,
        "cur": b"\0\0\2\0\1\0" + b"\0" * 60,
        "pcx": b"\x0a\5\1\x08" + b"\0" * 124,
        "fits": b"SIMPLE  =                    T" + b" " * 2850,
        "exr": b"v/1\1" + b"\0" * 60,
        "hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 9 +X 9\n",
        "vips": b"\xb6\xa6\xf2\x08" + b"\0" * 100,
        "wav": b"RIFF\x24\0\0\0WAVEfmt ",
        "mp4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0" * 40,
        "pam": b"P7\nWIDTH 9\nHEIGHT 9\nDEPTH 3\nMAXVAL 255\nENDHDR\n" + bytes(243),
        "nul": bytes(5000),
    }


def _by_mode() -> Corpus:
    return {
        f"{name.lower()}-{mode}": file_of(_in_mode(mode), name)
        for name, modes in _MODES.items()
        for mode in modes
    }


def _in_mode(mode: str) -> Image.Image:
    if mode.startswith("I"):
        wide = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE[1], SIZE[0])
        return Image.fromarray(wide.astype(np.uint16 if mode == "I;16" else np.int32))
    return picture(*SIZE).convert(mode)


def _by_orientation() -> Corpus:
    files: Corpus = {}
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        exif.get_ifd(0x8825)[1] = "N"
        files |= {
            f"{name.lower()}-turned-{turn}": file_of(picture(*SIZE), name, exif=exif) for name in _ORIENTED
        }
    return files


def _by_option() -> Corpus:
    image = picture(*SIZE)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    return {
        "jpeg-progressive": file_of(image, "JPEG", progressive=True),
        "jpeg-444": file_of(image, "JPEG", subsampling=0),
        "jpeg-422": file_of(image, "JPEG", subsampling=1),
        "jpeg-rgb": file_of(image, "JPEG", keep_rgb=True),
        "jpeg-restarts": file_of(image, "JPEG", restart_marker_blocks=2),
        "jpeg-strange-profile": file_of(image, "JPEG", icc_profile=profile),
        "jpeg-junk-profile": file_of(image, "JPEG", icc_profile=b"junk" * 99),
        "jpeg-comment": file_of(image, "JPEG", comment=b"words" * 999),
        "png-interlaced": vips(image).pngsave_buffer(interlace=True),
        "png-16-rgb": (vips(image).cast("ushort") * 257)
        .cast("ushort")
        .copy(interpretation="rgb16")
        .pngsave_buffer(),
        "png-2-bits": vips(picture(*SIZE, "L")).pngsave_buffer(bitdepth=2),
        "png-see-through-palette": file_of(image.quantize(8), "PNG", transparency=2),
        "png-one-colour-through": file_of(image, "PNG", transparency=(1, 2, 3)),
        "webp-lossless": file_of(image, "WEBP", lossless=True),
        "tiff-lzw": file_of(image, "TIFF", compression="tiff_lzw"),
        "tiff-deflate": file_of(image, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-jpeg": file_of(image, "TIFF", compression="jpeg"),
        "tiff-packbits": file_of(image, "TIFF", compression="packbits"),
        "tiff-fax": file_of(image.convert("1"), "TIFF", compression="group4"),
        "tiff-tiled": vips(image).tiffsave_buffer(tile=True, tile_width=16, tile_height=16),
        "tiff-big": vips(image).tiffsave_buffer(bigtiff=True),
        "tiff-float": vips(image).cast("float").tiffsave_buffer(),
        "ppm-text": b"P3\n# words\n2 2\n255\n" + b"1 2 3 " * 4,
        "pgm-text": b"P2 2 2 15 1 2 3 4",
        "pbm-text": b"P1\n3 2\n1 0 1\n0 1 0\n",
        "avif-lossless": vips(image).heifsave_buffer(compression="av1", lossless=True),
        "avif-10-bits": vips(image).heifsave_buffer(compression="av1", bitdepth=10),
        "jp2-stream": file_of(image, "JPEG2000", no_jp2=True),
        "jp2-lossy": file_of(image, "JPEG2000", quality_layers=[30], irreversible=True),
        "jp2-tiled": file_of(image, "JPEG2000", tile_size=(32, 32)),
        **{f"one-pixel-{name.lower()}": file_of(Image.new("RGB", (1, 1), "red"), name) for name in _MODES},
        **{f"one-wide-{name.lower()}": file_of(Image.new("RGB", (1, 99), "red"), name) for name in _MODES},
    }


def _animated() -> Corpus:
    first, *more = (picture(*SIZE, seed=seed) for seed in range(5))
    return {
        f"{name.lower()}-frames": file_of(first, name, save_all=True, append_images=more, duration=80)
        for name in _FRAMED
    }


def _jxl() -> Corpus:
    files = {}
    for mode in ("L", "LA", "RGB", "RGBA"):
        image = vips(picture(*SIZE, mode))
        files[f"jxl-{mode}"] = encode(image, Encoding(format="jxl")).data
        files[f"jxl-{mode}-lossless"] = encode(image, Encoding(format="jxl", lossless=True)).data
    return files
