"""The live view of the queue."""

import re

import pytest
from playwright.sync_api import expect

needs_mock = pytest.mark.needs_mock


def test_the_view_shows_depth_throughput_latency_and_workers(open_page, shot):
    page = open_page("/#queue")
    expect(page.locator("#tiles li")).to_have_count(6)
    expect(page.locator("#depth dt")).to_have_text(["high", "default", "low"])
    for chart in ("#chart-throughput", "#chart-latency"):
        drawing = page.locator(f"{chart} svg")
        expect(drawing).to_have_attribute("aria-label", re.compile(r"in .*\. (Latest|Nothing)"))
        expect(drawing.locator(".tick").first).to_be_visible()
    expect(page.locator("#workers tbody tr").first).to_be_visible()
    shot(page, "queue")


@needs_mock
def test_it_is_live_and_quiet_when_nobody_looks(open_page, mock):
    page = open_page("/#queue")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/queue") else None)
    page.wait_for_timeout(3200)
    assert 2 <= len(asked) <= 4
    page.locator("#tab-playground").click()
    page.wait_for_timeout(300)
    asked.clear()
    page.wait_for_timeout(1800)
    assert asked == []


@needs_mock
def test_it_asks_less_often_while_the_service_fails(open_page, mock):
    page = open_page("/#queue")
    expect(page.locator("#tiles li")).to_have_count(6)
    mock.play(redis=False)
    expect(page.locator("#queue-banner")).to_be_visible()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/queue") else None)
    page.wait_for_timeout(5000)
    assert 1 <= len(asked) <= 2


@needs_mock
def test_workers_and_jobs_are_listed_with_what_they_do(open_page, mock):
    page = open_page("/#queue")
    worker = page.locator("#workers tbody tr", has_text="oak-7f3a")
    expect(worker).to_contain_text("q1-52e0")
    expect(worker).to_contain_text("alive")
    expect(page.locator("#workers tbody tr", has_text="ash-9c11")).to_contain_text("silent for 41 s")
    expect(page.locator("#jobs tbody tr")).to_have_count(8)
    expect(page.locator("#jobs tbody tr").first).to_contain_text("completed")


@needs_mock
def test_dead_jobs_have_a_reason_and_can_be_retried(open_page, mock):
    page = open_page("/#queue")
    expect(page.locator("#dead tbody tr")).to_have_count(2)
    expect(page.locator("#dead tbody")).to_contain_text("MAX_ATTEMPTS")
    page.locator("#retry").click()
    expect(page.locator("#retry-note")).to_have_text("2 jobs put back into the queue.")
    expect(page.locator("#dead tbody tr")).to_have_count(0)
    expect(page.locator("#retry")).to_be_hidden()


@needs_mock
def test_a_reason_is_never_markup(open_page, mock):
    mock.play(dead=[{"id": "<i>x</i>", "reason": "<img src=x onerror=window.pwned=1>", "priority": "low"}])
    page = open_page("/#queue")
    expect(page.locator("#dead tbody")).to_contain_text("<img src=x")
    assert page.locator("#dead :is(img, i)").count() == 0
    assert page.evaluate("window.pwned === undefined")


@needs_mock
def test_an_idle_queue_says_so(open_page, mock, shot):
    mock.play(empty=True, dead=[], paused=True)
    page = open_page("/#queue")
    expect(page.locator("#workers + .empty")).to_be_visible()
    expect(page.locator("#jobs + .empty")).to_be_visible()
    expect(page.locator("#paused")).to_be_visible()
    expect(page.locator("#chart-latency")).to_contain_text("Nothing in the last minutes.")
    shot(page, "queue-idle")


@needs_mock
def test_charts_can_be_read_as_tables_and_under_the_pointer(open_page, mock):
    page = open_page("/#queue")
    chart = page.locator("#chart-latency")
    chart.locator("summary").click()
    expect(chart.locator("tbody tr")).to_have_count(60)
    box = chart.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
    expect(chart.locator(".readout")).to_contain_text("p95")


@needs_mock
def test_the_view_asks_for_a_key_and_goes_on_with_it(open_page, mock):
    mock.play(key="right-key")
    page = open_page("/#queue")
    expect(page.locator("#queue-banner")).to_contain_text("A key is needed")
    page.locator("#key").fill("right-key")
    page.locator("#key").press("Enter")
    expect(page.locator("#queue-banner")).to_be_hidden()
    expect(page.locator("#tiles li")).to_have_count(6)
