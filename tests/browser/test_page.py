"""The front page in a real browser."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.served import served
from tests.support.system import System


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
    for path, shown in (("/", batch_id), ("/docs", "/batches/{batch_id}/log"), ("/docs#codes", "queue_full")):
        page.goto(f"{url}{path}")
        expect(page.get_by_text(shown, exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_page_asks_for_the_key_that_the_api_asks_for(
    browser: Browser, whole: System, tmp_path: Path
) -> None:
    (tmp_path / "keys").write_text("the-key\n", encoding="utf-8")
    settings = whole.settings.model_copy(update={"api_keys_file": tmp_path / "keys"})
    with served(whole, settings) as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_label("This API needs a key.").fill("the-key")
        page.get_by_role("button").click()
        expect(page.locator("#workers .worker")).to_have_count(2)
        expect(page.locator("#key")).to_be_hidden()
