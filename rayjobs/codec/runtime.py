"""libvips as every process of rayjobs uses it; imported before any other module that makes a picture."""

import logging
from importlib.metadata import version

import pyvips

# One task a core is already as fast as it gets: libvips's own threads gain 0.98x with as many pictures as
# cores.
pyvips.concurrency_set(1)

# No picture is seen twice; a cache of operations would only keep its pixels alive.
pyvips.cache_set_max(0)

# Loaders are an allow-list: SVG, PDF, EPS, raw data and what libvips gains one day can't be reached by any
# road. Among the allowed none is that libvips itself calls untrusted.
pyvips.operation_block_set("VipsForeignLoad", state=True)
for _loader in ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif"):
    pyvips.operation_block_set(f"VipsForeignLoad{_loader}", state=False)
pyvips.block_untrusted_set(state=True)

# libvips and its decoders warn through GLib about odd files; what matters comes as an error.
logging.getLogger("pyvips").setLevel(logging.ERROR)


_LIBRARIES = ("pyvips", "simplejpeg", "pillow", "pi-heif", "pillow-jxl-plugin")
"""Packages that decode or encode."""


def engine_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what pixels come out."""
    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    return {"libvips": libvips} | {name: version(name) for name in _LIBRARIES}
