"""What deploy and demo share: a stack brought up and purged, and what people and programs are told of it."""

import os
from argparse import Namespace
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from scripts.client import Client, first_key
from scripts.local import logs, stack
from scripts.local.plan import Order
from scripts.local.state import State
from scripts.outcome import CommandError
from scripts.words import Words


def require_local(target: str) -> None:
    """Raise `CommandError` for a target that can't be deployed to."""
    if target != "local":
        detail = "Deploying to Kubernetes is not part of this release."
        raise CommandError("no_k8s", detail, "Deploy on this machine: python scripts/deploy.py local")


def launch(arguments: Namespace, say: Callable[[str], None]) -> stack.Deployed:
    """Return the stack that the arguments ask for, ready; one that was started for it is purged."""
    require_local(arguments.target)
    order = Order(
        folder=arguments.state,
        api_port=arguments.port,
        dashboard_port=arguments.dashboard_port,
        slots=arguments.slots,
        roots=tuple(arguments.roots),
    )
    deployed = stack.deploy(order, say)
    # What runs on a system that was up already is somebody's work.
    if deployed.changed:
        client_of(deployed.state).purge()
    return deployed


def client_of(state: State) -> Client:
    """Return a client of a stack."""
    return Client(state.plan.api_url, first_key(os.environ))


def as_json(state: State) -> dict[str, Any]:
    """Return what `deploy --json` prints."""
    plan = state.plan
    return {
        "target": "local",
        "api": plan.api_url,
        "dashboard": plan.dashboard_url,
        "redis": plan.redis_url,
        "state": str(plan.folder),
        "pids": state.pids,
    }


def show(state: State, words: Words) -> None:
    """Print where everything is."""
    plan = state.plan
    rows = {
        "API": plan.api_url,
        "API documentation": f"{plan.api_url}/docs",
        "Ray dashboard": plan.dashboard_url or f"(of the Ray at {plan.ray_address})",
        "Redis": without_password(plan.redis_url),
        "state directory": str(plan.folder),
        "logs": str(logs.path(plan.folder, "*")),
    }
    for name, value in rows.items():
        words.say(f"  {name:<20}{value}")


def without_password(url: str) -> str:
    """Return a URL as it may be shown on a screen."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:***@{place}").geturl()
