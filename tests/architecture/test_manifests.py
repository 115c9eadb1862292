"""What every manifest must contain; the names that it shares with the settings and the container images."""

import importlib.util
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator

from rayjobs.settings import Settings
from rayjobs_cli.targets.cluster import images
from rayjobs_k8s import names
from rayjobs_k8s.deploy import kustomize, render

ROOT = Path(__file__).parents[2]
KUBERNETES = "1.34"
OPERATOR = os.environ.get("RAYJOBS_E2E_KUBERAY")
"""Folder of KubeRay's own manifests, if the environment names one."""
SIZES = [None, *(path.stem for path in sorted((ROOT / "k8s" / "rayjobs_k8s" / "overlays").glob("*.yaml")))]
EACH_SIZE = pytest.mark.parametrize("size", SIZES)
OTHER_VARIABLES = {
    "NAMESPACE",
    "POD_ID",
    "REDIS_URL",
    "RAY_ADDRESS",
    "REDIS_PASSWORD",
    "REDISCLI_AUTH",
    "RAY_AUTH_MODE",
    "RAY_AUTH_TOKEN",
}

Document = dict[str, Any]


@cache
def documents(size: str | None = None, volume: str | None = None) -> list[Document]:
    values = render.Values({names.API_IMAGE: "api:1", names.RAY_IMAGE: "ray:1"}, size, volume)
    return [*render.system(values), *render.metrics_server()]


def pods(size: str | None = None) -> Iterator[tuple[str, Document]]:
    for each in documents(size):
        for spec in render.pod_specs(each):
            yield f"{each['kind']} {each['metadata']['name']}", spec


def containers(size: str | None = None) -> Iterator[tuple[str, Document]]:
    for name, spec in pods(size):
        for each in (*spec.get("initContainers", ()), *spec["containers"]):
            yield f"{name}: {each['name']}", each


def named(kind: str, name: str) -> Document:
    return next(each for each in documents() if each["kind"] == kind and each["metadata"]["name"] == name)


@EACH_SIZE
@pytest.mark.parametrize("volume", [None, "class:nfs", "pvc:mine"])
def test_kubernetes_accepts_every_object(size: str | None, volume: str | None) -> None:
    for each in documents(size, volume):
        if "." in each["apiVersion"].split("/")[0] and not each["apiVersion"].split("/")[0].endswith(
            ".k8s.io"
        ):
            continue  # a custom kind: Kubernetes has no schema for it
        kubernetes_validate.validate(each, KUBERNETES, strict=True)


@cache
def kuberay_schema() -> Document:
    objects = kustomize.build(Path(OPERATOR or ""))
    crd = next(each for each in objects if each["metadata"]["name"] == "rayclusters.ray.io")
    version = next(each for each in crd["spec"]["versions"] if each["name"] == "v1")
    strict: Document = _strict(version["schema"]["openAPIV3Schema"])
    return strict


@EACH_SIZE
@pytest.mark.skipif(not OPERATOR, reason="RAYJOBS_E2E_KUBERAY names no folder of the operator's manifests")
def test_kuberay_accepts_the_cluster(size: str | None) -> None:
    (cluster,) = [each for each in documents(size) if each["kind"] == "RayCluster"]
    errors = Draft202012Validator(kuberay_schema()).iter_errors(cluster)
    assert [error.message for error in errors] == []


def _strict(schema: Any) -> Any:
    """Return a schema that refuses unknown fields; the API server would drop them in silence."""
    if not isinstance(schema, dict):
        return schema
    strict = {
        key: {k: _strict(v) for k, v in value.items()} if key == "properties" else _strict(value)
        for key, value in schema.items()
    }
    if strict.get("x-kubernetes-int-or-string"):
        strict.pop("type", None)
    if (
        "properties" in strict
        and strict.get("type") == "object"
        and "additionalProperties" not in strict
        and strict["properties"].keys() - {"metadata"}
    ):
        strict["additionalProperties"] = bool(strict.get("x-kubernetes-preserve-unknown-fields"))
    return strict


@EACH_SIZE
def test_no_pod_has_rights_that_it_does_not_need(size: str | None) -> None:
    for name, spec in pods(size):
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] >= 1000, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not [each for each in spec.get("volumes", ()) if "hostPath" in each], name


@EACH_SIZE
def test_no_container_can_gain_rights_or_write_where_it_runs(size: str | None) -> None:
    for name, each in containers(size):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


@EACH_SIZE
def test_a_container_runs_an_existing_module(size: str | None) -> None:
    commands = {
        name: each["command"] for name, each in containers(size) if each.get("command", [])[1:2] == ["-m"]
    }
    assert len(commands) == 4
    for name, (_, _, module, *_) in commands.items():
        found = importlib.util.find_spec(module)
        assert found is not None, name
        assert found.submodule_search_locations is None or importlib.util.find_spec(f"{module}.__main__"), (
            name
        )


@EACH_SIZE
def test_every_container_requests_its_resources_and_has_a_memory_limit(size: str | None) -> None:
    for name, each in containers(size):
        assert {"cpu", "memory"} <= each["resources"]["requests"].keys(), name
        assert "memory" in each["resources"]["limits"], name


def test_a_pod_that_uses_no_token_has_none_mounted() -> None:
    for name, spec in pods():
        if "serviceAccountName" not in spec and "ray-head" not in {
            each["name"] for each in spec["containers"]
        }:
            assert spec["automountServiceAccountToken"] is False, name


def test_a_container_with_a_port_has_a_liveness_probe() -> None:
    # KubeRay adds the probes of Ray's own containers itself.
    unprobed = {name for name, each in containers() if each.get("ports") and "livenessProbe" not in each}
    assert unprobed <= {"RayCluster rayjobs: ray-head"}


def test_every_variable_of_a_container_is_a_setting_or_is_listed() -> None:
    known = {f"RAYJOBS_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    given = {one["name"] for _, each in containers() for one in each.get("env", ())}
    assert {name for name in given if not name.startswith("RAY_gcs")} <= known


def test_the_services_have_the_names_that_the_settings_contain() -> None:
    assert named("Service", "redis")["spec"]["ports"][0]["port"] == 6379
    assert named("Service", names.API)["spec"]["ports"][0]["port"] == names.API_PORT
    urls = {
        one["value"] for _, each in containers() for one in each.get("env", ()) if one["name"] == "REDIS_URL"
    }
    assert urls == {"redis://:$(REDIS_PASSWORD)@redis:6379/0"}
    addresses = {
        one["value"]
        for _, each in containers()
        for one in each.get("env", ())
        if one["name"] == "RAY_ADDRESS"
    }
    assert addresses == {f"{names.RAYCLUSTER}-head-svc:6379"}


def test_the_worker_group_has_the_promised_sizes_and_options() -> None:
    cluster = named("RayCluster", names.RAYCLUSTER)["spec"]
    (group,) = cluster["workerGroupSpecs"]
    assert (group["groupName"], group["minReplicas"], group["maxReplicas"]) == (names.WORKERS, 1, 10)
    assert group["template"]["spec"]["containers"][0]["name"] == "ray-worker"
    assert cluster["autoscalerOptions"]["version"] == "v2"
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert (
        cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        == "4Gi"
    )


@EACH_SIZE
def test_a_worker_has_one_slot_for_each_cpu_that_it_reports_to_ray(size: str | None) -> None:
    (cluster,) = [each for each in documents(size) if each["kind"] == "RayCluster"]
    (group,) = cluster["spec"]["workerGroupSpecs"]
    (agent,) = group["template"]["spec"]["initContainers"]
    assert agent["restartPolicy"] == "Always"
    assert agent["command"][-2:] == ["--slots", group["rayStartParams"]["num-cpus"]]


def test_a_drain_may_evict_any_pod() -> None:
    for each in documents():
        if each["kind"] == "PodDisruptionBudget":
            assert "minAvailable" not in each["spec"], "it would keep the last pod for ever"
            assert each["spec"]["maxUnavailable"] >= 1


def test_the_cluster_runs_the_locked_version_of_ray() -> None:
    lock = (ROOT / "images" / "docker" / "ray.lock").read_text(encoding="utf-8")
    (version,) = re.findall(r"^ray==(\S+)", lock, re.MULTILINE)
    assert named("RayCluster", names.RAYCLUSTER)["spec"]["rayVersion"] == version


def test_the_dispatcher_has_no_label_or_variable_of_a_worker() -> None:
    template = named("Deployment", "dispatcher")["spec"]["template"]
    assert not [label for label in template["metadata"]["labels"] if label.startswith("ray.io/")]
    variables = {one["name"] for each in _all(template["spec"]) for one in each.get("env", ())}
    assert "RAY_CLOUD_INSTANCE_ID" not in variables
    assert named("Deployment", "dispatcher")["spec"]["strategy"] == {"type": "Recreate"}


def _all(spec: Document) -> list[Document]:
    return [*spec.get("initContainers", ()), *spec["containers"]]


@pytest.mark.parametrize("image", images.NAMES)
def test_a_container_image_runs_without_root_and_copies_existing_files(image: str) -> None:
    recipe = images.dockerfile(image).read_text(encoding="utf-8")
    assert re.search(r"^USER 1\d+:1\d+$", recipe, re.MULTILINE)
    assert "HEALTHCHECK" not in recipe
    sources = [name for found in images.COPIED.findall(recipe) for name in found.split()]
    assert [name for name in sources if not (ROOT / name).exists()] == []
