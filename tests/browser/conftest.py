"""A farm, its API and a page in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.model.worker import InHand, Worker
from rayjobs.settings import Settings
from tests.support.browser import chromium
from tests.support.served import served
from tests.support.system import System, farm

PATIENCE_MS = 15_000
"""Longest wait for what a page is to show, on a machine that has much else to do."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with chromium() as started:
        yield started


@pytest.fixture
def whole(farm_settings: Settings) -> Iterator[System]:
    """Return a farm of which two workers have registered; nobody dispatches."""
    settings = farm_settings.model_copy(update={"dashboard_url": "http://127.0.0.1:1/"})
    with farm(settings, MemoryRegistry(settings)) as running:
        running.registry.enlist([], last=True)  # it knows all that the record has
        for number, hands in enumerate([(InHand("b_1", 0),), ()]):
            running.registry.beat(
                Worker(f"worker-{number}", "node", f"pod-{number}", 2, 40, 1.5, 2**28, 96.0, hands), 600
            )
        yield running


@pytest.fixture
def url(whole: System) -> Iterator[str]:
    with served(whole, whole.settings) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """Return a page that has met no error, and asked nobody else, when the test is over."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if is_fault(message) else None)
    page.on("request", lambda request: None if is_own(request.url, url) else faults.append(request.url))
    yield page
    context.close()
    assert faults == []


def is_own(asked: str, url: str) -> bool:
    # A `blob:` is what the page itself holds in memory.
    return asked.removeprefix("blob:").startswith(url)


def is_fault(message: ConsoleMessage) -> bool:
    # The browser also reports each 503 of /readyz, which the page shows in its own words.
    return message.type == "error" and "503" not in message.text
