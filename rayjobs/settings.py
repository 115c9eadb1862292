"""Every setting: its meaning, its unit and why this default.

Read from the environment as `RAYJOBS_<NAME>`; `REDIS_URL` and `RAY_ADDRESS` keep the names that
everybody knows. A path list is separated as `PATH` is on the platform.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rayjobs.errors import SettingsError
from rayjobs.places import SAMPLES, STATE

_FAMILIAR = {"redis_url", "ray_address"}
"""Their variables have the names that everybody knows."""
WORKER_ID = r"^[!-.0-~]{1,253}$"
"""What a worker may be called: printable ASCII without a space and a `/`, since it stands in a URL."""

_OF_SERVICES = {"redis_url", "ray_address", "api_keys_file", "dashboard_url"}


class Settings(BaseSettings):
    """The settings of every process of rayjobs."""

    model_config = SettingsConfigDict(env_prefix="RAYJOBS_", frozen=True, populate_by_name=True)

    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", validation_alias=AliasChoices("REDIS_URL", "redis_url")
    )
    """Where Redis answers; one logical database for every part. `unix://` URLs work too."""
    ray_address: str = Field("auto", validation_alias=AliasChoices("RAY_ADDRESS", "ray_address"))
    """The Ray cluster that the dispatcher joins; `auto` is the one on this machine."""
    namespace: str = "rayjobs"
    """First part of every Redis key, so that a Redis can be shared."""
    store: str = str(STATE / "store")
    """Folder of record, outputs and uploads; a path or a `file://` URI."""
    samples: Path = SAMPLES
    """Folder of the shipped pictures, the items of a `samples` source."""
    roots: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders under which `paths` and `folder` sources may lie; none means none may."""
    api_keys_file: Path | None = None
    """File with one API key a line; without it the API asks for none (bind to loopback only)."""
    dashboard_url: str | None = None
    """Where people reach the Ray dashboard; shown on the front page."""

    max_inline_items: int = 100_000
    """Items that one request may name; more come as a folder, so that a body stays small."""
    max_samples: int = 10_000_000
    """Items of a `samples` source; it is a load for trials."""
    max_body_bytes: int = 64 * 2**20
    """Bytes of a JSON body: 100,000 paths of 500 characters, with room. Refused at once beyond."""
    max_upload_bytes: int = 512 * 2**20
    """Bytes of one uploaded file, as `max_source_bytes`."""
    body_silence_s: float = 30.0
    """Longest wait for the next piece of a request's body; a client that is slower is answered with 408."""
    max_waiting_batches: int = 10_000
    """Unfinished batches; one more is answered with 429 until one ends."""
    max_presets: int = Field(1000, ge=0)
    """Presets that clients may put: each is a folder, and `GET /presets` reads them all."""
    max_preset_versions: int = Field(1000, ge=1)
    """Versions of each; a program that puts one at every run finds out soon."""
    max_cache_entries: int = Field(100_000, ge=256)
    """Entries of the cache, one file of some KiB for each rendering; the pictures are the batches' own.
    Beyond, the oldest go, in each of its 256 folders by itself: a few of 100 more stand there at times."""
    max_pixels: int = 250_000_000
    """Pixels of a source, all frames together, from its header; phones make 200 MP."""
    max_frames: int = 200
    """Frames of a source, from its header."""
    max_source_bytes: int = 512 * 2**20
    """Bytes of a source; a 250 MP PNG of a photograph has about 400 MiB."""
    max_source_side: int = 65_535
    """Width or height of a source, in px: JPEG's own bound; longer ones are hardly pictures."""
    max_icc_bytes: int = 4 * 2**20
    """Bytes of a source's colour profile, unpacked; those of printers have up to 3 MiB."""
    max_metadata_bytes: int = 8 * 2**20
    """Bytes of a source's EXIF, XMP, IPTC and texts together, unpacked; panoramas embed a second picture."""

    lease_s: float = 15.0
    """Life of a lease, renewed each third of it: the longest wait after a silent loss."""
    leader_s: float = 6.0
    """Life of the dispatcher's lead: how long a new one waits after a loss without a word."""
    heartbeat_s: float = 5.0
    """Longest time between two heartbeats of a worker."""
    worker_ttl_s: float = 15.0
    """Life of a registration: three heartbeats, so that one lost packet means nothing."""
    chunk_floor_ms: float = 60.0
    """Least work of a chunk once the speed of its batch is known; see `lease.Pace`."""
    chunk_cap_ms: float = 1000.0
    """Most work of a chunk once the speed of its batch is known; see `lease.Pace`."""
    speculation: float = Field(4.0, ge=0)
    """While slots are free and nothing waits, a chunk that takes this many times as long as usual is run a
    second time elsewhere, and the first to commit has the word; 0: never."""
    window: float = 2.0
    """Chunks in flight for each slot: one runs and one waits at its door."""
    tidy_after_s: float = Field(3600.0, gt=0)
    """Age at which what dead processes have left in the store is removed: half-written files, empty folders.
    At least twice `item_deadline_s` and twice `body_silence_s`, whatever is said here."""
    retention_s: int = 7 * 24 * 3600
    """How long Redis remembers a batch that has ended; the store keeps its record."""

    engine: Literal["process", "inline"] = "process"
    """Where pictures are handled: in a process of its own for each slot, or in the slot's, to compare."""
    item_deadline_s: float = 120.0
    """Longest time for one picture; the largest that the limits allow take about 20 s."""
    engine_memory_bytes: int = 4 * 2**30
    """Address space of an engine process, half of the machine's memory at most; it begins with 0.4 GiB."""
    engine_large_memory_bytes: int = 16 * 2**30
    """The same for the one more try of a picture that was too large; one at a time, on a whole machine."""
    engine_most_items: int = 10_000
    """Pictures after which an engine process is replaced, whatever decoders leak; it takes some 10 ms."""
    engine_most_rss_bytes: int = 2**30
    """Resident memory of an engine process at rest above which it is replaced: allocators only grow."""

    preview_at_once: int = Field(2, ge=1)
    """Previews and estimates that an API renders at once, each in a process of its own; one more gets 429."""
    preview_deadline_s: float = Field(20.0, gt=0)
    """Longest time of a preview's picture, and of an estimate's sample: somebody waits for the answer."""
    preview_max_pixels: int = 100_000_000
    """Pixels of a source that is previewed: the memory is the API's; less than `max_pixels` on purpose."""
    preview_max_bytes: int = 64 * 2**20
    """Bytes of a source that is previewed: a photograph of 100 MP, as most cameras write it."""
    preview_memory_bytes: int = 2 * 2**30
    """Address space of a process that renders previews, half of the machine's memory at most."""

    worker_id: str = Field("local", pattern=WORKER_ID)
    """Name of this worker: the pod's on a cluster; letters, digits and signs, no space and no `/`."""
    pod: str | None = None
    """Name of the pod that this worker is, on a cluster."""
    liveness: Path | None = None
    """File that the dispatcher touches at each turn of its loop, for a probe."""
    slot_status: Path | None = None
    """Folder that the slots of this worker share with its agent; beside the store by default."""

    @classmethod
    def read(cls) -> "Settings":
        """Return what the environment says.

        Raises:
            SettingsError: Of each variable that can't be used: its name, its value and what is wrong with it.
        """
        try:
            return cls()
        except ValidationError as error:
            said = "; ".join(
                f"{variable(str(one['loc'][0]))}={one['input']!r}: {one['msg']}" for one in error.errors()
            )
            raise SettingsError(f"{said} (see rayjobs/settings.py)") from error

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part).resolve() for part in value.split(os.pathsep) if part)
        return value

    def as_environment(self) -> dict[str, str]:
        """Return what gives another process the same settings, but for where the services are."""
        said = self.model_dump(mode="json", exclude=_OF_SERVICES, exclude_none=True)
        said["roots"] = os.pathsep.join(said["roots"])
        return {variable(name): str(value) for name, value in said.items()}

    @property
    def slot_status_folder(self) -> Path:
        """The folder of `slot_status`, also where none was set."""
        return self.slot_status or Path(self.store.removeprefix("file://")).parent / "slots"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return name.upper() if name.lower() in _FAMILIAR else f"RAYJOBS_{name.upper()}"
