"""The page in a real browser: nothing is fetched or run, nothing overflows, nothing shines in the dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from axe_playwright_python.sync_playwright import Axe

from wallbite.reports import write_all

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DEMAND: Final = "WALLBITE_DEMAND_BROWSER"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAPER: Final = 688  # A4 less 14 mm on either side, at 96 dots an inch
SIZES: Final = ({"width": 1280, "height": 900}, {"width": 360, "height": 740})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium of this machine; demanded where CI says that it must be there."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"no browser: none of {', '.join(NAMES)} is on PATH"
        (pytest.fail if os.environ.get(DEMAND) == "1" else pytest.skip)(f"{reason} ({DEMAND}=1 demands one)")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - without a browser it need not be there

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(params=["failing", "hostile", "large", "waived"])
def page_file(request: pytest.FixtureRequest) -> Path:
    """A page to look at."""
    folder: Path = request.getfixturevalue(request.param)
    return write_all(folder)[0]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_nothing_runs_and_nothing_overflows(browser: Browser, page_file: Path, size: dict[str, int]) -> None:
    """No request but the page, no complaint, no dialog; wide tables scroll inside their boxes."""
    context = browser.new_context(viewport={"width": size["width"], "height": size["height"]})
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(page_file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert heard == [page_file.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("getComputedStyle(document.querySelector('.banner')).borderRadius") == "10px"
    context.close()


def test_headings_of_a_large_matrix_stay(browser: Browser, large: Path) -> None:
    """However far one scrolls, account and surface can be read."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(write_all(large)[0].as_uri())
    page.evaluate("document.querySelector('.tall').scrollTo(400, 900)")
    offsets = page.evaluate(
        """() => {
            const box = document.querySelector('.tall').getBoundingClientRect();
            const head = document.querySelector('.matrix thead th:nth-child(30)').getBoundingClientRect();
            const name = document.querySelector('.matrix tbody tr:nth-child(40) th').getBoundingClientRect();
            return [head.top - box.top, name.left - box.left];
        }"""
    )
    assert all(abs(offset) < 3 for offset in offsets)
    page.close()


def test_nothing_overflows_on_paper(browser: Browser, page_file: Path) -> None:
    """A4 less its margins, whatever is folded on a screen included."""
    page = browser.new_page(viewport={"width": PAPER, "height": 1000})
    page.emulate_media(media="print")
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    page.close()


def test_axe_finds_nothing_serious(browser: Browser, small: Path) -> None:
    """With axe-core's rules; everything that can be unfolded is.

    Bypassing the policy lets axe run, and nothing else: there is nothing else. By night, contrast is tested below.
    """
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(write_all(small)[0].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response
    assert found["passes"], "no rule was applied"
    serious = [one["id"] for one in found["violations"] if one["impact"] in {"serious", "critical"}]
    assert serious == []
    context.close()


def test_everything_is_reached_by_keyboard(browser: Browser, waived: Path) -> None:
    """The first tab leads to the way past the navigation; what scrolls and what unfolds can be focused."""
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(write_all(waived)[0].as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    stuck = page.evaluate(
        """() => Array.from(document.querySelectorAll('main *'))
            .filter(one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'auto')
            .filter(one => one.tabIndex !== 0).map(one => one.className)"""
    )
    assert stuck == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(browser: Browser, waived: Path, scheme: str) -> None:
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3) for every text, by day and night."""
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.goto(write_all(waived)[0].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert _weakest(page) >= 4.5
    context.close()


def _weakest(page: Page) -> float:
    """The least contrast of a text against the first background behind it."""
    found: float = page.evaluate(
        """() => {
            const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
            const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
                .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const behind = one => {
                for (let at = one; at; at = at.parentElement) {
                    const back = numbers(getComputedStyle(at).backgroundColor);
                    if (back.length < 4 || back[3] > 0) return back;
                }
                return [255, 255, 255];
            };
            const ratio = one => {
                const pair = [light(numbers(getComputedStyle(one).color)), light(behind(one))].sort();
                return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
            };
            const has = one => Array.from(one.childNodes).some(node => node.nodeType === 3 && node.data.trim());
            const shown = Array.from(document.querySelectorAll('body *')).filter(has);
            return shown.map(ratio).reduce((least, one) => Math.min(least, one), 21);
        }"""
    )
    return found
