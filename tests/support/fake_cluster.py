"""A cluster in memory, for tests of what is done to one: it keeps objects, and becomes ready when told to."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from typing_extensions import override

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.errors import RefusedError
from rayjobs_k8s.objects import Document, Ref

Hook = Callable[[Document], None]


class FakeCluster(Cluster):
    """Objects by their names. `status` fills in what a controller would, each time an object is written."""

    def __init__(self, *there: Document, status: Hook | None = None) -> None:
        self.context = "fake"
        self.objects: dict[Ref, Document] = {}
        self.deleted: list[Ref] = []
        self.said: dict[str, list[str]] = {}
        """Pod -> the lines of its log."""
        self.refuses: set[str] = set()
        """Kinds that may not be written."""
        self._status = status or (lambda _: None)
        self._version = 0
        for each in there:
            self._write(each)

    @override
    def serves(self, api_version: str, kind: str) -> bool:
        return True

    @override
    def get(self, ref: Ref) -> Document | None:
        return deepcopy(self.objects.get(ref))

    @override
    def find(
        self, api_version: str, kind: str, namespace: str | None = None, **query: str
    ) -> Sequence[Document]:
        labels = [pair.partition("=")[::2] for pair in query.get("labelSelector", "").split(",") if pair]
        return [
            deepcopy(each)
            for ref, each in self.objects.items()
            if (ref.api_version, ref.kind) == (api_version, kind)
            and namespace in (None, ref.namespace)
            and all(each["metadata"].get("labels", {}).get(key) == value for key, value in labels)
        ]

    @override
    def apply(self, document: Document) -> Document:
        before = self.objects.get(Ref.of(document))
        return self._write(_merged(before, document) if before else document)

    @override
    def create(self, document: Document) -> Document:
        return self._write(document)

    @override
    def patch(self, ref: Ref, operations: Iterable[Document], subresource: str = "") -> Document:
        document = deepcopy(self.objects[ref])
        for each in operations:
            _operate(document, each)
        return self._write(document)

    @override
    def delete(self, ref: Ref, grace_s: int | None = None) -> None:
        self.deleted.append(ref)
        self.objects.pop(ref, None)
        if ref.kind == "Namespace":
            self.objects = {each: it for each, it in self.objects.items() if each.namespace != ref.name}

    @override
    def logs(self, pod: Ref, container: str, lines: int = 8) -> list[str]:
        return self.said.get(pod.name, [])

    @override
    def forget_kinds(self) -> None:
        pass

    def _write(self, document: Document) -> Document:
        ref = Ref.of(document)
        if ref.kind in self.refuses:
            raise RefusedError(str(ref), 403, "not allowed")
        made = deepcopy(document)
        before = self.objects.get(ref)
        if before is not None:
            made["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        made["metadata"]["uid"] = f"{ref.kind} {ref.name}"
        self._status(made)
        if made != before:
            self._version += 1
            made["metadata"]["resourceVersion"] = str(self._version)
            self.objects[ref] = made
        return deepcopy(made)


def _merged(before: Any, change: Any) -> Any:
    if isinstance(before, dict) and isinstance(change, dict):
        return {**before, **{key: _merged(before.get(key), value) for key, value in change.items()}}
    return deepcopy(change)


def _operate(document: Document, operation: Document) -> None:
    *way, last = [part.replace("~1", "/") for part in operation["path"].split("/")[1:]]
    place: Any = document
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place[part]
    key: Any = int(last) if isinstance(place, list) and last != "-" else last
    if operation["op"] == "test":
        assert place[key] == operation["value"]
    elif operation["op"] == "remove":
        del place[key]
    elif last == "-":
        place.append(deepcopy(operation["value"]))
    else:
        place[key] = deepcopy(operation["value"])
