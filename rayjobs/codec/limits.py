"""The most that a source file may declare, checked before a pixel is decoded."""

from dataclasses import dataclass, fields

from rayjobs.errors import SourceTooLargeError, TooManyFramesError, TooManyPixelsError
from rayjobs.settings import Settings

_SETTINGS = Settings.model_fields


@dataclass(frozen=True)
class Limits:
    """Upper bounds of one source; each is the setting of the same name."""

    max_pixels: int = _SETTINGS["max_pixels"].default
    """Pixels, all frames together; `RAYJOBS_MAX_PIXELS`."""
    max_frames: int = _SETTINGS["max_frames"].default
    """Frames or pages; `RAYJOBS_MAX_FRAMES`."""
    max_source_bytes: int = _SETTINGS["max_source_bytes"].default
    """Bytes of the file; `RAYJOBS_MAX_SOURCE_BYTES`."""
    max_source_side: int = _SETTINGS["max_source_side"].default
    """Width or height, in px; `RAYJOBS_MAX_SOURCE_SIDE`."""
    max_icc_bytes: int = _SETTINGS["max_icc_bytes"].default
    """Bytes of the colour profile, unpacked; `RAYJOBS_MAX_ICC_BYTES`."""
    max_metadata_bytes: int = _SETTINGS["max_metadata_bytes"].default
    """Bytes of EXIF, XMP, IPTC and texts together, unpacked; `RAYJOBS_MAX_METADATA_BYTES`."""

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Return the limits of the settings."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(cls)})

    def check_bytes(self, size: int) -> None:
        """Raise `SourceTooLargeError` if the file has more than `max_source_bytes`."""
        if size > self.max_source_bytes:
            detail = _refusal(size, "bytes", self.max_source_bytes, "MAX_SOURCE_BYTES")
            raise SourceTooLargeError(detail, limit=self.max_source_bytes, actual=size)

    def check_picture(self, width: int, height: int, frames: int) -> None:
        """Check the size and the number of frames that will be decoded.

        Raises:
            TooManyFramesError: There are more than `max_frames`.
            TooManyPixelsError: A side is longer than `max_source_side`, or all frames together have more
                than `max_pixels`.
        """
        self.check_frames(frames)
        if (pixels := width * height * frames) > self.max_pixels:
            what = f"pixels ({width} x {height}" + (f" x {frames} frames)" if frames > 1 else ")")
            detail = _refusal(pixels, what, self.max_pixels, "MAX_PIXELS")
            raise TooManyPixelsError(detail, limit=self.max_pixels, actual=pixels)
        if (side := max(width, height)) > self.max_source_side:
            detail = _refusal(side, "px along a side", self.max_source_side, "MAX_SOURCE_SIDE")
            raise TooManyPixelsError(detail, limit=self.max_source_side, actual=side)

    def check_frames(self, frames: int) -> None:
        """Raise `TooManyFramesError` if there are more than `max_frames`."""
        if frames > self.max_frames:
            detail = _refusal(frames, "frames", self.max_frames, "MAX_FRAMES")
            raise TooManyFramesError(detail, limit=self.max_frames, actual=frames)

    def check_frames_so_far(self, frames: int) -> None:
        """Raise `TooManyFramesError` once more than `max_frames` are counted; the file may have even more."""
        if frames > self.max_frames:
            more = f"more than {self.max_frames:,}"
            detail = f"the file has {more} frames, the limit is {self.max_frames:,} (RAYJOBS_MAX_FRAMES)"
            raise TooManyFramesError(detail, limit=self.max_frames, actual=more)

    def check_profile(self, size: int) -> None:
        """Raise `SourceTooLargeError` if the colour profile has more than `max_icc_bytes`."""
        if size > self.max_icc_bytes:
            detail = _refusal(size, "bytes of colour profile", self.max_icc_bytes, "MAX_ICC_BYTES")
            raise SourceTooLargeError(detail, limit=self.max_icc_bytes, actual=size)

    def check_metadata(self, size: int) -> None:
        """Raise `SourceTooLargeError` if metadata and texts have more than `max_metadata_bytes`."""
        if size > self.max_metadata_bytes:
            detail = _refusal(size, "bytes of metadata", self.max_metadata_bytes, "MAX_METADATA_BYTES")
            raise SourceTooLargeError(detail, limit=self.max_metadata_bytes, actual=size)


def _refusal(actual: int, what: str, limit: int, setting: str) -> str:
    return f"the file has {actual:,} {what}, the limit is {limit:,} (RAYJOBS_{setting})"
