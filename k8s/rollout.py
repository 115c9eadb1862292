"""From an empty cluster to a system that is ready, and back."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from k8s import kuberay, render
from k8s.applying import apply, prune
from k8s.cluster import Cluster, Document, Ref
from k8s.deadline import Deadline
from k8s.errors import NotReadyError
from k8s.names import API_KEYS_SECRET, MANAGER, MANAGER_LABEL, NAMESPACE, RAYCLUSTER, REDIS_SECRET
from k8s.waiting import Patience

Say = Callable[[str], None]

METRICS = Ref("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io")
_CRD = Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", kuberay.CRD)
_METRICS_S = 150.0
"""Two scrapes of 15 s, a look of the HPA each 15 s, and the start of metrics-server before."""


@dataclass(frozen=True)
class Order:
    """What is to be rolled out, and how long that may take."""

    values: render.Values
    cache: Path
    """Folder for what is fetched."""
    kuberay_folder: Path | None = None
    """The operator's manifests, in place of the pinned ones."""
    limit_s: float = 600.0


def roll_out(cluster: Cluster, order: Order, say: Say) -> bool:
    """Make the cluster run what is ordered, and wait until it does; return whether anything was changed.

    Raises:
        DeployError: It can't be, and why.
    """
    documents = render.system(order.values)
    deadline = Deadline(order.limit_s)
    home, *rest = documents
    plain = list(takewhile(lambda each: each["kind"] != "RayCluster", rest))
    changed = apply(cluster, [home], say)
    changed += _generate_secrets(cluster, say)
    # Redis starts and the volume is bound while the operator's definitions, of a megabyte each, are read.
    changed += apply(cluster, plain, say)
    changed += _install_metrics(cluster, say)
    changed += _install_kuberay(cluster, order, say)
    changed += apply(cluster, rest[len(plain) :], say)
    changed += prune(cluster, documents, "rayjobs", say)
    refs = [Ref.of(each) for each in documents]
    scalers = [ref for ref in refs if ref.kind == "HorizontalPodAutoscaler"]
    operator = _operator(cluster)
    others = [Ref.of(operator)] if operator else []
    Patience(cluster, deadline, say).until_ready([*others, *(ref for ref in refs if ref not in scalers)])
    _await_metrics(cluster, scalers, say)
    return bool(changed)


def api_key(cluster: Cluster) -> str | None:
    """Return the key of the API that was generated for it."""
    return _secret(cluster, API_KEYS_SECRET, "keys")


def ray_token(cluster: Cluster) -> str | None:
    """Return the token that Ray's dashboard asks for; KubeRay made it."""
    return _secret(cluster, RAYCLUSTER, "auth_token")


def _install_metrics(cluster: Cluster, say: Say) -> list[Ref]:
    found = cluster.get(METRICS)
    documents = render.metrics_server()
    if found is not None and not _is_ours(found):
        return []
    if found is None:
        say("the cluster has no metrics: metrics-server is installed")
    return apply(cluster, documents, say)


def _install_kuberay(cluster: Cluster, order: Order, say: Say) -> list[Ref]:
    """Install the operator where there is none; one that is there is judged and left as it is."""
    operator = _operator(cluster)
    if operator is not None:
        (image, *_) = _images(operator)
        version = kuberay.judge(image)
        say(f"KubeRay {version or image} is there")
        return []
    found = cluster.get(_CRD)
    if found is not None and not _is_ours(found):
        raise kuberay.OperatorError(
            f"The cluster has {kuberay.CRD}, but no operator that serves it.",
            "Install KubeRay, or delete its CustomResourceDefinitions to have it installed here.",
        )
    say(f"the cluster has no KubeRay: {order.kuberay_folder or kuberay.VERSION} is installed")
    return apply(cluster, kuberay.objects(order.kuberay_folder or kuberay.fetch(order.cache)), say)


def _operator(cluster: Cluster) -> Document | None:
    deployments = cluster.find("apps/v1", "Deployment")
    return next((each for each in deployments if any(map(kuberay.is_operator, _images(each)))), None)


def _images(deployment: Document) -> list[str]:
    return [each["image"] for each in deployment["spec"]["template"]["spec"]["containers"]]


def _generate_secrets(cluster: Cluster, say: Say) -> list[Ref]:
    """Make the secrets that are not there; those that are stay what they are."""
    password = secrets.token_urlsafe(24)
    generated = {
        REDIS_SECRET: {"password": password, "requirepass.conf": f"requirepass {password}\n"},
        API_KEYS_SECRET: {"keys": f"rayjobs_{secrets.token_urlsafe(24)}"},
    }
    made = []
    for name, content in generated.items():
        secret: Document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": content,
        }
        (stamped,) = render.stamped([secret], part="rayjobs", namespace=NAMESPACE)
        if cluster.get(Ref.of(stamped)) is None:
            cluster.create(stamped)
            made.append(Ref.of(stamped))
            say(f"{Ref.of(stamped)} made")
    return made


def _await_metrics(cluster: Cluster, scalers: list[Ref], say: Say) -> None:
    try:
        Patience(cluster, Deadline(_METRICS_S), say).until_ready(scalers)
    except NotReadyError as error:
        service = cluster.get(METRICS) or {}
        states = [
            f"{each['type']}: {each.get('message', '')}"
            for each in service.get("status", {}).get("conditions", ())
        ]
        told = "".join(f"\n    {METRICS.name} {each}" for each in states)
        remedy = "Repair the cluster's metrics-server; its log says what it can't read."
        raise NotReadyError(f"{error.detail.rstrip()}{told}\n", remedy, code="no_metrics") from error


def _secret(cluster: Cluster, name: str, key: str) -> str | None:
    found = cluster.get(Ref("v1", "Secret", name, NAMESPACE))
    return base64.b64decode(found["data"][key]).decode() if found else None


def _is_ours(document: Document) -> bool:
    labels: dict[str, str] = document["metadata"].get("labels", {})
    return labels.get(MANAGER_LABEL) == MANAGER
