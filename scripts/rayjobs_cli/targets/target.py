"""A system that runs, on whichever target: where it is, and how people and programs are told of it."""

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

    target: str
    api: str
    api_key: str | None
    dashboard: str | None
    redis: str
    folder: Path
    """The state directory."""
    changed: bool
    """Whether it was started, or changed, to get here."""
    pids: Mapping[str, int] = field(default_factory=dict)
    context: str | None = None
    """Of the kubeconfig, if it runs on a cluster."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What people are told besides."""

    def client(self) -> Client:
        """Return a client of its API."""
        return Client(self.api, self.api_key)

    def observe(self) -> Observe | None:
        """Return what tells how the worker group stands; None where nothing scales."""
        if self.context is None:
            return None
        from rayjobs_cli.targets.cluster import deployment

        return deployment.observer(self.context)

    def as_json(self) -> dict[str, Any]:
        """Return what `deploy --json` prints."""
        return {
            "target": self.target,
            "api": self.api,
            "dashboard": self.dashboard,
            "redis": self.redis,
            "state": str(self.folder),
            "pids": dict(self.pids),
            "changed": self.changed,
        }

    def show(self, words: Terminal) -> None:
        """Print where everything is."""
        rows = {
            "API": self.api,
            "API documentation": f"{self.api}/docs",
            "Ray dashboard": self.dashboard or "(of the Ray of RAY_ADDRESS)",
            "Redis": without_password(self.redis),
            "state directory": str(self.folder),
            **self.notes,
        }
        for name, value in rows.items():
            words.say(f"  {name:<20}{value}")


def on_this_machine(state: LocalState, *, changed: bool) -> Target:
    """Return the embedded stack as a running system."""
    plan = state.plan
    return Target(
        "local",
        plan.api_url,
        first_key(os.environ),
        plan.dashboard_url,
        plan.redis_url,
        plan.folder,
        changed,
        state.pids,
        notes={"logs": str(logs.path(plan.folder, "*"))},
    )


def on_a_cluster(folder: Path, state: ClusterState, *, changed: bool) -> Target:
    """Return what was deployed to a cluster as a running system."""
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
    """Return a URL as it may be shown on a screen."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:***@{place}").geturl()
