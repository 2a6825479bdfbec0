"""Servers that answer oddly: what is sent, how long and how much is waited for, and what each answer is taken for."""

import gzip
import itertools
import json
import time
from email.utils import formatdate

import pytest

pytest.importorskip("openai", reason="the openai client is not installed (extra llm)")

from loopback import Raw, answer, error, serving

from populace.agents.llm import Ask, Reply, ask_all
from populace.agents.llm.backends.base import ServerGone
from populace.agents.llm.backends.endpoint import Endpoint
from populace.agents.llm.backends.faults import NO_USAGE, TOO_LONG, classified, wait_of
from populace.agents.llm.policies import OpenAIOptions
from populace.dialogue import ReplyKind

pytestmark = pytest.mark.servers

OK, REFUSED, CUT_OFF, FAILED = ReplyKind.OK, ReplyKind.REFUSED, ReplyKind.CUT_OFF, ReplyKind.FAILED
QUESTION = Ask((("user", "Which one, A or B? " * 4),), (), 7)


def endpoint(server, **more):
    base = {"model": "tiny", "base_url": server.url, "wait": 0.01, "timeout": 1.0, "retries": 1, "at_once": 1}
    return Endpoint(OpenAIOptions(**{**base, **more}))


def after_one(*answers):
    """Says `fine` first, so that the server is known to be there, and then these."""
    said = iter([answer("fine"), *answers])
    return lambda body: next(said)


def asked(say, count=1, **more):
    """The backend, and its replies to `count` asks of a server that says this."""
    with serving(say) as server:
        backend = endpoint(server, **more)
        return backend, ask_all(backend, [Ask(QUESTION.messages, (), i) for i in range(count)]), server.requests


# ------------------------------------------------------------------ what an answer means

LONG = [
    (400, "This model's maximum context length is 4097 tokens. However, your messages resulted in 5000 tokens."),
    (400, "Please reduce the length of the messages or completion."),
    (400, "prompt is too long: 210000 tokens > 200000 maximum"),
    (400, "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000"),
    (400, "the request exceeds the available context size, try increasing it"),
    (400, "The decoder prompt (length 9000) is longer than the maximum model length of 8192."),
    (400, "'max_tokens' or 'max_completion_tokens' is too large: 256. This model's maximum context length is 8 tokens"),
    (400, "Prompt contains 33000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"),
    (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
    (400, "too many tokens: size limit exceeded by 3000 tokens"),
    (400, "Input is too long for requested model."),
    (400, "This model's maximum prompt length is 131072 but the request contains 140000 tokens."),
    (400, "Range of input length should be [1, 30720]"),
    (422, "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000"),
    (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens"),
    (413, "Request Entity Too Large"),
    (500, "input length exceeds maximum context length"),
    (400, "The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
    (None, "context_length_exceeded"),
]


@pytest.mark.parametrize(("code", "said"), LONG)
def test_that_a_prompt_is_too_long_is_known_by_any_servers_words(code, said):
    found = classified(code, said, {})
    assert (found.fault, found.again, found.fatal) == (TOO_LONG, False, False)


@pytest.mark.parametrize(
    ("code", "said", "fault", "again", "fatal"),
    [
        (429, "Rate limit reached for tokens per min (TPM): Limit 6000", "rate-limited", True, False),
        (413, "Request too large for model on tokens per minute (TPM): Limit 6000", "rate-limited", True, False),
        (429, "You exceeded your current quota, please check your plan", "rate-limited", False, True),
        (429, "You exceeded your current quota. Please retry in 36s.", "rate-limited", True, False),
        (429, "limit insufficient_quota", "rate-limited", False, True),
        (400, "Your credit balance is too low to access the API.", "refused-request", False, True),
        (402, "Insufficient Balance", "refused-request", False, True),
        (401, "Incorrect API key provided: sk-abc", "refused-request", False, True),
        (403, "", "refused-request", False, True),
        (404, "The model `m` does not exist", "refused-request", False, True),
        (400, "xyz is not a valid model ID", "refused-request", False, True),
        (400, "API key not valid. Please pass a valid API key.", "refused-request", False, True),
        (400, "messages must alternate", "refused-request", False, False),
        (503, "The request exceeded the time limit", "server-error", True, False),
        (529, "Overloaded", "server-error", True, False),
        (500, "", "server-error", True, False),
        (408, "", "server-error", True, False),
        (None, "Rate limit exceeded", "rate-limited", True, False),
        (None, "The engine is currently overloaded, please try again later", "server-error", True, False),
        (None, "Internal server error", "server-error", True, False),
        (None, "No such model here: unknown model m", "refused-request", False, True),
        (None, "You are not allowed to use this: invalid API key", "refused-request", False, True),
        (302, "moved", "refused-request", False, False),
    ],
)
def test_an_answer_is_taken_for_what_it_says(code, said, fault, again, fatal):
    found = classified(code, said, {})
    assert (found.fault, found.again, found.fatal) == (fault, again, fatal)


def test_what_a_server_says_of_a_key_is_not_repeated():
    assert "sk-abc" not in classified(401, "Incorrect API key provided: sk-abc", {}).told
    assert "sk-abc" not in classified(None, "invalid API key sk-abc", {}).told
    assert classified(500, "oops sk-abc", {}, ("sk-abc",)).told == "status 500: oops (key)"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "Wed, 21 Oct 2015 07:27:30 GMT"}, 30.0),
        ({"Retry-After": "Wednesday, 21-Oct-15 07:28:00 GMT", "Date": "Wed, 21 Oct 2015 07:27:30 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),  # long ago
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers, seconds):
    assert wait_of(headers) == seconds


@pytest.mark.parametrize("status", [429, 503, 500])
@pytest.mark.parametrize("dated", [False, True])
def test_a_servers_wish_to_wait_is_obeyed_on_any_status(status, dated):
    until = formatdate(time.time() + 1.9, usegmt=True) if dated else "0.5"
    _, (_, reply), requests = asked(after_one(error(status, "later", {"Retry-After": until}), answer()), 2)
    assert reply.kind == OK
    began = time.monotonic()
    with serving(after_one(error(status, "later", {"Retry-After": "0.5"}), answer())) as server:
        ask_all(endpoint(server), [QUESTION, QUESTION])
    assert time.monotonic() - began >= 0.5
    assert len(requests) == 3


# ------------------------------------------------------------------ what is sent


def without(*names):
    """A server that refuses these parameters, each by name, and says nothing else."""

    def say(body):
        refused = [name for name in names if name in body]
        return error(400, f"Unsupported parameter: '{refused[0]}' is not supported.") if refused else answer()

    return say


def test_sampling_parameters_are_sent_only_when_set():
    _, _, (plain,) = asked(lambda body: answer())
    assert set(plain) == {"model", "messages", "max_tokens", "seed"}
    _, _, (bare,) = asked(lambda body: answer(), max_reply=None, seeds=False)
    assert set(bare) == {"model", "messages"}
    _, _, (full,) = asked(lambda body: answer(), temperature=0.5, top_p=0.9)
    assert (full["temperature"], full["top_p"]) == (0.5, 0.9)


@pytest.mark.parametrize(
    ("refuses", "sent"),
    [
        (("temperature",), {"top_p", "max_tokens", "seed"}),
        (("top_p",), {"temperature", "max_tokens", "seed"}),
        (("seed",), {"temperature", "top_p", "max_tokens"}),
        (("max_tokens",), {"temperature", "top_p", "max_completion_tokens", "seed"}),
        (("max_tokens", "max_completion_tokens"), {"temperature", "top_p", "seed"}),
        (("temperature", "top_p", "seed", "max_tokens"), {"max_completion_tokens"}),
    ],
)
def test_what_a_server_refuses_by_name_is_left_out_or_renamed_from_then_on(refuses, sent):
    backend, replies, requests = asked(without(*refuses), 3, temperature=0.5, top_p=0.9, retries=0)
    assert [reply.kind for reply in replies] == [OK] * 3
    assert len(requests) == len(refuses) + 3
    assert all(set(body) == {"model", "messages", *sent} for body in requests[-3:])
    assert backend.describe() == {"left_out": sorted(refuses)}
    assert backend.ledger.faults == {"refused-request": len(refuses)}


def test_of_two_that_do_not_go_together_one_is_left_out():
    def say(body):
        both = {"temperature", "top_p"} <= set(body)
        return error(400, "temperature and top_p cannot both be specified for this model") if both else answer()

    _, replies, requests = asked(say, 2, temperature=0.5, top_p=0.9)
    assert [reply.kind for reply in replies] == [OK, OK]
    assert [set(body) & {"temperature", "top_p"} for body in requests[1:]] == [{"temperature"}] * 2


def test_a_value_that_is_out_of_range_is_not_left_out_in_silence():
    says = "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead."
    with pytest.raises(ServerGone, match="above maximum value"):
        asked(lambda body: error(400, says) if "temperature" in body else answer(), temperature=3.0)


# ------------------------------------------------------------------ bodies

NESTED = b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
CHOICE = {"index": 0, "finish_reason": "stop"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"clear"',
        b"\xff\xfe\x00",
        b"<html>Bad gateway</html>",
        b'{"choices": []}',
        b'{"choices": {}}',
        b'{"choices": [null]}',
        b'{"choices": [{"index": 0}]}',
        json.dumps({"choices": [{**CHOICE, "message": "clear"}]}).encode(),
        json.dumps({"choices": [{**CHOICE, "message": {"content": 5}}]}).encode(),
        json.dumps({"choices": [{**CHOICE, "message": {"content": [[["clear"]]]}}]}).encode(),
        b'{"choices": [{"message": {"content": ' + b"9" * 10_000 + b"}}]}",
        NESTED,
    ],
    ids=lambda body: body[:30].decode("utf-8", "replace"),
)
def test_a_body_that_is_no_reply_is_a_failed_try(body):
    _, (_, reply), requests = asked(after_one(Raw(body=body), Raw(body=body)), 2)
    assert (reply.kind, reply.faults) == (FAILED, ("unreadable-body",) * 2)
    assert len(requests) == 3


@pytest.mark.parametrize(
    ("message", "finish", "text", "kind"),
    [
        ({"content": "clear"}, "stop", "clear", OK),
        ({"content": None}, "stop", "", OK),
        ({}, "tool_calls", "", OK),
        ({"content": "cle"}, "length", "cle", CUT_OFF),
        ({"content": "cle"}, "MAX_TOKENS", "cle", CUT_OFF),
        ({"content": "", "refusal": "I cannot take part."}, "stop", "I cannot take part.", REFUSED),
        ({"content": None, "refusal": "No."}, "stop", "No.", REFUSED),
        ({"content": "clear", "refusal": None}, "stop", "clear", OK),
        ({"content": "clear", "refusal": ""}, "stop", "clear", OK),
        ({"content": ""}, "content_filter", "", REFUSED),
        ({"content": "I can't"}, "refusal", "I can't", REFUSED),
        ({"content": [{"type": "text", "text": "cle"}, {"type": "text", "text": "ar"}]}, "stop", "clear", OK),
        ({"content": ["cle", "ar"]}, "stop", "clear", OK),
        ({"content": {"type": "text", "text": "clear"}}, "stop", "clear", OK),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, "stop", "No.", REFUSED),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "vague is cheap"}]},
                    {"type": "text", "text": "clear"},
                ]
            },
            *("stop", "clear", OK),
        ),
        ({"content": "clear", "reasoning_content": "vague is cheap"}, "stop", "clear", OK),
        ({"content": "half \ud83d a pair"}, "stop", "half ? a pair", OK),
    ],
)
def test_a_reply_is_found_wherever_a_server_puts_it(message, finish, text, kind):
    whole = {**answer(), "choices": [{**CHOICE, "finish_reason": finish, "message": {"role": "assistant", **message}}]}
    _, (reply,), _ = asked(lambda body: whole)
    assert (reply.text, reply.kind) == (text, kind)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"error": {"message": "Rate limit exceeded", "code": 429}}, "rate-limited"),
        ({"error": {"message": "Slow down", "code": "429"}}, "rate-limited"),
        ({"error": "Too many requests"}, "rate-limited"),
        ([{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}], "server-error"),
        ({"choices": [{**CHOICE, "error": {"code": 502, "message": "Upstream error"}}]}, "server-error"),
        ({**answer(""), "choices": [{**CHOICE, "finish_reason": "error", "message": {"content": ""}}]}, "server-error"),
        ({"object": "error", "message": "prompt is too long", "code": 400}, TOO_LONG),
        ({"detail": "Internal server error"}, "server-error"),
        ({"error": {"message": "?!", "metadata": {"raw": "?"}}}, "refused-request"),
    ],
)
def test_an_error_inside_a_200_is_what_it_says(body, fault):
    raw = Raw(body=json.dumps(body).encode())
    _, (_, reply), _ = asked(after_one(raw, raw), 2)
    assert reply.kind == FAILED
    assert set(reply.faults) == {fault}


def test_a_filtered_prompt_is_a_refusal_however_it_is_told():
    filtered = error(
        400, "The response was filtered due to Azure OpenAI's content management policy", code="content_filter"
    )
    _, (_, reply), requests = asked(after_one(filtered), 2)
    assert (reply.kind, len(requests)) == (REFUSED, 2)


ESTIMATE = Reply.of(QUESTION, "clear")


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ((9, 1), (9, 1)),
        ({"prompt_tokens": 9, "completion_tokens": None}, (9, None)),
        ({"total_tokens": 10}, (None, None)),
        ({}, (None, None)),
        (None, (None, None)),
        ("many", (None, None)),
        ([9, 1], (None, None)),
        ({"prompt_tokens": -9, "completion_tokens": -1}, (None, None)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, (None, None)),
        ({"prompt_tokens": "9", "completion_tokens": True}, (None, None)),
        ({"prompt_tokens": 9.0, "completion_tokens": 1.5}, (9, None)),
        ({"prompt_tokens": 10**15, "completion_tokens": 10**300}, (None, None)),
        ({"prompt_tokens": float("nan"), "completion_tokens": float("inf")}, (None, None)),
        ({"prompt_tokens": 9, "completion_tokens": 40_000}, (9, 40_000)),  # hidden thinking
    ],
    ids=str,
)
def test_usage_that_is_missing_or_cannot_be_is_estimated_and_told(usage, tokens):
    backend, (reply,), requests = asked(lambda body: answer(usage=usage))
    assert (reply.text, len(requests)) == ("clear", 1)  # the reply is good, and is not asked for again
    read, written = tokens
    assert reply.tokens_in == (ESTIMATE.tokens_in if read is None else read)
    assert reply.tokens_out == (ESTIMATE.tokens_out if written is None else written)
    assert (NO_USAGE in reply.faults) == (None in tokens)
    assert backend.ledger.faults == {}


# ------------------------------------------------------------------ bounds


def trickle(pieces, pause=0.05):
    for piece in pieces:
        time.sleep(pause)
        yield piece


def test_a_trickle_of_bytes_is_timed_out_as_a_whole():
    whole = json.dumps(answer()).encode()
    slow = Raw(body=trickle([b" "] * 1000 + [whole]))
    began = time.monotonic()
    _, (_, reply), _ = asked(after_one(slow), 2, timeout=0.6, retries=0)
    assert (reply.kind, reply.faults) == (ReplyKind.TIMED_OUT, ("timed-out",))
    assert time.monotonic() - began < 10
    _, (_, reply), _ = asked(after_one(Raw(body=trickle([whole[:20], whole[20:]]))), 2, timeout=10)
    assert reply.text == "clear"


def endless():
    return itertools.repeat(b" " * 65536)


@pytest.mark.parametrize("status", [200, 400, 500])
def test_the_size_of_a_body_is_bounded(status):
    for body, headers in (
        (endless(), {}),
        (b" " * 200_000, {}),
        (gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}),
        (b"clear", {"Content-Encoding": "br"}),
        (b"clear", {"Content-Encoding": "gzip"}),
    ):
        raw = Raw(status, body, headers)
        _, (_, reply), _ = asked(after_one(raw), 2, max_body=100_000, retries=0, timeout=20)
        assert (reply.kind, reply.faults) == (FAILED, ("unreadable-body",))


def test_a_body_that_is_packed_though_nobody_asked_is_read():
    packed = Raw(body=gzip.compress(json.dumps(answer()).encode()), headers={"Content-Encoding": "gzip"})
    _, (reply,), _ = asked(lambda body: packed)
    assert reply.text == "clear"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_prompts_do_not_follow_a_redirect(status):
    with serving(lambda body: answer("stolen")) as other:
        away = Raw(status, b"", {"Location": f"{other.url}/chat/completions"})
        with pytest.raises(ServerGone, match=f"status {status}: it sends on to another address"):
            asked(lambda body: away)
        assert other.requests == []
