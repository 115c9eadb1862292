import hashlib
from pathlib import Path

import pytest

from rayjobs_k8s.deploy import kuberay
from rayjobs_k8s.deploy.kuberay import OperatorError
from rayjobs_k8s.errors import ManifestError
from rayjobs_k8s.names import MANAGER, MANAGER_LABEL

CRD = f"""
kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
metadata: {{name: {kuberay.CRD}}}
"""
BINDING = """
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: operator}
subjects: [{kind: ServiceAccount, name: operator, namespace: system}]
"""
DEPLOYMENT = """
kind: Deployment
apiVersion: apps/v1
metadata: {name: operator, namespace: system}
spec:
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: operator, image: kuberay/operator}]}}
"""
LABELS = "labels: [{includeSelectors: true, pairs: {c: d}}]"
IMAGES = "images: [{name: kuberay/operator, newName: quay.io/kuberay/operator, newTag: v1.7.0}]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the layout of the operator's own."""
    for name, text in {
        "default/kustomization.yaml": f"namespace: default\n{IMAGES}\nresources: [../crd, ../manager]",
        "crd/kustomization.yaml": "resources: [bases/crd.yaml]",
        "crd/bases/crd.yaml": CRD,
        "manager/kustomization.yaml": f"{LABELS}\nresources: [all.yaml]",
        "manager/all.yaml": f"{BINDING}---{DEPLOYMENT}",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_operator_gets_a_namespace_of_its_own_and_its_released_image(folder: Path) -> None:
    namespace, crd, binding, deployment = kuberay.objects(folder)
    assert (namespace["kind"], namespace["metadata"]["name"]) == ("Namespace", kuberay.NAMESPACE)
    assert crd["metadata"]["name"] == kuberay.CRD
    assert "namespace" not in crd["metadata"]
    assert binding["subjects"][0]["namespace"] == kuberay.NAMESPACE
    assert deployment["metadata"]["namespace"] == kuberay.NAMESPACE
    assert (
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "quay.io/kuberay/operator:v1.7.0"
    )
    assert deployment["spec"]["selector"]["matchLabels"] == {"a": "b", "c": "d"}
    assert deployment["spec"]["template"]["metadata"]["labels"] == {"a": "b", "c": "d"}
    assert deployment["metadata"]["labels"][MANAGER_LABEL] == MANAGER


def test_the_inner_folder_gives_the_same_objects(folder: Path) -> None:
    assert kuberay.objects(folder / "default") == kuberay.objects(folder)


def test_a_folder_without_the_operator_is_refused(folder: Path) -> None:
    with pytest.raises(ManifestError, match=kuberay.CRD):
        kuberay.objects(folder / "manager")
    with pytest.raises(ManifestError, match=r"kustomization\.yaml"):
        kuberay.objects(folder / "nothing")


def test_a_kustomization_without_a_mapping_is_refused(folder: Path) -> None:
    (folder / "crd" / "kustomization.yaml").write_text("- a list", encoding="utf-8")
    with pytest.raises(ManifestError, match="contains no mapping"):
        kuberay.objects(folder)


def test_a_field_of_kustomize_that_is_not_supported_is_refused(folder: Path) -> None:
    (folder / "crd" / "kustomization.yaml").write_text("resources: []\npatches: []", encoding="utf-8")
    with pytest.raises(ManifestError, match="patches"):
        kuberay.objects(folder)


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """Return two released files, after their digests are pinned."""
    files = {"default/kustomization.yaml": b"one", "crd/x.yaml": b"two"}
    sums = tmp_path / "sums"
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    sums.write_text("".join(lines), encoding="utf-8")
    monkeypatch.setattr(kuberay, "_SUMS", sums)
    return files


def test_fetched_files_are_checked_and_kept(released: dict[str, bytes], tmp_path: Path) -> None:
    fetched: list[str] = []

    def get(url: str) -> bytes:
        fetched.append(url)
        return released[url.split("/config/")[1]]

    folder = kuberay.fetch(tmp_path, get)
    assert {name: (folder / name).read_bytes() for name in released} == released
    assert all(kuberay.VERSION in url for url in fetched)
    (folder / "crd/x.yaml").write_bytes(b"damaged")
    kuberay.fetch(tmp_path, get)
    assert len(fetched) == 3
    assert (folder / "crd/x.yaml").read_bytes() == b"two"


@pytest.mark.usefixtures("released")
def test_a_file_that_was_not_released_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="digest"):
        kuberay.fetch(tmp_path, lambda _: b"something else")
    assert not list((tmp_path / kuberay.VERSION).rglob("*.yaml"))


def test_the_pinned_files_are_the_files_that_the_operator_needs() -> None:
    names = [line.split()[1] for line in kuberay._SUMS.read_text(encoding="utf-8").splitlines()]
    assert {"default", "crd", "rbac", "manager"} == {name.split("/")[0] for name in names}
    assert len(names) == len(set(names)) == 15


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/kuberay/operator:v1.6.1", "1.6.1"),
        ("mirror/kuberay/operator:1.7.0-rc.1", "1.7.0"),
        ("quay.io/kuberay/operator:nightly", None),
        ("quay.io/kuberay/operator@sha256:0", None),
    ],
)
def test_the_image_of_an_operator_contains_its_release(image: str, version: str | None) -> None:
    assert kuberay.supported_release(image) == version


def test_an_operator_without_tokens_is_too_old() -> None:
    with pytest.raises(OperatorError, match=r"1\.5\.0"):
        kuberay.supported_release("quay.io/kuberay/operator:v1.5.0")
