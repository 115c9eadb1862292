"""What may be changed of a RayCluster that lives. Pure.

Its numbers of pods belong to Ray's autoscaler and to the scaler: they are sent when the cluster is made and
never again (an older number would end busy pods, or hold the autoscaler for ever). The list of groups is one
value to Kubernetes, so the object can't be applied as a whole; its fields are patched one by one.
"""

import hashlib
import json
from collections.abc import Set as AbstractSet

from rayjobs_k8s.objects import Document, Operation, entries, part, text

MARK = "rayjobs.dev/rendered"
"""Annotation: the digest of what was last sent."""
NOT_OURS = frozenset({"replicas", "minReplicas", "scaleStrategy"})
"""Fields of a group that its autoscalers write."""


def marked(desired: Document) -> Document:
    """Return a new cluster with the digest of what it was made from."""
    return {**desired, "metadata": {**desired["metadata"], "annotations": {MARK: _digest(desired)}}}


def amendments(live: Document, desired: Document) -> list[Operation]:
    """Return the JSON patch that makes a cluster what is desired, apart from its numbers of pods."""
    digest = _digest(desired)
    notes = part(live, "metadata", "annotations")
    if notes.get(MARK) == digest:
        return []
    groups = entries(live, "spec", "workerGroupSpecs")
    operations = _fields("/spec", part(live, "spec"), desired["spec"], {"workerGroupSpecs"})
    if not groups:  # no list to append to
        operations.append(_set("/spec/workerGroupSpecs", []))
    for group in desired["spec"]["workerGroupSpecs"]:
        operations += _group(groups, group)
    return [*operations, _set("/metadata/annotations", {**notes, MARK: digest})]


def _fields(path: str, there: Document, wanted: Document, others: AbstractSet[str]) -> list[Operation]:
    set_to = [_set(f"{path}/{key}", value) for key, value in wanted.items() if key not in others]
    gone = sorted(there.keys() - wanted.keys() - others)
    return [*set_to, *({"op": "remove", "path": f"{path}/{key}"} for key in gone)]


def _group(there: list[Document], group: Document) -> list[Operation]:
    names = [text(each, "groupName") for each in there]
    if group["groupName"] not in names:
        return [_set("/spec/workerGroupSpecs/-", group)]
    index = names.index(group["groupName"])
    path = f"/spec/workerGroupSpecs/{index}"
    # Race: somebody else may put another group in its place; then nothing of this is done.
    same = {"op": "test", "path": f"{path}/groupName", "value": group["groupName"]}
    return [same, *_fields(path, there[index], group, NOT_OURS)]


def _set(path: str, value: object) -> Operation:
    return {"op": "add", "path": path, "value": value}  # `add` also replaces


def _digest(desired: Document) -> str:
    return hashlib.sha256(json.dumps(desired["spec"], sort_keys=True).encode()).hexdigest()
