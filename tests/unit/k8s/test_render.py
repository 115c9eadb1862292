from pathlib import Path

import pytest

from rayjobs_k8s.deploy import render
from rayjobs_k8s.deploy.render import Values
from rayjobs_k8s.errors import ManifestError
from rayjobs_k8s.names import API_IMAGE, MANAGER, MANAGER_LABEL, NAMESPACE, PART_LABEL, RAY_IMAGE
from rayjobs_k8s.objects import Document

IMAGES = {API_IMAGE: "registry/api:1", RAY_IMAGE: "registry/ray:1"}


def system(overlay: str | None = None, volume: str | None = None) -> list[Document]:
    return render.system(Values(IMAGES, overlay, volume))


def of(documents: list[Document], kind: str) -> list[Document]:
    return [each for each in documents if each["kind"] == kind]


def used(documents: list[Document]) -> set[str]:
    return {
        container["image"]
        for each in documents
        for spec in render.pod_specs(each)
        for container in (*spec.get("initContainers", ()), *spec["containers"])
    }


def test_the_namespace_comes_first_and_contains_every_object_that_needs_one() -> None:
    first, *rest = system()
    assert (first["kind"], first["metadata"]["name"]) == ("Namespace", NAMESPACE)
    namespaces = {each["kind"]: each["metadata"].get("namespace") for each in rest}
    assert namespaces["PersistentVolume"] is None
    some_kind = "Secret" if "Secret" in namespaces else "Service"
    assert namespaces["RayCluster"] == namespaces[some_kind] == NAMESPACE


def test_every_object_has_the_labels_of_its_maker() -> None:
    for each in system():
        labels = each["metadata"]["labels"]
        assert (labels[PART_LABEL], labels[MANAGER_LABEL]) == ("rayjobs", MANAGER)


def test_the_container_images_are_those_of_the_values() -> None:
    assert used(system()) == {*IMAGES.values(), "redis:7"}


def test_a_missing_container_image_is_named() -> None:
    with pytest.raises(ManifestError, match=RAY_IMAGE):
        render.system(Values({API_IMAGE: "api:1"}))


def test_an_overlay_changes_the_values_that_it_names_and_nothing_else() -> None:
    plain, small = system(), system(overlay="small")
    (before,), (after,) = of(plain, "RayCluster"), of(small, "RayCluster")
    group, small_group = before["spec"]["workerGroupSpecs"][0], after["spec"]["workerGroupSpecs"][0]
    assert (group["rayStartParams"]["num-cpus"], small_group["rayStartParams"]["num-cpus"]) == ("2", "1")
    assert group["replicas"] == small_group["replicas"]
    worker, small_worker = (each["template"]["spec"]["containers"][0] for each in (group, small_group))
    assert small_worker["env"] == worker["env"]
    assert small_worker["resources"]["requests"]["cpu"] == "200m"
    assert of(plain, "Service") == of(small, "Service")


def test_an_overlay_that_changes_a_missing_object_or_entry_is_refused() -> None:
    unknown = {"kind": "Deployment", "metadata": {"name": "nobody"}}
    with pytest.raises(ManifestError, match="Deployment nobody"):
        render.merged(system(), [unknown])
    stray = {
        "kind": "Deployment",
        "metadata": {"name": "api"},
        "spec": {"template": {"spec": {"containers": [{"name": "x"}]}}},
    }
    with pytest.raises(ManifestError, match="'x'"):
        render.merged(system(), [stray])


def test_a_merge_does_not_change_its_arguments() -> None:
    before = system()
    render.merged(before, render.load(Path(render.__file__).parents[1] / "overlays" / "small.yaml"))
    assert before == system()


def test_the_default_volume_is_the_nodes_own_disk() -> None:
    (volume,) = of(system(), "PersistentVolume")
    assert "hostPath" in volume["spec"]


def test_a_storage_class_replaces_the_nodes_disk() -> None:
    documents = system(volume="class:nfs")
    assert of(documents, "PersistentVolume") == []
    (claim,) = of(documents, "PersistentVolumeClaim")
    assert claim["spec"]["storageClassName"] == "nfs"
    assert "volumeName" not in claim["spec"]


def test_every_pod_uses_an_existing_claim() -> None:
    documents = system(volume="pvc:mine")
    assert of(documents, "PersistentVolume") == of(documents, "PersistentVolumeClaim") == []
    claims = {
        volume["persistentVolumeClaim"]["claimName"]
        for each in documents
        for spec in render.pod_specs(each)
        for volume in spec.get("volumes", ())
        if "persistentVolumeClaim" in volume
    }
    assert claims == {"mine"}


@pytest.mark.parametrize("volume", ["mine", "nfs:x", "pvc:", "class"])
def test_a_volume_of_another_kind_is_refused(volume: str) -> None:
    with pytest.raises(ManifestError) as raised:
        system(volume=volume)
    assert raised.value.code == "bad_volume"


@pytest.mark.parametrize("text", ["- a list", "kind: [", "just: this"])
def test_a_file_without_objects_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=r"x\.yaml"):
        render.load(file)


def test_the_values_of_a_yaml_anchor_are_copies(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("kind: A\na: &it {n: 1}\nb: *it\n", encoding="utf-8")
    (document,) = render.load(file)
    document["a"]["n"] = 2
    assert document["b"] == {"n": 1}
