"""The reference in a real browser: Swagger UI, under our policy."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.served import served
from tests.support.system import System


def test_every_operation_is_shown(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    paths = page.request.get(f"{url}/openapi.json").json()["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(map(len, paths.values())))
    expect(page.get_by_text("batches", exact=True)).to_be_visible()


def test_an_operation_that_is_linked_is_open(page: Page, url: str) -> None:
    page.goto(f"{url}/docs#/batches/submit")
    expect(page.locator("#operations-batches-submit")).to_have_class(re.compile("is-open"))
    expect(page.locator("#operations-batches-submit .body-param__text")).to_contain_text('"type": "samples"')


def test_a_batch_is_submitted_and_looked_at_from_the_page(page: Page, url: str, whole: System) -> None:
    page.goto(f"{url}/docs#/batches/submit")
    submit = page.locator("#operations-batches-submit")
    submit.get_by_role("button", name="Execute").click()
    expect(submit.locator(".live-responses-table .response-col_status").last).to_contain_text("202")
    [batch] = whole.registry.page(limit=10, cursor=None, state=None, label=None).batches
    page.goto(f"{url}/docs#/batches/batch")
    page.reload()
    look = page.locator("#operations-batches-batch")
    look.get_by_placeholder("batch_id").fill(batch.id)
    look.get_by_role("button", name="Execute").click()
    expect(look.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(look.locator(".live-responses-table")).to_contain_text(batch.id)


def test_a_picture_that_is_tried_is_shown(page: Page, url: str, whole: System) -> None:
    whole.dispatch()
    batch_id = whole.submit({"type": "samples", "count": 1})
    whole.finished(batch_id)
    page.goto(f"{url}/docs#/items/output")
    output = page.locator("#operations-items-output")
    output.get_by_placeholder("batch_id").fill(batch_id)
    output.get_by_placeholder("index").fill("0")
    output.get_by_role("button", name="Execute").click()
    expect(output.locator(".live-responses-table img")).to_be_visible()


@pytest.mark.parametrize("code", ["queue_full", "truncated", "method_not_allowed", "internal"])
def test_the_address_of_an_error_shows_what_it_is(page: Page, url: str, code: str) -> None:
    page.goto(f"{url}/docs#{code}")
    expect(page.locator(f"#{code}")).to_be_in_viewport()
    expect(page.locator("#reference")).to_be_hidden()
    page.get_by_role("link", name="Routes").click()
    expect(page.locator("#operations-batches-submit")).to_be_visible()
    expect(page.locator("#codes")).to_be_hidden()


def test_a_code_that_is_none_is_told(page: Page, url: str) -> None:
    page.goto(f"{url}/docs#nonsense")
    expect(page.get_by_role("status")).to_have_text("There is no code nonsense; these are all.")
    expect(page.locator("#queue_full")).to_be_visible()


def test_a_key_is_taken_by_the_page_and_sent(browser: Browser, whole: System, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("the-key\n", encoding="utf-8")
    settings = whole.settings.model_copy(update={"api_keys_file": tmp_path / "keys"})
    with served(whole, settings) as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/docs#/workers/queue")
        queue = page.locator("#operations-workers-queue")
        status = queue.locator(".live-responses-table .response-col_status").last
        queue.get_by_role("button", name="Execute").click()
        expect(status).to_contain_text("401")
        page.get_by_role("button", name="Authorize").click()
        page.get_by_label("auth-bearer-value").fill("the-key")
        page.get_by_label("Apply credentials").first.click()
        page.get_by_role("button", name="Close").first.click()
        queue.get_by_role("button", name="Execute").click()
        expect(status).to_contain_text("200")


def test_the_key_of_the_status_page_is_known_here(browser: Browser, whole: System, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("the-key\n", encoding="utf-8")
    settings = whole.settings.model_copy(update={"api_keys_file": tmp_path / "keys"})
    with served(whole, settings) as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_label("This API needs a key.").fill("the-key")
        page.get_by_role("button").click()
        expect(page.locator("#workers .worker")).to_have_count(2)
        page.goto(f"{address}/docs#/workers/queue")
        queue = page.locator("#operations-workers-queue")
        queue.get_by_role("button", name="Execute").click()
        expect(queue.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
