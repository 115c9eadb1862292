"""Installs metrics-server and KubeRay where they are missing; those of the cluster stay as they are."""

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
    """Install metrics-server if the cluster has no metrics; update one that a deployment installed.

    Returns:
        The objects that were created or changed.
    """
    found = cluster.get(METRICS)
    documents = render.metrics_server()
    if found is not None and not _is_ours(found):
        return []
    if found is None:
        say("the cluster has no metrics: installing metrics-server")
    return apply(cluster, documents, say)


def install_kuberay(cluster: Cluster, folder: Path | None, cache: Path, say: Say) -> list[Ref]:
    """Install the operator if the cluster has none; check the release of an installed one, and keep it.

    Args:
        cluster: The cluster that needs the operator.
        folder: The operator's manifests; None fetches the pinned release.
        cache: The folder that keeps what is fetched.
        say: Prints each step.

    Returns:
        The objects that were created or changed.

    Raises:
        OperatorError: The installed operator is too old, or the cluster has its definitions without it.
    """
    installed = operator(cluster)
    if installed is not None:
        image = next(filter(kuberay.is_operator, _images(installed)))
        release = kuberay.supported_release(image)
        say(f"KubeRay {release or image} is installed already")
        return []
    found = cluster.get(_CRD)
    if found is not None and not _is_ours(found):
        raise kuberay.OperatorError(
            f"The cluster has {kuberay.CRD}, but no operator that serves it.",
            "Install KubeRay; or delete its CustomResourceDefinitions, then this command installs KubeRay.",
        )
    say(f"the cluster has no KubeRay: installing {folder or kuberay.VERSION}")
    return apply(cluster, kuberay.objects(folder or kuberay.fetch(cache)), say)


def operator(cluster: Cluster) -> Document | None:
    """Return the operator's Deployment in any namespace; None if there is none."""
    deployments = cluster.find("apps/v1", "Deployment")
    return next((each for each in deployments if any(map(kuberay.is_operator, _images(each)))), None)


def _images(deployment: Document) -> list[str]:
    return [text(each, "image") for each in entries(deployment, "spec", "template", "spec", "containers")]


def _is_ours(document: Document) -> bool:
    return text(document, "metadata", "labels", MANAGER_LABEL) == MANAGER
