from tests.architecture.tree import PACKAGES, modules

VAGUE = {"common", "handler", "helper", "helpers", "manager", "misc", "util", "utils"}


def test_a_module_is_named_for_what_it_is() -> None:
    vague = [path for path in modules(*PACKAGES, "tests") if VAGUE & set(path.stem.strip("_").split("_"))]
    assert vague == []
