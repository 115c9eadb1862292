"""Whether what a request names may be run: its source, its second pictures, the names of its outputs."""

from collections.abc import Iterable

from rayjobs import naming
from rayjobs.errors import (
    BatchTooLargeError,
    InvalidPipelineError,
    InvalidRequestError,
    ItemError,
    OutputNameError,
    Problem,
)
from rayjobs.item import Item
from rayjobs.pipeline import Pipeline
from rayjobs.record import PAGE
from rayjobs.settings import Settings
from rayjobs.sources import Sources
from rayjobs.spec import FolderSource, Form, PathsSource, SamplesSource, UploadSource


class Admission:
    """Checks requests against the limits of the settings and against what is there."""

    def __init__(self, settings: Settings, sources: Sources) -> None:
        self._settings = settings
        self._sources = sources

    def listed(self, form: Form) -> list[Item] | None:
        """Return the items where the request names them all; None where they are listed later."""
        source, limit = form.source, self._settings.max_inline_items
        if isinstance(source, SamplesSource):
            self._check_number("count", source.count, self._settings.max_samples)
            if source.count > PAGE:
                self._require_unique(form)
                return None
        elif isinstance(source, FolderSource):
            self._check_roots([(source.path, "/source/path")])
            self._require_unique(form)
            return None
        elif isinstance(source, PathsSource):
            self._check_number("paths", len(source.paths), limit)
            self._check_roots((path, f"/source/paths/{i}") for i, path in enumerate(source.paths))
        else:
            self._check_number("ids", len(source.ids), limit)
            self._check_uploads(source)
        items = list(self._sources.items(source))
        if not naming.is_unique(form.output.name):
            naming.check_names(form.output.name, items, form.output.extension)
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
                Problem(pointer, "source_forbidden", f"{path} {detail}", roots, path)
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

    def check_pictures(self, pipeline: Pipeline) -> None:
        """Refuse a pipeline whose second pictures do not exist: every item would fail."""
        problems = []
        for index, reference in pipeline.pictures:
            try:
                self._sources.check_picture(reference)
            except ItemError as error:
                pointer = f"/pipeline/{index}/picture"
                problems.append(Problem(pointer, error.code, error.detail, actual=reference))
        if problems:
            raise InvalidPipelineError(f"{problems[0].pointer}: {problems[0].detail}", problems)

    def _require_unique(self, form: Form) -> None:
        if not naming.is_unique(form.output.name):
            detail = "this source is listed later, so the name must have {index} to be no other item's"
            problem = Problem("/output/name", "output_conflict", detail, actual=form.output.name)
            raise OutputNameError(detail, [problem])
