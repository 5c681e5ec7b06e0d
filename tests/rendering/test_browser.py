"""The page in a real browser: it asks for nothing, complains of nothing, draws, and sorts."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from tests.rendering.pages import small_page

pytest.importorskip("selenium", reason="selenium is not installed (pip install '.[test]')")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="chromium and chromium-driver (Debian's packages) are not installed",
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(name="browser", scope="module")
def _browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    # The driver is there: nothing is to be looked for, and nobody told.
    os.environ |= {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
    folder = tmp_path_factory.mktemp("browser")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    page = folder / "page.html"
    page.write_text(small_page(), encoding="utf-8")
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        # What the browser does of itself when it opens is none of the page's doing.
        driver.get("about:blank")
        driver.get_log("performance")
        driver.get(page.as_uri())
        yield driver
    finally:
        driver.quit()


def sized(driver, width, *, dark=False):
    """The page on a screen of that width."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def test_nothing_is_asked_for_and_nothing_goes_wrong(browser):
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert any(url.endswith("/page.html") for url in asked)
    own = ("data:", "chrome:", "about:")
    assert [
        url for url in asked if not url.endswith("/page.html") and not url.startswith(own)
    ] == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("width", [400, 1400])
def test_figures_have_sizes_and_nothing_sticks_out(browser, width):
    sized(browser, width)
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('figure svg')].map(svg => {"
        "const box = svg.getBoundingClientRect(); return [box.width, box.height]})"
    )
    assert len(sizes) >= 6
    assert all(wide > 300 and high > 150 for wide, high in sizes)
    lines = browser.execute_script(
        "return [...document.querySelectorAll('figure svg path')].filter("
        "path => path.getTotalLength() > 0).length"
    )
    assert lines > 100
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    smallest = browser.execute_script(
        "return Math.min(...[...document.querySelectorAll('p, li, td, h3')].map("
        "element => parseFloat(getComputedStyle(element).fontSize)))"
    )
    assert smallest >= 13


def test_a_printed_page_is_light_and_cuts_nothing_off(browser):
    sized(browser, 720, dark=True)
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    media = {"media": "print", "features": [dark]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 720
        colour = "return getComputedStyle(document.body).backgroundColor"
        assert browser.execute_script(colour) == "rgb(255, 255, 255)"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_page_is_dark_where_the_screen_is(browser):
    colours = []
    for dark in (False, True):
        sized(browser, 800, dark=dark)
        colours.append(
            browser.execute_script(
                "const body = getComputedStyle(document.body);"
                "const text = getComputedStyle(document.querySelector('svg text'));"
                "return [body.backgroundColor, body.color, text.fill]"
            )
        )
    assert colours[0][0] == "rgb(255, 255, 255)"
    for one, other in zip(*colours, strict=True):
        assert one != other
    assert all(ink == text for _, ink, text in colours)


def test_tables_sort_on_a_click_as_numbers_and_back(browser):
    sized(browser, 1400)

    def column():
        cells = browser.execute_script(
            "return [...document.querySelectorAll('#spectrum tbody tr')].map("
            "row => row.cells[2].textContent)"
        )
        return [float(text) for text in cells]

    before = column()
    assert before == sorted(before, reverse=True)
    button = browser.find_element("css selector", "#spectrum th:nth-child(3) button")
    browser.execute_script("arguments[0].scrollIntoView()", button)
    button.click()
    assert column() == sorted(before)
    assert button.find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    button.click()
    assert column() == before


def test_the_data_can_be_read_in_the_browser(browser):
    count = browser.execute_script(
        "return JSON.parse(document.getElementById('sinkdiag-data').textContent).sections.length"
    )
    assert count == 7
