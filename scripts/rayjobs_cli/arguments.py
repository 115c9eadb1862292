"""What the command lines have in common."""

import argparse
from pathlib import Path

from rayjobs.places import STATE

TARGETS = ("local", "k8s")
COUNT = 2
"""Pictures of each batch of the load, as the first version had it."""
COUNT_ON_A_CLUSTER = 32
"""A load of about a minute on two cores: metrics are half a minute old when the HPA sees them."""


def parser(summary: str, example: str) -> argparse.ArgumentParser:
    """Return a parser with what every command takes."""
    made = argparse.ArgumentParser(
        description=summary,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--json", action="store_true", help="print one JSON document; people read on stderr")
    made.add_argument(
        "--state", type=_folder, default=STATE, metavar="DIR", help="state directory (%(default)s)"
    )
    return made


def add_target(made: argparse.ArgumentParser, *, api_port: int, dashboard_port: int) -> None:
    """Add what tells where and how a stack is deployed."""
    made.add_argument("target", nargs="?", choices=TARGETS, default="local", help="default: local")
    made.add_argument(
        "--port", type=_port, default=api_port, help="of the API; 0 is any free one (%(default)s)"
    )
    made.add_argument(
        "--dashboard-port", type=_port, default=dashboard_port, help="of the Ray dashboard (%(default)s)"
    )
    made.add_argument("--slots", type=count, help="items worked on at a time (one a core)")
    made.add_argument(
        "--roots",
        type=_folder,
        nargs="+",
        default=(),
        metavar="DIR",
        help="folders from which batches may read, besides images/samples and RAYJOBS_ROOTS",
    )


def add_cluster(made: argparse.ArgumentParser) -> None:
    """Add what tells how a cluster is deployed to."""
    group = made.add_argument_group("on a cluster")
    group.add_argument("--context", help="of the kubeconfig; the current one, if it is of this machine")
    group.add_argument("--image", metavar="TAG", help="container image of Ray and the dispatcher")
    group.add_argument("--api-image", metavar="TAG", help="container image of the API and the scaler")
    group.add_argument(
        "--build",
        nargs="?",
        const="auto",
        default="auto",
        metavar="COMMAND",
        help="how to build container images that the nodes lack: by what is there (docker, podman, nerdctl, "
        "buildah), or by a COMMAND that takes TAG CONTEXT -f DOCKERFILE and loads what it built",
    )
    group.add_argument(
        "--size", choices=("small", "default"), help="what the pods ask for; by the nodes' cores"
    )
    group.add_argument(
        "--volume", metavar="KIND:NAME", help="pvc:NAME or class:NAME, in place of the node's disk"
    )
    group.add_argument(
        "--kuberay-manifests", type=_folder, metavar="DIR", help="the operator's, in place of fetched ones"
    )
    group.add_argument(
        "--timeout", type=float, default=600.0, metavar="S", help="for the rollout, in seconds (%(default)g)"
    )


def add_system(made: argparse.ArgumentParser) -> None:
    """Add what names a running system in place of the state directory's."""
    made.add_argument("target", nargs="?", choices=TARGETS, help="if one runs on each")
    made.add_argument("--url", help="of an API, in place of the one that runs under --state")
    made.add_argument("--api-key", help="if the API asks for one")


def add_load(made: argparse.ArgumentParser) -> None:
    """Add the size of the load and the place of the report."""
    made.add_argument("--tasks", type=count, default=10, help="batches sent at once (%(default)s)")
    made.add_argument(
        "--count",
        type=count,
        help=f"pictures of each ({COUNT}; on a cluster {COUNT_ON_A_CLUSTER}: the load must outlast what the "
        "autoscalers take to see it and to start pods)",
    )
    made.add_argument("--preset", metavar="NAME", help="as web or thumb, in place of the heavy filters")
    made.add_argument(
        "--report", type=Path, metavar="FILE", help="default: report.html in the state directory"
    )


def _folder(text: str) -> Path:
    return Path(text).expanduser().resolve()


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**16:
        raise argparse.ArgumentTypeError(f"{number} is no port: 0 to 65535")
    return number


def count(text: str) -> int:
    """Read a number from 1 up."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number
