"""Deploys a system to a cluster, finds it again, and removes it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rayjobs_cli.console import Say
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


@dataclass(frozen=True)
class ClusterOptions:
    """The options of the user."""

    folder: Path
    context: str | None = None
    """None is the current context of the kubeconfig."""
    api_port: int = 8000
    """0 takes a free port, here and below."""
    dashboard_port: int = 8265
    image_options: images.ImageOptions = field(default_factory=images.ImageOptions)
    size: str | None = None
    volume: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables that its pods get."""
    kuberay_folder: Path | None = None
    limit_s: float = 600.0


@dataclass(frozen=True)
class Deployed:
    """A system that is ready on a cluster, with ports of this machine that lead to it."""

    state: State
    changed: bool
    """Whether anything on the cluster changed."""


def deploy(options: ClusterOptions, say: Say) -> Deployed:
    """Return the system on a cluster, rolled out as ordered, with ports of this machine that lead to it.

    Raises:
        CommandError: The rollout failed. What is on the cluster stays, so that it can be examined.
    """
    with _as_command_error():
        cluster = Cluster(options.context)
        context.require_intended(cluster, named=options.context is not None)
        nodes = context.require_fit(cluster, options.volume)
        ports_only = _choose_ports(options, cluster.context)
        size = options.size or context.size_of(nodes)
        say(f"context {cluster.context}, size {size}")
        chosen = images.provide(options.image_options, cluster.context, nodes, say)
        values = Values(chosen, None if size == "default" else size, options.volume, options.settings)
        wanted = rollout.RolloutOptions(
            values, options.folder / "kuberay", options.kuberay_folder, options.limit_s
        )
        changed = rollout.roll_out(cluster, wanted, say)
        keys = {"api_key": rollout.api_key(cluster) or "", "ray_token": rollout.ray_token(cluster) or ""}
    state = ports.forwarded(options.folder, ports_only.model_copy(update=keys))
    return Deployed(state, changed)


def down(folder: Path, named: str | None, say: Say) -> list[str]:
    """Remove what was deployed; return the parts that were removed. Pictures on the volume stay."""
    state = states.read(folder)
    with _as_command_error():
        cluster = Cluster(named or (state.context if state else None))
        context.require_intended(cluster, named=named is not None or state is not None)
        parts = teardown.take_down(cluster, say)
    if state is not None and state.context == cluster.context:
        ports.stop(state)
        states.forget(folder)
    return parts


def observer(named: str) -> Observe:
    """Return the function that reads the worker group of a context."""
    return Observer(Cluster(named)).look


def _choose_ports(options: ClusterOptions, named: str) -> State:
    before = states.read(options.folder)
    if before is not None:
        same = before.context == named
        same &= options.api_port in (0, before.api_port)
        same &= options.dashboard_port in (0, before.dashboard_port)
        if same and find(before.forwarder):
            return before
        ports.stop(before)
    free = free_ports(2)
    return State(
        context=named,
        api_port=claim(options.api_port, "--port") or free[0],
        dashboard_port=claim(options.dashboard_port, "--dashboard-port") or free[1],
    )


@contextmanager
def _as_command_error() -> Iterator[None]:
    """Raise a `CommandError` for a `DeployError`.

    `rayjobs_k8s` imports nothing of the commands, so its errors have their own base. Here, and only here,
    they become errors of a command.
    """
    try:
        yield
    except DeployError as error:
        raise CommandError(error.code, error.detail, error.remedy) from error
