"""OpenAI's own client library, unchanged, against the service."""

import openai
import pytest

from conftest import KEY


@pytest.fixture
def client(service):
    return openai.OpenAI(base_url=f"{service}/v1", api_key=KEY, max_retries=0, timeout=60)


def complete(client, **request):
    return client.completions.create(**{"model": "gpt2", "prompt": "The king", "max_tokens": 8, "temperature": 0, **request})


def test_a_completion_has_text_and_usage(client):
    completion = complete(client)
    assert completion.object == "text_completion" and completion.id.startswith("cmpl-")
    assert completion.choices[0].text and completion.choices[0].finish_reason == "length"
    usage = completion.usage
    assert usage.completion_tokens == 8 and usage.total_tokens == usage.prompt_tokens + 8


def test_the_same_seed_gives_the_same_text_and_another_one_another(client):
    texts = [complete(client, temperature=1, max_tokens=20, seed=seed).choices[0].text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_a_stream_tells_the_text_of_the_completion(client):
    whole = complete(client, max_tokens=20)
    chunks = list(complete(client, max_tokens=20, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
    assert len(chunks) > 20 and len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 20
    assert all(chunk.usage is None and "usage" in chunk.model_fields_set for chunk in chunks[:-1])


def test_n_gives_so_many_different_texts_of_each_prompt(client):
    choices = complete(client, prompt=["The king", "A ship"], n=3, temperature=1, seed=7, max_tokens=12).choices
    assert [choice.index for choice in choices] == list(range(6))
    assert len({choice.text for choice in choices}) == 6


def test_n_streamed_is_n_not_streamed(client):
    request = dict(n=3, temperature=1, seed=7, max_tokens=12)
    texts = {index: "" for index in range(3)}
    for chunk in complete(client, stream=True, **request):
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert list(texts.values()) == [choice.text for choice in complete(client, **request).choices]


def test_the_best_of_several_is_the_likeliest(client):
    request = dict(temperature=1, seed=11, max_tokens=10, logprobs=0)

    def mean(choice):
        return sum(choice.logprobs.token_logprobs) / len(choice.logprobs.token_logprobs)

    all_of_them = complete(client, n=4, **request).choices
    best = complete(client, n=1, best_of=4, **request).choices[0]
    assert best.text == max(all_of_them, key=mean).text


def test_logprobs_are_four_lists_of_one_length(client):
    logprobs = complete(client, logprobs=3).choices[0].logprobs
    assert {len(logprobs.tokens), len(logprobs.token_logprobs), len(logprobs.top_logprobs), len(logprobs.text_offset)} == {8}
    for token, logprob, top in zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs):
        # Greedy: the token is the likeliest of those that are told.
        assert top[token] == logprob == max(top.values()) <= 0 and len(top) == 3


def test_an_echo_scores_its_prompt(client):
    choice = complete(client, echo=True, max_tokens=0, logprobs=0).choices[0]
    assert choice.text == "The king"
    assert choice.logprobs.token_logprobs[0] is None and all(value < 0 for value in choice.logprobs.token_logprobs[1:])
    assert "".join(choice.logprobs.tokens) == "The king"
    assert choice.logprobs.text_offset[0] == 0


def test_the_best_of_several_is_streamed_with_its_logprobs(client):
    request = dict(best_of=3, temperature=1, seed=11, max_tokens=10, logprobs=1)
    whole = complete(client, **request).choices[0]
    chunks = [chunk.choices[0] for chunk in complete(client, stream=True, **request)]
    assert [chunk.text for chunk in chunks] == [whole.text, ""]
    assert chunks[0].logprobs == whole.logprobs and chunks[1].logprobs is None


def test_a_prompt_that_does_not_fit_the_context_is_refused(client):
    for request in ({"prompt": "The king " * 2000}, {"prompt": [5] * 3000}):
        with pytest.raises(openai.BadRequestError) as refused:
            complete(client, **request)
        assert refused.value.code == "context_length_exceeded" and "context" in refused.value.message


def test_a_text_ends_before_its_stop_string(client):
    whole = complete(client, max_tokens=30).choices[0].text
    stop = whole[10:14]
    choice = complete(client, max_tokens=30, stop=[stop, "never"]).choices[0]
    assert choice.text == whole[: whole.index(stop)] and choice.finish_reason == "stop"
    streamed = "".join(chunk.choices[0].text for chunk in complete(client, max_tokens=30, stop=stop, stream=True))
    assert streamed == choice.text


def test_a_prompt_may_be_token_ids(client):
    assert complete(client, prompt=[514, 567]).usage.prompt_tokens == 2
    assert len(complete(client, prompt=[[514], [567]]).choices) == 2


def test_a_biased_token_is_banned_or_forced(client):
    ids = complete(client, logprobs=1, max_tokens=1)
    token = ids.choices[0].text
    forced = complete(client, logit_bias={"5": 100}, max_tokens=3, logprobs=0).choices[0].logprobs.tokens
    assert len(set(forced)) == 1 and forced[0] != token


def test_models_are_listed(client):
    names = [model.id for model in client.models.list()]
    assert {"gpt2", "got"} <= set(names)
    assert client.models.retrieve("got").id == "got"


def test_errors_are_those_of_the_library(client, service):
    with pytest.raises(openai.NotFoundError) as missing:
        complete(client, model="gpt-9")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        complete(client, temperature=-1)
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.BadRequestError):
        complete(client, extra_body={"no_such_field": 1})
    with pytest.raises(openai.AuthenticationError):
        complete(openai.OpenAI(base_url=f"{service}/v1", api_key="wrong", max_retries=0))


def test_a_retried_request_is_answered_with_the_same_completion(client):
    header = {"Idempotency-Key": "clients-retry"}
    first = complete(client, temperature=1, extra_headers=header)
    assert complete(client, temperature=1, extra_headers=header).choices[0].text == first.choices[0].text
    with pytest.raises(openai.ConflictError):
        complete(client, temperature=1, prompt="Another", extra_headers=header)


def test_a_stream_that_is_left_does_not_disturb_the_next_one(client):
    stream = complete(client, max_tokens=200, stream=True)
    next(iter(stream))
    stream.close()
    assert complete(client).choices[0].text


def test_the_asynchronous_client_works_too(service):
    import asyncio

    async def run():
        async with openai.AsyncOpenAI(base_url=f"{service}/v1", api_key=KEY) as client:
            requests = [client.completions.create(model="gpt2", prompt="A", max_tokens=4, seed=seed) for seed in range(8)]
            return await asyncio.gather(*requests)

    assert len({completion.id for completion in asyncio.run(run())}) == 8
