"""Everything at once, at random, for a while: then each item of each batch has ended as it would have anyway.

`CHAOS_SEED` repeats a run or several (`CHAOS_SEED=1,2,3`), `CHAOS_S` makes each longer, `CHAOS_ITEMS` larger.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.driver import Chaos, all_ended
from tests.support.broken_decoder import HOOK, broken
from tests.support.faults import Harmed, harmed_stack
from tests.support.pictures import file_of, picture

SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEED", str(secrets.randbelow(10**6))).split(",")]
SECONDS = float(os.environ.get("CHAOS_S", "45"))
ITEMS = int(os.environ.get("CHAOS_ITEMS", "10000"))
BATCHES = 3
KINDS = 8
"""Different pictures; every output is compared with that of its kind in an undisturbed run."""
POISON_EVERY = 997
PIPELINE = [{"name": "resize", "width": 40, "height": 30}, {"name": "grayscale"}]
CALM_S = 240.0
"""Until all is done after the last fault, on a busy machine."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harmed]:
    with harmed_stack(tmp_path_factory.mktemp("chaos"), HOOK) as harmed:
        yield harmed


def kinds() -> list[bytes]:
    return [file_of(picture(64, 48, seed=kind), "JPEG", quality=90) for kind in range(KINDS)]


def fill(folder: Path, count: int) -> set[int]:
    """Write `count` pictures of all kinds, a few of them poisoned; return the indices of these."""
    folder.mkdir()
    files, poison = kinds(), set(range(POISON_EVERY // 2, count, POISON_EVERY))
    for index in range(count):
        data = files[index % KINDS]
        (folder / f"{index:06d}.jpg").write_bytes(broken(data, "crash") if index in poison else data)
    return poison


def submit(stack: Harmed, folder: Path) -> str:
    source = {"type": "folder", "path": str(folder)}
    return str(stack.stack.client.submit({"source": source, "pipeline": PIPELINE, "max_attempts": 10})["id"])


def outputs(stack: Harmed, batch_id: str) -> dict[str, str]:
    folder = stack.stack.folder / "store" / "outputs" / batch_id
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_item_is_accounted_for(stack: Harmed, seed: int) -> None:
    chaos, root = Chaos(stack, seed), stack.stack.folder / f"seed{seed}"
    root.mkdir()
    fill(root / "clean", KINDS)
    clean_id = submit(stack, root / "clean")
    all_ended(stack, [clean_id], 60)
    clean = [digest for _, digest in sorted(outputs(stack, clean_id).items())]
    poison = fill(root / "pictures", ITEMS // BATCHES)
    began = time.monotonic()
    batch_ids = [submit(stack, root / "pictures") for _ in range(BATCHES)]
    chaos.harm(SECONDS, lambda: all(stack.look(batch)["finished_at"] for batch in batch_ids))
    story = "\n".join([f"CHAOS_SEED={seed}", *chaos.said])
    print(story)
    all_ended(stack, batch_ids, CALM_S)
    print(f"{BATCHES} batches of {ITEMS // BATCHES}: {time.monotonic() - began:.1f} s")
    for batch_id in batch_ids:
        account_for(stack, batch_id, clean, poison)
    stack.is_whole()
    assert stack.stack.client.queue()["leases"] == 0
    stack.check_keys()


def account_for(stack: Harmed, batch_id: str, clean: list[str], poison: set[int]) -> None:
    batch, total = stack.look(batch_id), ITEMS // BATCHES
    assert batch["counts"]["total"] == total
    assert batch["counts"]["succeeded"] == total - len(poison)
    assert batch["errors_by_code"] == ({"worker_crashed": len(poison)} if poison else {})
    items = stack.stack.client.items(batch_id)
    assert [item["index"] for item in items] == list(range(total))
    assert {item["index"] for item in items if item["state"] != "succeeded"} == poison
    written = outputs(stack, batch_id)
    good = [item for item in items if item["index"] not in poison]
    assert len(written) == len(good)
    for item in good:
        assert written[item["output"]["name"]] == item["output"]["sha256"] == clean[item["index"] % KINDS]
