"""Finds the system that a command uses."""

import os
from argparse import Namespace
from collections.abc import Iterator

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.targets.client import Client, first_key
from rayjobs_cli.targets.cluster import ports
from rayjobs_cli.targets.cluster import state as cluster_states
from rayjobs_cli.targets.local import state as local_states
from rayjobs_cli.targets.observe import Observe
from rayjobs_cli.targets.target import Target, on_a_cluster, on_this_machine


def connect(given: Namespace) -> Client:
    """Return a client of the system that the arguments name, else of the one that runs.

    Raises:
        CommandError: No system runs, or two run.
    """
    if given.url:
        return Client(given.url, given.api_key or first_key(os.environ))
    return _client(_find(given), given)


def connect_and_observe(given: Namespace) -> tuple[Client, Observe | None]:
    """Return the client, and for a system on a cluster the function that reads its worker group.

    Raises:
        CommandError: No system runs, or two run.
    """
    if given.url:
        return connect(given), None
    target = _find(given)
    return _client(target, given), target.observe()


def _client(target: Target, given: Namespace) -> Client:
    return Client(target.api, given.api_key or target.api_key)


def _find(given: Namespace) -> Target:
    """Return the system that was deployed from the state directory of the arguments.

    Raises:
        CommandError: No system runs, or two run.
    """
    targets = list(_targets(given))
    if not targets:
        remedy = "Start it with: python scripts/deploy.py, or name another with --url or --state."
        raise CommandError("not_running", f"Nothing runs under {given.state}.", remedy)
    if len(targets) > 1:
        remedy = "Name the one that you mean: local or k8s."
        raise CommandError("two_systems", "One runs on this machine and one on a cluster.", remedy)
    return targets[0]


def _targets(given: Namespace) -> Iterator[Target]:
    if given.target != "k8s" and (local := local_states.read(given.state)) is not None:
        yield on_this_machine(local, changed=False)
    if given.target != "local" and (remote := cluster_states.read(given.state)) is not None:
        yield on_a_cluster(given.state, ports.forwarded(given.state, remote), changed=False)
