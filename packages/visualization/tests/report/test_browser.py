"""The pages in a real browser: drawn without a complaint, and usable with mouse, keyboard and a small screen.

Needs ``pip install playwright`` and a Chromium; skipped without.
"""

import importlib.util
import os
import shutil

import pytest

from eng_visualization import write_report

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright not installed"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found; set CHROMIUM to its path"),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def open_page(browser):
    """Open a file; at the end no page may have complained."""
    pages, complaints = [], []

    def opened(address, **kwargs):
        page = browser.new_page(**kwargs)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if "http" in request.url else None)
        page.goto(address)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []


@pytest.fixture
def report(tmp_path, make_run):
    return write_report(make_run(tmp_path / "digits")).as_uri()


@pytest.fixture
def comparison(tmp_path, make_run):
    runs = [make_run(tmp_path / "a"), make_run(tmp_path / "b", scale=2.0)]
    return write_report(runs, tmp_path / "compared.html").as_uri()


def test_every_curve_is_drawn(open_page, report):
    """A line inside its frame for each scalar."""
    page = open_page(report)
    charts = page.locator(".chart")
    assert charts.count() == 5
    for index in range(5):
        chart = charts.nth(index)
        frame = chart.locator("svg").bounding_box()
        line = chart.locator("path.curve").bounding_box()
        assert line["width"] > 100
        assert frame["x"] <= line["x"]
        assert line["x"] + line["width"] <= frame["x"] + frame["width"]
        assert chart.locator("text").count() >= 4


def test_hovering_says_the_value(open_page, comparison):
    """Of each run, at the nearest iteration."""
    page = open_page(comparison)
    chart = page.locator('.chart[data-name="loss"]')
    chart.locator("svg").hover(position={"x": 1, "y": 50})
    assert chart.locator(".tip").inner_text() == "iteration 10 a 0.1 b 0.2"
    assert "a" in page.locator("#legend").inner_text()


def test_dragging_zooms_and_a_double_click_shows_all(open_page, report):
    """The axis follows."""
    page = open_page(report)
    svg = page.locator('.chart[data-name="loss"] svg')
    box = svg.bounding_box()
    before = svg.inner_html()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 60, steps=4)
    page.mouse.up()
    page.mouse.move(box["x"] + 10, box["y"] - 50)
    zoomed = svg.inner_html()
    assert zoomed != before
    svg.dblclick(position={"x": 100, "y": 60})
    page.mouse.move(box["x"] + 10, box["y"] - 50)
    assert svg.locator("path.curve").get_attribute("d") in before


def test_the_keyboard_reaches_everything(open_page, report):
    """Tab reaches each chart, its button and the filter; arrows move the cursor, + zooms, Escape shows all."""
    page = open_page(report)
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.tagName.toLowerCase()"))
    assert {"a", "svg", "button", "input", "pre"} <= set(reached)
    assert reached.count("svg") >= 5
    chart = page.locator('.chart[data-name="loss"]')
    chart.locator("svg").focus()
    page.keyboard.press("ArrowRight")
    assert chart.locator(".tip").inner_text() == "iteration 10 0.1"
    page.keyboard.press("ArrowRight")
    assert chart.locator(".tip").inner_text() == "iteration 20 0.05"
    page.keyboard.press("End")
    assert chart.locator(".tip").inner_text() == "iteration 200 0.005"
    whole = chart.locator("path.curve").get_attribute("d")
    page.keyboard.press("+")
    assert chart.locator("path.curve").get_attribute("d") != whole
    page.keyboard.press("Escape")
    assert chart.locator("path.curve").get_attribute("d") == whole


def test_a_logarithmic_scale_and_a_filter(open_page, report):
    """Buttons and inputs do what they say."""
    page = open_page(report)
    chart = page.locator('.chart[data-name="loss"]')
    linear = chart.locator("path.curve").get_attribute("d")
    chart.locator("button").click()
    assert chart.locator("button").get_attribute("aria-pressed") == "true"
    assert chart.locator("path.curve").get_attribute("d") != linear
    page.locator("#configuration input").fill("optimizer")
    assert page.locator("#configuration tbody tr:visible").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_can_be_read(open_page, comparison, scheme, width):
    """Nothing sticks out of a small screen, and text and ground differ in light and dark."""
    page = open_page(comparison, viewport={"width": width, "height": 700}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    color, ground = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    shades = [sum(map(int, text[4:-1].split(","))) / 3 for text in (color, ground)]
    assert abs(shades[0] - shades[1]) > 150
    assert (shades[0] < shades[1]) == (scheme == "light")
