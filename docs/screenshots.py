"""Makes the pictures in docs/images from a real run: the demo, its Arc Core, and a browser.

python docs/screenshots.py     the same as `make screenshots`
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES: Final = Path(__file__).resolve().parent / "images"
ARC: Final = Path(sys.executable).with_name("arc")
RUNS: Final = 4
MAX_BYTES: Final = 250_000
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")


@contextmanager
def core(data: Path) -> Iterator[str]:
    """The URL of an Arc Core over `data`."""
    command = [sys.executable, "-m", "arc_core", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"arc core ready http=(\S+)", line)
            if found is None:
                raise SystemExit(f"Arc Core did not start: {line!r}")
            yield found[1]
        finally:
            process.terminate()


def demo_trace(url: str) -> str:
    """Id of the last trace of the demo."""
    with urllib.request.urlopen(f"{url}/api/v1/traces?service=loan-agents&limit=1") as answer:  # noqa: S310 - always http
        return str(json.load(answer)["traces"][0]["trace_id"])


def show_list(page: Page, url: str) -> None:
    """The list of traces."""
    page.goto(url)
    page.get_by_test_id("trace-row").first.wait_for()


def show_detail(page: Page, url: str) -> None:
    """One trace, with the model call that was mended selected."""
    page.goto(f"{url}/traces/{demo_trace(url)}")
    page.get_by_test_id("span-row").first.wait_for()
    page.locator("[data-testid=span-row][data-kind=llm]").last.click()
    page.get_by_test_id("fix-diff").first.wait_for()


def take(browser: Browser, url: str, theme: Theme) -> None:
    """Write both pictures of one theme."""
    for name, show in (("trace-list", show_list), ("trace-detail", show_detail)):
        context = browser.new_context(
            viewport={"width": 1440, "height": 900},
            device_scale_factor=1,
            color_scheme=theme,
            reduced_motion="reduce",
            locale="en-US",
            timezone_id="UTC",
        )
        page = context.new_page()
        show(page, url)
        page.evaluate("document.fonts.ready")
        page.wait_for_load_state("networkidle")
        path = IMAGES / f"{name}-{theme}.png"
        page.screenshot(path=path)
        context.close()
        size = path.stat().st_size
        print(f"{path.relative_to(IMAGES.parent.parent)}  {size // 1000} kB")
        if size > MAX_BYTES:
            raise SystemExit(f"{path.name} is larger than {MAX_BYTES} bytes")


def main() -> None:
    """Make all four pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("there is no chromium here; on Debian and Ubuntu: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="arc-screenshots-", ignore_cleanup_errors=True) as scratch:
        data = Path(scratch, "data")
        for _ in range(RUNS):
            subprocess.run([ARC, "demo", "--once", "--data", data], check=True, stdout=subprocess.DEVNULL)
        with core(data) as url, sync_playwright() as playwright:
            environment = {**os.environ, "ARC_ENDPOINT": url}
            subprocess.run([ARC, "doctor"], check=True, stdout=subprocess.DEVNULL, env=environment)
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            for theme in THEMES:
                take(browser, url, theme)
            browser.close()


if __name__ == "__main__":
    main()
