import re
from collections.abc import Iterable

from tests.architecture.tree import ROOT, files

FOLDERS = {"api", "images", "k8s", "rayjobs", "scripts", "tests"}
FILES = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"}
SAMPLES = ("images", "samples")
VENDORED = "api/rayjobs_api/static/vendor/"
"""What others wrote: a router of theirs may well have a route of this name."""
SAMPLES_BYTES = 30 * 2**20

# Put together here, so that this file does not hold what it looks for.
REGISTRIES = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".org",
    "crates" + ".io",
    "maven" + ".org",
    "proxy.golang" + ".org",
    "deb.debian" + ".org",
)
MACHINE_PATH = re.compile(r"(?<![\w.}/~-])/(?:work|root|opt/wheels|home/(?!ray\b)\w+|Users/\w+)\b")
"""A folder of one person's machine; `ray` is at home in Ray's own container image."""


def is_binary(content: bytes) -> bool:
    return b"\0" in content[:8192]


def texts() -> Iterable[tuple[str, str]]:
    for path in files():
        content = (ROOT / path).read_bytes()
        if not is_binary(content):
            yield path.as_posix(), content.decode("utf-8")


def test_the_top_level_holds_what_it_always_held() -> None:
    strangers = {path.parts[0] for path in files()} - FOLDERS - FILES
    assert {name for name in strangers if not name.startswith(".")} == set()


def test_no_file_names_a_package_registry() -> None:
    assert [(path, host) for path, text in texts() for host in REGISTRIES if host in text] == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    ours = ((path, text) for path, text in texts() if not path.startswith(VENDORED))
    found = [(path, match[0]) for path, text in ours for match in MACHINE_PATH.finditer(text)]
    assert found == []


def test_pictures_alone_are_binary_and_they_are_few() -> None:
    sizes = {path: len(content) for path in files() if is_binary(content := (ROOT / path).read_bytes())}
    assert [path for path in sizes if path.parts[:2] != SAMPLES] == []
    assert sum(sizes.values()) <= SAMPLES_BYTES
