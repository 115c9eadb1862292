"""Turns a source into sealed pages of items, while the first of them already run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from rayjobs.errors import ItemError, OutputNameError, SourceNotFoundError
from rayjobs.model.item import Fault, Item
from rayjobs.ports import Registry, Store
from rayjobs.record.layout import PAGE, Listing, Record, output_key
from rayjobs.request.sources import Sources
from rayjobs.request.spec import BatchRequest, FolderSource, Source, Work, parse_form
from rayjobs.request.variants import Variant


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
    except OutputNameError:  # the item will fail by itself
        return False
    file = store.open(output_key("", name, variant.output.folder))
    if file is not None:
        file.close()
    return file is not None


def expand(batch_id: str, registry: Registry, record: Record, sources: Sources) -> None:
    """List a batch's source to its end, or until the batch takes no more.

    A listing that was cut short goes on behind the last page that was written; the source is listed in the
    same order again.
    """
    listed = record.listing(batch_id)
    if not registry.extend(batch_id, listed.total):
        return
    if not listed.sealed:
        document = record.spec(batch_id)["document"]
        source = parse_form(BatchRequest, {"source": document["source"]}).source
        total, error = listed.total, None
        unseen = islice(sources.items(source), total, None)
        left = looked_up(unseen, Work.of(document).variants, record.store)
        try:
            # A page that is not full was the last one.
            for page in () if total % PAGE else pages(left):
                record.seal_page(batch_id, total // PAGE, page)
                total += len(page)
                if not registry.extend(batch_id, total):
                    return
        except ItemError as caught:
            error = caught
        if not total and error is None:
            error = SourceNotFoundError(_nothing(source))
        listed = Listing(total, sealed=True, error=Fault.of(error).as_json() if error else None)
        record.seal(batch_id, listed.total, listed.error)
    registry.seal(batch_id, listed.error)


def _nothing(source: Source) -> str:
    if isinstance(source, FolderSource):
        wanted = f"matches {source.pattern!r}" if source.pattern else "has a picture's suffix"
        return f"no file under {source.path} {wanted}; see `pattern`"
    return "the source has no items"
