"""The description of the API."""

import json
import urllib.request

import pytest
from playwright.sync_api import expect

from conftest import KEY
from pages import PHONE, assert_fits

needs_mock = pytest.mark.needs_mock


def described(base):
    request = urllib.request.Request(f"{base}/openapi.json", headers={"x-api-key": KEY} if KEY else {})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def unfold(page):
    """Opens everything; what is inside comes to be as it is opened."""
    for _ in range(4):
        page.evaluate("for (const part of document.querySelectorAll('#operations details')) part.open = true")


def test_every_operation_is_there_with_its_responses(open_page, base, shot):
    page = open_page("/docs")
    methods = {"get", "post", "put", "patch", "delete", "head", "options"}
    operations = [
        (method, path, operation) for path, item in described(base)["paths"].items()
        for method, operation in item.items() if method in methods]
    expect(page.locator("#operations .operation")).to_have_count(len(operations))
    for method, path, operation in operations:
        card = page.locator("#operations .operation").filter(
            has=page.locator(f".method.{method}")).filter(has=page.get_by_text(path, exact=True))
        expect(card.locator(".status")).to_have_text(list(operation["responses"]))
    unfold(page)
    shot(page, "docs")


@needs_mock
def test_an_operation_can_be_tried(open_page, mock, shot):
    page = open_page("/docs")
    card = page.locator("#post-generate")
    card.locator("> details > summary").click()
    assert json.loads(card.locator("textarea").input_value())["prompt"] == "The king"
    card.locator("button", has_text="Send").click()
    expect(card.locator(".try [role=status]")).to_contain_text("HTTP 200")
    expect(card.locator(".try pre")).to_contain_text("[DONE]")
    card.locator("textarea").fill("{")
    card.locator("button", has_text="Send").click()
    expect(card.locator(".try pre")).to_contain_text("malformed_json")
    expect(card.locator(".try [role=status]")).to_contain_text("HTTP 400")
    shot(page, "docs-tried")


@needs_mock
def test_what_a_path_needs_is_asked_for(open_page, mock):
    page = open_page("/docs")
    card = page.locator("#get-jobs-id-")
    card.locator("> details > summary").click()
    card.locator("button", has_text="Send").click()
    expect(card.locator(".try [role=status]")).to_have_text("id is required.")


@needs_mock
def test_a_schema_that_contains_itself_can_be_unfolded(open_page, mock):
    page = open_page("/docs")
    schema = page.locator("#schema-Result")
    for _ in range(3):
        schema.locator("details:not([open]) > summary", has_text="4 fields").first.click()
    assert schema.locator(".fields .fields .fields").count() >= 1


@needs_mock
def test_the_description_is_read_again_with_a_key(open_page, mock):
    mock.play(key="right-key")
    page = open_page("/docs")
    expect(page.locator("#docs-problem")).to_be_visible()
    page.locator("#key").fill("right-key")
    page.locator("#key").press("Enter")
    expect(page.locator("#operations .operation")).to_have_count(4)


def test_the_list_is_filtered_as_one_types(open_page):
    page = open_page("/docs")
    page.locator("#filter").fill("post generate")
    expect(page.locator("#contents li:visible", has_text="/generate").first).to_be_visible()
    expect(page.locator("#contents li:visible", has_text="/queue")).to_have_count(0)


def test_the_description_fits_a_phone(open_page, shot):
    page = open_page("/docs", **PHONE)
    expect(page.locator("#operations .operation").first).to_be_visible()
    assert_fits(page)
    unfold(page)
    assert_fits(page)
    shot(page, "phone-docs")
