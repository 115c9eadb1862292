from typing import Any

import pytest

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.targets.cluster import context
from tests.support.fake_cluster import FakeCluster


def node(name: str = "n1", cpu: str = "2", *, ready: bool = True, **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


class Named(FakeCluster):
    """A cluster whose context has a name, and whose server has one."""

    server = "127.0.0.1"
    version = (1, 34)

    def __init__(self, name: str, server: str, *nodes: dict[str, Any]) -> None:
        super().__init__(*nodes)
        self.context = name
        self.server = server


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("kind-dev", "127.0.0.1"),
        ("anything", "127.0.0.1"),
        ("k3d-x", "0.0.0.0"),  # what k3d writes
        ("minikube", "192.168.49.2"),
        ("docker-desktop", "kubernetes.docker.internal"),
    ],
)
def test_a_cluster_of_this_machine_may_be_deployed_to(name: str, server: str) -> None:
    context.require_intended(Named(name, server), named=False)


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("gke_acme_europe-west1_main", "34.90.1.2"),
        ("arn:aws:eks:eu-west-1:1:cluster/x", "abc.eks.amazonaws.com"),
        ("prod", "127.0.0.1"),
        ("kind-live", "127.0.0.1"),
        ("team-production", "10.0.0.1"),
    ],
)
def test_any_other_must_be_named(name: str, server: str) -> None:
    with pytest.raises(CommandError) as raised:
        context.require_intended(Named(name, server), named=False)
    assert (raised.value.code, raised.value.status) == ("context_not_named", ExitStatus.ENVIRONMENT)
    assert f"--context {name}" in raised.value.remedy
    context.require_intended(Named(name, server), named=True)


def test_several_nodes_need_a_volume_that_they_share() -> None:
    cluster = Named("x", "127.0.0.1", node("n1"), node("n2"), node("n3", unschedulable=True))
    with pytest.raises(CommandError, match="2 nodes") as raised:
        context.require_fit(cluster, None)
    assert "--volume" in raised.value.remedy
    assert len(context.require_fit(cluster, "class:nfs")) == 2


def test_a_cluster_without_a_node_that_works_is_refused() -> None:
    with pytest.raises(CommandError) as raised:
        context.require_fit(Named("x", "127.0.0.1", node(ready=False)), None)
    assert raised.value.code == "no_node"


def test_a_kubernetes_without_native_sidecars_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Named, "version", (1, 28))
    with pytest.raises(CommandError, match=r"1\.28 is too old"):
        context.require_fit(Named("x", "127.0.0.1", node()), None)


@pytest.mark.parametrize(
    ("cpus", "size"), [(["2"], "small"), (["3920m", "3920m"], "default"), (["8"], "default")]
)
def test_the_size_follows_the_cores(cpus: list[str], size: str) -> None:
    assert context.size_of([node(cpu=cpu) for cpu in cpus]) == size
