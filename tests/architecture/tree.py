"""What lies in the repository, for the tests that read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rayjobs", "api", "k8s", "scripts")
GENERATED = ("__pycache__", "node_modules", "reports")
OUR_HIDDEN_FOLDERS = (".ci",)


@cache
def files() -> tuple[Path, ...]:
    """Return every file that belongs to the repository, relative to its root."""
    return tuple(path.relative_to(ROOT) for path in sorted(_walk(ROOT)))


def modules(*folders: str) -> list[Path]:
    """Return the Python files under these top-level folders."""
    return [path for path in files() if path.parts[0] in folders and path.suffix == ".py"]


@cache
def tree_of(module: Path) -> ast.Module:
    """Return a module's syntax tree; `parents` knows its nodes."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            _OUTER[child] = node
    return tree


_OUTER: dict[ast.AST, ast.AST] = {}
"""The parent of each node of the trees that were read."""


def parents(node: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes round a node, from the innermost out."""
    while (outer := _OUTER.get(node)) is not None:
        yield outer
        node = outer


def where(module: Path, node: ast.stmt | ast.expr) -> str:
    """Return a place as an editor understands it."""
    return f"{module}:{node.lineno}"


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            hidden = path.name.startswith(".") and path.name not in OUR_HIDDEN_FOLDERS
            if not hidden and path.name not in GENERATED and path.suffix != ".egg-info":
                yield from _walk(path)
        elif path.name != ".git":  # a file in every worktree but the first
            yield path
