"""The pictures of README and docs/reading-a-report.md, from what `make demo` wrote: `make pictures`.

Needs Chromium and its driver (Debian: apt-get install chromium chromium-driver).
"""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import Select

REPORT = Path("demo/report")
IMAGES = Path("docs/images")
WIDTH = 1060
MOST_BYTES = 150_000


def main() -> None:
    write("demo.svg", small((REPORT / "curves.svg").read_text(encoding="utf-8")).encode())
    browser = opened(REPORT / "index.html")
    try:
        save(browser, "#failures", "page-failures.png")
        save(browser, "#gap", "page-gap.png")
        choose(browser, "run-second", "confidence · k=8")
        choose(browser, "filter-task", "shuffle")
        choose(browser, "filter-outcome", "first right, second not")
        browser.execute_script("document.querySelector('.list tbody tr').click()")
        browser.execute_script(
            "const slider = document.getElementById('step'); slider.value = 4;"
            "slider.dispatchEvent(new Event('input'))"
        )
        save(browser, "#trace", "page-viewer.png")
    finally:
        browser.quit()


def small(svg: str) -> str:
    """Without the words for screen readers, which an image on a page has in its alt text, to 1/100 pixel."""
    bare = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", svg)
    return re.sub(r"(\d\.\d\d)\d+", r"\1", bare)


def opened(page: Path) -> webdriver.Chrome:
    """The page in light colours at WIDTH."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "google-chrome"
    for word in ("headless=new", "no-sandbox", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{word}")
    driver = webdriver.ChromeService(shutil.which("chromedriver") or "chromedriver")  # looks for none online
    browser = webdriver.Chrome(options=options, service=driver)
    light = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", light)
    size = {"width": WIDTH, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.resolve().as_uri())
    browser.execute_script(
        "for (const each of document.querySelectorAll('.top, .controls')) each.style.position = 'static'"
    )
    return browser


def choose(browser: webdriver.Chrome, field: str, text: str) -> None:
    Select(browser.find_element("id", field)).select_by_visible_text(text)


def save(browser: webdriver.Chrome, selector: str, name: str) -> None:
    """A section as PNG."""
    browser.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 300))")
    box = browser.execute_script(
        "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
        "return {x: box.x + scrollX - 12, y: box.y + scrollY - 12,"
        " width: box.width + 24, height: box.height + 24};",
        selector,
    )
    wanted = {"format": "png", "captureBeyondViewport": True, "clip": box | {"scale": 1}}
    data = base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", wanted)["data"])
    write(name, data)


def write(name: str, data: bytes) -> None:
    if len(data) > MOST_BYTES:
        raise SystemExit(f"{name} has {len(data):,} bytes, more than {MOST_BYTES:,}")
    (IMAGES / name).write_bytes(data)
    print(f"{IMAGES / name}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
