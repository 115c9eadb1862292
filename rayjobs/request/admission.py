"""Whether what a request names may be run: its source, its second pictures, the names of its outputs."""

from collections.abc import Iterable, Sequence

from rayjobs.errors import (
    BatchTooLargeError,
    InvalidPipelineError,
    InvalidRequestError,
    ItemError,
    Problem,
    SourceForbiddenError,
)
from rayjobs.model.item import Item
from rayjobs.record.layout import PAGE
from rayjobs.request.sources import Sources
from rayjobs.request.spec import BatchRequest, FolderSource, PathsSource, SamplesSource, UploadSource, Work
from rayjobs.request.variants import Variant, are_unique, check_names, require_unique
from rayjobs.settings import Settings


class Admission:
    """Checks requests against the limits of the settings and against what is there."""

    def __init__(self, settings: Settings, sources: Sources) -> None:
        self._settings = settings
        self._sources = sources

    def listed(self, form: BatchRequest, variants: Sequence[Variant]) -> list[Item] | None:
        """Return the items where the request names them all; None where they are listed later."""
        source, limit = form.source, self._settings.max_inline_items
        if isinstance(source, SamplesSource):
            self._check_number("count", source.count, self._settings.max_samples)
            if source.count > PAGE:
                require_unique(variants)
                return None
        elif isinstance(source, FolderSource):
            self._check_roots([(source.path, "/source/path")])
            require_unique(variants)
            return None
        elif isinstance(source, PathsSource):
            self._check_number("paths", len(source.paths), limit)
            self._check_roots((path, f"/source/paths/{i}") for i, path in enumerate(source.paths))
        else:
            self._check_number("ids", len(source.ids), limit)
            self._check_uploads(source)
        items = list(self._sources.items(source))
        if not are_unique(variants):
            check_names(variants, items)
        return items

    def _check_number(self, field: str, number: int, limit: int) -> None:
        if number > limit:
            raise BatchTooLargeError(
                f"/source/{field}: {number} items in one request, the limit is {limit}; "
                'send a source of type "folder", or several batches',
                limit=limit,
                actual=number,
            )

    def _check_roots(self, paths: Iterable[tuple[str, str]]) -> None:
        outside = [(path, pointer) for path, pointer in paths if not self._sources.allows(path)]
        if outside:
            roots = ", ".join(map(str, self._settings.roots)) or "none"
            detail = f"is not an absolute path under an allowed root ({roots}); see RAYJOBS_ROOTS"
            problems = [
                Problem(pointer, SourceForbiddenError.code, f"{path} {detail}", roots, path)
                for path, pointer in outside[:100]
            ]
            raise InvalidRequestError(f"{outside[0][0]} {detail}", problems)

    def _check_uploads(self, source: UploadSource) -> None:
        problems = []
        for i, upload in enumerate(source.ids):
            try:
                self._sources.upload(upload)
            except ItemError as error:
                problems.append(Problem(f"/source/ids/{i}", error.code, error.detail, actual=upload))
        if problems:
            raise InvalidRequestError(problems[0].detail, problems)

    def check_pictures(self, work: Work) -> None:
        """Refuse pipelines whose second pictures do not exist: every item would fail."""
        pipelines = [("", work.pipeline), *((each.pointer, each.pipeline) for each in work.variants)]
        problems = []
        for pointer, pipeline in pipelines:
            for index, reference in pipeline.pictures:
                try:
                    self._sources.check_picture(reference)
                except ItemError as error:
                    here = f"{pointer}/pipeline/{index}/picture"
                    problems.append(Problem(here, error.code, error.detail, actual=reference))
        if problems:
            raise InvalidPipelineError(f"{problems[0].pointer}: {problems[0].detail}", problems)
