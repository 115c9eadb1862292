"""What deploy and demo share: a system brought up and purged, and ended again."""

import os
from argparse import Namespace
from collections.abc import Callable

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.polling import until
from rayjobs_cli.targets import variables
from rayjobs_cli.targets.cluster import images
from rayjobs_cli.targets.local import stack
from rayjobs_cli.targets.local.plan import LocalOptions
from rayjobs_cli.targets.running import Target, on_a_cluster, on_this_machine

Say = Callable[[str], None]

BEGINS = {
    "local": "starting Redis, Ray and the API ...",
    "k8s": "deploying KubeRay, Redis, Ray and the API to the cluster ...",
}
"""What is said first of each target."""

_READY_S = 90.0
"""From the last pod that is ready to a dispatcher that leads: a former one's lead may still hold."""


def launch(given: Namespace, say: Say) -> Target:
    """Return the system that the arguments ask for, ready; one that was changed for it is purged."""
    running = _on_a_cluster(given, say) if given.target == "k8s" else _on_this_machine(given, say)
    # What runs on a system that was up already is somebody's work.
    if running.changed:
        _await_readiness(running)
        running.client().purge()
    return running


def end(given: Namespace, say: Say) -> list[str]:
    """End what was started on a target; return the names of what ended."""
    if given.target == "k8s":
        from rayjobs_cli.targets.cluster import deployment

        return deployment.down(given.state, given.context, say)
    return stack.down(given.state)


def _on_this_machine(given: Namespace, say: Say) -> Target:
    order = LocalOptions(
        folder=given.state,
        api_port=given.port,
        dashboard_port=given.dashboard_port,
        slots=given.slots,
        roots=tuple(given.roots),
    )
    deployed = stack.deploy(order, say)
    return on_this_machine(deployed.state, changed=deployed.changed)


def _on_a_cluster(given: Namespace, say: Say) -> Target:
    from rayjobs_cli.targets.cluster import deployment

    _require_places(given)
    order = deployment.ClusterOptions(
        folder=given.state,
        context=given.context,
        api_port=given.port,
        dashboard_port=given.dashboard_port,
        wish=images.ImageOptions(given.image, given.api_image, given.build),
        size=given.size,
        volume=given.volume,
        settings=variables.given(os.environ),
        kuberay_folder=given.kuberay_manifests,
        limit_s=given.timeout,
    )
    deployed = deployment.deploy(order, say)
    return on_a_cluster(given.state, deployed.state, changed=deployed.changed)


def _require_places(given: Namespace) -> None:
    """Refuse what the user said and a cluster has no place for."""
    variables.require_usable()
    variables.refuse(os.environ, variables.ON_A_CLUSTER)
    options = {"--roots": given.roots, "--slots": given.slots}
    if said := [name for name, value in options.items() if value]:
        raise CommandError(
            "option_has_no_place",
            f"{' and '.join(said)} can't hold on a cluster.",
            "Put pictures into the folder rayjobs/pictures of the volume; --size says what a worker is.",
            ExitStatus.USAGE,
        )


def _await_readiness(running: Target) -> None:
    told: dict[str, str] = {}

    def ready() -> bool:
        told.update(running.client().readiness())
        return set(told.values()) == {"ok"}

    if not until(ready, _READY_S, 0.5):
        late = ", ".join(f"{name}: {state}" for name, state in told.items() if state != "ok")
        raise CommandError(
            "not_ready", f"Not ready within {_READY_S:g} s: {late}.", status=ExitStatus.ENVIRONMENT
        )
