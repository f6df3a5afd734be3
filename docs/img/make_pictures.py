#!/usr/bin/env python3
"""Make the README's pictures from the results of the demo: `make pictures`.

demo.png is the picture of all years as the workflow draws it; report.png is what headless Chromium shows of the report
(packages chromium and chromium-driver; without them report.png stays as it is).
"""

import base64
import io
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parents[1] / "results" / "demo"
WIDTH, HEIGHT = 1100, 1150
DRAWN = "return document.body.hasAttribute('data-drawn')"
SHOW = "document.querySelector('#years').scrollIntoView({block: 'start', behavior: 'instant'})"


def main() -> None:
    """Copy the picture of all years and take one of the report."""
    if not (RESULTS / "report.html").exists():
        sys.exit(f"{RESULTS} has no report: run the demo first (make demo)")
    shutil.copyfile(RESULTS / "maps" / "ppt_overview.png", HERE / "demo.png")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser and driver:
        (HERE / "report.png").write_bytes(screenshot(RESULTS / "report.html", browser, driver))
    else:
        print("no Chromium here: report.png stays as it is", file=sys.stderr)


def screenshot(page: Path, browser: str, driver: str) -> bytes:
    """Return a PNG, in 256 colours, of the report with its map of the last year."""
    from PIL import Image
    from selenium import webdriver
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    arguments = ("headless=new", "no-sandbox", "hide-scrollbars", f"window-size={WIDTH},{HEIGHT}")
    for argument in (*arguments, "disable-background-networking", "host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(f"--{argument}")
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        chrome.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False},
        )
        chrome.get(page.as_uri())
        WebDriverWait(chrome, 60).until(lambda chrome: chrome.execute_script(DRAWN))
        chrome.execute_script(SHOW)
        shot = base64.b64decode(chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])
    finally:
        chrome.quit()
    small = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(256).save(small, "PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    main()
