"""The report in a real browser, headless Chromium, opened from disk: what a reader sees and does."""

import json
import os
import shutil
from pathlib import Path

import geopandas
import pytest

from tests.report.conftest import report_on, write_results

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")  # as Linux distributions call it
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
DRIVER = shutil.which("chromedriver") or shutil.which("chromium.chromedriver")  # the latter in Ubuntu's snap
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs Chromium and its driver: apt-get install chromium chromium-driver"
)


@pytest.fixture(scope="module")
def browser():
    """A browser that can reach no host and keeps a record of every request and of the console."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,900",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
        "--force-prefers-reduced-motion",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report(results, tmp_path_factory):
    target = tmp_path_factory.mktemp("browser") / "report.html"
    report_on(results, target)
    return target


@pytest.fixture
def page(browser, report):
    """The report, freshly opened; at the end nothing was asked of any host, and nothing went wrong."""
    browser.set_window_size(1200, 900)
    open_page(browser, report)
    yield browser
    check_quiet(browser)


def open_page(browser, path):
    """Open a report, drawn. The driver's first navigation may return before the page's script has run."""
    browser.get(path.as_uri())
    wait_for_drawing(browser)


def wait_for_drawing(browser):
    from selenium.webdriver.support.ui import WebDriverWait

    script = "return document.readyState === 'complete' && !!document.querySelector('#year-map .outline path')"
    WebDriverWait(browser, 60).until(lambda browser: browser.execute_script(script))


def check_quiet(browser):
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # Chromium's own start page is the one thing that was not asked for here.
    assert {url.split(":")[0] for url in sent} <= {"file", "data", "chrome", "chrome-untrusted"}, sent
    assert browser.get_log("browser") == []


def text(page, selector):
    return page.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def fills(page, figure="#year-map"):
    script = "return [...document.querySelectorAll(arguments[0] + ' .outline path')].map(p => p.getAttribute('fill'))"
    return page.execute_script(script, figure)


def zone_in_view(page, zone, figure="#year-map"):
    """Return a zone's outline, scrolled to the middle of the window; the page has heard of the scrolling by then.

    A browser tells of scrolling with its next frame, and the page hides its tooltip on hearing of it.
    """
    from selenium.webdriver.common.by import By

    element = page.find_element(By.CSS_SELECTOR, f"{figure} .outline path[data-zone='{zone}']")
    page.execute_async_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'});"
        "requestAnimationFrame(() => requestAnimationFrame(arguments[1]))",
        element,
    )
    return element


def click_zone(page, zone, figure="#year-map"):
    zone_in_view(page, zone, figure).click()


def slide_to(page, position):
    page.execute_script(
        "const y = document.getElementById('year'); y.value = arguments[0]; y.dispatchEvent(new Event('input'))",
        position,
    )


def test_it_opens_with_the_last_year_and_every_zone(page):
    assert text(page, "#years-title").startswith("2020: annual precipitation in Florida, Georgia and Alabama, ")
    assert len(fills(page)) == 86 and len(set(fills(page))) > 20
    for section in ("zone", "mean", "trend"):
        assert text(page, f"#{section}-title")


def test_the_slider_changes_the_map_its_title_and_the_table(page):
    before, title, head = fills(page), text(page, "#years-title"), text(page, "#table thead")
    slide_to(page, 3)
    assert text(page, "#years-title").startswith("2003: ") and text(page, "#year-out") == "2003"
    assert fills(page) != before and text(page, "#years-title") != title
    assert "2003 (mm)" in text(page, "#table thead") and text(page, "#table thead") != head
    slide_to(page, 20)
    assert fills(page) == before


def test_the_slider_works_from_the_keyboard(page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    slider = page.find_element(By.ID, "year")
    slider.send_keys(Keys.ARROW_LEFT)
    assert text(page, "#year-out") == "2019" and slider.get_attribute("aria-valuetext") == "2019"
    slider.send_keys(Keys.HOME)
    assert text(page, "#year-out") == "2000"


def test_a_clicked_zone_shows_its_series_and_is_marked(page):
    labels = page.execute_script("return JSON.parse(document.getElementById('data').textContent).zones.label")
    alachua = labels.index("Alachua, FL")
    line = page.execute_script("return document.querySelector('#series .line').getAttribute('d')")
    click_zone(page, alachua, "#trend-map")
    assert text(page, "#zone-title").startswith("Alachua, FL: ") and "per decade (p" in text(page, "#zone-title")
    assert page.execute_script("return document.querySelector('#series .line').getAttribute('d')") != line
    outlines = page.execute_script(
        "return [...document.querySelectorAll('.selected[d]')].map(p => p.getAttribute('d'))"
    )
    assert len(outlines) == 3 and len(set(outlines)) == 1
    page.execute_script("document.getElementById('more').click()")
    assert text(page, "tr.selected td") == "Alachua, FL"


def test_arrow_keys_move_between_zones(page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    labels = page.execute_script("return JSON.parse(document.getElementById('data').textContent).zones.label")
    click_zone(page, labels.index("Alachua, FL"))
    page.find_element(By.CSS_SELECTOR, "#year-map svg.zones").send_keys(Keys.ARROW_RIGHT)
    assert text(page, "#zone-title").startswith("Putnam, FL: ")
    page.find_element(By.CSS_SELECTOR, "#year-map svg.zones").send_keys(Keys.ARROW_LEFT)
    assert text(page, "#zone-title").startswith("Alachua, FL: ")


def test_hovering_tells_name_and_value(page):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    labels = page.execute_script("return JSON.parse(document.getElementById('data').textContent).zones.label")
    zone = labels.index("Polk, FL")
    ActionChains(page).move_to_element(zone_in_view(page, zone)).perform()
    value = page.execute_script(
        f"return JSON.parse(document.getElementById('data').textContent).variables[0].values[20][{zone}]"
    )
    tip = text(page, "#tip")
    assert not page.find_element(By.ID, "tip").get_attribute("hidden")
    assert tip.startswith(f"Polk, FL2020: {value:,.0f}\u00a0mm") and "from 2000–2020" in tip


def test_differences_from_the_baseline(page):
    values = fills(page)
    page.execute_script("document.querySelector('input[value=anomaly]').click()")
    assert fills(page) != values
    assert "difference from 2000–2020 (mm), 2020" in text(page, "#year-map .legend")


def test_another_variable_changes_everything(page):
    before = {name: fills(page, name) for name in ("#year-map", "#mean-map", "#trend-map")}
    page.execute_script(
        "const v = document.getElementById('variable'); v.value = 1; v.dispatchEvent(new Event('change'))"
    )
    assert "annual mean temperature" in text(page, "#years-title") and "°C" in text(page, "#mean-title")
    assert all(fills(page, name) != colours for name, colours in before.items())
    assert "Mean (°C)" in text(page, "#table thead")


def test_the_table_sorts_and_filters(page):
    from selenium.webdriver.common.by import By

    def column(number):
        script = (
            "return [...document.querySelectorAll('#table tbody tr')].map(r => r.children[arguments[0]].textContent)"
        )
        return page.execute_script(script, number)

    def press(name):
        script = "[...document.querySelectorAll('th button')].find(b => b.textContent.startsWith(arguments[0])).click()"
        page.execute_script(script, name)

    means = [float(cell.replace(",", "")) for cell in column(2) if cell != "no data"]
    assert means == sorted(means, reverse=True) and len(column(0)) == 50
    press("Zone")
    assert column(0)[:3] == ["Alachua, FL", "Baker, FL", "Baldwin, AL"]
    press("Zone")
    assert column(0)[0] == "Washington, FL"
    page.find_element(By.ID, "more").click()
    assert len(column(0)) == 86
    page.find_element(By.ID, "filter").send_keys("holmes")
    assert column(0) == ["Holmes, FL"] and text(page, "#ranking-count") == "1 of 1 zone shown"


def test_a_zone_is_found_by_name_or_id(page):
    from selenium.webdriver.common.by import By

    search = page.find_element(By.ID, "search")
    search.send_keys("12087")
    assert text(page, "#zone-title").startswith("Monroe, FL")
    search.clear()
    search.send_keys("leon, fl")
    assert text(page, "#zone-title").startswith("Leon, FL")


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_sticks_out_on_a_phone(page, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        page.refresh()
        wait_for_drawing(page)
        assert page.execute_script("return document.documentElement.scrollWidth") == width
        small = page.execute_script(
            "return [...document.querySelectorAll('p, dd, td, li, figcaption')]"
            ".filter(e => parseFloat(getComputedStyle(e).fontSize) < 12).length"
        )
        assert small == 0
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_control_has_a_name(page):
    nameless = page.execute_script(
        "return [...document.querySelectorAll('button, input, select, svg[tabindex], [role=region]')].filter(e =>"
        " !(e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') ||"
        " e.labels?.length)).map(e => e.outerHTML)"
    )
    assert nameless == []


def test_it_prints_without_its_controls(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        shown = page.execute_script(
            "return ['.controls', 'nav', '.zoom']"
            ".filter(s => getComputedStyle(document.querySelector(s)).display !== 'none')"
        )
        assert shown == []
        assert page.execute_cdp_cmd("Page.printToPDF", {})["data"].startswith("JVBERi")  # %PDF in base64
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("years", [[2000], [1999, 2003, 2010]])
def test_few_years_and_zones_without_data(browser, tmp_path, counties, years):
    report_on(write_results(tmp_path / "demo", counties, years), tmp_path / "report.html")
    open_page(browser, tmp_path / "report.html")
    assert text(browser, "#years-title").startswith(f"{years[-1]}: ")
    assert "too few years" in text(browser, "#trend-title")
    browser.find_element("id", "search").send_keys("13025")
    assert text(browser, "#zone-title") == "Brantley, GA has no data"
    check_quiet(browser)


@pytest.mark.skipif(
    "ZONALFLOW_REAL_DATA" not in os.environ, reason="ZONALFLOW_REAL_DATA names no folder of real inputs"
)
def test_all_counties_of_the_contiguous_states(browser, tmp_path):
    zones = geopandas.read_file(Path(os.environ["ZONALFLOW_REAL_DATA"]) / "cb_2021_us_county_20m.zip")
    zones = zones[~zones["STATEFP"].isin(["02", "15", "72"])].reset_index(drop=True).assign(inside_fraction=1.0)
    report_on(write_results(tmp_path / "us", zones, range(2000, 2021)), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 10_000_000
    open_page(browser, tmp_path / "report.html")
    assert len(fills(browser)) == len(zones) > 3000
    before = fills(browser)
    slide_to(browser, 0)
    assert fills(browser) != before
    browser.find_element("id", "search").send_keys("06037")
    assert text(browser, "#zone-title").startswith("Los Angeles, CA")
    check_quiet(browser)
