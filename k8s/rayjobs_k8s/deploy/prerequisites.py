"""What a cluster must have before it can run rayjobs: metrics, and KubeRay. What is there is left alone."""

from pathlib import Path

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deploy import kuberay, render
from rayjobs_k8s.deploy.apply import apply
from rayjobs_k8s.names import MANAGER, MANAGER_LABEL
from rayjobs_k8s.objects import Document, Ref, entries, text
from rayjobs_k8s.progress import Say

METRICS = Ref("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io")
_CRD = Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", kuberay.CRD)


def install_metrics(cluster: Cluster, say: Say) -> list[Ref]:
    """Install metrics-server where there are no metrics; bring one of ours up to date."""
    found = cluster.get(METRICS)
    documents = render.metrics_server()
    if found is not None and not _is_ours(found):
        return []
    if found is None:
        say("the cluster has no metrics: metrics-server is installed")
    return apply(cluster, documents, say)


def install_kuberay(cluster: Cluster, folder: Path | None, cache: Path, say: Say) -> list[Ref]:
    """Install the operator where there is none; one that is there is judged and left as it is.

    Args:
        cluster: Where.
        folder: Of the operator's manifests; None is the pinned release, fetched.
        cache: Where what is fetched is kept.
        say: Told what is done.

    Raises:
        OperatorError: The one that is there is too old, or its definitions are there without it.
    """
    there = operator(cluster)
    if there is not None:
        image = next(filter(kuberay.is_operator, _images(there)))
        version = kuberay.judge(image)
        say(f"KubeRay {version or image} is there")
        return []
    found = cluster.get(_CRD)
    if found is not None and not _is_ours(found):
        raise kuberay.OperatorError(
            f"The cluster has {kuberay.CRD}, but no operator that serves it.",
            "Install KubeRay, or delete its CustomResourceDefinitions to have it installed here.",
        )
    say(f"the cluster has no KubeRay: {folder or kuberay.VERSION} is installed")
    return apply(cluster, kuberay.objects(folder or kuberay.fetch(cache)), say)


def operator(cluster: Cluster) -> Document | None:
    """Return the operator's Deployment, whoever installed it; None if there is none."""
    deployments = cluster.find("apps/v1", "Deployment")
    return next((each for each in deployments if any(map(kuberay.is_operator, _images(each)))), None)


def _images(deployment: Document) -> list[str]:
    return [text(each, "image") for each in entries(deployment, "spec", "template", "spec", "containers")]


def _is_ours(document: Document) -> bool:
    return text(document, "metadata", "labels", MANAGER_LABEL) == MANAGER
