"""The manifests of the KubeRay operator, and the check of an operator that is installed already."""

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
"""First release with `authOptions`, by which Ray gets its token."""
CRD = "rayclusters.ray.io"

_SUMS = Path(__file__).resolve().parents[1] / "addons" / f"kuberay-{VERSION}.sha256"
_ADDRESS = f"https://raw.githubusercontent.com/ray-project/kuberay/{VERSION}/ray-operator/config"
_ANSWER_S = 30.0

Get = Callable[[str], bytes]


class OperatorError(DeployError):
    """The operator can't be installed, or the installed one can't be used."""

    code = "no_kuberay"


def objects(folder: Path) -> list[Document]:
    """Return the objects of the operator's folder (`ray-operator/config` of KubeRay, or its `default`).

    Raises:
        ManifestError: The folder is not the operator's.
    """
    default = folder / "default"
    shipped = kustomize.build(default if default.is_dir() else folder)
    names = {each["metadata"]["name"] for each in shipped if each["kind"] == "CustomResourceDefinition"}
    if CRD not in names:
        raise ManifestError(f"{folder} contains no {CRD}.", "Name the folder `config` of the operator.")
    namespace: Document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return stamped([namespace, *shipped], part="kuberay", namespace=NAMESPACE)


def fetch(cache: Path, get: Get | None = None) -> Path:
    """Return a folder with the manifests of the pinned release; the digest of each file is checked.

    Args:
        cache: The folder that keeps them; a file with the right digest is not fetched again.
        get: Returns the bytes at a URL.

    Raises:
        OperatorError: A file can't be fetched, or its digest is not the released one.
    """
    folder = cache / VERSION
    for line in _SUMS.read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        path = folder / name
        if not (path.is_file() and _digest(path.read_bytes()) == digest):
            data = (get or _get)(f"{_ADDRESS}/{name}")
            if _digest(data) != digest:
                raise OperatorError(f"{_ADDRESS}/{name} is not the released file: its digest differs.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return folder


def is_operator(image: str) -> bool:
    """Return whether a container image is the operator's, from any registry."""
    return "operator" in image and "kuberay" in image


def supported_release(image: str) -> str | None:
    """Return the release in an operator's container image, None if its tag contains no release.

    Raises:
        OperatorError: The release is too old.
    """
    tag = re.search(r":v?(\d+)\.(\d+)\.(\d+)", image)
    if tag is None:
        return None
    release = ".".join(tag.groups())
    if tuple(map(int, tag.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise OperatorError(
            f"The cluster has KubeRay {release}; rayjobs needs {oldest} or newer.",
            f"Upgrade KubeRay, best to {VERSION}.",
        )
    return release


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _get(url: str) -> bytes:
    remedy = "Name a folder with the operator's manifests: --kuberay-manifests DIR."
    try:
        answer = urllib3.request("GET", url, timeout=_ANSWER_S)
    except urllib3.exceptions.HTTPError as error:
        raise OperatorError(f"KubeRay {VERSION} can't be fetched: {url}: {error}", remedy) from error
    if answer.status != HTTPStatus.OK:
        raise OperatorError(f"KubeRay {VERSION} can't be fetched: {url}: status {answer.status}.", remedy)
    return answer.data
