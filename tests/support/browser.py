"""A real browser for tests."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from rayjobs_cli.development.chromium import REMEDY, find_chromium, in_ci

_ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; skips the test where there is none, but not in CI."""
    program = find_chromium()
    if program is None and not in_ci():
        pytest.skip(REMEDY)
    assert program is not None, REMEDY
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield started
        started.close()
