"""ImageMagick: mogrify with many pictures for each process, and as many processes as the other tools."""

import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from typing_extensions import override

from rayjobs_cli.benchmark.jobs import Job
from rayjobs_cli.benchmark.pillow_way import CROP, EDITED_WIDTH, TEXT, TEXT_AWAY, TEXT_SIZE
from rayjobs_cli.benchmark.tools import ToolFailedError, Writer

_A_PROCESS = 25
"""Most pictures of one process: its start costs little, and no process waits long for the last."""
_SHARPNESS = "3x3:-1,-1,-1,-1,21,-1,-1,-1,-1"
_EDGES = "3x3:-1,-1,-1,-1,8,-1,-1,-1,-1"
_OPTIONS = {
    # The decoder scales down to no less than twice the thumbnail.
    "thumb": "-define jpeg:size=1024x1024 -auto-orient -thumbnail 512x512> -quality 85 -format jpg",
    "heavy": "-auto-orient -resize 2048x2048! -blur 0x5 "
    f"-define convolve:scale=! -morphology Convolve {_SHARPNESS} "
    f"-define convolve:scale=1 -morphology Convolve {_EDGES} -quality 85 -format jpg",
    "edit": f"-auto-orient -gravity center -crop {CROP[0]}x{CROP[1]}+0+0 +repage -filter Lanczos "
    f"-resize {EDITED_WIDTH} -unsharp 0x2+1.5+0.012 -modulate 100,120 -gravity southeast -fill white "
    f"-pointsize {TEXT_SIZE} -annotate +{TEXT_AWAY}+{TEXT_AWAY} {TEXT.replace(' ', chr(160))} "
    "-quality 80 -define webp:method=4 -format webp",
}
"""Of mogrify; a threshold of 3 levels is 0.012 of the range."""


class ImageMagick(Writer):
    """ImageMagick: each run starts its own processes; nothing can stay warm."""

    def __init__(self, mogrify: str, processes: int, folder: Path) -> None:
        super().__init__("imagemagick", folder)
        self._mogrify = mogrify
        self._processes = processes
        self._running: set[int] = set()

    @override
    def __exit__(self, *_: object) -> None:
        """Do nothing: no process is left after a run."""

    @override
    def run(self, job: Job, pictures: Sequence[Path]) -> float:
        # mogrify names outputs after inputs: a picture that is repeated is written again.
        self._written = [self._folder / f"{each.stem}.{job.extension}" for each in pictures]
        a_process = min(_A_PROCESS, -(-len(pictures) // self._processes))
        parts = [pictures[at : at + a_process] for at in range(0, len(pictures), a_process)]
        start = time.perf_counter()
        with ThreadPoolExecutor(self._processes) as threads:
            list(threads.map(lambda part: self._part(job, part), parts))
        return time.perf_counter() - start

    @override
    def pids(self) -> Iterable[int]:
        return set(self._running)

    def _part(self, job: Job, pictures: Sequence[Path]) -> None:
        options = _OPTIONS[job.pipeline.name].split(" ")
        with subprocess.Popen(
            (self._mogrify, "-path", str(self._folder), *options, *map(str, pictures)),
            env={**os.environ, "MAGICK_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process:
            self._running.add(process.pid)
            _, errors = process.communicate()
            self._running.discard(process.pid)
        if process.returncode:
            raise ToolFailedError(errors.strip()[-200:])
