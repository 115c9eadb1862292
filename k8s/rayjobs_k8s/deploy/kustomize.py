"""Reads a kustomize folder such as KubeRay ships: resources, namespace, labels and images; nothing else."""

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
    """Return the objects of a folder, in the order of its resources. Its namespace is left to the caller.

    Raises:
        ManifestError: The folder can't be read, or asks for what is not understood here.
    """
    file = folder / _FILE
    try:
        wanted = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestError(f"{file}: {error}", "Name a folder with a kustomization.yaml.") from error
    if not isinstance(wanted, dict) or wanted.keys() - _KNOWN:
        strange = ", ".join(sorted(wanted.keys() - _KNOWN)) if isinstance(wanted, dict) else "no mapping"
        raise ManifestError(f"{file} asks for what is not understood here: {strange}.")
    made = [each for name in wanted.get("resources", ()) for each in _resource(folder / name)]
    for labels in wanted.get("labels", ()):
        _label(made, labels["pairs"], selectors=labels.get("includeSelectors", False))
    return with_images(made, dict(_image(each) for each in wanted.get("images", ())))


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
