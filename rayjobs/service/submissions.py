"""What a client may ask for: batches to submit, plan, steer, retry, delete, purge; uploads and presets.

The rule of every verb: decide in the registry under a token, write the record under that token, answer last.
What the record says to have ended is never contradicted; whoever restores may only add what the record says.
So of two verbs that meet one is refused before it has written anything, one that is late writes nothing that
holds, and what was answered outlives the registry. A submission is decided by its record alone: once its spec
stands there it is a batch, whatever becomes of the registry's answer.
"""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, Literal

import orjson

from rayjobs.errors import (
    ConflictError,
    LeaseLostError,
    NotFoundError,
    Problem,
    RegistryFullError,
    RegistryUnavailableError,
    SourceTooLargeError,
)
from rayjobs.lifecycle import purge
from rayjobs.lifecycle.recovery import ended, readmit
from rayjobs.model.batch import VERBS, Batch, Verb
from rayjobs.model.ids import new_id
from rayjobs.model.item import Item
from rayjobs.model.ranges import Range, runs
from rayjobs.ports import NewBatch, Registry, Retry
from rayjobs.record import idempotency, journal
from rayjobs.record.layout import Record
from rayjobs.record.replay import replay, view
from rayjobs.request import naming
from rayjobs.request.admission import Admission
from rayjobs.request.expand import looked_up, pages
from rayjobs.request.presets import Preset, PresetForm, Presets
from rayjobs.request.sources import Sources
from rayjobs.request.spec import SamplesSource, Work, parse_request, parse_work
from rayjobs.request.variants import check_names
from rayjobs.request.warnings import warnings_of
from rayjobs.settings import Settings

log = logging.getLogger(__name__)

_TRIES = 3
"""Times that a verb is decided again because the registry was lost under it."""

ANYBODY = "anybody"
"""The actor where the API asks for no key."""


class Submissions:
    """The writing side of the API; every method is safe to call from several threads."""

    def __init__(self, registry: Registry, record: Record, settings: Settings) -> None:
        self._registry = registry
        self._record = record
        self._settings = settings
        self._admission = Admission(settings, Sources(settings, record.store))
        self.presets = Presets(record.store, settings)

    def submit(
        self, body: Mapping[str, Any], *, idempotency_key: str | None = None, actor: str = ANYBODY
    ) -> tuple[Batch, bool]:
        """Enter a batch; return it, and whether it is new (False: its key came before).

        The record is written first, so that a batch that was answered can't be lost; from then on it is a
        batch, and the answer says so even if the registry is away by then.

        Raises:
            RequestError: The body, or the key with another body; nothing was stored.
            RegistryUnavailableError: Nothing was entered; the same call may succeed later.
        """
        form, work = parse_request(self.presets.resolved(body))
        self._admission.check_pictures(work)
        body_hash = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
        if idempotency_key is not None:
            before = self._registry.known(idempotency_key, body_hash)
            before = before or idempotency.holder(self._record, idempotency_key, body_hash)
            if before is not None:
                return self._shown(before), False
        else:
            self._registry.ping()  # before anything is written
        items = self._admission.listed(form, work.variants)
        new = NewBatch(
            id=new_id("b"),
            total=len(items or ()),
            exact=items is not None,
            priority=form.priority,
            document=form.document(work),
            actor=actor,
            idempotency_key=idempotency_key,
            body_hash=body_hash,
            created_ms=time.time_ns() // 1_000_000,
        )
        for page, listed in enumerate(pages(looked_up(items or (), work.variants, self._record.store))):
            self._record.seal_page(new.id, page, listed)
        if new.exact:
            self._record.seal(new.id, new.total)
        if idempotency_key is not None:
            first = idempotency.claim(self._record, idempotency_key, body_hash, new.id)
            if first != new.id:  # another request with the same key was quicker
                self._record.discard(new.id)
                return self._shown(first), False
        entered = self._enter(new)
        return self._shown(entered), entered == new.id

    def _enter(self, new: NewBatch) -> str:
        """Make it a batch; return its id, or that of the one that has its key after all."""
        try:
            self._record.open(new.id, new.spec)
        except LeaseLostError:  # it was given up for another one with its key
            heir = self._record.inherit(new.idempotency_key or "", new.id, new.id, over=False)
            self._record.discard(new.id)
            return idempotency.awaited(self._record, heir)
        try:
            entered = self._registry.submit(new).id
        except RegistryFullError:
            self._record.discard(new.id)
            raise
        except RegistryUnavailableError as error:
            # Perhaps it was entered and the answer lost. If not, it is restored from its record.
            log.warning("acknowledged by its record alone: %s", error, extra={"batch": new.id})
            return new.id
        except Exception:
            self._record.discard(new.id)
            raise
        if entered != new.id and new.idempotency_key is not None:
            self._record.give_key(new.idempotency_key, entered)
            self._record.discard(new.id)
        return entered

    def _shown(self, batch_id: str) -> Batch:
        """Return a batch that stands in the record, also where the registry has lost or forgotten it."""
        try:
            return self._registry.get(batch_id, whole=True)
        except NotFoundError:
            return view(replay(self._record, batch_id), self._registry.run_id())
        except RegistryUnavailableError:  # its run is unknown so far, or behind the record
            return view(replay(self._record, batch_id), "")

    def plan(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a submission of this body would run; stores nothing. Raises as `submit`."""
        form, work = parse_request(self.presets.resolved(body))
        self._admission.check_pictures(work)
        items = self._admission.listed(form, work.variants)
        count = form.source.count if isinstance(form.source, SamplesSource) else items and len(items)
        warnings = [each.as_json() for each in _warnings(work)]
        planned = {"total": count, "names": _names(work, items), "warnings": warnings}
        return {"dry_run": True, **form.document(work), **planned}

    def put_preset(self, name: str, body: dict[str, Any]) -> tuple[Preset, bool]:
        """Store a preset; return it, and whether it is a new version.

        Raises:
            InvalidRequestError: A batch could not be made of it.
            ConflictError: The name is one of those that are shipped, or there are as many as may be.
        """
        _, work = parse_work(PresetForm, body)
        self._admission.check_pictures(work)
        check_names(work.variants, [Item(0, "any.jpg")])  # those of one picture must not meet, whatever it is
        return self.presets.put(name, body)

    def upload(self, name: str, chunks: Iterable[bytes]) -> dict[str, Any]:
        """Store one picture; raises `SourceTooLargeError` as soon as it is over the limit."""
        upload_id, digest = new_id("u"), hashlib.sha256()
        plain = naming.safe(PurePosixPath(name.replace("\\", "/")).name)
        limit = self._settings.max_upload_bytes

        def hashed() -> Iterator[bytes]:
            seen = 0
            for chunk in chunks:
                seen += len(chunk)
                if seen > limit:
                    raise SourceTooLargeError(
                        f"{plain} has more than {limit} bytes (RAYJOBS_MAX_UPLOAD_BYTES)", limit=limit
                    )
                digest.update(chunk)
                yield chunk

        size = self._record.store.put_stream(f"uploads/{upload_id}/{plain}", hashed())
        return {"id": upload_id, "sha256": digest.hexdigest(), "bytes": size, "name": plain}

    def steer(self, batch_id: str, verb: Verb, actor: str = ANYBODY) -> Batch:
        """Pause, resume or cancel a batch; what runs at this moment may finish. Raises `ConflictError`.

        Returns once it stands in the record: what was answered survives the loss of Redis.
        """
        readmit(batch_id, self._registry, self._record)
        for _ in range(_TRIES):
            batch = self._registry.steer(batch_id, verb, actor, whole=True)
            journal.attest(batch, self._registry, self._record)
            if self._stands(batch):
                return batch
        raise RegistryUnavailableError(f"the registry was lost again and again while {batch_id} was steered")

    def _stands(self, batch: Batch) -> bool:
        """Whether the registry is the one that decided; else it was restored without the decision."""
        try:
            return self._registry.get(batch.id).run_id == batch.run_id
        except NotFoundError:  # lost, and to be restored from what is written by now; or purged
            return True

    def delete(self, batch_id: str) -> Batch:
        """Remove a batch that has ended, with its record and its outputs; return what it was.

        Raises:
            ConflictError: It has not ended, or is being retried.
        """
        try:
            readmit(batch_id, self._registry, self._record)
            batch = self._registry.delete(batch_id)
        except NotFoundError:  # perhaps decided by somebody who did not come to its end
            batch = view(ended(batch_id, self._record), self._registry.run_id())
        self._record.discard(batch_id)
        self._record.store.delete(f"outputs/{batch_id}")
        self._registry.forget(batch_id)  # it may have been lost, and restored before the record was gone
        return batch

    def retry(self, batch_id: str, codes: list[str] | None = None, actor: str = ANYBODY) -> Batch:
        """Put failed items back, all or those with one of `codes`, and those that never ran.

        Raises:
            ConflictError: The batch has not ended, was cancelled, has no such item, is being retried by
                somebody else, or its deadline is over.
        """
        batch = readmit(batch_id, self._registry, self._record)
        if batch.state not in VERBS[Verb.RETRY]:
            raise ConflictError(f"the batch is {batch.state}; only failed items of an ended one are retried")
        closed = self._record.closed(batch_id)
        if closed is None:
            raise ConflictError(f"{batch_id} is being retried; try again when it has ended")
        everything = Range(0, batch.counts.total)
        outcomes = self._record.outcomes(batch_id, everything)
        failed = {
            index: outcome["error"]["code"]
            for index, outcome in outcomes.items()
            if outcome["state"] == "failed" and (codes is None or outcome["error"]["code"] in codes)
        }
        if not failed:
            raise ConflictError(f"no item of {batch_id} has failed with {codes or 'any code'}")
        never_ran = [i for i in everything.indices() if i not in outcomes] if batch.counts.cancelled else []
        ranges = runs(sorted([*failed, *never_ran]))
        token = self._registry.reserve(batch_id)
        self._record.reopen(batch_id, ranges, token, closed["retries"])
        try:
            retry = Retry(ranges, Counter(failed.values()), len(never_ran), token)
            batch = self._registry.retry(batch_id, retry, actor)
            journal.attest(batch, self._registry, self._record)
        except (ConflictError, NotFoundError, RegistryUnavailableError) as error:
            # It stands in the record, so it is carried out: by whoever restores the batch from there.
            log.warning("retried by its record alone: %s", error, extra={"batch": batch_id})
            return self._shown(batch_id)
        return batch

    def purge(self, running: Literal["cancel", "refuse"], actor: str = ANYBODY) -> dict[str, Any]:
        """Begin a new run: nothing waits or runs of the old one, workers register again.

        Raises:
            ConflictError: `refuse`, and work is in flight.
        """
        unfinished = purge.standing(self._registry, self._record) if running == "refuse" else []
        if unfinished:
            raise ConflictError(f"{len(unfinished)} batches are not finished, the first is {unfinished[0]}")
        expected = {worker.id for worker in self._registry.workers()}
        purged, cancelled = purge.begin(self._registry, self._record, actor)
        return {
            "run_id": purged.run_id,
            "cancelled_batches": cancelled,
            "deleted_keys": purged.deleted_keys,
            "workers": purge.returned(self._registry, expected, self._settings.heartbeat_s + 1),
        }


def _names(work: Work, items: list[Item] | None) -> list[str]:
    """Return the names of the first items' files, as an example."""
    first = (items or [])[:3]
    return [each.file_name(item, each.output.extension) for item in first for each in work.variants]


def _warnings(work: Work) -> list[Problem]:
    """Return what is to be said of all the pipelines."""
    shared = work.pipeline.filters
    own = (warnings_of(each.pipeline, f"{each.pointer}/pipeline", shared) for each in work.variants)
    return list(chain(warnings_of(work.pipeline), *own))
