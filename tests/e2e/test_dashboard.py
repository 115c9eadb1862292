"""The Ray dashboard in a real browser, through a forwarded port of this machine."""

from playwright.sync_api import expect

from rayjobs_cli.targets.cluster import state
from tests.support.browser import chromium
from tests.support.on_cluster import System

SHOWN_MS = 30_000


def test_the_dashboard_opens_with_the_token_and_shows_the_node_of_the_worker(system: System) -> None:
    deployed = state.read(system.folder)
    assert deployed is not None
    worker = system.client.workers()[0]["pod"]
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{deployed.dashboard_url}/#/cluster")
        expect(page.get_by_text("Authentication Token Required")).to_be_visible(timeout=SHOWN_MS)
        page.locator("input[type=password]").fill(deployed.ray_token)
        page.get_by_role("button", name="Submit").click()
        page.goto(f"{deployed.dashboard_url}/#/cluster")
        expect(page.get_by_text(worker).first).to_be_visible(timeout=SHOWN_MS)
