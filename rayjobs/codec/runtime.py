"""libvips as every process of rayjobs uses it; imported before any other module that makes a picture."""

import logging

import pyvips

# One task a core is already as fast as it gets: libvips's own threads gain 0.98x with as many pictures as
# cores.
pyvips.concurrency_set(1)

# No picture is seen twice; a cache of operations would only keep its pixels alive.
pyvips.cache_set_max(0)

# Formats whose decoders were not made for hostile input can't be reached by any road.
pyvips.block_untrusted_set(state=True)

# libvips and its decoders warn through GLib about odd files; what matters comes as an error.
logging.getLogger("pyvips").setLevel(logging.ERROR)


def engine_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what pixels come out."""
    from importlib.metadata import version  # noqa: PLC0415 - only the agent asks, once

    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    return {"libvips": libvips} | {name: version(name) for name in ("pyvips", "simplejpeg", "pillow")}
