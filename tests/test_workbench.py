"""Both screens of the workbench in a real browser, over a real Arc Core with a real trace in it."""

import re
import shutil

import pytest
from arc_testing import eventually
from playwright.sync_api import expect, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser():
    executable = shutil.which("chromium")
    assert executable, "chromium is not installed: `make chromium` installs it"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A page that fails the test on an error of its own, or a request to any other origin."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: problems.append(request.url) if "127.0.0.1" not in request.url else None)
    yield page
    context.close()
    assert problems == []


@pytest.fixture
def traced(arc_core, run):
    """The trace of one program run."""
    if not arc_core.traces("browsed"):
        run(
            ARC_ENDPOINT=arc_core.url,
            OTEL_SERVICE_NAME="browsed",
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY",
        )
    return eventually(lambda: arc_core.traces("browsed"))[0]


def test_the_list_shows_the_trace_and_leads_to_its_detail(arc_core, page, traced):
    page.goto(f"{arc_core.url}/?service=browsed")
    row = page.get_by_test_id("trace-row").first
    expect(row).to_contain_text("agent.job loan")
    expect(row).to_contain_text("browsed")
    expect(row.get_by_test_id("status")).to_have_attribute("data-status", "error")
    row.get_by_test_id("trace-name").click()
    expect(page.get_by_test_id("span-row")).to_have_count(len(traced["spans"]))
    assert traced["trace"]["trace_id"] in page.url


def test_a_deep_link_opens_the_model_call_with_its_fix_messages_and_redactions(arc_core, page, traced, personal_values):
    (call,) = [span for span in traced["spans"] if span["kind"] == "llm"]
    page.goto(f"{arc_core.url}/traces/{traced['trace']['trace_id']}?span={call['span_id']}")
    diff = page.get_by_test_id("fix-diff")
    expect(diff).to_contain_text("temperature")
    expect(diff).to_contain_text("0.95")
    expect(diff).to_contain_text("0.7")
    expect(page.get_by_test_id("message").first).to_contain_text("Review")
    assert page.get_by_test_id("redaction-mark").count() >= 5
    for value in personal_values:
        assert value not in page.content()


def test_the_keyboard_reaches_everything_and_back(arc_core, page, traced):
    page.goto(f"{arc_core.url}/?service=browsed")
    expect(page.get_by_test_id("trace-row").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("span-row").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"[?&]span="))
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("trace-row").first).to_be_visible()


def test_light_and_dark_follow_the_system_and_the_switch(arc_core, browser, traced):
    def background(page):
        return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        page.goto(arc_core.url)
        expect(page.get_by_test_id("trace-row").first).to_be_visible()
        dark = background(page)
        page.get_by_test_id("theme-toggle").first.click()
        light = eventually(lambda: background(page) if background(page) != dark else None)
        page.reload()
        expect(page.get_by_test_id("trace-row").first).to_be_visible()
        assert background(page) == light != dark
