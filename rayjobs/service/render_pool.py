"""Single pictures tried outside of any batch, for previews and estimates, in engine processes for that alone.

They are started at the first need, kept, and replaced when a picture ends one: the process that asks for them
never handles a picture itself. What they write lies among their half-written files, and goes with those.
"""

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from rayjobs.engine.assignment import Assignment
from rayjobs.engine.process.supervisor import EngineSupervisor
from rayjobs.errors import PreviewsBusyError, WorkerCrashedError, WorkerOutOfMemoryError
from rayjobs.model.item import Item, Outcome
from rayjobs.ports import Store
from rayjobs.record.layout import OUTPUTS, PARTS, output_key
from rayjobs.settings import Settings

_WAIT_S = 1.0
"""How long one more waits for a place before it is refused: most previews are done by then."""

_OWN_LIMITS = {
    "max_pixels": "preview_max_pixels",
    "max_source_bytes": "preview_max_bytes",
    "item_deadline_s": "preview_deadline_s",
    "engine_memory_bytes": "preview_memory_bytes",
}
"""A limit of the workers: what takes its place here, where that is less."""

_OF_A_PREVIEW = "RAYJOBS_PREVIEW_"

Start = Callable[[Settings, int, str], EngineSupervisor]
"""Makes a keeper from its settings, its number, and the prefix of what it begins to write."""


def is_of_its_limits(outcome: Outcome) -> bool:
    """Whether a picture failed by what a preview may take, which is less than what a worker may."""
    error = outcome.error
    return error is not None and (error.code == WorkerOutOfMemoryError.code or _OF_A_PREVIEW in error.detail)


class PooledEngine:
    """One engine process and the place of its files, for one caller at a time."""

    def __init__(
        self, store: Store, keeper: EngineSupervisor, batch_id: str, words: Mapping[str, str]
    ) -> None:
        """Take a batch's id that no client can ask for, and what settings are to be called in errors."""
        self._store = store
        self._keeper = keeper
        self._batch_id = batch_id
        self._words = words

    def carry_out(self, document: dict[str, Any], item: Item) -> tuple[Outcome, float]:
        """Return what became of a picture, and the seconds of processor time that it took.

        Raises:
            StoreUnavailableError: The store is away.
            EngineUnavailableError: No engine process can be kept alive.
        """
        outcome, took_s = self._tried(document, item)
        if outcome.error is not None and outcome.error.code == WorkerCrashedError.code:
            outcome, took_s = self._tried(document, item)  # it may have been ended from outside
        return self._in_own_words(outcome), took_s

    def _tried(self, document: dict[str, Any], item: Item) -> tuple[Outcome, float]:
        self._keeper.warm()
        before_s = self._keeper.processor_s()
        [outcome] = self._keeper.carry_out(Assignment(self._batch_id, 1, _alone(document), (item,)))
        took_s = self._keeper.processor_s() - before_s
        # Too short for the kernel's clock, or the process was replaced.
        return outcome, took_s if took_s > 0 else outcome.duration_ms / 1000

    def open(self, output: dict[str, Any]) -> BinaryIO | None:
        """Open a file that was made, to be read to its end even when it is cleared away."""
        return self._store.open(output_key(self._batch_id, output["name"]))

    def clear(self) -> None:
        """Remove the files that were made."""
        self._store.delete(f"{OUTPUTS}/{self._batch_id}")

    def close(self) -> None:
        """End the engine process."""
        self._keeper.close()

    def _in_own_words(self, outcome: Outcome) -> Outcome:
        if outcome.error is None:
            return outcome
        detail = outcome.error.detail
        for theirs, own in self._words.items():
            detail = detail.replace(theirs, own)
        return replace(outcome, error=replace(outcome.error, detail=detail))


class RenderPool:
    """As many desks as settings say; safe to be asked from several threads."""

    def __init__(self, settings: Settings, store: Store, start: Start) -> None:
        self._settings = settings
        self._store = store
        self._start = start
        self._places = threading.Semaphore(settings.preview_at_once)
        self._changing = threading.Lock()
        self._idle: list[PooledEngine] = []
        self._started = 0
        self._closed = False
        self._board: TemporaryDirectory[str] | None = None

    @contextmanager
    def desk(self) -> Iterator[PooledEngine]:
        """Lend a desk; what is left on it afterwards is cleared away.

        Raises:
            PreviewsBusyError: All of them are taken.
        """
        if not self._places.acquire(timeout=_WAIT_S):
            most = self._settings.preview_at_once
            text = f"{most} previews or estimates run already (RAYJOBS_PREVIEW_AT_ONCE)"
            raise PreviewsBusyError(text, limit=most)
        with ExitStack() as leaving:
            leaving.callback(self._places.release)
            desk = self._taken()
            leaving.callback(self._give_back, desk)
            leaving.callback(desk.clear)
            yield desk

    def close(self) -> None:
        """End what was started; a desk that is lent ends when it comes back."""
        with self._changing:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            if self._board is not None:
                self._board.cleanup()

    def _taken(self) -> PooledEngine:
        with self._changing:
            if self._idle:
                return self._idle.pop()
            # Not the workers' board: their agent would take these processes for slots.
            self._board = self._board or TemporaryDirectory(prefix="rayjobs-", ignore_cleanup_errors=True)
            limits, words = _bounds(self._settings)
            settings = self._settings.model_copy(update={**limits, "slot_status": Path(self._board.name)})
            batch_id = f"{PARTS}/{uuid.uuid4().hex[:20]}"
            self._started += 1
            keeper = self._start(settings, self._started, f"{OUTPUTS}/{batch_id}")
            return PooledEngine(self._store, keeper, batch_id, words)

    def _give_back(self, desk: PooledEngine) -> None:
        with self._changing:
            if self._closed:
                desk.close()
            else:
                self._idle.append(desk)


def _bounds(settings: Settings) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the limits that hold here, and what each is called instead of what the workers call it."""
    said = {their: (getattr(settings, their), getattr(settings, own)) for their, own in _OWN_LIMITS.items()}
    lower = {their: own for their, (common, own) in said.items() if own < common}
    words = {f"RAYJOBS_{their.upper()}": f"RAYJOBS_{_OWN_LIMITS[their].upper()}" for their in lower}
    return lower, words


def _alone(document: dict[str, Any]) -> dict[str, Any]:
    """Return the terms for one try, which writes to no folder that others share and is really rendered."""

    def private(output: dict[str, Any]) -> dict[str, Any]:
        return {**output, "folder": None, "on_exists": "overwrite"}

    found = {**document, "max_attempts": 1, "cache": False, "output": private(document["output"])}
    if "variants" in document:
        found["variants"] = [{**each, "output": private(each["output"])} for each in document["variants"]]
    return found
