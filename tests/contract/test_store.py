"""Blobs: whole or not at all."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from rayjobs.adapters.file_store import FileStore
from rayjobs.errors import OutputDeniedError, StoreUnavailableError
from rayjobs.ports import Store


def test_what_was_put_is_read_back(store: Store) -> None:
    store.put("a/b/c.txt", b"one")
    store.put("a/b/c.txt", b"two")
    assert store.get("a/b/c.txt") == b"two"
    file = store.open("a/b/c.txt")
    assert file is not None
    with file:
        assert file.read() == b"two"


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.get("a/none") is None
    assert store.open("a/none") is None
    assert list(store.names("a")) == []
    store.delete("a/none")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "a/./b",
        "a\\b",
        "a\0b",
        "\ud800",
        "a/" + "b" * 256,
        "é" * 128,
    ],
)
def test_what_cannot_be_a_name_is_the_name_of_nothing(store: Store, name: str) -> None:
    store.put("a/b", b"kept")
    assert store.get(name) is None
    assert store.open(name) is None
    assert list(store.names(name)) == []
    store.delete(name)
    for write in (store.put, store.put_new, lambda key, data: store.put_stream(key, iter([data]))):
        with pytest.raises(OutputDeniedError, match="can't be the name of a blob"):
            write(name, b"x")
    assert store.get("a/b") == b"kept"


def test_a_folder_is_no_blob_and_a_blob_no_folder(store: Store) -> None:
    store.put("a/b", b"x")
    for name in ("a", "a/b/c"):
        assert store.get(name) is None
        assert store.open(name) is None


def test_a_stream_is_stored_whole_and_its_bytes_are_counted(store: Store) -> None:
    assert store.put_stream("s", iter([b"ab", b"", b"cd"])) == 4
    assert store.get("s") == b"abcd"


def test_a_stream_that_breaks_off_leaves_nothing(store: Store) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("the client went away")

    with pytest.raises(RuntimeError):
        store.put_stream("u/x", broken())
    assert store.get("u/x") is None
    assert list(store.names("u")) == []


def test_what_a_killed_writer_left_is_tidied_away(store: Store) -> None:
    store.put("o/b_1/sub/good", b"x")
    if isinstance(store, FileStore):
        (store.root / "o/b_1/sub/.part-1").write_bytes(b"half")
        (store.root / "o/b_1/.part-2").write_bytes(b"half")
    store.tidy("o/b_1")
    store.tidy("o/none")
    assert store.get("o/b_1/sub/good") == b"x"
    if isinstance(store, FileStore):
        assert [path.name for path in store.root.rglob("*") if path.is_file()] == ["good"]


def test_what_was_written_long_ago_expires(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("o/.parts/1/half", b"x")
    store.put("o/b_1/good", b"x")
    store.expire("o/.parts", 60)
    store.expire("o/none", 60)
    assert store.get("o/.parts/1/half") == b"x"
    later = time.time_ns() + 61 * 10**9
    clock = time.monotonic_ns() + 61 * 10**9
    monkeypatch.setattr(time, "monotonic_ns", lambda: clock)
    monkeypatch.setattr(time, "time", lambda: later / 1e9)
    store.expire("o/.parts", 60)
    assert store.get("o/.parts/1/half") is None
    assert store.get("o/b_1/good") == b"x"
    assert list(store.names("o/.parts")) == []


def test_names_are_one_level_and_delete_takes_a_whole_prefix(store: Store) -> None:
    for key in ("r/1/x", "r/1/y", "r/2/x", "rr"):
        store.put(key, b"")
    assert sorted(store.names("r")) == ["1", "2"]
    store.delete("r/1")
    assert sorted(store.names("r")) == ["2"]
    assert store.get("rr") == b""
    assert list(store.names("rr")) == []


def test_of_too_many_those_go_that_were_written_first(store: Store) -> None:
    for key in ("c/1", "c/2", "c/3", "c/4", "c/below/x", "cc", "c/2"):
        store.put(key, b"")
    store.trim("c", 9)
    assert sorted(store.names("c")) == ["1", "2", "3", "4", "below"]
    store.delete("c/below")
    store.trim("c", 2)
    assert sorted(store.names("c")) == ["2", "4"]
    store.trim("none", 0)
    store.trim("c", 0)
    assert list(store.names("c")) == []


def test_what_is_written_into_at_this_moment_is_deleted_all_the_same(store: Store) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with suppress(StoreUnavailableError):  # what it had begun was deleted under it
                store.put("r/1/log/x", b"")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(500):
            store.delete("r/1")
    finally:
        stop.set()
        writer.join()


def test_what_is_tidied_while_it_is_written_is_written_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, tidied = os.fsync, threading.Event()

    def fsync_and_tidy(file: int) -> None:
        fsync(file)
        if not tidied.is_set():
            tidied.set()
            store.tidy("r")

    monkeypatch.setattr(os, "fsync", fsync_and_tidy)
    store.put("r/1/log/x", b"x")
    assert store.get("r/1/log/x") == b"x"
    assert tidied.is_set() == isinstance(store, FileStore)
