"""Builds the objects to apply from manifests and values. Pure: reads no cluster."""

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rayjobs_k8s.errors import ManifestError
from rayjobs_k8s.names import API_IMAGE, MANAGER, MANAGER_LABEL, NAMESPACE, PART_LABEL, RAY_IMAGE
from rayjobs_k8s.objects import Document

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of libyaml if PyYAML has it: ten times as fast, and KubeRay's definitions are 4 MB."""
_FOLDER = Path(__file__).resolve().parents[1]
_CLUSTER_WIDE = {
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "PersistentVolume",
}
_SETTING = "RAYJOBS_"
"""Prefix of the environment variable of a setting."""
_KEYS = ("name", "groupName")
"""Fields that identify the entries of a list, as in Kubernetes' own merge."""


@dataclass(frozen=True)
class Values:
    """The values in which deployments differ."""

    images: Mapping[str, str] = field(default_factory=dict)
    """Container image in the manifests -> the container image to run."""
    overlay: str | None = None
    """Name of a file of `overlays`, without `.yaml`."""
    volume: str | None = None
    """`pvc:NAME` or `class:NAME`; None is the node's own disk."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of rayjobs; they replace those of the manifests."""


def system(values: Values) -> list[Document]:
    """Return the objects of rayjobs, in the order in which they are applied.

    Raises:
        ManifestError: A value can't be used.
    """
    documents = [each for path in sorted((_FOLDER / "manifests").glob("*.yaml")) for each in load(path)]
    if values.overlay:
        documents = merged(documents, load(_FOLDER / "overlays" / f"{values.overlay}.yaml"))
    documents = with_settings(_with_volume(documents, values.volume), values.settings)
    missing = {API_IMAGE, RAY_IMAGE} - values.images.keys()
    if missing:
        raise ManifestError(f"The values name no container image for {', '.join(sorted(missing))}.")
    return stamped(with_images(documents, values.images), part="rayjobs", namespace=NAMESPACE)


def metrics_server() -> list[Document]:
    """Return the objects of metrics-server, for a cluster that has none."""
    return stamped(load(_FOLDER / "addons" / "metrics-server.yaml"), part="metrics-server")


def load(path: Path) -> list[Document]:
    """Return the objects of a YAML file.

    Raises:
        ManifestError: The file can't be read, or contains something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = [each for each in yaml.load_all(text, Loader=_LOADER) if each is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestError(f"{path}: {error}") from error
    for each in found:
        if not isinstance(each, dict) or not each.get("kind"):
            raise ManifestError(f"{path}: not every document is an object of Kubernetes.")
    # A YAML anchor puts the same Python object in several places. Copies keep a change in one of them.
    return [json.loads(json.dumps(each)) for each in found]


def stamped(documents: Iterable[Document], *, part: str, namespace: str | None = None) -> list[Document]:
    """Return copies of the objects with the labels of a deployment.

    Args:
        documents: The objects.
        part: The value of the label `PART_LABEL`.
        namespace: For the objects that need one, and for their service accounts; None keeps theirs.
    """
    copies = deepcopy(list(documents))
    for each in copies:
        labels = each["metadata"].setdefault("labels", {})
        labels |= {PART_LABEL: part, MANAGER_LABEL: MANAGER}
        if namespace and each["kind"] not in _CLUSTER_WIDE:
            each["metadata"]["namespace"] = namespace
        for subject in each.get("subjects", ()):
            if namespace and subject["kind"] == "ServiceAccount":
                subject["namespace"] = namespace
    return copies


def with_images(documents: Iterable[Document], images: Mapping[str, str]) -> list[Document]:
    """Return copies of the objects with the container images that `images` names replaced."""
    copies = deepcopy(list(documents))
    for container in (one for each in copies for one in _containers(each)):
        container["image"] = images.get(container["image"], container["image"])
    return copies


def with_settings(documents: Iterable[Document], settings: Mapping[str, str]) -> list[Document]:
    """Return copies of the objects; each container that has settings of rayjobs gets these variables."""
    copies = deepcopy(list(documents))
    for container in (one for each in copies for one in _containers(each)):
        env = container.get("env", [])
        if any(one["name"].startswith(_SETTING) for one in env):
            # In Kubernetes `$$` is a dollar sign; a single one may start the name of another variable.
            new = [{"name": name, "value": value.replace("$", "$$")} for name, value in settings.items()]
            container["env"] = [*(one for one in env if one["name"] not in settings), *new]
    return copies


def merged(documents: Iterable[Document], overlay: Iterable[Document]) -> list[Document]:
    """Return copies of the objects with the values of an overlay; its objects contain only those values.

    Raises:
        ManifestError: The overlay changes an object, or an entry of a list, that does not exist.
    """
    copies = deepcopy(list(documents))
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in copies}
    for change in overlay:
        name = (change["kind"], change["metadata"]["name"])
        if name not in by_name:
            raise ManifestError(f"The overlay changes {' '.join(name)}, which no manifest contains.")
        _merge(by_name[name], change)
    return copies


def _merge(target: Any, change: Any) -> Any:  # noqa: ANN401 - any part of a document
    if isinstance(target, dict) and isinstance(change, dict):
        for key, value in change.items():
            target[key] = _merge(target.get(key), value)
        return target
    key = _key_of(change)
    if key and isinstance(target, list):
        for entry in change:
            same = [one for one in target if one.get(key) == entry[key]]
            if not same:
                raise ManifestError(f"The overlay changes the entry {entry[key]!r}; no manifest contains it.")
            _merge(same[0], entry)
        return target
    return change


def _key_of(value: object) -> str | None:
    if not isinstance(value, list) or not value:
        return None
    return next((key for key in _KEYS if all(isinstance(one, dict) and key in one for one in value)), None)


def _with_volume(documents: list[Document], volume: str | None) -> list[Document]:
    if volume is None:
        return documents
    kind, _, name = volume.partition(":")
    if kind not in ("pvc", "class") or not name:
        raise ManifestError(f"--volume {volume}: neither pvc:NAME nor class:NAME.", code="bad_volume")
    rest = [each for each in documents if each["kind"] != "PersistentVolume"]
    if kind == "class":
        for claim in (each for each in rest if each["kind"] == "PersistentVolumeClaim"):
            claim["spec"]["storageClassName"] = name
            del claim["spec"]["volumeName"]
        return rest
    rest = [each for each in rest if each["kind"] != "PersistentVolumeClaim"]
    for spec in (one for each in rest for one in pod_specs(each)):
        for claim in (one["persistentVolumeClaim"] for one in spec.get("volumes", ()) if _is_claim(one)):
            claim["claimName"] = name
    return rest


def _is_claim(volume: Document) -> bool:
    return "persistentVolumeClaim" in volume


def _containers(document: Document) -> Iterator[Document]:
    for spec in pod_specs(document):
        yield from spec.get("initContainers", ())
        yield from spec["containers"]


def pod_specs(value: object) -> Iterator[Document]:
    """Yield each specification of a pod in an object, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        for each in value.values():
            yield from pod_specs(each)
    elif isinstance(value, list):
        for each in value:
            yield from pod_specs(each)
