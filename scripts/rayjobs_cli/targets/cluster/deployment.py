"""Deploy to a cluster, find what was deployed there, and take it down."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.cluster import context, images, ports
from rayjobs_cli.targets.cluster import state as states
from rayjobs_cli.targets.cluster.state import State
from rayjobs_cli.targets.local.plan import claim, free_ports
from rayjobs_cli.targets.local.processes import find
from rayjobs_cli.targets.observe import Observe
from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deploy import rollout, teardown
from rayjobs_k8s.deploy.render import Values
from rayjobs_k8s.errors import DeployError
from rayjobs_k8s.scaling.observe import Observer

Say = Callable[[str], None]


@dataclass(frozen=True)
class ClusterOptions:
    """What the user asked for."""

    folder: Path
    context: str | None = None
    """None is the kubeconfig's current one."""
    api_port: int = 8000
    """0 takes any free one, here and below."""
    dashboard_port: int = 8265
    wish: images.ImageOptions = field(default_factory=images.ImageOptions)
    size: str | None = None
    volume: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables that its pods get."""
    kuberay_folder: Path | None = None
    limit_s: float = 600.0


@dataclass(frozen=True)
class Deployed:
    """A system that is ready on a cluster, and reached through this machine's ports."""

    state: State
    changed: bool
    """Whether anything on the cluster was."""


def deploy(order: ClusterOptions, say: Say) -> Deployed:
    """Return the system on a cluster, rolled out as ordered, with ports of this machine that lead to it.

    Raises:
        CommandError: It can't be, and why. What is on the cluster stays, to be looked at.
    """
    with _told():
        cluster = Cluster(order.context)
        context.require_intended(cluster, named=order.context is not None)
        nodes = context.require_fit(cluster, order.volume)
        ports_only = _choose_ports(order, cluster.context)
        size = order.size or context.size_of(nodes)
        say(f"context {cluster.context}, size {size}")
        chosen = images.provide(order.wish, cluster.context, nodes, say)
        values = Values(chosen, None if size == "default" else size, order.volume, order.settings)
        wanted = rollout.RolloutOptions(values, order.folder / "kuberay", order.kuberay_folder, order.limit_s)
        changed = rollout.roll_out(cluster, wanted, say)
        keys = {"api_key": rollout.api_key(cluster) or "", "ray_token": rollout.ray_token(cluster) or ""}
    state = ports.forwarded(order.folder, ports_only.model_copy(update=keys))
    return Deployed(state, changed)


def down(folder: Path, named: str | None, say: Say) -> list[str]:
    """Take down what was deployed; return the parts that went. Pictures on the volume stay."""
    state = states.read(folder)
    with _told():
        cluster = Cluster(named or (state.context if state else None))
        context.require_intended(cluster, named=named is not None or state is not None)
        parts = teardown.take_down(cluster, say)
    if state is not None and state.context == cluster.context:
        ports.stop(state)
        states.forget(folder)
    return parts


def observer(named: str) -> Observe:
    """Return what tells how the worker group of a context stands."""
    return Observer(Cluster(named)).look


def _choose_ports(order: ClusterOptions, named: str) -> State:
    before = states.read(order.folder)
    if before is not None:
        same = before.context == named
        same &= order.api_port in (0, before.api_port)
        same &= order.dashboard_port in (0, before.dashboard_port)
        if same and find(before.forwarder):
            return before
        ports.stop(before)
    free = free_ports(2)
    return State(
        context=named,
        api_port=claim(order.api_port, "--port") or free[0],
        dashboard_port=claim(order.dashboard_port, "--dashboard-port") or free[1],
    )


@contextmanager
def _told() -> Iterator[None]:
    """Turn the deployment's errors into what commands end with."""
    try:
        yield
    except DeployError as error:
        raise CommandError(error.code, error.detail, error.remedy) from error
