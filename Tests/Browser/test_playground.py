"""The playground, as somebody uses it with a pointer."""

import json
import os
import re
import subprocess
import sys
import urllib.request

import pytest
from playwright.sync_api import expect

from pages import generate, set_control, write, written

needs_mock = pytest.mark.needs_mock


def test_the_top_says_what_the_service_is_and_that_it_is_ready(open_page, shot):
    page = open_page("/")
    expect(page.locator("#ready")).to_have_text("Ready")
    expect(page.locator("#tasks label")).not_to_have_count(0)
    assert page.locator("#prompt").input_value() != ""
    shot(page, "playground-first")


def test_a_text_appears_after_its_prompt_with_figures(open_page, shot):
    page = open_page("/")
    generate(page, "The king’s daughter", 40)
    assert page.locator(".prompt-text").text_content() == "The king’s daughter"
    assert len(written(page)) > 10
    for name in ("First token", "Tokens a second", "Prompt", "Written", "Seed"):
        expect(page.locator("#stats dt", has_text=name).first).to_be_visible()
    expect(page.locator("#run")).not_to_have_attribute("aria-disabled", "true")
    shot(page, "playground-text")


@needs_mock
def test_tokens_appear_while_others_are_still_to_come(open_page, mock):
    mock.play(token_ms=60)
    page = open_page("/")
    write(page, "The king", 40)
    page.locator("#run").click()
    expect(page.locator(".token").nth(2)).to_be_attached()
    expect(page.locator("#cancel")).not_to_have_attribute("aria-disabled", "true")
    expect(page.locator("#stats")).to_be_hidden()
    expect(page.locator("#stats")).to_be_visible()


@needs_mock
def test_the_text_on_the_page_is_that_of_the_result(open_page, mock, base):
    page = open_page("/")
    generate(page, "The king", 150)
    # The same request again gives the same text.
    with urllib.request.urlopen(f"{base}/generate", mock.report()["last"]["text"].encode(), timeout=20) as response:
        result = json.loads(re.findall(r"data: (\{.*\})", response.read().decode())[-1])
    assert written(page) == result["completion"]
    # A character of three tokens is one piece, and its window tells of all three.
    wave = page.locator(".token", has_text="🌊")
    wave.first.hover()
    expect(page.locator("#inspector > div")).to_have_count(3)


def test_pointing_at_a_token_shows_its_alternatives(open_page, shot):
    page = open_page("/")
    generate(page)
    token = page.locator(".token").nth(5)
    token.hover()
    inspector = page.locator("#inspector")
    expect(inspector).to_be_visible()
    assert inspector.locator("li").count() in (5, 6)
    expect(inspector.locator("li.chosen")).to_have_count(1)
    assert "%" in inspector.locator("li.chosen").text_content()
    shot(page, "playground-token")
    page.mouse.move(5, 5)
    expect(inspector).to_be_hidden()


def test_stop_ends_the_text_and_keeps_what_is_there(open_page, shot):
    page = open_page("/")
    write(page, "The king", 250)
    # Within the page, as soon as there is something: a fast service is done before a click from outside arrives.
    page.evaluate(
        """new MutationObserver((changes, observer) => {
          if (document.querySelector('.token')) {
            observer.disconnect();
            document.querySelector('#cancel').click();
          }
        }).observe(document.body, {childList: true, subtree: true})"""
    )
    page.locator("#run").click()
    expect(page.locator("#progress")).to_contain_text("Stopped after")
    assert len(written(page)) > 0
    expect(page.locator("#run")).not_to_have_attribute("aria-disabled", "true")
    shot(page, "playground-stopped")


@needs_mock
def test_no_more_tokens_are_offered_than_the_context_has(open_page):
    page = open_page("/")
    expect(page.locator("#max_new_tokens + input")).to_have_attribute("max", "500")


@needs_mock
def test_stop_closes_the_connection_so_that_the_job_is_cancelled(open_page, mock):
    page = open_page("/")
    write(page, "The king", 500)
    page.locator("#run").click()
    expect(page.locator(".token").nth(1)).to_be_attached()
    page.locator("#cancel").click()
    for _ in range(50):
        if mock.report()["cut_off"]:
            break
        page.wait_for_timeout(50)
    assert mock.report()["cut_off"] == 1


def test_a_classification_shows_its_label_and_scores(open_page, shot):
    page = open_page("/")
    page.locator("#tasks label", has_text="spam").click()
    expect(page.locator("#run")).to_have_text("Classify")
    expect(page.locator("#settings")).to_be_hidden()
    page.locator("#examples button").first.click()
    page.locator("#run").click()
    expect(page.locator("#choices .label")).to_contain_text("spam")
    expect(page.locator("#choices .bars dt")).to_have_count(2)
    shot(page, "playground-classified")


def test_several_texts_stand_beside_each_other(open_page, shot):
    page = open_page("/")
    set_control(page, "n", 3)
    generate(page, "The king", 30)
    expect(page.locator("#choices article")).to_have_count(3)
    assert all(len(written(page, index)) > 5 for index in range(3))
    shot(page, "playground-several")


@needs_mock
def test_text_of_the_model_is_never_markup(open_page, mock, shot):
    page = open_page("/")
    generate(page, "hostile <b>prompt</b><script>window.pwned=1</script>", 60)
    assert "<img src=x onerror=" in written(page)
    assert page.locator(".prompt-text").text_content().startswith("hostile <b>prompt</b>")
    assert page.evaluate("window.pwned === undefined")
    assert page.locator("#choices :is(img, script, b, svg)").count() == 0
    for index in range(0, 40, 7):
        page.locator(".token").nth(index).hover()
    assert page.locator("#inspector :is(img, script, b, svg)").count() == 0
    shot(page, "playground-hostile")


@needs_mock
def test_an_error_is_shown_at_its_field(open_page, mock, shot):
    page = open_page("/")
    refusal = {
        "status": 422, "message": "typical_p must be above 0, to 1", "code": "invalid_value", "param": "typical_p"}
    mock.play(refuse=refusal)
    write(page, "The king")
    page.locator("#run").click()
    expect(page.locator("#problem")).to_contain_text("typical_p must be above 0")
    expect(page.locator("#typical_p")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#typical_p")).to_be_focused()
    expect(page.locator("#typical_p-problem")).to_be_visible()
    shot(page, "playground-refused")


def test_a_value_out_of_range_is_told_before_it_is_sent(open_page):
    page = open_page("/")
    requests = []
    page.on("request", lambda request: requests.append(request.url) if "generate" in request.url else None)
    set_control(page, "top_p", 7)
    page.locator("#run").click()
    expect(page.locator("#top_p-problem")).to_contain_text("from")
    expect(page.locator("#top_p")).to_be_focused()
    assert requests == []


def test_an_empty_prompt_is_told_at_the_prompt(open_page):
    page = open_page("/")
    page.locator("#prompt").fill("")
    page.locator("#run").click()
    expect(page.locator("#prompt-problem")).to_be_visible()
    expect(page.locator("#prompt")).to_be_focused()


@needs_mock
def test_an_error_after_the_start_keeps_the_text(open_page, mock, shot):
    mock.play(break_after=9)
    page = open_page("/")
    write(page, "The king", 40)
    page.locator("#run").click()
    expect(page.locator("#problem")).to_contain_text("the worker was lost <b>and</b> no other took over")
    assert len(written(page)) > 10
    expect(page.locator("#run")).not_to_have_attribute("aria-disabled", "true")
    shot(page, "playground-broken")


@needs_mock
def test_too_many_requests_say_when_to_try_again(open_page, mock):
    mock.play(refuse={"status": 429, "message": "the queue is full", "code": "queue_full", "retry_after": 7})
    page = open_page("/")
    write(page, "The king")
    page.locator("#run").click()
    expect(page.locator("#problem")).to_contain_text("Try again in 7 seconds")


@needs_mock
def test_settings_outlive_a_reload(open_page, mock):
    page = open_page("/")
    page.locator("#tasks label", has_text="got").click()
    set_control(page, "temperature", 1.35)
    set_control(page, "stop", "\\n\nthe end")
    page.reload()
    expect(page.locator("#tasks input[value=got]")).to_be_checked()
    expect(page.locator("#temperature")).to_have_value("1.35")
    expect(page.locator("#stop")).to_have_value("\\n\nthe end")


@needs_mock
def test_a_seed_of_64_bits_goes_and_comes_exactly(open_page, mock):
    page = open_page("/")
    set_control(page, "seed", "-9223372036854775807")
    generate(page)
    assert '"seed": -9223372036854775807' in mock.report()["last"]["text"]
    expect(page.locator("#stats dd", has_text="-9223372036854775807")).to_be_visible()
    set_control(page, "seed", "")
    generate(page)
    page.locator("#keep-seed").click()
    expect(page.locator("#seed")).to_have_value("7005634565049075")


@needs_mock
@pytest.mark.parametrize("task", ["got", "spam"])
def test_the_copied_programs_send_exactly_the_request_of_the_page(open_page, mock, base, task):
    page = open_page("/", key="secret-1", permissions=["clipboard-read", "clipboard-write"])
    mock.play(key="secret-1")
    page.reload()
    page.locator(f"#tasks label:has-text('{task}')").click()
    page.locator("#prompt").fill("It's \"quoted\" $HOME `id` \\n 日本\nsecond line '''\"\"\" — 🌊 {x} % !")
    if task == "got":
        set_control(page, "stop", "\\n\\n\nit's $over")
        set_control(page, "seed", "9223372036854775807")
        set_control(page, "min_p", 0.05)
        set_control(page, "max_new_tokens", 12)
    page.locator("#run").click()
    expect(page.locator("#stats")).to_be_visible()
    sent = mock.report()["last"]
    environment = {**os.environ, "GPT2_API_KEY": "secret-1"}
    for button, command in (("#copy-curl", ["bash", "-c"]), ("#copy-python", [sys.executable, "-c"])):
        page.locator(button).click()
        expect(page.locator("#toast")).to_contain_text("Copied")
        program = page.evaluate("navigator.clipboard.readText()")
        assert "secret-1" not in program
        run = subprocess.run([*command, program], env=environment, capture_output=True, text=True, timeout=20)
        assert run.returncode == 0, run.stderr
        received = mock.report()["last"]
        assert json.loads(received["text"]) == json.loads(sent["text"])
        assert received["path"] == sent["path"] and received["key"] == "secret-1"


@needs_mock
def test_without_a_clipboard_the_program_can_be_copied_by_hand(open_page, mock):
    page = open_page("/")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.locator("#copy-curl").click()
    expect(page.locator("#copy-dialog")).to_be_visible()
    assert page.locator("#copy-text-area").input_value().startswith("curl")


@needs_mock
def test_a_text_can_be_continued(open_page, mock):
    page = open_page("/")
    generate(page, "The king", 8)
    expected = "The king" + written(page)
    page.locator("#continue").click()
    expect(page.locator("#prompt")).to_have_value(expected)
    expect(page.locator("#prompt")).to_be_focused()
