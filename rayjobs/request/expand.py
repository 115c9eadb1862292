"""Turns a source into sealed pages of items, while the first of them already run."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from rayjobs.errors import ItemError, OutputNameError, RayJobsError, SourceNotFoundError
from rayjobs.model.item import Fault, Item
from rayjobs.ports import Batches, Store
from rayjobs.record.layout import PAGE, Listing, Record, output_key
from rayjobs.request.sources import Sources
from rayjobs.request.spec import BatchRequest, FolderSource, Source, Work, parse_form
from rayjobs.request.variants import Variant
from rayjobs.request.walk import Remarks

log = logging.getLogger(__name__)


def pages(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Give the items in lists of a page each."""
    remaining = iter(items)
    while page := list(islice(remaining, PAGE)):
        yield page


def looked_up(items: Iterable[Item], variants: Sequence[Variant], store: Store) -> Iterator[Item]:
    """Give the items, each with the variants whose files exist.

    It is settled here, once and in the record, and not by who writes: a repeated attempt would find its own.
    """
    minding = [variant for variant in variants if variant.output.on_exists != "overwrite"]
    if not minding:
        yield from items
        return
    for item in items:
        yield replace(item, exists=tuple(each.name for each in minding if _has_file(item, each, store)))


def _has_file(item: Item, variant: Variant, store: Store) -> bool:
    try:
        name = variant.file_name(item, variant.output.extension)
        file = store.open(output_key("", name, variant.output.folder))
    except (OutputNameError, ItemError):  # the item will fail by itself
        return False
    if file is not None:
        file.close()
    return file is not None


def expand(batch_id: str, registry: Batches, record: Record, sources: Sources) -> None:
    """List a batch's source to its end, or until the batch takes no more.

    A listing that was cut short goes on behind the last page that was written; the source is listed in the
    same order again.
    """
    listed = record.listing(batch_id)
    if not registry.extend(batch_id, listed.total):
        return
    if not listed.sealed:
        found = _listed(batch_id, listed.total, registry, record, sources)
        if found is None:
            return
        listed = found
        record.seal(batch_id, listed.total, listed.error, listed.remarks)
    registry.seal(batch_id, listed.error, listed.remarks)


def _listed(batch_id: str, total: int, registry: Batches, record: Record, sources: Sources) -> Listing | None:
    """Write the pages behind the first `total` items; None where the batch takes no more."""
    document = record.spec(batch_id)["document"]
    source = parse_form(BatchRequest, {"source": document["source"]}).source
    remarks, fault = Remarks(), None
    # What is written already is gone through again: only so all remarks are known at the end.
    unseen = islice(sources.items(source, remarks), total, None)
    is_whole = total % PAGE > 0  # a page that is not full was the last one
    try:
        for page in pages(looked_up(unseen, Work.of(document).variants, record.store)):
            if is_whole:
                continue
            record.seal_page(batch_id, total // PAGE, page)
            total += len(page)
            if not registry.extend(batch_id, total):
                return None
    except ItemError as error:
        fault = None if is_whole else Fault.of(error)
    except RayJobsError:
        raise
    except Exception as error:  # whatever a file system comes up with: the batch ends, and says why
        log.exception("listing failed", extra={"batch": batch_id})
        fault = Fault.unforeseen("the listing of its source", error)
    if not total and fault is None:
        fault = Fault.of(SourceNotFoundError(_nothing(source, remarks)))
    return Listing(total, sealed=True, error=fault.as_json() if fault else None, remarks=remarks.as_json())


def _nothing(source: Source, remarks: Remarks) -> str:
    if isinstance(source, FolderSource):
        wanted = f"matches {source.pattern!r}" if source.pattern else "has a picture's suffix"
        hidden = f"; {remarks.left_out} hidden ones were left out, see `hidden`" if remarks.left_out else ""
        return f"no file under {source.path} {wanted}; see `pattern`{hidden}"
    return "the source has no items"
