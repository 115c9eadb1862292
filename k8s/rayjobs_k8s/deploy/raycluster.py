"""Computes the patch that changes a running RayCluster. Pure.

Ray's autoscaler and the scaler own the numbers of pods. A deployment sends these numbers when it creates the
cluster, and never again: an older number would end busy pods, or hold the autoscaler for ever. Kubernetes
handles the list of groups as one value. So the object can't be applied as a whole; its fields are patched one
by one.
"""

import hashlib
import json
from collections.abc import Set as AbstractSet

from rayjobs_k8s.objects import Document, Operation, entries, part, text

MARK = "rayjobs.dev/rendered"
"""Annotation: the digest of the specification that was sent last."""
NOT_OURS = frozenset({"replicas", "minReplicas", "scaleStrategy"})
"""Fields of a group that the autoscalers write."""


def marked(desired: Document) -> Document:
    """Return a RayCluster to create, with the digest of its specification."""
    return {**desired, "metadata": {**desired["metadata"], "annotations": {MARK: _digest(desired)}}}


def amendments(live: Document, desired: Document) -> list[Operation]:
    """Return the JSON patch from the live RayCluster to the desired one, without its numbers of pods.

    The patch is empty if this specification was the last one that was sent.
    """
    digest = _digest(desired)
    annotations = part(live, "metadata", "annotations")
    if annotations.get(MARK) == digest:
        return []
    groups = entries(live, "spec", "workerGroupSpecs")
    operations = _fields("/spec", part(live, "spec"), desired["spec"], {"workerGroupSpecs"})
    if not groups:  # a patch can append only to a list that exists
        operations.append(_set("/spec/workerGroupSpecs", []))
    for group in desired["spec"]["workerGroupSpecs"]:
        operations += _group(groups, group)
    return [*operations, _set("/metadata/annotations", {**annotations, MARK: digest})]


def _fields(path: str, live: Document, desired: Document, except_for: AbstractSet[str]) -> list[Operation]:
    changed = [_set(f"{path}/{key}", value) for key, value in desired.items() if key not in except_for]
    removed = sorted(live.keys() - desired.keys() - except_for)
    return [*changed, *({"op": "remove", "path": f"{path}/{key}"} for key in removed)]


def _group(live: list[Document], group: Document) -> list[Operation]:
    names = [text(each, "groupName") for each in live]
    if group["groupName"] not in names:
        return [_set("/spec/workerGroupSpecs/-", group)]
    index = names.index(group["groupName"])
    path = f"/spec/workerGroupSpecs/{index}"
    # Race: somebody else may put another group at this index; then the API server refuses the whole patch.
    same_name = {"op": "test", "path": f"{path}/groupName", "value": group["groupName"]}
    return [same_name, *_fields(path, live[index], group, NOT_OURS)]


def _set(path: str, value: object) -> Operation:
    return {"op": "add", "path": path, "value": value}  # `add` also replaces


def _digest(desired: Document) -> str:
    return hashlib.sha256(json.dumps(desired["spec"], sort_keys=True).encode()).hexdigest()
