"""The picture of `demo.py --chaos` kills whatever decodes it, and no other."""

from pathlib import Path

import pytest

from rayjobs.model.batch import State
from rayjobs_cli.chaos.poison import HOOK, poisoned
from tests.support.engines import engines
from tests.support.system import System


def test_a_poisoned_picture_fails_alone(
    whole_farm: System, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in HOOK.items():
        monkeypatch.setenv(name, value)
    poison = pictures / "p07.jpg"
    poison.write_bytes(poisoned(poison.read_bytes()))
    with engines(whole_farm) as own:
        whole_farm.dispatch(own.run_chunk)
        batch = whole_farm.finished(whole_farm.submit({"type": "folder", "path": str(pictures)}), 60)
    assert (batch.state, batch.counts.succeeded) == (State.PARTIAL, 11)
    assert batch.errors_by_code == {"worker_crashed": 1}
