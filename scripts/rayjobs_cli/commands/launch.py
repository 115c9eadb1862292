"""Starts and ends a system, for the commands deploy and demo."""

import os
from argparse import Namespace

from rayjobs_cli.console import Say
from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.polling import until
from rayjobs_cli.targets import variables
from rayjobs_cli.targets.cluster import images
from rayjobs_cli.targets.local import stack
from rayjobs_cli.targets.local.plan import LocalOptions
from rayjobs_cli.targets.target import Target, on_a_cluster, on_this_machine

BEGINS = {
    "local": "starting Redis, Ray and the API ...",
    "k8s": "deploying KubeRay, Redis, Ray and the API to the cluster ...",
}
"""Kind of target -> the first line that is printed."""

_READY_S = 90.0
"""From the last pod that is ready to a dispatcher that leads: the lead of an earlier one may still hold."""


def launch(given: Namespace, say: Say) -> Target:
    """Return the system that the arguments describe, ready; a system that was started or changed is purged.

    Raises:
        CommandError: The system can't be started.
    """
    target = _on_a_cluster(given, say) if given.target == "k8s" else _on_this_machine(given, say)
    # A system that ran before may do somebody's work: it is not purged.
    if target.changed:
        _await_readiness(target)
        target.client().purge()
    return target


def end(given: Namespace, say: Say) -> list[str]:
    """End what was started on a target; return the names of what ended."""
    if given.target == "k8s":
        from rayjobs_cli.targets.cluster import deployment

        return deployment.down(given.state, given.context, say)
    return stack.down(given.state)


def _on_this_machine(given: Namespace, say: Say) -> Target:
    options = LocalOptions(
        folder=given.state,
        api_port=given.port,
        dashboard_port=given.dashboard_port,
        slots=given.slots,
        roots=tuple(given.roots),
    )
    deployed = stack.deploy(options, say)
    return on_this_machine(deployed.state, changed=deployed.changed)


def _on_a_cluster(given: Namespace, say: Say) -> Target:
    from rayjobs_cli.targets.cluster import deployment

    _require_places(given)
    options = deployment.ClusterOptions(
        folder=given.state,
        context=given.context,
        api_port=given.port,
        dashboard_port=given.dashboard_port,
        image_options=images.ImageOptions(given.image, given.api_image, given.build),
        size=given.size,
        volume=given.volume,
        settings=variables.given(os.environ),
        kuberay_folder=given.kuberay_manifests,
        limit_s=given.timeout,
    )
    deployed = deployment.deploy(options, say)
    return on_a_cluster(given.state, deployed.state, changed=deployed.changed)


def _require_places(given: Namespace) -> None:
    """Refuse options and settings that can't hold on a cluster."""
    variables.require_usable()
    variables.refuse(os.environ, variables.ON_A_CLUSTER)
    options = {"--roots": given.roots, "--slots": given.slots}
    if refused := [name for name, value in options.items() if value]:
        raise CommandError(
            "option_has_no_place",
            f"{' and '.join(refused)} can't hold on a cluster.",
            "Put pictures into the folder rayjobs/pictures of the volume; --size says what a worker is.",
            ExitStatus.USAGE,
        )


def _await_readiness(target: Target) -> None:
    states: dict[str, str] = {}

    def ready() -> bool:
        states.update(target.client().readiness())
        return set(states.values()) == {"ok"}

    if not until(ready, _READY_S, 0.5):
        late = ", ".join(f"{name}: {state}" for name, state in states.items() if state != "ok")
        raise CommandError("not_ready", f"Not ready within {_READY_S:g} s: {late}.")
