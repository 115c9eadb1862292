"""What a confined process can no longer do, tried by one on this kernel."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rayjobs.sandbox import Confinement, kernel, limits

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")

_PROGRAM = """
import json, os, pathlib, resource, socket, subprocess, sys, threading
from rayjobs.sandbox import Bounds, confine

here, outside = map(pathlib.Path, sys.argv[1:])
ours, theirs = socket.socketpair()
confined = confine(Bounds(2**30, here))
(here / "folder").mkdir()
found = {}
for name, attempt in {
    "write inside": lambda: (here / "a").write_text("x"),
    "rename inside": lambda: (here / "a").rename(here / "folder" / "b"),
    "remove inside": lambda: (here / "folder" / "b").unlink(),
    "write outside": lambda: (outside / "a").write_text("x"),
    "empty outside": lambda: os.truncate(outside / "kept", 0),
    "remove outside": lambda: (outside / "kept").unlink(),
    "read outside": lambda: (outside / "kept").read_text(),
    "link inside": lambda: (here / "link").symlink_to(outside),
    "tcp": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "socket opened before": lambda: ours.send(b"x"),
    "program": lambda: subprocess.run(["/bin/true"]),
    "fork": os.fork,
    "thread": lambda: threading.Thread(target=int).start(),
    "signal to the parent": lambda: os.kill(os.getppid(), 0),
    "limits of the parent": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE),
    "2 GiB": lambda: bytearray(2**31),
}.items():
    try:
        attempt()
        found[name] = "done"
    except (OSError, MemoryError) as error:
        found[name] = type(error).__name__
found["core"] = resource.getrlimit(resource.RLIMIT_CORE)[0]
print(json.dumps({"found": found, "lacking": confined.lacking}))
"""


@linux
def test_a_confined_process_can_do_what_rendering_needs_and_nothing_else(tmp_path: Path) -> None:
    here, outside = tmp_path / "here", tmp_path / "outside"
    for folder in (here, outside):
        folder.mkdir()
    (outside / "kept").write_text("kept", encoding="utf-8")
    root = Path(__file__).parents[3]
    found = subprocess.run(
        [sys.executable, "-c", _PROGRAM, here, outside], cwd=root, capture_output=True, check=True, timeout=30
    )
    said = json.loads(found.stdout)
    if any("Landlock" in each for each in said["lacking"]):
        pytest.skip(f"this kernel lacks {said['lacking']}")
    assert said["lacking"] == []
    assert said["found"] == {
        "write inside": "done",
        "rename inside": "done",
        "remove inside": "done",
        "write outside": "PermissionError",
        "empty outside": "PermissionError",
        "remove outside": "PermissionError",
        "read outside": "done",
        "link inside": "PermissionError",
        "tcp": "PermissionError",
        "unix socket": "PermissionError",
        "socket opened before": "done",
        "program": "PermissionError",
        "fork": "PermissionError",
        "thread": "done",
        "signal to the parent": "PermissionError",
        "limits of the parent": "PermissionError",
        "2 GiB": "MemoryError",
        "core": 1,
    }


@linux
def test_a_system_call_that_fails_raises_as_those_of_python_do() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        kernel.syscall({"x86_64": 3, "aarch64": 57}[platform.machine()], 9999)  # close


def test_what_is_lacking_is_said_aloud() -> None:
    whole, part = Confinement(("a", "b"), ()), Confinement(("a",), ("b (why)",))
    assert str(whole) == "in force: a, b"
    assert str(part) == "in force: a; not in force: b (why)"
    assert whole.level < part.level


def test_the_memory_that_there_is_and_the_processes_that_had_none_are_known() -> None:
    assert 2**28 < limits.machine_bytes() <= psutil.virtual_memory().total
    assert limits.oom_kills() >= 0
