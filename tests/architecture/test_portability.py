"""What works on one system alone is found here, on any: by reading, not by running."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.architecture.tree import PACKAGES, modules, parents, tree_of, where

POSIX_ONLY = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
SHELLS = {"os.popen", "os.system", "subprocess.getoutput", "subprocess.getstatusoutput"}
STARTS = {"subprocess.Popen", "subprocess.check_call", "subprocess.check_output", "subprocess.run"}
ENCODING_AT = {"read_text": 0, "write_text": 1}
"""Which argument the encoding is, where it may stand without its name."""
SLEEPS = {"sleep", "time.sleep"}


def calls(*folders: str) -> Iterator[tuple[Path, ast.Call]]:
    for module in modules(*folders):
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.Call):
                yield module, node


def found(wrong: Callable[[ast.Call], bool], *folders: str) -> list[str]:
    return [where(module, call) for module, call in calls(*folders) if wrong(call)]


def keywords(call: ast.Call) -> dict[str | None, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords}


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def is_guarded(node: ast.AST) -> bool:
    """Return whether the system is asked first, or an import may fail, or it is left to one function."""
    for outer in parents(node):
        if isinstance(outer, ast.Try | ast.FunctionDef):
            return True
        if isinstance(outer, ast.If) and (
            "sys.platform" in (test := ast.unparse(outer.test)) or "os.name" in test
        ):
            return True
    return False


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return {node.module or ""} if isinstance(node, ast.ImportFrom) else set()


def opens_text_unsaid(call: ast.Call) -> bool:
    """Return whether a call reads or writes text in an encoding that depends on the machine."""
    if "encoding" in keywords(call) or None in keywords(call):
        return False
    name = ast.unparse(call.func)
    if isinstance(call.func, ast.Attribute) and call.func.attr in ENCODING_AT:
        return len(call.args) <= ENCODING_AT[call.func.attr]
    if name == "open":
        mode = call.args[1] if len(call.args) > 1 else keywords(call).get("mode")
        return not (isinstance(mode, ast.Constant) and "b" in str(mode.value))
    if isinstance(call.func, ast.Attribute) and call.func.attr == "open":
        mode = call.args[0] if call.args else keywords(call).get("mode")
        return isinstance(mode, ast.Constant) and set(str(mode.value)) <= set("rwax+t")
    return name in STARTS and any(is_true(keywords(call).get(key)) for key in ("text", "universal_newlines"))


def test_nothing_goes_through_a_shell() -> None:
    assert (
        found(
            lambda call: ast.unparse(call.func) in SHELLS or is_true(keywords(call).get("shell")), *PACKAGES
        )
        == []
    )


def test_what_only_posix_has_is_imported_under_a_guard() -> None:
    bare = [
        where(module, node)
        for module in modules(*PACKAGES)
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.stmt) and imported(node) & POSIX_ONLY and not is_guarded(node)
    ]
    assert bare == []


def test_text_is_read_and_written_in_a_stated_encoding() -> None:
    assert found(opens_text_unsaid, *PACKAGES, "tests") == []


def test_no_test_sleeps_and_hopes() -> None:
    assert found(lambda call: ast.unparse(call.func) in SLEEPS, "tests") == []
