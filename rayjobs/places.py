"""Where things lie on the disk: in a clone of the repository, or in an installed package."""

from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_CLONE = _PACKAGE.parent

IS_CLONE = (_CLONE / "pyproject.toml").is_file() and (_CLONE / "images").is_dir()
"""Whether the code runs from a clone; an installed package has neither of the two beside it."""
SAMPLES = _CLONE / "images" / "samples" if IS_CLONE else _PACKAGE / "samples"
"""Folder of the shipped pictures."""
STATE = _CLONE / ".rayjobs" if IS_CLONE else platformdirs.user_state_path("rayjobs", appauthor=False)
"""Folder in which a local system keeps everything, unless it is told another one."""
