"""What a file may ask of us, checked from its header before anything is decoded."""

from dataclasses import dataclass

from rayjobs.errors import SourceTooLargeError, TooManyFramesError, TooManyPixelsError


@dataclass(frozen=True)
class Limits:
    """Upper bounds of one source; each is a setting of the same name."""

    max_pixels: int = 250_000_000
    """Pixels, all frames together; `RAYJOBS_MAX_PIXELS`."""
    max_frames: int = 200
    """Frames or pages; `RAYJOBS_MAX_FRAMES`."""
    max_source_bytes: int = 512 * 2**20
    """Bytes of the file; `RAYJOBS_MAX_SOURCE_BYTES`."""

    def check_bytes(self, size: int) -> None:
        """Raise `SourceTooLargeError` if the file has more than `max_source_bytes`."""
        if size > self.max_source_bytes:
            detail = _refusal(size, "bytes", self.max_source_bytes, "MAX_SOURCE_BYTES")
            raise SourceTooLargeError(detail, limit=self.max_source_bytes, actual=size)

    def check_picture(self, width: int, height: int, frames: int) -> None:
        """Check what the header declares.

        Raises:
            TooManyFramesError: More than `max_frames`.
            TooManyPixelsError: All frames together have more than `max_pixels`.
        """
        if frames > self.max_frames:
            detail = _refusal(frames, "frames", self.max_frames, "MAX_FRAMES")
            raise TooManyFramesError(detail, limit=self.max_frames, actual=frames)
        if (pixels := width * height * frames) > self.max_pixels:
            what = f"pixels ({width} x {height}" + (f" x {frames} frames)" if frames > 1 else ")")
            detail = _refusal(pixels, what, self.max_pixels, "MAX_PIXELS")
            raise TooManyPixelsError(detail, limit=self.max_pixels, actual=pixels)


def _refusal(actual: int, what: str, limit: int, setting: str) -> str:
    return f"the file has {actual:,} {what}, the limit is {limit:,} (RAYJOBS_{setting})"
