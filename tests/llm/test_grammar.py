"""A local model is held to JSON by its schema; servers are sent small forms, and told of when they pass them over."""

import json
import sys

import pytest
from jsonschema import validate
from loopback import serving
from tiny_model import save

from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.endpoint import Endpoint
from populace.agents.llm.backends.endpoint_options import EndpointOptions
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.decoding.structured import keeps, reply_in, schema_of
from populace.agents.llm.policies import Pocket
from populace.dialogue import ReplyKind
from populace.errors import MissingExtra
from populace.testing.tools import made

SCHEMA = {
    "type": "object",
    "properties": {
        "act": {"type": "string", "enum": ["omit", "admit"]},
        "sure": {"type": "boolean"},
        "much": {"type": "number", "minimum": 0.5, "maximum": 1e30},
        "rank": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 9},
            "minItems": 3,
            "maxItems": 3,
        },
    },
    "required": ["act", "sure", "much", "rank"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("temperature", [0.0, 1.0, 3.0])
def test_a_model_of_random_weights_writes_valid_json(tmp_path, temperature):
    pytest.importorskip("llguidance", reason="llguidance, of the extra llm, is not installed")
    backend = Local(LocalOptions(model=str(save(tmp_path)), device="cpu", temperature=temperature, max_reply=120))
    asks = [Ask((("user", f"say {k}"),), (), 7919 * k, json.dumps(SCHEMA)) for k in range(12)]
    free = Ask((("user", "say"),), (), 3)
    *replies, loose = ask_all(backend, [*asks, free])
    for reply in replies:
        assert reply.kind == ReplyKind.OK
        validate(json.loads(reply.text), SCHEMA)
    assert len({reply.text for reply in replies}) > 1 or not temperature
    # Seats that are held to nothing write what they would alone, and each seat by its own random numbers.
    assert loose.text == ask_all(backend, [free])[0].text
    assert replies[3].text == ask_all(backend, asks[3:4])[0].text


def test_without_the_library_it_is_told_before_the_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "llguidance", None)
    stage, _ = made("populace/drift-v0", None, 4, None)
    with pytest.raises(MissingExtra, match=r'choices: write.*pip install "populace\[llm\]"'):
        Pocket(Pocket.Options(face="fields")).check_role(stage.role("assistant"), stage.dialogue())
    Pocket(Pocket.Options(face="fields", choices="write")).check_role(stage.role("assistant"), stage.dialogue())
    Pocket().check_role(stage.role("assistant"), stage.dialogue())


def test_forms_go_out_as_their_replies_or_as_a_pattern():
    few = schema_of((), "", r"rating: ([12])\nleave: (yes|no)")
    assert few["properties"]["reply"]["enum"] == [f"rating: {k}\nleave: {end}" for k in (1, 2) for end in ("no", "yes")]
    assert reply_in((), "", '{"reply": "rating: 1\\nleave: no"}') == "rating: 1\nleave: no"
    assert schema_of((), "", r"\d{1,9}")["properties"]["reply"]["pattern"] == r"^(\d{1,9})$"
    assert schema_of((), "", r"\d{1,9}\n\d{1,9}") is None
    assert schema_of((), "", "") is None
    assert keeps(few, '{"reply": "x"}')
    assert not any(keeps(few, text) for text in ("rating: 1", "[1]", '{"other": 1}', "[" * 10**5))


def test_a_server_that_passes_over_a_form_is_told_of():
    asks = [Ask((("user", f"{k}?"),), (), k, form="(yes|no)") for k in range(4)]
    with serving(lambda body: "yes" if "1?" in str(body) else '{"reply": "no"}') as server:
        options = EndpointOptions(base_url=server.url, model="m", structured=True, retries=0)
        replies = ask_all(Endpoint(options), asks)
    assert [reply.text for reply in replies] == ["no", "yes", "no", "no"]
    assert [reply.faults for reply in replies] == [(), ("form-ignored",), (), ()]
