"""Names container images by their content, builds them, and loads them to the nodes."""

import hashlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rayjobs_cli.console import Say
from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.setup.bootstrap import ROOT
from rayjobs_k8s.names import API_IMAGE, RAY_IMAGE
from rayjobs_k8s.objects import Document, entries, texts

NAMES = {API_IMAGE: "api", RAY_IMAGE: "ray"}
"""Container image of the manifests -> suffix of its Dockerfile."""
AUTO = "auto"
"""Builds with the first tool that is installed."""

COPIED = re.compile(r"^COPY (?!--)(.+) \S+$", re.MULTILINE)
"""A line of a Dockerfile that copies files of the project."""
_TOOLS = ("docker", "podman", "nerdctl", "buildah")
_SHARED = re.compile(r"^(docker-desktop|docker-for-desktop|orbstack|colima|rancher-desktop)")
"""Contexts whose node uses the images of the builder of this machine: nothing is loaded."""
_DIGITS = 12


@dataclass(frozen=True)
class ImageOptions:
    """The options of the user for the container images."""

    ray: str | None = None
    api: str | None = None
    build: str = AUTO
    """`auto`, or a command that gets TAG CONTEXT -f DOCKERFILE, builds and loads the image."""


def provide(options: ImageOptions, context: str, nodes: Sequence[Document], say: Say) -> dict[str, str]:
    """Return the container images to run; those that are missing are built.

    Raises:
        CommandError: An image is missing and can't be built or loaded.
    """
    given = {RAY_IMAGE: options.ray, API_IMAGE: options.api}
    # Kubernetes: an image whose tag has moved to a newer build stays on the node without a name.
    images = (each for node in nodes for each in entries(node, "status", "images"))
    there = {name for each in images for name in texts(each, "names")}
    chosen = {}
    for image in NAMES:
        own = tag(image)
        # A name always has the same content: an image that is there needs no new build.
        if (named := given[image]) is None and own not in there:
            say(f"building {own}")
            _build(own, image, context, options.build)
        chosen[image] = named or own
    return chosen


def tag(image: str) -> str:
    """Return the name of a container image, with a digest of its content: other content, other name."""
    digest = hashlib.sha256()
    for path in (dockerfile(image), *_content(dockerfile(image))):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"localhost/{image}:{digest.hexdigest()[:_DIGITS]}"


def dockerfile(image: str) -> Path:
    """Return the Dockerfile of a container image."""
    return ROOT / "images" / "docker" / f"Dockerfile.{NAMES[image]}"


def _content(recipe: Path) -> Iterator[Path]:
    sources = [name for found in COPIED.findall(recipe.read_text(encoding="utf-8")) for name in found.split()]
    for source in (ROOT / name for name in dict.fromkeys(sources)):
        if source.is_dir():
            yield from (
                path
                for path in sorted(source.rglob("*"))
                if path.is_file() and "__pycache__" not in path.parts
            )
        else:
            yield source


def _build(name: str, image: str, context: str, build: str) -> None:
    recipe = str(dockerfile(image))
    if build != AUTO:
        _run([*shlex.split(build), name, str(ROOT), "-f", recipe], "build_failed")
        return
    tool = next((found for each in _TOOLS if (found := shutil.which(each))), None)
    loader = _loader(context)
    if tool is None or loader is None:
        missing = (
            "no docker, podman, nerdctl or buildah is here" if tool is None else "nothing loads one there"
        )
        raise CommandError(
            "no_images",
            f"{context} has no container image {name}, and {missing}.",
            "Name one of a registry (--image, --api-image), or a command that builds and loads (--build).",
        )
    _run([tool, "build", "--tag", name, "--file", recipe, str(ROOT)], "build_failed")
    if loader:
        with TemporaryDirectory() as folder:
            archive = Path(folder) / "image.tar"
            _run(_save(tool, name, archive), "load_failed")
            _run([each.format(archive=archive) for each in loader], "load_failed")


def _save(tool: str, name: str, archive: Path) -> list[str]:
    if Path(tool).stem == "buildah":
        return [tool, "push", name, f"docker-archive:{archive}:{name}"]
    return [tool, "save", "--output", str(archive), name]


def _loader(context: str) -> list[str] | None:
    """Return the command that brings an archive to the nodes; [] if none is needed, None if none is known."""
    if _SHARED.match(context):
        return []
    kind, _, name = context.partition("-")
    if kind == "kind":
        return ["kind", "load", "image-archive", "{archive}", "--name", name]
    if kind == "k3d":
        return ["k3d", "image", "import", "{archive}", "--cluster", name]
    if kind == "minikube":
        return ["minikube", "image", "load", "{archive}", "--profile", context]
    return None


def _run(command: Sequence[str], code: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise CommandError(code, f"{command[0]} can't be started: {error.strerror}.") from error
    if done.returncode:
        output = "".join(f"\n    {line}" for line in done.stdout.splitlines()[-12:])
        raise CommandError(
            code, f"{' '.join(command)} ended with {done.returncode}:{output}", status=ExitStatus.ENVIRONMENT
        )
