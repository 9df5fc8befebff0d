"""Both screens of the workbench in a real browser, over a real Arc Core with a real trace in it."""

import http.client
import json
import re
import secrets
import shutil
import time

import pytest
from arc_testing import eventually
from arc_testing._core import running_core
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


def send_trace(core, service, spans):
    """Put a trace into Core: spans are pairs of a name and attributes, the first one the root. Its trace id."""
    trace_id, ids = secrets.token_hex(16), [secrets.token_hex(8) for _ in spans]
    start = time.time_ns()

    def attributes(values):
        return [{"key": key, "value": encoded(value)} for key, value in values.items()]

    def encoded(value):
        if isinstance(value, list):
            return {"arrayValue": {"values": [encoded(each) for each in value]}}
        return {"stringValue": value}

    sent = [
        {
            "traceId": trace_id,
            "spanId": span_id,
            "parentSpanId": ids[0] if i else "",
            "name": name,
            "startTimeUnixNano": str(start + i * 1_000_000),
            "endTimeUnixNano": str(start + 50_000_000),
            "attributes": attributes(values),
        }
        for i, (span_id, (name, values)) in enumerate(zip(ids, spans, strict=True))
    ]
    resource = {"attributes": attributes({"service.name": service})}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "test"}, "spans": sent}]}]}
    connection = http.client.HTTPConnection(core.url.removeprefix("http://"), timeout=10)
    try:
        connection.request("POST", "/v1/traces", json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        assert response.status == http.client.OK, response.read()
    finally:
        connection.close()
    eventually(lambda: core.get(f"/api/v1/traces/{trace_id}"))
    return trace_id


def call_with_fix(mode):
    changes = [{"path": "temperature", "old": 0.95, "new": 0.7}]
    return {
        "gen_ai.operation.name": "chat",
        "arc.fix.ids": ["acme.cooler"],
        "arc.fix.mode": mode,
        "arc.fix.trigger": "before",
        "arc.fix.outcome": "ok",
        "arc.fix.changes": json.dumps(changes),
    }


@pytest.mark.parametrize("width", [900, 1400])
def test_long_names_leave_the_page_as_wide_as_the_window(arc_core, page, width):
    service, model = "very-long-service-" + "s" * 290, "model-" + "m" * 394
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.agent.name": "a" * 300}
    trace_id = send_trace(arc_core, service, [("job-" + "n" * 400, {}), (f"chat {model}", call)])
    page.set_viewport_size({"width": width, "height": 800})

    def too_wide():
        """Elements that reach past the window, or are laid out wider than what holds them."""
        return page.evaluate(
            """() => [document.scrollingElement, ...document.querySelectorAll("#app *")]
                .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("table td *, .lane"))
                .map((e) => `${e.tagName}.${e.className} ${e.getBoundingClientRect().right}`)"""
        ) or page.evaluate("document.scrollingElement.scrollWidth > innerWidth")

    page.goto(f"{arc_core.url}/?service={service}")
    expect(page.get_by_test_id("trace-row").first).to_be_visible()
    assert not too_wide()
    expect(page.get_by_test_id("theme-toggle")).to_be_in_viewport(ratio=1)

    page.goto(f"{arc_core.url}/traces/{trace_id}")
    rows = page.get_by_test_id("span-row")
    expect(rows).to_have_count(2)
    for row in rows.all():
        row.click()
        assert not too_wide()
    expect(page.get_by_test_id("theme-toggle")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("mode", ["shadow", "control"])
def test_a_fix_that_left_the_request_alone_is_shown_as_watched(arc_core, page, mode):
    trace_id = send_trace(arc_core, "watching", [("job", {}), ("chat m", call_with_fix(mode))])
    page.goto(f"{arc_core.url}/traces/{trace_id}")
    row = page.get_by_test_id("span-row").nth(1)
    expect(row.get_by_test_id("fix-watched")).to_be_visible()
    row.click()
    expect(page.get_by_test_id("fix-diff")).to_contain_text("The request was sent unchanged.")
    expect(page.get_by_test_id("fix-diff")).to_contain_text("0.95")
    expect(page.get_by_test_id("fix-applied")).to_have_count(0)


@pytest.fixture
def locked_core(tmp_path):
    with running_core(tmp_path, "--api-key", "right-key") as core:
        yield core


def test_a_key_that_cannot_be_sent_or_is_wrong_is_asked_for_again(locked_core, browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(locked_core.url)
        field, dialog = page.get_by_label("API key").locator("input"), page.get_by_role("dialog")
        expect(dialog).to_contain_text("asks for an API key")

        field.fill("k€y")
        field.press("Enter")
        expect(dialog.get_by_role("alert")).to_contain_text("ASCII")

        field.fill("wrong-key")
        field.press("Enter")
        expect(dialog).to_contain_text("refused that key")
        expect(dialog).not_to_contain_text("kept until")
        assert page.evaluate("sessionStorage.length") == 0

        # As an older workbench left it
        page.evaluate("sessionStorage.setItem('arc.key', 'k€y')")
        page.reload()
        expect(dialog).to_contain_text("refused that key")
        field.fill("right-key")
        field.press("Enter")
        expect(page.get_by_text("No traces yet")).to_be_visible()


def test_an_address_that_core_refuses_leads_back_to_the_list(arc_core, browser, traced):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{arc_core.url}/?limit=abc")
        expect(page.get_by_role("alert")).to_contain_text("refused the request")
        page.get_by_role("link", name="Clear filters").click()
        expect(page.get_by_test_id("trace-row").first).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
