"""A system that runs on this machine or on a cluster: its addresses, for people and for programs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rayjobs_cli.console import Terminal
from rayjobs_cli.targets.client import Client, first_key
from rayjobs_cli.targets.cluster.state import State as ClusterState
from rayjobs_cli.targets.cluster.state import state_file
from rayjobs_cli.targets.local import logs
from rayjobs_cli.targets.local.state import State as LocalState
from rayjobs_cli.targets.observe import Observe
from rayjobs_k8s.names import NAMESPACE


@dataclass(frozen=True)
class Target:
    """A system that is ready for work."""

    kind: str
    """`local` or `k8s`."""
    api: str
    """URL of the API."""
    api_key: str | None
    dashboard: str | None
    redis: str
    folder: Path
    """The state directory."""
    changed: bool
    """Whether the command started or changed it."""
    pids: Mapping[str, int] = field(default_factory=dict)
    context: str | None = None
    """The context of the kubeconfig; None on this machine."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Further lines for people: name -> value."""

    def client(self) -> Client:
        """Return a client of its API."""
        return Client(self.api, self.api_key)

    def observe(self) -> Observe | None:
        """Return the function that reads the worker group; None on this machine, where nothing scales."""
        if self.context is None:
            return None
        from rayjobs_cli.targets.cluster import deployment

        return deployment.observer(self.context)

    def as_json(self) -> dict[str, Any]:
        """Return what `deploy --json` prints."""
        return {
            "target": self.kind,
            "api": self.api,
            "dashboard": self.dashboard,
            "redis": self.redis,
            "state": str(self.folder),
            "pids": dict(self.pids),
            "changed": self.changed,
        }

    def show(self, terminal: Terminal) -> None:
        """Print the addresses and folders for people."""
        rows = {
            "API": self.api,
            "API documentation": f"{self.api}/docs",
            "Ray dashboard": self.dashboard or "(that of the Ray at RAY_ADDRESS)",
            "Redis": without_password(self.redis),
            "state directory": str(self.folder),
            **self.notes,
        }
        for name, value in rows.items():
            terminal.say(f"  {name:<20}{value}")


def on_this_machine(state: LocalState, *, changed: bool) -> Target:
    """Return the stack of this machine as a target."""
    plan = state.plan
    return Target(
        "local",
        plan.api_url,
        first_key({**plan.settings, **os.environ}),
        plan.dashboard_url,
        plan.redis_url,
        plan.folder,
        changed,
        state.pids,
        notes={"logs": str(logs.path(plan.folder, "*"))},
    )


def on_a_cluster(folder: Path, state: ClusterState, *, changed: bool) -> Target:
    """Return the system on a cluster as a target."""
    return Target(
        "k8s",
        state.api_url,
        state.api_key,
        state.dashboard_url,
        f"redis://redis.{NAMESPACE}:6379/0",
        folder,
        changed,
        {"forward": state.forwarder.pid} if state.forwarder else {},
        state.context,
        {
            "keys of both": f"api_key and ray_token in {state_file(folder)}",
            "context": f"{state.context}, namespace {NAMESPACE}",
            "to watch": f"kubectl -n {NAMESPACE} get hpa,workergroupscalers,rayclusters,pods",
        },
    )


def without_password(url: str) -> str:
    """Return a URL with `***` instead of its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:***@{place}").geturl()
