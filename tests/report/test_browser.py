"""The report in a real browser, headless Chromium, opened from disk: what a reader sees and does."""

import io
import json
import os
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import geopandas
import numpy as np
import pandas
import pytest

from tests.report.conftest import CLASSES, carried, report_on, shares, values_of, write_results

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


def open_page(browser, path, address=""):
    """Open a report, drawn. The driver's first navigation may return before the page's script has run."""
    browser.get("about:blank")  # else another address of the same file would not load it again
    browser.get(path.as_uri() + address)
    wait_for_drawing(browser)


def wait_for_drawing(browser):
    from selenium.webdriver.support.ui import WebDriverWait

    # The page draws its parts one after the other and then says so.
    script = "return document.readyState === 'complete' && document.body.hasAttribute('data-drawn')"
    WebDriverWait(browser, 60).until(lambda browser: browser.execute_script(script))


def check_quiet(browser):
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # Chromium's own start page is the one thing that was not asked for here.
    assert {url.split(":")[0] for url in sent} <= {"file", "data", "about", "blob", "chrome", "chrome-untrusted"}, sent
    assert browser.get_log("browser") == []


def text(page, selector):
    return page.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def fills(page, figure="#year-map"):
    script = "return [...document.querySelectorAll(arguments[0] + ' .outline path')].map(p => p.getAttribute('fill'))"
    return page.execute_script(script, figure)


def choose(page, control, value):
    """Choose a value of a list, and wait until all is drawn again."""
    page.execute_script(
        "const c = document.getElementById(arguments[0]); c.value = arguments[1]; c.dispatchEvent(new Event('change'))",
        control, str(value),
    )  # fmt: skip
    wait_for_drawing(page)


def shown(page, selector):
    """Return whether there is something to see of an element."""
    return page.execute_script("return !!document.querySelector(arguments[0])?.getClientRects().length", selector)


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


def test_hovering_tells_name_and_value(page, report):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    labels = page.execute_script("return JSON.parse(document.getElementById('data').textContent).zones.label")
    zone = labels.index("Polk, FL")
    ActionChains(page).move_to_element(zone_in_view(page, zone)).perform()
    value = values_of(carried(report))[20, zone]
    tip = text(page, "#tip")
    assert not page.find_element(By.ID, "tip").get_attribute("hidden")
    assert tip.startswith(f"Polk, FL2020: {value:,.0f}\u00a0mm") and "from 2000–2020" in tip


def test_differences_from_the_baseline(page):
    values = fills(page)
    page.execute_script("document.querySelector('input[value=difference]').click()")
    wait_for_drawing(page)
    assert fills(page) != values
    assert "difference from 2000–2020 (mm), 2020" in text(page, "#year-map .legend")


def test_another_variable_changes_everything(page):
    before = {name: fills(page, name) for name in ("#year-map", "#mean-map", "#trend-map")}
    choose(page, "variable", 1)
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

    means = [float(cell.replace(",", "").replace("−", "-")) for cell in column(2) if cell != "no data"]
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
    from selenium.webdriver.common.keys import Keys

    search = page.find_element(By.ID, "search")
    search.send_keys("12087")
    assert text(page, "#zone-title").startswith("Monroe, FL")
    search.clear()
    search.send_keys("leon, fl")
    assert text(page, "#zone-title").startswith("Leon, FL")
    search.clear()
    search.send_keys("alach" + Keys.ENTER)
    assert text(page, "#zone-title").startswith("Alachua, FL")
    search.clear()
    search.send_keys("wash" + Keys.ENTER)  # counties of this name in Alabama and Florida; only Florida's is here
    search.clear()
    search.send_keys("lee" + Keys.ENTER)
    assert [b.text for b in page.find_elements(By.CSS_SELECTOR, "#found button")] == ["Lee, FL · 12071"] or (
        text(page, "#zone-title").startswith("Lee, FL")
    )


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
            "return ['.controls', 'nav', '.zoom', '.files']"
            ".filter(s => getComputedStyle(document.querySelector(s)).display !== 'none')"
        )
        assert shown == []
        # A4 is 182 mm wide between the margins: no column is cut, and the number of rows is said.
        page.set_window_size(700, 900)
        assert page.execute_script("return document.getElementById('table').scrollWidth") <= 182 / 25.4 * 96
        assert page.execute_script("return !!document.getElementById('ranking-count').getClientRects().length")
        # A button in a header that the next page repeats would be printed empty: only its text is laid out.
        button = "return getComputedStyle(document.querySelector('#table th button')).display"
        assert page.execute_script(button) == "contents"
        assert page.execute_cdp_cmd("Page.printToPDF", {})["data"].startswith("JVBERi")  # %PDF in base64
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("years", [[2000], [1999, 2003, 2010]])
def test_few_years_and_zones_without_data(browser, tmp_path, counties, years):
    report_on(write_results(tmp_path / "demo", counties, years), tmp_path / "report.html")
    open_page(browser, tmp_path / "report.html")
    assert text(browser, "#years-title").startswith(f"{years[-1]}: ")
    assert not shown(browser, "#trend") and shown(browser, "#anomalies") == (len(years) > 1) == shown(browser, "#mean")
    sources = text(browser, "#sources")  # which speak of no trend where none is shown
    assert "Mann" not in sources and ("mean of the baseline years" in sources) == (len(years) > 1)
    browser.find_element("id", "search").send_keys("13025")
    assert text(browser, "#zone-title") == "Brantley, GA has no data"
    check_quiet(browser)


def test_years_of_equal_values_are_all_named(browser, tmp_path, counties):
    of_year = {"2000": 1.0, "2001": 5.0, "2002": 5.0}
    results = write_results(
        tmp_path / "demo", counties, [2000, 2001, 2002], columns=lambda date, mean: {"mean": 0 * mean + of_year[date]}
    )
    report_on(results, tmp_path / "report.html")
    open_page(browser, tmp_path / "report.html")
    lead = text(browser, "#zone-lead").replace("\u00a0", " ")
    assert (
        "2002: 5.00 mm, the highest of 3 years. Highest in 2001 and 2002 (5.00 mm), lowest in 2000 (1.00 mm)." in lead
    )


def test_the_headline_compares_the_same_region(page, report):
    values = values_of(carried(report))
    zones = np.isfinite(values).all(axis=0)  # each has 40 cells, so their weights are the same
    region = values[:, zones].mean(axis=1)
    for t in range(0, 21, 5):
        slide_to(page, t)
        difference = region[t] - region.mean()
        words = f"{abs(difference):,.0f}\u00a0mm {'above' if difference >= 0 else 'below'} 2000–2020"
        assert f", {region[t]:,.0f}\u00a0mm on average, {words}" in text(page, "#years-title")


def test_cells_weight_zones_and_cut_ones_are_no_extremes(browser, tmp_path, counties):
    ids = ["12001", "12086", "12071", "12087", "12011", "12099"]
    six = counties[counties["GEOID"].isin(ids)].reset_index(drop=True)
    six["inside_fraction"] = [0.5, 1, 1, 1, 1, 1]
    wet = lambda date, mean: {"mean": np.array([900.0, 10, 20, 30, 40, -500])}  # noqa: E731
    folder = write_results(tmp_path / "a", six, [2000], columns=wet, count=np.array([1, 100, 50, 50, 100, 3]))
    report_on(folder, tmp_path / "a.html")
    open_page(browser, tmp_path / "a.html")
    labels = carried(tmp_path / "a.html")["zones"]["label"]
    # (900·1 + 10·100 + 20·50 + 30·50 + 40·100 − 500·3) / 304 = 22.7
    assert "22.7" in text(browser, "#years-title") or "23\u00a0mm" in text(browser, "#years-title")
    lead = text(browser, "#years-lead")
    assert f"Highest in {labels[4]}" in lead and f"lowest in {labels[1]}" in lead and "2 zones" in lead
    check_quiet(browser)


def test_the_address_keeps_and_gives_what_is_shown(page, report):
    choose(page, "variable", 1)
    choose(page, "from", 2003)
    slide_to(page, 10)
    assert page.current_url.endswith("&year=2010&variable=tmean&baseline=2003-2020")
    open_page(page, report, "#zone=12086&year=2003&units=US&show=difference&pins=12001,12071")
    assert text(page, "#zone-title").startswith("Miami-Dade, FL") and text(page, "#year-out") == "2003"
    assert "(in), 2003" in text(page, "#year-map .legend")
    assert page.execute_script("return [...document.querySelectorAll('#pins .link')].map(b => b.textContent)") == [
        "Alachua, FL", "Lee, FL",
    ]  # fmt: skip
    open_page(page, report, "#zone=nowhere&year=1800&month=13")
    assert text(page, "#year-out") == "2020"


def test_up_to_four_zones_are_pinned(page):
    for zone in range(5):
        click_zone(page, zone)
        page.execute_script("document.getElementById('pin').click()")
    pinned = page.execute_script("return [...document.querySelectorAll('#pins .link')].map(b => b.textContent)")
    assert len(pinned) == 4 and page.execute_script("return document.getElementById('pin').disabled")
    assert page.execute_script("return document.querySelectorAll('#series .line.pin').length") == 4
    assert page.execute_script("return document.querySelectorAll('#year-map .pinned').length") == 4


def test_another_baseline_changes_differences(page, report):
    values = values_of(carried(report))
    zones = np.isfinite(values).all(axis=0)
    choose(page, "to", 2004)
    region = values[:, zones].mean(axis=1)
    difference = region[20] - region[:5].mean()
    assert f"{abs(difference):,.0f}\u00a0mm {'above' if difference >= 0 else 'below'} 2000–2004" in text(
        page, "#years-title"
    )


def test_units_change_everywhere(page, report):
    zone = carried(report)["zones"]["id"].index("12001")
    rain, heat = (values_of(carried(report), v)[20, zone] for v in (0, 1))
    open_page(page, report, "#zone=12001")
    choose(page, "units", "US")
    assert f"2020: {rain / 25.4:,.1f}\u00a0in, the " in text(page, "#zone-lead")
    choose(page, "variable", 1)
    shown = float(re.search(r"2020: ([\d.]+)\u00a0°F", text(page, "#zone-lead"))[1])
    assert shown == pytest.approx(heat * 1.8 + 32, abs=0.06)
    # a difference has no offset: Alachua's is less than 10 °F in every year
    page.execute_script("document.querySelector('input[value=difference]').click()")
    wait_for_drawing(page)
    reach = page.execute_script("return document.querySelector('#year-map .legend svg').getAttribute('aria-label')")
    assert abs(float(reach.rsplit(" to ", 1)[1])) < 10


def test_rank_and_interval_of_a_zone(page, report):
    carries = carried(report)
    zone = carries["zones"]["id"].index("12001")
    series = values_of(carries)[:, zone]
    rank = int((series > series[20]).sum()) + 1
    low, high = (values_of(carries, what=end)[0, zone] for end in ("low", "high"))
    open_page(page, report, "#zone=12001")
    lead = text(page, "#zone-lead")
    place = {1: "the highest", 21: "the lowest"}.get(rank, rf"the {rank}(st|nd|rd|th) highest")
    assert re.search(f"{place} of 21 years", lead)
    assert f"95 % interval {low:+,.1f} to {high:+,.1f}\u00a0mm per decade".replace("-", "−") in lead


def test_states_have_borders_and_the_selection_is_zoomed_to(page, report):
    assert len(page.execute_script("return document.querySelector('#year-map .borders').getAttribute('d')")) > 200
    open_page(page, report, "#zone=12001")
    press = "document.querySelector('#year-map [aria-label=\"Zoom to the selected zone\"]').click()"
    page.execute_script(press)
    box, map_box = page.execute_script(
        "return [document.querySelector('#year-map .selected'), document.querySelector('#year-map svg.zones')]"
        ".map(e => { const b = e.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom]; })"
    )
    assert map_box[0] <= box[0] and box[1] <= map_box[1] and map_box[2] <= box[2] and box[3] <= map_box[3]
    assert max((box[1] - box[0]) / (map_box[1] - map_box[0]), (box[3] - box[2]) / (map_box[3] - map_box[2])) > 0.25


SAVED = """
window.saved = [];
URL.createObjectURL = (blob) => {
  blob.text().then((text) => saved.push([blob.type, blob.size, text]));
  return "data:,";
};
HTMLAnchorElement.prototype.click = () => {};
"""


def saved(page, press, files=1):
    """Press something, and return the files that it saves as [type, size, text]."""
    from selenium.webdriver.support.ui import WebDriverWait

    page.execute_script(SAVED + press)
    return WebDriverWait(page, 60).until(
        lambda page: len(found := page.execute_script("return window.saved")) >= files and found
    )


def test_tables_are_saved_as_csv(page, report):
    carries = carried(report)
    values = values_of(carries)
    open_page(page, report, "#zone=12001")
    ((kind, _, one),) = saved(page, "document.getElementById('save-zone').click()")
    zone = carries["zones"]["id"].index("12001")
    table = pandas.read_csv(io.StringIO(one), dtype={"GEOID": str})
    assert kind == "text/csv" and list(table["date"]) == list(range(2000, 2021))
    assert list(table.columns) == ["GEOID", "zone", "variable", "statistic", "unit", "date", "value"]
    np.testing.assert_allclose(table["value"], values[:, zone])
    ((_, _, everything),) = saved(page, "document.getElementById('save-all').click()")
    table = pandas.read_csv(io.StringIO(everything), dtype={"GEOID": str})
    assert (
        len(table) == 86 * 21
        and table["GEOID"].str.len().eq(5).all()
        and table["zone"][0] == carries["zones"]["label"][0]
    )
    ((_, _, ranking),) = saved(page, "document.getElementById('save-table').click()")
    table = pandas.read_csv(io.StringIO(ranking), dtype={"Id": str}).set_index("Id")
    assert len(table) == 86
    assert table.loc["12001", "95 % interval, low"] == pytest.approx(values_of(carries, what="low")[0, zone], abs=0.01)


def test_figures_are_saved_as_svg_and_png(page):
    for figure in ("year-map", "series", "anomalies", "trend-map"):
        ((kind, _, svg),) = saved(page, f"document.querySelector('[data-of={figure}] button').click()")
        root = ElementTree.fromstring(svg)
        assert kind == "image/svg+xml" and root.tag == "{http://www.w3.org/2000/svg}svg"
        assert float(root.get("width")) > 400 and "2020" in svg and "var(" not in svg
    ((kind, size, _),) = saved(page, "document.querySelector('[data-of=year-map] button:nth-child(2)').click()")
    assert kind == "image/png" and size > 20_000


def violations(page):
    """Return the rules of accessibility that the page violates, by axe-core, with some of the elements."""
    import axe_core_python

    source = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
    page.execute_script(source)
    found = page.execute_async_script("axe.run().then((found) => arguments[0](found.violations))")
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(page, scheme):
    page.execute_script(f"document.documentElement.style.colorScheme = '{scheme}'")
    assert violations(page) == []


def test_dark_colours_follow_the_button(page):
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(ground)
    page.execute_script("document.getElementById('theme').click()")
    assert text(page, "#theme") == "Colours: dark" and page.execute_script(ground) != light
    page.execute_script("document.getElementById('theme').click()")
    assert page.execute_script(ground) == light


def test_all_rows_are_printed(page):
    rows = "return document.querySelectorAll('#table tbody tr').length"
    assert page.execute_script(rows) == 50
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert page.execute_script(rows) == 86 and text(page, "#ranking-count") == "86 of 86 zones shown"
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert page.execute_script(rows) == 50


@pytest.fixture(scope="module")
def monthly(counties, tmp_path_factory):
    """Three years of months: of month m of the years 2000 to 2002 every zone has m, m + 1, m + 5."""
    few = counties[counties["inside_fraction"] == 1].head(8).reset_index(drop=True)
    value = lambda date, mean: {"mean": np.full(8, float(date[5:]) + {"0": 0, "1": 1, "2": 5}[date[3]])}  # noqa: E731
    folder = tmp_path_factory.mktemp("monthly")
    target = folder / "report.html"
    report_on(write_results(folder / "a", few, [2000, 2001, 2002], columns=value, grain="monthly"), target)
    return target


def test_months_are_chosen_and_drawn(browser, monthly):
    open_page(browser, monthly)
    assert browser.title.startswith("Monthly precipitation in Florida")
    # A year is the sum of 1 … 12 = 78, and 12 × 5 more in 2002; the mean year is 78 + 12 × 2 = 102.
    assert "138.0\u00a0mm on average, 36.0\u00a0mm above 2000–2002" in text(browser, "#years-title")
    assert all(shown(browser, f"#{figure}") for figure in ("dates", "season", "months"))
    assert browser.execute_script("return document.querySelectorAll('#months rect:not(.hit)').length") == 12
    # the line of all dates goes from left to right
    line = browser.execute_script("return document.querySelector('#dates .line').getAttribute('d')")
    at = [float(x) for x in re.findall(r"[ML]([\d.]+),", line)]
    assert len(at) == 36 and at == sorted(at)
    choose(browser, "period", "07")
    expected = "2002: precipitation in July in Florida, 12.0\u00a0mm on average, 3.0\u00a0mm above"
    assert text(browser, "#years-title").startswith(expected)
    assert browser.current_url.endswith("month=07")
    assert violations(browser) == []
    check_quiet(browser)


@pytest.fixture(scope="module")
def landcover(counties, tmp_path_factory):
    """Forest 66, 34 and 66 % of each zone, the rest class 95."""
    folder = tmp_path_factory.mktemp("landcover")
    target = folder / "report.html"
    names = {"classes": CLASSES, "class_colours": {"landcover": {"41": "#68ab5f"}}}
    config, years = {"stats": ["categorical"]}, [2001, 2002, 2004]
    results = write_results(folder / "a", counties, years, ["landcover"], columns=shares, config=config, **names)
    report_on(results, target)
    return target


def test_categories_have_classes_shares_and_changes(browser, landcover):
    open_page(browser, landcover)
    assert text(browser, "#years-title").startswith("2004: most frequent class of landcover in Florida, ")
    assert "Forest (86)" in text(browser, "#year-map .legend") and set(fills(browser)) == {"#68ab5f"}
    for nothing in ("#mean", "#trend", "#modes", "#anomalies", "#series", "#year-map .legend div > svg"):
        assert not shown(browser, nothing), nothing
    browser.find_element("id", "search").send_keys("12001")
    assert text(browser, "#zone-title") == "Alachua, FL: Forest in 2004"
    assert browser.execute_script("return document.querySelectorAll('#shares .plot rect:not(.hit)').length") == 6
    changes = browser.execute_script(
        "return [...document.querySelectorAll('#changes .change')].map(g => g.textContent)"
    )
    assert [re.search(r"[+−][\d.]+$", change)[0] for change in changes] == ["+32.0", "−32.0"]
    assert violations(browser) == []
    choose(browser, "statistic", 1)
    assert "share of Forest" in text(browser, "#years-title") and shown(browser, "#mean") and shown(browser, "#modes")
    assert re.search(r"66(\.0)?\u00a0% on average", text(browser, "#years-title"))
    check_quiet(browser)


def test_statistics_are_chosen(browser, tmp_path, counties):
    several = lambda date, mean: {"mean": mean, "max": mean + 100}  # noqa: E731
    config = {"stats": ["mean", "max"]}
    report_on(
        write_results(tmp_path / "a", counties, [2000, 2001], columns=several, config=config), tmp_path / "a.html"
    )
    open_page(browser, tmp_path / "a.html")
    colours = fills(browser)
    choose(browser, "statistic", 1)
    assert text(browser, "#years-title").startswith("2001: maximum of precipitation in ")
    assert "highest of all zones" in text(browser, "#years-title") and "Mean (mm)" in text(browser, "#table thead")
    assert len(set(fills(browser))) > 20 and len(colours) == 86
    check_quiet(browser)


def test_two_zones_are_named_not_averaged(browser, tmp_path, counties):
    two = counties[counties["GEOID"].isin(["12001", "12086"])].reset_index(drop=True)
    report_on(write_results(tmp_path / "a", two, range(2000, 2006)), tmp_path / "a.html")
    open_page(browser, tmp_path / "a.html")
    both = r"Alachua, FL [\d,]+\u00a0mm, Miami-Dade, FL [\d,]+\u00a0mm"
    assert re.fullmatch(f"2005: annual precipitation, {both}", text(browser, "#years-title"))
    assert not any("median" in text(browser, part) for part in ("#zone-title", "#zone-lead", "#series figcaption"))
    check_quiet(browser)


def test_equal_values_have_no_highest_and_no_lowest(browser, tmp_path, counties):
    two = counties[counties["GEOID"].isin(["12001", "12086"])].reset_index(drop=True)
    same = lambda date, mean: {"mean": np.full(mean.shape, 7.0)}  # noqa: E731
    report_on(write_results(tmp_path / "a", two, [2000, 2001, 2002], columns=same), tmp_path / "a.html")
    open_page(browser, tmp_path / "a.html")
    parts = [text(browser, part) for part in ("#years-lead", "#mean-title", "#zone-lead")]
    assert not any("ighest" in part or "owest" in part or "from" in part for part in parts), parts
    assert "as in all 3 years" in parts[2]
    check_quiet(browser)


def test_every_second_year_has_its_own_tick(browser, tmp_path, counties):
    report_on(write_results(tmp_path / "a", counties, range(2001, 2010, 2)), tmp_path / "a.html")
    open_page(browser, tmp_path / "a.html")
    ticks = "return [...document.querySelectorAll('#series .years .tick text')].map(t => t.textContent)"
    assert browser.execute_script(ticks) == ["2001", "2003", "2005", "2007", "2009"]
    assert "above 2001–2009, 5 years" in text(browser, "#years-title") or "below 2001–2009, 5 years" in text(
        browser, "#years-title"
    )
    check_quiet(browser)


def test_no_line_crosses_months_that_are_left_out(browser, tmp_path, counties):
    zones = counties[counties["GEOID"].isin(["12001"])].reset_index(drop=True)
    folder = write_results(tmp_path / "a", zones, [2000, 2001], grain="daily", config={})
    table = pandas.read_parquet(folder / "zonal_stats.parquet")
    table[table["date"].str[5:7].isin(["06", "07"])].to_parquet(folder / "zonal_stats.parquet", index=False)
    report_on(folder, tmp_path / "a.html")
    open_page(browser, tmp_path / "a.html")
    line = browser.execute_script("return document.querySelector('#dates .line').getAttribute('d')")
    assert line.count("M") == 2  # a line for each of the two summers
    assert shown(browser, "#season")
    check_quiet(browser)


def test_the_zone_shown_first_is_not_a_cut_one(browser, tmp_path, counties):
    inside = counties["inside_fraction"].to_numpy()
    mean = lambda date, mean: {"mean": np.where(inside < 0.9, 1000.0, np.where(inside == 1, 500.0, 0.0))}  # noqa: E731
    report_on(write_results(tmp_path / "a", counties, [2000, 2001], columns=mean), tmp_path / "a.html")
    open_page(browser, tmp_path / "a.html")
    assert "inside the grid" not in text(browser, "#zone-lead")
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
