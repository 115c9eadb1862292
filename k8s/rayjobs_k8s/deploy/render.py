"""Manifests and values -> the objects to apply. Pure: asks no cluster."""

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
"""libyaml's, where the wheel has it: ten times as quick, and KubeRay's definitions are 4 MB."""
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
"""What the variable of a setting begins with."""
_KEYS = ("name", "groupName")
"""By which the entries of a list are told apart, as in Kubernetes' own merging."""


@dataclass(frozen=True)
class Values:
    """What differs from one deployment to the next."""

    images: Mapping[str, str] = field(default_factory=dict)
    """Container image of the manifests -> the one to run in its place."""
    overlay: str | None = None
    """Name of a file of `overlays`."""
    volume: str | None = None
    """`pvc:NAME` or `class:NAME` in place of the node's own disk."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of rayjobs, in place of what the manifests say."""


def system(values: Values) -> list[Document]:
    """Return the objects of rayjobs, in the order of their application.

    Raises:
        ManifestError: A value can't be used.
    """
    documents = [each for path in sorted((_FOLDER / "manifests").glob("*.yaml")) for each in load(path)]
    if values.overlay:
        documents = merged(documents, load(_FOLDER / "overlays" / f"{values.overlay}.yaml"))
    documents = with_settings(_with_volume(documents, values.volume), values.settings)
    missing = {API_IMAGE, RAY_IMAGE} - values.images.keys()
    if missing:
        raise ManifestError(f"No container image is named for {', '.join(sorted(missing))}.")
    return stamped(with_images(documents, values.images), part="rayjobs", namespace=NAMESPACE)


def metrics_server() -> list[Document]:
    """Return the objects of metrics-server, for a cluster that has none."""
    return stamped(load(_FOLDER / "addons" / "metrics-server.yaml"), part="metrics-server")


def load(path: Path) -> list[Document]:
    """Return the objects of a YAML file.

    Raises:
        ManifestError: It can't be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = [each for each in yaml.load_all(text, Loader=_LOADER) if each is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestError(f"{path}: {error}") from error
    for each in found:
        if not isinstance(each, dict) or not each.get("kind"):
            raise ManifestError(f"{path}: not every document is an object of Kubernetes.")
    # Anchors of YAML give one object in many places; a change to one must not show in the others.
    return [json.loads(json.dumps(each)) for each in found]


def stamped(documents: Iterable[Document], *, part: str, namespace: str | None = None) -> list[Document]:
    """Return the objects with our labels, those that live in a namespace with `namespace` if it is given."""
    made = deepcopy(list(documents))
    for each in made:
        labels = each["metadata"].setdefault("labels", {})
        labels |= {PART_LABEL: part, MANAGER_LABEL: MANAGER}
        if namespace and each["kind"] not in _CLUSTER_WIDE:
            each["metadata"]["namespace"] = namespace
        for subject in each.get("subjects", ()):
            if namespace and subject["kind"] == "ServiceAccount":
                subject["namespace"] = namespace
    return made


def with_images(documents: Iterable[Document], images: Mapping[str, str]) -> list[Document]:
    """Return the objects with their container images replaced by name."""
    made = deepcopy(list(documents))
    for container in (one for each in made for one in _containers(each)):
        container["image"] = images.get(container["image"], container["image"])
    return made


def with_settings(documents: Iterable[Document], settings: Mapping[str, str]) -> list[Document]:
    """Return the objects with environment variables in each container that has settings of rayjobs."""
    made = deepcopy(list(documents))
    for container in (one for each in made for one in _containers(each)):
        there = container.get("env", [])
        if any(one["name"].startswith(_SETTING) for one in there):
            # Kubernetes: `$$` is a dollar; one alone could begin the name of another variable.
            given = [{"name": name, "value": value.replace("$", "$$")} for name, value in settings.items()]
            container["env"] = [*(one for one in there if one["name"] not in settings), *given]
    return made


def merged(documents: Iterable[Document], overlay: Iterable[Document]) -> list[Document]:
    """Return the objects with the values of an overlay's partial objects in the place of theirs.

    Raises:
        ManifestError: The overlay names an object that is not there.
    """
    made = deepcopy(list(documents))
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in made}
    for change in overlay:
        name = (change["kind"], change["metadata"]["name"])
        if name not in by_name:
            raise ManifestError(f"The overlay changes {' '.join(name)}, which no manifest has.")
        _merge(by_name[name], change)
    return made


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
                raise ManifestError(f"The overlay changes the entry {entry[key]!r}, which no manifest has.")
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
    left = [each for each in documents if each["kind"] != "PersistentVolume"]
    if kind == "class":
        for claim in (each for each in left if each["kind"] == "PersistentVolumeClaim"):
            claim["spec"]["storageClassName"] = name
            del claim["spec"]["volumeName"]
        return left
    left = [each for each in left if each["kind"] != "PersistentVolumeClaim"]
    for spec in (one for each in left for one in pod_specs(each)):
        for claim in (one["persistentVolumeClaim"] for one in spec.get("volumes", ()) if _is_claim(one)):
            claim["claimName"] = name
    return left


def _is_claim(volume: Document) -> bool:
    return "persistentVolumeClaim" in volume


def _containers(document: Document) -> Iterator[Document]:
    for spec in pod_specs(document):
        yield from spec.get("initContainers", ())
        yield from spec["containers"]


def pod_specs(value: object) -> Iterator[Document]:
    """Give each pod's specification in an object, wherever it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        for each in value.values():
            yield from pod_specs(each)
    elif isinstance(value, list):
        for each in value:
            yield from pod_specs(each)
