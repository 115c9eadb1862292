"""Reads a kustomize folder as KubeRay ships it: resources, namespace, labels and images; nothing else."""

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from rayjobs_k8s.deploy.render import load, with_images
from rayjobs_k8s.errors import ManifestError
from rayjobs_k8s.objects import Document

_KNOWN = {"apiVersion", "kind", "namespace", "images", "labels", "resources"}
_FILE = "kustomization.yaml"


def build(folder: Path) -> list[Document]:
    """Return the objects of a folder, in the order of its resources; the caller sets their namespace.

    Raises:
        ManifestError: The folder can't be read, or contains a field that is not supported here.
    """
    file = folder / _FILE
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestError(f"{file}: {error}", "Name a folder with a kustomization.yaml.") from error
    if not isinstance(content, dict):
        raise ManifestError(f"{file} contains no mapping.", "Name a folder with a kustomization.yaml.")
    if unknown := content.keys() - _KNOWN:
        raise ManifestError(f"{file} contains fields that are not supported: {', '.join(sorted(unknown))}.")
    documents = [each for name in content.get("resources", ()) for each in _resource(folder / name)]
    for labels in content.get("labels", ()):
        _label(documents, labels["pairs"], selectors=labels.get("includeSelectors", False))
    return with_images(documents, dict(_image(each) for each in content.get("images", ())))


def _resource(path: Path) -> Iterable[Document]:
    return build(path) if path.is_dir() else load(path)


def _image(entry: dict[str, Any]) -> tuple[str, str]:
    return entry["name"], f"{entry.get('newName', entry['name'])}:{entry['newTag']}"


def _label(documents: Iterable[Document], pairs: dict[str, str], *, selectors: bool) -> None:
    for each in documents:
        each["metadata"].setdefault("labels", {}).update(pairs)
        spec = each.get("spec", {})
        if not selectors:
            continue
        if each["kind"] == "Service":
            spec["selector"] = {**spec.get("selector", {}), **pairs}
        if each["kind"] == "Deployment":
            spec["selector"]["matchLabels"] |= pairs
            spec["template"]["metadata"]["labels"] |= deepcopy(pairs)
