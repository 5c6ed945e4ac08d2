"""What the tests do on the page, in the words of its users."""

from playwright.sync_api import expect

PHONE = {"viewport": {"width": 360, "height": 760}, "has_touch": True, "is_mobile": True}


def write(page, prompt, new_tokens=24):
    page.locator("#prompt").fill(prompt)
    set_control(page, "max_new_tokens", new_tokens)


def set_control(page, name, value):
    """Sets a control wherever it is folded away."""
    control = page.locator(f"#{name}")
    for details in control.locator("xpath=ancestor::details").all():
        if not details.evaluate("details => details.open"):
            details.locator("summary").first.click()
    control.fill(str(value))


def generate(page, prompt="The king", new_tokens=24):
    """Runs it to its end."""
    write(page, prompt, new_tokens)
    page.locator("#run").click()
    expect(page.locator("#stats")).to_be_visible()


def written(page, index=0):
    """The text after the prompt."""
    return page.locator("#choices [role=listbox]").nth(index).evaluate("list => list.textContent")


def assert_fits(page):
    """Nothing sticks out to the side."""
    wide = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((node) => {
             const box = node.getBoundingClientRect();
             const isShown = box.width > 1 && node.checkVisibility() && !node.closest('.unseen, .scroll, .skip, pre');
             return isShown && (box.right > document.documentElement.clientWidth + 0.5 || box.left < -0.5);
           }).map((node) => node.outerHTML.slice(0, 90))""")
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
