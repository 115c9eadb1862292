import shutil
import sys
from pathlib import Path

import pytest

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.setup.bootstrap import ROOT
from rayjobs_cli.targets.cluster import images
from rayjobs_cli.targets.cluster.images import ImageOptions, provide, tag
from rayjobs_k8s.names import API_IMAGE, RAY_IMAGE


def silent(_: str) -> None: ...


def node(*names: str) -> dict[str, object]:
    return {"status": {"images": [{"names": list(names)}]}}


@pytest.fixture
def no_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)


@pytest.fixture
def recorder(tmp_path: Path) -> tuple[str, Path]:
    """Return a command that writes down what it is given, and where."""
    script, told = tmp_path / "build.py", tmp_path / "told"
    script.write_text(
        f"import sys; open({str(told)!r}, 'a', encoding='utf-8').write(' '.join(sys.argv[1:]) + chr(10))",
        encoding="utf-8",
    )
    return f"{sys.executable} {script}", told


def test_images_that_are_named_are_taken_as_they_are() -> None:
    assert provide(ImageOptions("r:1", "a:1"), "kind-x", [], silent) == {RAY_IMAGE: "r:1", API_IMAGE: "a:1"}


@pytest.mark.usefixtures("no_builder")
def test_what_the_nodes_have_is_not_built() -> None:
    chosen = provide(ImageOptions(), "any", [node(tag(API_IMAGE)), node(tag(RAY_IMAGE), "other:1")], silent)
    assert chosen == {API_IMAGE: tag(API_IMAGE), RAY_IMAGE: tag(RAY_IMAGE)}


def test_what_they_lack_is_built_by_the_users_command(recorder: tuple[str, Path]) -> None:
    command, told = recorder
    provide(ImageOptions(build=command), "any", [node(tag(API_IMAGE))], silent)
    (line,) = told.read_text(encoding="utf-8").splitlines()
    assert line == f"{tag(RAY_IMAGE)} {ROOT} -f {images.dockerfile(RAY_IMAGE)}"


def test_a_build_that_fails_shows_its_last_words() -> None:
    failing = f"{sys.executable} -c \"raise SystemExit('no space left')\""
    with pytest.raises(CommandError, match="no space left") as raised:
        provide(ImageOptions(build=failing), "any", [], silent)
    assert (raised.value.code, raised.value.status) == ("build_failed", ExitStatus.ENVIRONMENT)


@pytest.mark.usefixtures("no_builder")
def test_without_a_builder_one_is_told_what_to_give() -> None:
    with pytest.raises(CommandError) as raised:
        provide(ImageOptions(), "kind-x", [], silent)
    assert raised.value.code == "no_images"
    assert "--image" in raised.value.remedy


def test_a_name_changes_with_the_content_alone() -> None:
    assert tag(API_IMAGE) == tag(API_IMAGE)
    assert tag(API_IMAGE).removeprefix("localhost/rayjobs/api:") != tag(RAY_IMAGE).rpartition(":")[2]


@pytest.mark.parametrize(
    ("context", "command"),
    [
        ("kind-dev", "kind load image-archive {archive} --name dev"),
        ("k3d-dev", "k3d image import {archive} --cluster dev"),
        ("minikube", "minikube image load {archive} --profile minikube"),
        ("docker-desktop", ""),
        ("orbstack", ""),
    ],
)
def test_each_small_cluster_is_loaded_in_its_own_way(context: str, command: str) -> None:
    assert images._loader(context) == command.split()


def test_how_to_load_a_strange_cluster_is_not_known() -> None:
    assert images._loader("gke_acme") is None


@pytest.mark.parametrize("tool", ["docker", "podman", "nerdctl", "buildah"])
def test_each_builder_saves_an_archive(tool: str) -> None:
    assert "/x.tar" in " ".join(images._save(f"/usr/bin/{tool}", "a:1", Path("/x.tar")))
