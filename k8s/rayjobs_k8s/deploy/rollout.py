"""Rolls out the system: from an empty cluster to objects that are ready."""

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


@dataclass(frozen=True)
class RolloutOptions:
    """The system to roll out, and the limits of time."""

    values: render.Values
    cache: Path
    """Folder that keeps what is fetched."""
    kuberay_folder: Path | None = None
    """The operator's manifests; None fetches the pinned release."""
    limit_s: float = 600.0
    """Until every object but the HPA is ready."""
    metrics_limit_s: float = 150.0
    """Until the HPA has its metrics: two scrapes of metrics-server and a reading of the HPA, 15 s each."""


def roll_out(cluster: Cluster, options: RolloutOptions, say: Say) -> bool:
    """Apply all objects of the system and wait until they are ready; return whether anything was changed.

    Raises:
        DeployError: The cluster refuses an object, or an object is not ready in time.
    """
    documents = render.system(options.values)
    deadline = Deadline(options.limit_s)
    namespace, *rest = documents
    before_ray = list(takewhile(lambda each: each["kind"] != "RayCluster", rest))
    changed = apply(cluster, [namespace], say)
    changed += _generate_secrets(cluster, say)
    # Redis starts and the volume is bound while the operator's definitions, of a megabyte each, are read.
    changed += apply(cluster, before_ray, say)
    changed += install_metrics(cluster, say)
    changed += install_kuberay(cluster, options.kuberay_folder, options.cache, say)
    changed += apply(cluster, rest[len(before_ray) :], say)
    changed += prune(cluster, documents, "rayjobs", say)
    refs = [Ref.of(each) for each in documents]
    scalers = [ref for ref in refs if ref.kind == "HorizontalPodAutoscaler"]
    installed = operator(cluster)
    others = [Ref.of(installed)] if installed else []
    ReadyWaiter(cluster, deadline, say).until_ready([*others, *(ref for ref in refs if ref not in scalers)])
    _await_metrics(cluster, scalers, options.metrics_limit_s, say)
    return bool(changed)


def api_key(cluster: Cluster) -> str | None:
    """Return the generated key of the API, None if there is none."""
    return _secret(cluster, API_KEYS_SECRET, "keys")


def ray_token(cluster: Cluster) -> str | None:
    """Return the token that Ray's nodes and the dashboard require, None if there is none."""
    return _secret(cluster, RAYCLUSTER, "auth_token")


def _generate_secrets(cluster: Cluster, say: Say) -> list[Ref]:
    """Create the secrets that are missing; existing ones stay as they are; return the created ones."""
    password = secrets.token_urlsafe(24)
    generated = {
        # KubeRay creates this one too, but only once it runs; the dispatcher must not wait for KubeRay.
        RAYCLUSTER: {"auth_token": secrets.token_urlsafe(32)},
        REDIS_SECRET: {"password": password, "requirepass.conf": f"requirepass {password}\n"},
        API_KEYS_SECRET: {"keys": f"rayjobs_{secrets.token_urlsafe(24)}"},
    }
    created = []
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
            created.append(Ref.of(stamped))
            say(f"{Ref.of(stamped)} made")
    return created


def _await_metrics(cluster: Cluster, scalers: list[Ref], limit_s: float, say: Say) -> None:
    try:
        ReadyWaiter(cluster, Deadline(limit_s), say).until_ready(scalers)
    except NotReadyError as error:
        states = [
            f"{text(each, 'type')}: {text(each, 'message')}"
            for each in entries(cluster.get(METRICS), "status", "conditions")
        ]
        lines = "".join(f"\n    {METRICS.name} {each}" for each in states)
        remedy = "Repair the cluster's metrics-server; its log names what it can't read."
        raise NotReadyError(f"{error.detail.rstrip()}{lines}\n", remedy, code="no_metrics") from error


def _secret(cluster: Cluster, name: str, key: str) -> str | None:
    found = cluster.get(Ref("v1", "Secret", name, NAMESPACE))
    return base64.b64decode(text(found, "data", key)).decode() or None
