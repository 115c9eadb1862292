"""What a client may ask for: batches to submit, plan, steer, retry, delete, purge; uploads and presets."""

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, Literal

import orjson

from rayjobs.errors import (
    ConflictError,
    NotFoundError,
    Problem,
    RegistryUnavailableError,
    SourceTooLargeError,
)
from rayjobs.lifecycle import purge
from rayjobs.lifecycle.recovery import readmit
from rayjobs.model.batch import VERBS, Batch, Verb
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

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: its order is that of the values, so that ids sort by age."""


ANYBODY = "anybody"
"""The actor where the API asks for no key."""


def new_id(prefix: str) -> str:
    """Return an id that sorts by its time and can't be guessed: 48 bits of ms and 50 random ones."""
    value = (time.time_ns() // 1_000_000 << 50) | secrets.randbits(50)
    return f"{prefix}_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(95, -1, -5))


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

        The record is written first, so that a batch that was answered can't be lost.

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
        self._record.open(new.id, new.spec)
        self._enter(new)
        return self._shown(new.id), True

    def _enter(self, new: NewBatch) -> None:
        try:
            self._registry.submit(new)
        except RegistryUnavailableError:
            # Perhaps it was entered and the answer lost. A client with a key comes back for that batch; one
            # without would send another.
            if new.idempotency_key is None:
                self._record.discard(new.id)
            raise
        except Exception:
            self._record.discard(new.id)
            raise

    def _shown(self, batch_id: str) -> Batch:
        try:
            return self._registry.get(batch_id)
        except NotFoundError:  # the registry has lost it since, or forgotten it since its end
            return view(replay(self._record, batch_id), self._registry.run_id())

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
        batch = self._registry.steer(batch_id, verb, actor)
        journal.write(self._registry, self._record, batch_id)
        return batch

    def delete(self, batch_id: str) -> Batch:
        """Remove a batch that has ended, with its record and its outputs; return what it was.

        Raises:
            ConflictError: It has not ended.
        """
        readmit(batch_id, self._registry, self._record)
        batch = self._registry.delete(batch_id)
        self._record.discard(batch_id)
        self._record.store.delete(f"outputs/{batch_id}")
        return batch

    def retry(self, batch_id: str, codes: list[str] | None = None, actor: str = ANYBODY) -> Batch:
        """Put failed items back, all or those with one of `codes`, and those that never ran.

        Raises:
            ConflictError: The batch has not ended, was cancelled, or has no such item.
        """
        batch = readmit(batch_id, self._registry, self._record)
        if batch.state not in VERBS[Verb.RETRY]:
            raise ConflictError(f"the batch is {batch.state}; only failed items of an ended one are retried")
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
        self._record.reopen(batch_id, ranges)
        retry = Retry(ranges, Counter(failed.values()), len(never_ran))
        batch = self._registry.retry(batch_id, retry, actor)
        journal.write(self._registry, self._record, batch_id)
        return batch

    def purge(self, running: Literal["cancel", "refuse"], actor: str = ANYBODY) -> dict[str, Any]:
        """Begin a new run: nothing waits or runs of the old one, workers register again.

        Raises:
            ConflictError: `refuse`, and work is in flight.
        """
        unfinished = self._registry.unfinished()
        if running == "refuse" and unfinished:
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
