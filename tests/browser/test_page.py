"""The front page and the docs in a real browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.model.worker import InHand, Worker
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.support.browser import chromium
from tests.support.redis_server import free_port
from tests.support.system import System, farm
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def whole(farm_settings: Settings) -> Iterator[System]:
    """Return a farm of which two workers have registered; nobody dispatches."""
    settings = farm_settings.model_copy(update={"dashboard_url": "http://127.0.0.1:1/"})
    with farm(settings, MemoryRegistry(settings)) as running:
        for number, hands in enumerate([(InHand("b_1", 0),), ()]):
            running.registry.beat(
                Worker(f"worker-{number}", "node", f"pod-{number}", 2, 40, 1.5, 2**28, 96.0, hands), 600
            )
        yield running


@contextmanager
def served(whole: System, settings: Settings) -> Iterator[str]:
    port = free_port()
    app = create_app(settings, whole.registry)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 10, "the API is served")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


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
    page.on("request", lambda request: None if request.url.startswith(url) else faults.append(request.url))
    yield page
    context.close()
    assert faults == []


def is_fault(message: ConsoleMessage) -> bool:
    # The browser also reports each 503 of /readyz, which the page shows in its own words.
    return message.type == "error" and "503" not in message.text


def test_an_idle_farm_says_how_to_send_the_first_batch(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("#health")).to_contain_text("dispatcher: no dispatcher leads")
    expect(page.locator("#no-batches pre")).to_contain_text(f"curl -X POST {url}/batches")
    expect(page.locator("#workers .worker")).to_have_count(2)
    expect(page.locator("#slots")).to_have_text("1/4")
    expect(page.locator("#workers .slots i.busy")).to_have_count(1)
    expect(page.get_by_role("link", name="Ray dashboard")).to_have_attribute("href", "http://127.0.0.1:1/")


def test_a_batch_is_followed_to_its_end_without_a_reload(
    page: Page, url: str, whole: System, pictures: Path
) -> None:
    (pictures / "p03.jpg").write_text("no picture", encoding="utf-8")
    page.goto(url)
    batch_id = whole.submit({"type": "folder", "path": str(pictures)}, labels={"who": "<b>me</b>"})
    batch = page.locator(".batch", has_text=batch_id)
    expect(batch.locator(".state")).to_have_text("expanding")
    expect(batch.locator(".what")).to_contain_text("folder: thumbnail → jpeg  ·  who:<b>me</b>")
    whole.dispatch()
    expect(batch.locator(".state")).to_have_text("partial", timeout=10_000)
    expect(batch.locator(".done")).to_have_text("12 of 12")
    expect(batch.locator(".outcome")).to_have_text("1 unsupported_format")
    expect(batch.locator(".bar")).to_have_attribute("aria-label", "11 succeeded, 1 failed")
    expect(page.locator("#health")).to_have_text("ready")


def test_a_batch_shows_its_preset_and_its_variants(page: Page, url: str, whole: System) -> None:
    page.goto(url)
    body = {"source": {"type": "samples", "count": 3}, "preset": "web"}
    batch, _ = whole.intake.submit(body)
    files = "large.webp + large-jpeg.jpeg + small.webp + small-jpeg.jpeg"
    told = page.locator(".batch", has_text=batch.id).locator(".what")
    expect(told).to_have_text(f"samples: web@1 → {files}")


def test_on_a_phone_nothing_stands_beside_the_screen(page: Page, url: str, whole: System) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    batch_id = whole.submit({"type": "samples", "count": 3})
    for path in ("/", "/docs"):
        page.goto(f"{url}{path}")
        expect(page.get_by_text(batch_id if path == "/" else "registry_unavailable")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_docs_show_every_operation_and_open_the_one_that_is_linked(page: Page, url: str) -> None:
    page.goto(f"{url}/docs#post-batches")
    linked = page.locator("details#post-batches")
    expect(linked).to_have_attribute("open", "")
    expect(linked.locator("pre").first).to_contain_text('"source": {"type": "samples", "count": 20}')
    linked.get_by_text("BatchForm", exact=True).click()
    expect(linked.get_by_text("max_attempts", exact=True).first).to_be_visible()
    expect(linked.get_by_text("Several files of each picture, decoded once").first).to_be_visible()
    linked.get_by_text("VariantForm", exact=True).click()
    expect(linked.get_by_text("What is left out is the batch's.").first).to_be_visible()
    paths = page.request.get(f"{url}/openapi.json").json()["paths"]
    expect(page.locator("details.operation")).to_have_count(sum(map(len, paths.values())))


def test_the_page_asks_for_the_key_that_the_api_asks_for(
    browser: Browser, whole: System, tmp_path: Path
) -> None:
    (tmp_path / "keys").write_text("the-key\n", encoding="utf-8")
    settings = whole.settings.model_copy(update={"api_keys_file": tmp_path / "keys"})
    with served(whole, settings) as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_label("This API asks for a key.").fill("the-key")
        page.get_by_role("button").click()
        expect(page.locator("#workers .worker")).to_have_count(2)
        expect(page.locator("#key")).to_be_hidden()
