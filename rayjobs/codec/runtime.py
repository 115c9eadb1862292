"""The set-up of libvips in every process; imported before any module that makes a picture."""

import logging
from importlib.metadata import version

import pyvips

# Each core has a task already: with as many pictures as cores, libvips's own threads give 0.98 times the
# speed.
pyvips.concurrency_set(1)

# No picture is used twice; a cache of operations would only keep its pixels in memory.
pyvips.cache_set_max(0)

# Loaders are an allow-list: SVG, PDF, EPS, raw data and future loaders of libvips can never be called.
# libvips marks none of the allowed loaders as untrusted.
pyvips.operation_block_set("VipsForeignLoad", state=True)
for _loader in ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif"):
    pyvips.operation_block_set(f"VipsForeignLoad{_loader}", state=False)
pyvips.block_untrusted_set(state=True)

# libvips and its decoders warn through GLib about odd files; a fault that matters is raised as an error.
logging.getLogger("pyvips").setLevel(logging.ERROR)


_LIBRARIES = ("pyvips", "simplejpeg", "pillow", "pi-heif", "pillow-jxl-plugin")
"""Packages that decode or encode."""


def engine_versions() -> dict[str, str]:
    """Return the versions of the libraries that determine the pixels."""
    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    return {"libvips": libvips} | {name: version(name) for name in _LIBRARIES}
