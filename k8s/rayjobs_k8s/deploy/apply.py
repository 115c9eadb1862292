"""Applies objects in their order, and deletes objects that the manifests no longer contain."""

from collections.abc import Iterable, Sequence

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deadline import Deadline
from rayjobs_k8s.deploy import raycluster
from rayjobs_k8s.deploy.readiness import waits_for
from rayjobs_k8s.errors import NotReadyError
from rayjobs_k8s.names import MANAGER, MANAGER_LABEL, PART_LABEL
from rayjobs_k8s.objects import Document, Ref, entries, text
from rayjobs_k8s.progress import Say

_ESTABLISHED_S = 30.0
"""Limit for the API server to serve a new kind."""


def apply(cluster: Cluster, documents: Iterable[Document], say: Say) -> list[Ref]:
    """Create or change the objects; return the names of those that were created or changed.

    Raises:
        DeployError: The cluster refuses an object, or does not serve a new kind in time.
    """
    changed = []
    for document in documents:
        ref = Ref.of(document)
        before = cluster.get(ref)
        after = _put(cluster, document, before)
        if before is None or _version(before) != _version(after):
            changed.append(ref)
            say(f"{ref} {'made' if before is None else 'changed'}")
        if ref.kind == "CustomResourceDefinition":
            _await_established(cluster, ref)
    return changed


def prune(cluster: Cluster, documents: Sequence[Document], part: str, say: Say) -> list[Ref]:
    """Delete the objects of a part that `documents` does not contain; return their names.

    Only kinds that occur in `documents` are searched.
    """
    kept = {Ref.of(each) for each in documents}
    deleted = []
    for api_version, kind in dict.fromkeys((each["apiVersion"], each["kind"]) for each in documents):
        for found in cluster.find(api_version, kind, labelSelector=selector(part)):
            ref = Ref.of(found)
            # A controller made an object with an owner; Kubernetes deletes it together with its owner.
            if ref not in kept and not entries(found, "metadata", "ownerReferences"):
                cluster.delete(ref)
                deleted.append(ref)
                say(f"{ref} deleted")
    return deleted


def selector(part: str) -> str:
    """Return the label selector of the objects that a deployment made for a part."""
    return f"{PART_LABEL}={part},{MANAGER_LABEL}={MANAGER}"


def _put(cluster: Cluster, document: Document, before: Document | None) -> Document:
    if document["kind"] != "RayCluster":
        return cluster.apply(document)
    if before is None:
        return cluster.create(raycluster.marked(document))
    operations = raycluster.amendments(before, document)
    return cluster.patch(Ref.of(document), operations) if operations else before


def _await_established(cluster: Cluster, ref: Ref) -> None:
    for _ in Deadline(_ESTABLISHED_S).ticks(0.2):
        if (found := cluster.get(ref)) and waits_for(found) is None:
            cluster.forget_kinds()
            return
    raise NotReadyError(f"{ref} was not established within {_ESTABLISHED_S:g} s.")


def _version(document: Document) -> str:
    return text(document, "metadata", "resourceVersion")
