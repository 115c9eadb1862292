"""The arguments that several commands share."""

import argparse
from pathlib import Path

from rayjobs.places import STATE

TARGETS = ("local", "k8s")
COUNT = 2
"""Pictures of each batch of the load, as in the first version."""
COUNT_ON_A_CLUSTER = 32
"""A load of about a minute on two cores: the HPA sees metrics that are half a minute old."""


def parser(program: str, summary: str, *examples: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every command takes.

    Args:
        program: The command as its user types it.
        summary: What the command does.
        examples: Words after the program, an example each.
    """
    lines = "\n".join(f"  {program} {words}".rstrip() for words in examples)
    made = argparse.ArgumentParser(
        prog=program,
        description=summary,
        epilog=f"{'example' if len(examples) == 1 else 'examples'}:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_json(made)
    made.add_argument(
        "--state", type=_folder, default=STATE, metavar="DIR", help="state directory (%(default)s)"
    )
    return made


def add_json(made: argparse.ArgumentParser) -> None:
    """Add the choice of output for programs."""
    made.add_argument(
        "--json", action="store_true", help="print one JSON document; text for people goes to stderr"
    )


def add_target(made: argparse.ArgumentParser, *, api_port: int, dashboard_port: int) -> None:
    """Add where a system starts, and with which ports, slots and folders."""
    made.add_argument(
        "target", nargs="?", choices=TARGETS, default="local", help="where rayjobs runs (local)"
    )
    made.add_argument(
        "--port",
        type=_port,
        default=api_port,
        metavar="PORT",
        help="port of the API; 0 takes a free one (%(default)s)",
    )
    made.add_argument(
        "--dashboard-port",
        type=_port,
        default=dashboard_port,
        metavar="PORT",
        help="port of the Ray dashboard; 0 takes a free one (%(default)s)",
    )
    made.add_argument(
        "--slots", type=count, metavar="N", help="items that run at the same time (one for each core)"
    )
    made.add_argument(
        "--roots",
        type=_folder,
        nargs="+",
        default=(),
        metavar="DIR",
        help="folders that batches may read, besides images/samples and RAYJOBS_ROOTS",
    )


def add_cluster(made: argparse.ArgumentParser) -> None:
    """Add how a system is deployed to a cluster."""
    group = made.add_argument_group("on a cluster")
    group.add_argument(
        "--context",
        help="context of the kubeconfig; default: the current one, if its cluster is on this machine",
    )
    group.add_argument("--image", metavar="TAG", help="container image of Ray and the dispatcher")
    group.add_argument("--api-image", metavar="TAG", help="container image of the API and the scaler")
    group.add_argument(
        "--build",
        nargs="?",
        const="auto",
        default="auto",
        metavar="COMMAND",
        help="how to build container images that the nodes do not have; default: with the first of docker, "
        "podman, nerdctl and buildah that is installed; a COMMAND gets TAG CONTEXT -f DOCKERFILE, and builds "
        "and loads the image",
    )
    group.add_argument(
        "--size",
        choices=("small", "default"),
        help="what the pods request; default: by the cores of the nodes",
    )
    group.add_argument(
        "--volume", metavar="KIND:NAME", help="pvc:NAME or class:NAME; default: the disk of the node"
    )
    group.add_argument(
        "--kuberay-manifests",
        type=_folder,
        metavar="DIR",
        help="folder with the manifests of the KubeRay operator; default: they are fetched",
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=600.0,
        metavar="S",
        help="limit of the rollout in seconds (%(default)g)",
    )


def add_system(made: argparse.ArgumentParser) -> None:
    """Add how a command finds a system that runs."""
    made.add_argument(
        "target", nargs="?", choices=TARGETS, help="which system, if one runs here and one on a cluster"
    )
    made.add_argument("--url", help="address of an API; default: that of the system of --state")
    made.add_argument("--api-key", metavar="KEY", help="key of the API, if it requires one")


def add_load(made: argparse.ArgumentParser) -> None:
    """Add the size of the load and the path of the report."""
    made.add_argument(
        "--tasks", type=count, default=10, metavar="N", help="batches that are sent at once (%(default)s)"
    )
    made.add_argument(
        "--count",
        type=count,
        metavar="N",
        help=f"pictures of each batch ({COUNT}; on a cluster {COUNT_ON_A_CLUSTER}, so that the load lasts "
        "until the autoscalers have seen it and started pods)",
    )
    made.add_argument("--preset", metavar="NAME", help="a preset (web, thumb), not the heavy filters")
    made.add_argument(
        "--report", type=Path, metavar="FILE", help="the report; default: report.html in the state directory"
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
