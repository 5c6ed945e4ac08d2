"""What holds for all of the page: keys, failures of the service, keyboard, small and dark screens."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from conftest import KEY
from pages import PHONE, assert_fits, generate, set_control, write, written

needs_mock = pytest.mark.needs_mock


@needs_mock
def test_a_wrong_key_is_told_and_the_right_one_goes_on(open_page, mock, shot):
    mock.play(key="right-key")
    page = open_page("/", key="wrong-key")
    expect(page.locator("#key-panel")).to_be_visible()
    expect(page.locator("#key-problem")).to_have_text("This key was not accepted.")
    shot(page, "key-refused")
    page.locator("#key").fill("right-key")
    page.locator("#key").press("Enter")
    expect(page.locator("#key-panel")).to_be_hidden()
    expect(page.locator("#tasks label")).to_have_count(3)
    generate(page)
    assert mock.report()["last"]["key"] == "right-key"


@needs_mock
def test_the_key_is_asked_for_when_there_is_none_and_is_kept_for_the_tab_only(open_page, mock, shot):
    mock.play(key="right-key")
    page = open_page("/")
    expect(page.locator("#key")).to_be_focused()
    shot(page, "key-needed")
    page.locator("#key").fill("right-key")
    page.locator("#key").press("Enter")
    expect(page.locator("#tasks label")).to_have_count(3)
    page.reload()
    expect(page.locator("#tasks label")).to_have_count(3)
    expect(page.locator("#key-panel")).to_be_hidden()
    assert "right-key" not in page.evaluate("JSON.stringify(localStorage)")
    assert page.evaluate("sessionStorage.getItem('gpt2.key')") == "right-key"


@needs_mock
def test_without_redis_both_views_say_so_and_recover_by_themselves(open_page, mock, shot):
    page = open_page("/#queue")
    expect(page.locator("#tiles strong").first).not_to_be_empty()
    mock.play(redis=False)
    expect(page.locator("#queue-banner")).to_contain_text("The queue can’t be reached")
    expect(page.locator("#ready")).to_contain_text("Not ready: Redis can't be reached")
    shot(page, "queue-without-redis")
    page.locator("#tab-playground").click()
    write(page, "The king")
    page.locator("#run").click()
    expect(page.locator("#problem")).to_contain_text("Redis can't be reached")
    page.locator("#tab-queue").click()
    mock.play(redis=True)
    expect(page.locator("#queue-banner")).to_be_hidden()
    expect(page.locator("#ready")).to_have_text("Ready")


def test_without_a_network_it_says_so_and_recovers_by_itself(open_page, shot):
    page = open_page("/#queue")
    expect(page.locator("#tiles strong").first).not_to_be_empty()
    page.context.set_offline(True)
    expect(page.locator("#queue-banner")).to_contain_text("The service can’t be reached")
    expect(page.locator("#ready")).to_have_text("Not reachable")
    shot(page, "queue-offline")
    page.context.set_offline(False)
    expect(page.locator("#queue-banner")).to_be_hidden()
    expect(page.locator("#ready")).to_have_text("Ready")


def test_it_works_where_the_browser_may_remember_nothing(open_page, browser, base):
    context = browser.new_context()
    for name in ("localStorage", "sessionStorage"):
        context.add_init_script(
            f"Object.defineProperty(window, '{name}', {{get() {{ throw new DOMException('no', 'SecurityError'); }}}})")
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(base)
    if KEY:
        page.locator("#key").fill(KEY)
        page.locator("#key").press("Enter")
    generate(page)
    page.locator("#theme").click()
    assert errors == []
    context.close()


def test_everything_is_done_with_the_keyboard_alone(open_page, shot):
    page = open_page("/")
    expect(page.locator("#ready")).to_have_text("Ready")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#tab-playground")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-queue")).to_be_focused()
    expect(page.locator("#panel-queue")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-playground")).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "prompt":
            break
    page.keyboard.press("Control+a")
    page.keyboard.type("The king")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#stats")).to_be_visible()
    expect(page.locator("#prompt")).to_be_focused()
    # Through the settings to the text, which is one stop however many tokens it has.
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('token')"):
            break
    expect(page.locator(".token").first).to_be_focused()
    expect(page.locator("#inspector")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".token").nth(1)).to_be_focused()
    expect(page.locator(".token").nth(1)).to_have_attribute("aria-describedby", "inspector")
    shot(page, "keyboard-token")
    page.keyboard.press("End")
    expect(page.locator(".token").last).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator(".token").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#inspector")).to_be_hidden()
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.classList.contains('token')")


@needs_mock
def test_escape_stops_and_a_second_start_while_it_runs_does_nothing(open_page, mock):
    mock.play(token_ms=30)
    page = open_page("/")
    write(page, "The king", 200)
    page.locator("#prompt").press("Control+Enter")
    expect(page.locator(".token").nth(1)).to_be_attached()
    page.locator("#prompt").press("Control+Enter")
    assert page.locator(".token").count() >= 2
    page.locator("#prompt").press("Escape")
    expect(page.locator("#progress")).to_contain_text("Stopped")


def test_every_focus_can_be_seen(open_page):
    page = open_page("/")
    expect(page.locator("#ready")).to_have_text("Ready")
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        # The radio buttons of the tasks lie unseen over their labels, which show the focus for them.
        outline = page.evaluate(
            """() => { const one = document.activeElement;
                 const shown = one.type === 'radio' ? one.nextElementSibling : one;
                 return [getComputedStyle(shown).outlineStyle, shown.outerHTML.slice(0, 80)]; }""")
        assert outline[0] != "none", outline[1]


def test_nothing_sticks_out_on_a_phone(open_page, shot):
    page = open_page("/", **PHONE)
    expect(page.locator("#ready")).to_have_text("Ready")
    assert_fits(page)
    generate(page, "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 3, 60)
    assert_fits(page)
    shot(page, "phone-text")
    for details in page.locator("#settings details.group").all():
        details.locator("summary").click()
    assert_fits(page)
    shot(page, "phone-settings")
    page.locator("#tab-queue").click()
    expect(page.locator("#tiles strong").first).not_to_be_empty()
    assert_fits(page)
    shot(page, "phone-queue")


def test_a_tap_on_a_token_shows_its_alternatives(open_page, shot):
    page = open_page("/", **PHONE)
    generate(page)
    page.locator(".token").nth(3).tap()
    expect(page.locator("#inspector li.chosen")).to_be_visible()
    assert_fits(page)
    shot(page, "phone-token")
    page.locator("#output-title").tap()
    expect(page.locator("#inspector")).to_be_hidden()


def brightness(page):
    """Of the background, 0 to 255."""
    colour = page.evaluate(
        """() => { const canvas = document.createElement('canvas').getContext('2d');
             canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
             canvas.fillRect(0, 0, 1, 1);
             return [...canvas.getImageData(0, 0, 1, 1).data]; }""")
    return sum(colour[:3]) / 3


def test_it_is_dark_where_the_system_is_and_the_button_overrules_that(open_page, shot):
    page = open_page("/", color_scheme="dark")
    assert brightness(page) < 60
    generate(page)
    shot(page, "dark-text")
    page.locator("#theme").click()
    assert brightness(page) > 200
    page.reload()
    assert brightness(page) > 200
    page.locator("#theme").click()
    page.emulate_media(color_scheme="light")
    assert brightness(page) < 60
    page.locator("#tab-queue").click()
    expect(page.locator("#tiles strong").first).not_to_be_empty()
    shot(page, "dark-queue")


@needs_mock
def test_nothing_moves_for_those_who_want_that(open_page, mock):
    mock.play(token_ms=40)
    page = open_page("/", reduced_motion="reduce")
    write(page, "The king", 60)
    page.locator("#run").click()
    expect(page.locator(".token").nth(1)).to_be_attached()
    assert page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/#queue", "/docs"])
def test_axe_finds_no_fault(open_page, scheme, path):
    page = open_page(path, color_scheme=scheme)
    expect(page.locator("#ready")).to_have_text("Ready")
    if path == "/":
        for name in ("n", "typical_p", "presence_penalty"):
            set_control(page, name, 1 if name != "n" else 2)
        generate(page, "The king", 60)
    elif path == "/docs":
        page.locator(".operation > details > summary").first.click()
    else:
        expect(page.locator("#tiles strong").first).not_to_be_empty()
    page.wait_for_timeout(300)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    results = Axe().run(page, options={"runOnly": rules})
    found = [
        (one["id"], node["html"][:160], node.get("failureSummary", "")[:200])
        for one in results.response["violations"] for node in one["nodes"]]
    assert found == []


def test_what_is_written_is_told_to_screen_readers_in_sentences(open_page):
    page = open_page("/")
    generate(page, "The king", 40)
    told = page.locator("#spoken").text_content()
    assert "".join(told.split()) == "".join(written(page).split())
    assert page.locator("#spoken p").count() < page.locator(".token").count()
