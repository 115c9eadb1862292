"""Finds the running system that a command is meant for."""

import os
from argparse import Namespace
from collections.abc import Iterator

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.client import Client, first_key
from rayjobs_cli.targets.cluster import ports
from rayjobs_cli.targets.cluster import state as cluster_states
from rayjobs_cli.targets.local import state as local_states
from rayjobs_cli.targets.observe import Observe
from rayjobs_cli.targets.running import Target, on_a_cluster, on_this_machine


def connect(given: Namespace) -> Client:
    """Return a client of the system that the arguments name, or else of the one that runs.

    Raises:
        CommandError: Nothing runs, or two do.
    """
    if given.url:
        return Client(given.url, given.api_key or first_key(os.environ))
    return _client(found(given), given)


def connect_and_observe(given: Namespace) -> tuple[Client, Observe | None]:
    """Return the client, and what tells how the worker group stands if the system is on a cluster.

    Raises:
        CommandError: Nothing runs, or two do.
    """
    if given.url:
        return connect(given), None
    running = found(given)
    return _client(running, given), running.observe()


def _client(running: Target, given: Namespace) -> Client:
    return Client(running.api, given.api_key or running.api_key)


def found(given: Namespace) -> Target:
    """Return the system that was deployed from the state directory of the arguments.

    Raises:
        CommandError: Nothing runs, or two do.
    """
    systems = list(_systems(given))
    if not systems:
        remedy = "Start it with: python scripts/deploy.py, or name another with --url or --state."
        raise CommandError("not_running", f"Nothing runs under {given.state}.", remedy)
    if len(systems) > 1:
        remedy = "Say which is meant: local or k8s."
        raise CommandError("two_systems", "One runs on this machine and one on a cluster.", remedy)
    return systems[0]


def _systems(given: Namespace) -> Iterator[Target]:
    if given.target != "k8s" and (local := local_states.read(given.state)) is not None:
        yield on_this_machine(local, changed=False)
    if given.target != "local" and (remote := cluster_states.read(given.state)) is not None:
        yield on_a_cluster(given.state, ports.forwarded(given.state, remote), changed=False)
