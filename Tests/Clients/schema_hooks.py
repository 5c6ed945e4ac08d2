"""What the tests of the description check beyond schemathesis."""

import schemathesis


@schemathesis.check
def valid_requests_are_accepted(context, response, case):
    """As `positive_data_acceptance`, but for what no schema can say: how many tokens a prompt has."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code < 400:
        return
    if response.status_code in (401, 403, 404, 409) or response.status_code >= 500:
        return
    code = response.json()["error"]["code"]
    assert code == "context_length_exceeded", f"a valid request was refused with {response.status_code} {code}"
