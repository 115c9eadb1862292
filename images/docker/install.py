"""Installs a lock into the environment of this Python, as `.venv` is made: `python install.py LOCK`."""

import compileall
import sys
import sysconfig
from pathlib import Path

from rayjobs_cli.setup.installer import install
from rayjobs_cli.setup.progress import Progress

install(Path(sys.executable), Path(sys.argv[1]), Progress(sys.stderr))
# The file system is read-only later: a module that is not compiled now is compiled at every start.
compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, workers=0)
