"""From an empty cluster to a system that is ready, and back."""

import base64
import secrets
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deadline import Deadline
from rayjobs_k8s.deploy import render
from rayjobs_k8s.deploy.apply import apply, prune
from rayjobs_k8s.deploy.prerequisites import METRICS, install_kuberay, install_metrics, operator
from rayjobs_k8s.deploy.wait import ReadyWaiter
from rayjobs_k8s.errors import NotReadyError
from rayjobs_k8s.names import API_KEYS_SECRET, NAMESPACE, RAYCLUSTER, REDIS_SECRET
from rayjobs_k8s.objects import Document, Ref, entries, text
from rayjobs_k8s.progress import Say

_METRICS_S = 150.0
"""Two scrapes of 15 s, a look of the HPA each 15 s, and the start of metrics-server before."""


@dataclass(frozen=True)
class RolloutOptions:
    """What is to be rolled out, and how long that may take."""

    values: render.Values
    cache: Path
    """Folder for what is fetched."""
    kuberay_folder: Path | None = None
    """The operator's manifests, in place of the pinned ones."""
    limit_s: float = 600.0


def roll_out(cluster: Cluster, order: RolloutOptions, say: Say) -> bool:
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
    changed += install_metrics(cluster, say)
    changed += install_kuberay(cluster, order.kuberay_folder, order.cache, say)
    changed += apply(cluster, rest[len(plain) :], say)
    changed += prune(cluster, documents, "rayjobs", say)
    refs = [Ref.of(each) for each in documents]
    scalers = [ref for ref in refs if ref.kind == "HorizontalPodAutoscaler"]
    served_by = operator(cluster)
    others = [Ref.of(served_by)] if served_by else []
    ReadyWaiter(cluster, deadline, say).until_ready([*others, *(ref for ref in refs if ref not in scalers)])
    _await_metrics(cluster, scalers, say)
    return bool(changed)


def api_key(cluster: Cluster) -> str | None:
    """Return the key of the API that was generated for it."""
    return _secret(cluster, API_KEYS_SECRET, "keys")


def ray_token(cluster: Cluster) -> str | None:
    """Return the token that Ray's nodes and its dashboard ask for."""
    return _secret(cluster, RAYCLUSTER, "auth_token")


def _generate_secrets(cluster: Cluster, say: Say) -> list[Ref]:
    """Make the secrets that are not there; those that are stay what they are."""
    password = secrets.token_urlsafe(24)
    generated = {
        # KubeRay would make it too, but only once it runs: the dispatcher need not wait for that.
        RAYCLUSTER: {"auth_token": secrets.token_urlsafe(32)},
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
        ReadyWaiter(cluster, Deadline(_METRICS_S), say).until_ready(scalers)
    except NotReadyError as error:
        states = [
            f"{text(each, 'type')}: {text(each, 'message')}"
            for each in entries(cluster.get(METRICS), "status", "conditions")
        ]
        told = "".join(f"\n    {METRICS.name} {each}" for each in states)
        remedy = "Repair the cluster's metrics-server; its log says what it can't read."
        raise NotReadyError(f"{error.detail.rstrip()}{told}\n", remedy, code="no_metrics") from error


def _secret(cluster: Cluster, name: str, key: str) -> str | None:
    found = cluster.get(Ref("v1", "Secret", name, NAMESPACE))
    return base64.b64decode(text(found, "data", key)).decode() or None
