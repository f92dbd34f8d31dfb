"""A headless Chromium for tests of the page (Debian: apt-get install chromium chromium-driver)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("selenium.webdriver", reason="needs selenium, of the extra `dev`")
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not CHROMIUM or not DRIVER, reason="needs chromium and chromedriver on the PATH"
)
PATIENCE_SECONDS = 120.0


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A browser that keeps what its console says."""
    driver = _started(3)
    try:
        driver.set_script_timeout(PATIENCE_SECONDS)
        yield driver
    finally:
        driver.quit()


def _started(tries: int) -> webdriver.Chrome:
    """Its port was free a moment ago, and Chromium is given a minute: both can fail by chance."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.add_argument("--window-size=1280,1000")
    options.add_argument("--force-prefers-reduced-motion")  # colours are there at once
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        return webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    except WebDriverException:
        if tries == 1:
            raise
        return _started(tries - 1)


def as_new(driver: webdriver.Chrome) -> None:
    """The pointer in the corner, where no chart is, and nothing on the console."""
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": 0, "y": 0})
    driver.get_log("browser")


def until(driver: webdriver.Chrome, condition: Callable[[], Any]) -> Any:
    """What `condition` returns as soon as it is true of anything."""
    return WebDriverWait(driver, PATIENCE_SECONDS, poll_frequency=0.02).until(lambda _: condition())


@contextmanager
def scripted(driver: webdriver.Chrome, source: str) -> Iterator[None]:
    """Pages opened in here run `source` before anything of their own, whatever their policy says."""
    script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


@contextmanager
def sized(driver: webdriver.Chrome, width: int, height: int) -> Iterator[None]:
    """A window of this size in here; the page learns of either change some time after the command."""

    def arrived(expected: int) -> bool:
        return driver.execute_script("return innerWidth") == expected

    before = driver.execute_script("return innerWidth")
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        until(driver, lambda: arrived(width))
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        until(driver, lambda: arrived(before))


def pointed_at(driver: webdriver.Chrome, mark: WebElement) -> str:
    """What the tooltip says with the pointer at `mark`; the pointer trembles until it is noticed."""
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    offsets = iter(range(10**9))

    def noticed() -> str:
        webdriver.ActionChains(driver).move_to_element_with_offset(mark, next(offsets) % 2, 0).perform()
        return driver.execute_script("return tooltip.hidden ? '' : tooltip.textContent")

    return until(driver, noticed)
