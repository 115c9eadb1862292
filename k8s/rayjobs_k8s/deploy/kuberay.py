"""The operator's own manifests, and whether an operator that is there already will do."""

import hashlib
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import urllib3

from rayjobs_k8s.deploy import kustomize
from rayjobs_k8s.deploy.render import stamped
from rayjobs_k8s.errors import DeployError, ManifestError
from rayjobs_k8s.objects import Document

VERSION = "v1.6.1"
NAMESPACE = "kuberay-system"
OLDEST = (1, 5, 1)
"""First release that gives Ray a token (`authOptions`)."""
CRD = "rayclusters.ray.io"

_SUMS = Path(__file__).resolve().parents[1] / "addons" / f"kuberay-{VERSION}.sha256"
_ADDRESS = f"https://raw.githubusercontent.com/ray-project/kuberay/{VERSION}/ray-operator/config"
_ANSWER_S = 30.0

Get = Callable[[str], bytes]


class OperatorError(DeployError):
    """The operator can't be installed, or the one that is there can't be used."""

    code = "no_kuberay"


def objects(folder: Path) -> list[Document]:
    """Return the objects of a folder as the operator ships it (`ray-operator/config`, or its `default`).

    Raises:
        ManifestError: It is no such folder.
    """
    within = folder / "default"
    made = kustomize.build(within if within.is_dir() else folder)
    names = {each["metadata"]["name"] for each in made if each["kind"] == "CustomResourceDefinition"}
    if CRD not in names:
        raise ManifestError(f"{folder} holds no {CRD}.", "Name the folder `config` of the operator.")
    home: Document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return stamped([home, *made], part="kuberay", namespace=NAMESPACE)


def fetch(cache: Path, get: Get | None = None) -> Path:
    """Return a folder with the operator's manifests of the pinned release, each checked by its digest.

    Args:
        cache: Where they are kept; what is there and right is not fetched again.
        get: Returns what is at a URL.

    Raises:
        OperatorError: One can't be fetched, or is not what was released.
    """
    folder = cache / VERSION
    for line in _SUMS.read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        path = folder / name
        if not (path.is_file() and _digest(path.read_bytes()) == digest):
            data = (get or _get)(f"{_ADDRESS}/{name}")
            if _digest(data) != digest:
                raise OperatorError(f"{_ADDRESS}/{name} is not what was released: its digest differs.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return folder


def is_operator(image: str) -> bool:
    """Return whether a container image is the operator's, in whatever registry it lies."""
    return "operator" in image and "kuberay" in image


def judge(image: str) -> str | None:
    """Return the release of an operator by its container image, None if the image does not tell.

    Raises:
        OperatorError: It is too old.
    """
    tag = re.search(r":v?(\d+)\.(\d+)\.(\d+)", image)
    if tag is None:
        return None
    version = tuple(map(int, tag.groups()))
    told = ".".join(tag.groups())
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise OperatorError(
            f"The cluster has KubeRay {told}; {oldest} or newer is needed.", f"Upgrade it, best to {VERSION}."
        )
    return told


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _get(url: str) -> bytes:
    remedy = "Give a folder with the operator's manifests: --kuberay-manifests DIR."
    try:
        answer = urllib3.request("GET", url, timeout=_ANSWER_S)
    except urllib3.exceptions.HTTPError as error:
        raise OperatorError(f"KubeRay {VERSION} can't be fetched: {url}: {error}", remedy) from error
    if answer.status != HTTPStatus.OK:
        raise OperatorError(f"KubeRay {VERSION} can't be fetched: {url}: status {answer.status}.", remedy)
    return answer.data
