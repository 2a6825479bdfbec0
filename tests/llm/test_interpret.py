"""Free text, read: every interpreter, what codes come to in drift and culture, and how agreement is told."""

import json
import math
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tiny_model
import torch
from pydantic import ValidationError
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from populace import registry
from populace.agents.llm.backends.base import Backend, Reply
from populace.agents.llm.interpret.agreement import NOTHING, Label, halves, kappa, labelled_of
from populace.agents.llm.interpret.interpreted import Interpreted, agreement
from populace.agents.llm.interpret.interpreter import Interpreter, Rules
from populace.agents.llm.interpret.judge import Judge
from populace.agents.llm.interpret.options import InterpreterOptions
from populace.agents.llm.interpret.prototypes import letters
from populace.agents.llm.policies import (
    Malformed,
    MalformedOptions,
    Scripted,
    ScriptedOptions,
    Stubborn,
    StubbornOptions,
)
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.dialogue import Chat, Coding, ReplyKind, Speaks
from populace.envs.culture import Culture
from populace.envs.culture.free import VARIANTS, coding
from populace.envs.drift import Drift
from populace.envs.drift.claims import STANCES, Claims
from populace.envs.drift.free import ACTS_OF, CODING
from populace.errors import PopulaceError, UnknownName
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.testing.tools import made, same

ZONES = coding(list(VARIANTS))
CODINGS = {"drift": CODING, "culture": ZONES}

FRUIT = Coding(
    name="fruit talk",
    about="Somebody talks of fruit.",
    codes={"apple": "It is about apples.", "pear": "It is about pears.", "plum": "It is about plums."},
    several=False,
    rules={"pear": (r"\bpears?\b",), "apple": (r"\bapples?\b", r"\bcider\b")},
    prototypes={"apple": ("red apples",), "pear": ("yellow pears",), "plum": ("blue plums",)},
)


def codes_of(interpreter, *texts):
    names = list(interpreter.coding.codes)
    return [[names[k] for k in row.nonzero()[:, 0].tolist()] for row in interpreter.read(texts).codes]


def of(options, coded=FRUIT):
    return InterpreterOptions.model_validate(options).made(coded)


class Verdicts(Backend):
    """A judge's model that says what it is told to, and remembers what it was asked."""

    greedy, voice = False, "verdicts"

    def __init__(self, say):
        self.say, self.asks = say, []

    def complete(self, asks):
        self.asks += asks
        for place, ask in enumerate(asks):
            said = self.say(ask)
            yield place, said if isinstance(said, Reply) else Reply.of(ask, said)


class Bench(TextPolicy):
    def __init__(self, say):
        super().__init__()
        self.given = Verdicts(say)

    def open(self):
        return self.given


# ---------------------------------------------------------------------------------------------------- interpreters


def test_rules_take_the_first_code_that_fits_or_all_of_them():
    rules = of({"rules": {}})
    assert codes_of(rules, "An APPLE.", "apples and pears", "grapes", "", "  ") == [["apple"], ["pear"], [], [], []]
    several = Rules(Coding(**{**vars(FRUIT), "several": True}))
    assert codes_of(several, "apples and pears", "cider", "") == [["apple", "pear"], ["apple"], []]


def test_own_rules_take_the_place_of_a_codes_rules_and_keep_its_rank():
    rules = of({"rules": {"pear": ["poire"], "plum": ["prune"]}})
    assert codes_of(rules, "apple poire", "pear", "prune", "apple prune") == [["pear"], [], ["plum"], ["apple"]]


def test_prototypes_take_the_likest_code():
    prototypes = of({"prototypes": {}})
    assert codes_of(prototypes, "a red apple", "two yellow pears", "blue plum!", "", "?!") == [
        ["apple"],
        ["pear"],
        ["plum"],
        [],
        [],
    ]
    other = of({"prototypes": {"sentences": {"plum": ["a red apple"]}}})
    assert codes_of(other, "a red apple") == [["plum"]]


def test_several_prototypes_hold_from_the_threshold_on_sentence_by_sentence():
    several = Coding(**{**vars(FRUIT), "several": True})
    text = "red apples. And then there were also some blue plums"
    found = of({"prototypes": {"threshold": 0.5}}, several)
    assert codes_of(found, text) == [["apple", "plum"]]
    # One sentence is a prototype to the letter: its cosine is 1; the other is not.
    assert codes_of(of({"prototypes": {"threshold": 0.999}}, several), text) == [["apple"]]


def test_letter_counts_are_counts():
    (row,) = letters(["ab"])
    # " ab " holds " ab", "ab ", " ab ": three sequences, once each, and none twice.
    assert row.square().sum() == 3
    (twice,) = letters(["AB, ab"])
    assert torch.allclose(twice.square().sum(), torch.tensor(6.0, dtype=torch.float64))
    assert math.isclose(float((row * twice).sum()), 3 * math.sqrt(2))


@pytest.mark.parametrize("options", [{"rules": {}}, {"prototypes": {}}])
@pytest.mark.parametrize("which", CODINGS)
def test_a_text_is_read_alike_alone_and_among_others(options, which):
    texts = [one.text for one in labelled_of(CODINGS[which])]
    whole = of(options, CODINGS[which]).read(texts + texts[:7]).codes
    alone = torch.cat([of(options, CODINGS[which]).read([text]).codes for text in texts + texts[:7]])
    assert torch.equal(whole, alone)


def test_equal_texts_are_read_once_and_those_of_the_call_before_not_again():
    class Count(Interpreter):
        seen = ()

        def code(self, texts, about):
            self.seen = (*self.seen, *texts)
            return Rules(self.coding).code(texts, about)

    count = Count(FRUIT)
    assert codes_of(count, "apple", "pear", "apple", "") == [["apple"], ["pear"], ["apple"], []]
    assert codes_of(count, "pear", "grape") == [["pear"], []]
    assert codes_of(count, "pear") == [["pear"]]
    assert count.read([]).codes.shape == (0, 3)
    assert count.seen == ("apple", "pear", "grape")
    assert codes_of(count, "apple") == [["apple"]]  # forgotten, and so read again
    assert count.seen[-1] == "apple"


def test_a_judge_is_asked_one_question_a_text_and_told_what_codes_mean():
    bench = Bench(lambda ask: "pear" if "yellow" in ask.messages[1][1] else "I would say: Apple.")
    reading = Judge(FRUIT, bench).read(["something yellow", "something red", "something yellow", ""])
    assert reading.codes.tolist() == [[False, True, False], [True, False, False], [False, True, False], [False] * 3]
    assert reading.asked.tolist() == [1, 1, 1, 0]
    assert reading.unread.tolist() == [0, 0, 0, 0]
    assert len(bench.given.asks) == 2
    ask = bench.given.asks[0]
    assert ask.options == ("apple", "pear", "plum")
    assert FRUIT.about in ask.messages[0][1]
    assert all(meaning in ask.messages[1][1] for meaning in FRUIT.codes.values())
    tokens = sum(-(-len(part.encode()) // 4) for _, part in ask.messages) + 1
    assert reading.tokens.tolist()[0] == tokens == reading.tokens.tolist()[2]
    assert len({ask.seed for ask in bench.given.asks}) == 2


def test_a_judge_is_asked_yes_or_no_a_code_where_several_may_hold():
    bench = Bench(lambda ask: "Yes." if "plums" in ask.messages[1][1] or "pears" in ask.messages[1][1] else "no")
    several = Coding(**{**vars(FRUIT), "several": True})
    reading = Judge(several, bench).read(["fruit"])
    assert reading.codes.tolist() == [[False, True, True]]
    assert reading.asked.tolist() == [3]
    assert {ask.options for ask in bench.given.asks} == {("yes", "no")}


@pytest.mark.parametrize(
    "said", ["", "apple or pear", "pineapple", Reply("apple", ReplyKind.FAILED), Reply("pear", ReplyKind.TIMED_OUT)]
)
def test_a_judges_reply_that_is_no_verdict_is_counted_and_codes_nothing(said):
    reading = Judge(FRUIT, Bench(lambda ask: said)).read(["x"])
    assert (reading.codes.any().item(), reading.unread.tolist()) == (False, [1])


def test_a_judge_is_greedy_unless_told_otherwise_and_keeps_a_tape(tmp_path):
    params = {"model": "m", "base_url": "http://localhost:1/v1"}
    judge = of({"judge": {"policy": "llm/openai", "params": params}})
    assert judge.policy.options.temperature == 0
    warm = of({"judge": {"policy": "llm/openai", "params": {**params, "temperature": 0.5}}})
    assert warm.policy.options.temperature == 0.5
    tape = tmp_path / "judge.jsonl"
    first = of({"judge": {"policy": "llm/random", "params": {"tape": str(tape)}}}).read(["a", "b", "c"])
    again = of({"judge": {"policy": "llm/replay", "params": {"tape": str(tape)}}}).read(["c", "a", "b"])
    assert torch.equal(first.codes[[2, 0, 1]], again.codes)
    assert len(tape.read_text().splitlines()) == 3


@contextmanager
def embedding_server(embed):
    """A server of embeddings on loopback, which replies out of order."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append((self.path, body))
            data = [
                {"object": "embedding", "index": i, "embedding": embed(text)} for i, text in enumerate(body["input"])
            ]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            answer = {"object": "list", "model": body["model"], "data": data[::-1], "usage": usage}
            raw = json.dumps(answer).encode()
            self.send_response(200 if body["model"] == "emb" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_prototypes_with_a_server_of_embeddings():
    def embed(text):  # by colour alone
        return [1.0 + text.count("red"), 1.0 + 3 * text.count("yellow"), 1.0 + 3 * text.count("blue")]

    with embedding_server(embed) as (url, requests):
        found = of({"prototypes": {"model": "emb", "base_url": url}})
        assert codes_of(found, "a yellow thing", *(f"blue {k}" for k in range(40))) == [["pear"]] + [["plum"]] * 40
        assert {path for path, _ in requests} == {"/v1/embeddings"}
        assert sorted(len(body["input"]) for _, body in requests) == [3, 9, 32]
        with pytest.raises(PopulaceError, match="gives no embeddings of 'other'"):
            of({"prototypes": {"model": "other", "base_url": url}}).read(["x"])


def test_prototypes_with_a_model_in_this_process(tmp_path):
    tiny_model.save(tmp_path)
    found = of({"prototypes": {"model": str(tmp_path)}})
    texts = [sentences[0] for sentences in FRUIT.prototypes.values()]
    alike = found.alike(texts, [{}] * len(texts))
    # A sentence is as like itself as can be, and less like the others.
    assert torch.allclose(alike.diagonal(), torch.ones(3, dtype=torch.float64))
    assert (alike - 2 * torch.eye(3) < 0.9999).all()
    assert codes_of(found, *texts) == [["apple"], ["pear"], ["plum"]]
    with pytest.raises(PopulaceError, match="cannot load the model"):
        of({"prototypes": {"model": str(tmp_path / "none")}}).read(["x"])


# ---------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give one of rules, prototypes and judge, not none"),
        ({"rules": {}, "prototypes": {}}, "not rules and prototypes"),
        ({"rules": {"apple": ["("]}}, "is no regular expression"),
        ({"judge": {"policy": "llm/opnai"}}, "did you mean 'llm/openai'"),
        ({"judge": {"policy": "random"}}, "does not read and write"),
        ({"judge": {"policy": "llm/openai", "params": {"model": "m", "temprature": 1}}}, "did you mean 'temperature'"),
        ({"judge": {"policy": "llm/random", "params": {"memory": 5}}}, "a judge has no memory"),
        ({"prototypes": {"base_url": "http://x"}}, "base_url needs model"),
        ({"prototypes": {"sentences": {"apple": []}}}, "a code without any"),
    ],
)
def test_wrong_options_are_told_plainly(options, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        InterpreterOptions.model_validate(options)


@pytest.mark.parametrize("options", [{"rules": {"appel": ["x"]}}, {"prototypes": {"sentences": {"appel": ["x"]}}}])
def test_unknown_codes_name_the_nearest(options):
    with pytest.raises(UnknownName, match="did you mean 'apple'"):
        of(options)


def test_roles_without_free_text_say_so():
    stage, _ = made(Drift, None, 3, None)
    options = InterpreterOptions(rules={})
    with pytest.raises(PopulaceError, match="'auditor' cannot be held in free text"):
        Interpreted.of(options, stage.dialogue(), "auditor")
    other, _ = made("populace/payoff-v0", None, 3, None)
    with pytest.raises(PopulaceError, match="'assistant' cannot be held in free text"):
        Interpreted.of(options, other.dialogue(), "assistant")


# ---------------------------------------------------------------------------------------------------- agreement


def test_agreement_by_hand_and_by_statsmodels():
    labels = ["apple"] * 4 + ["pear"] * 3 + ["plum"]
    texts = ["apple", "cider", "apples", "it", "pear", "pears", "apple", "plums"]
    labelled = [Label(text, frozenset([label])) for text, label in zip(texts, labels, strict=True)]
    found = agreement(Rules(FRUIT), labelled)
    assert found.classes == ["apple", "pear", "plum", NOTHING]
    assert found.confusion == [[3, 0, 0, 1], [1, 2, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert (found.n, found.agree) == (8, 5 / 8)
    assert found.recall == {"apple": 3 / 4, "pear": 2 / 3, "plum": 0.0}
    assert found.precision == {"apple": 3 / 4, "pear": 1.0, "plum": None}
    assert found.kappa == pytest.approx(cohens_kappa(found.confusion).kappa)
    assert (found.low, found.high) == pytest.approx(proportion_confint(5, 8, method="wilson"))


def test_agreement_where_several_codes_may_hold():
    rules = Rules(Coding(**{**vars(FRUIT), "several": True}))
    labelled = [("apple pear", {"apple", "pear"}), ("apple plum", {"apple", "plum"}), ("none", set()), ("pear", set())]
    found = agreement(rules, [Label(text, frozenset(codes)) for text, codes in labelled])
    assert found.agree == 2 / 4
    # Of 12 pairs of text and code: 3 yes and yes, 1 missed (plum), 1 too many (pear), 7 neither.
    assert found.confusion == [[7, 1], [1, 3]]
    assert found.kappa == pytest.approx(cohens_kappa([[7, 1], [1, 3]]).kappa)


@pytest.mark.parametrize("table", [[[5, 2], [1, 9]], [[0, 4], [4, 0]], [[3, 1, 2], [0, 8, 1], [2, 2, 6]]])
def test_kappa_is_statsmodels(table):
    assert kappa(table) == pytest.approx(cohens_kappa(table).kappa)


def test_kappa_of_one_class_is_not_defined():
    assert kappa([[7, 0], [0, 0]]) is None


def test_labelled_sets_of_ours_are_large_enough_and_whole():
    drift, culture = labelled_of(CODING), labelled_of(ZONES)
    for zone in ZONES.codes:
        assert sum(zone in one.codes for one in culture) >= 8
    assert sum(not one.codes for one in culture) >= 15
    assert sum(len(one.codes) > 1 for one in culture) >= 15
    assert all(sum(code in one.codes for one in half) == 8 for half in halves(drift) for code in CODING.codes)


@pytest.mark.parametrize("which", CODINGS)
@pytest.mark.parametrize("options", [{"rules": {}}, {"prototypes": {}}])
def test_interpreters_of_ours_tell_more_than_chance_on_the_half_they_were_not_tuned_on(which, options):
    coded = CODINGS[which]
    test = halves(labelled_of(coded))[1]
    # By chance kappa is 0, with a standard deviation of sqrt(p / (1 - p) / n) for chance agreement p: an eighth among
    # eight codes alike, and a half for yes or no, where a text's codes hang together and count as one at worst.
    spread = math.sqrt((1 / 7 if which == "drift" else 1.0) / len(test))
    assert agreement(of(options, coded), test).kappa > 3 * spread
    guess = agreement(of({"judge": {"policy": "llm/random"}}, coded), test)
    assert abs(guess.kappa) < 3 * spread


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "x", "codes": ["appel"]}', "did you mean 'apple'"),
        ('{"text": "x", "codes": []}', "one code holds of each text"),
        ('{"text": "x"}', "expected"),
        ('{"text": " ", "codes": ["apple"]}', "expected"),
        ("apple", "expected"),
    ],
)
def test_faulty_labels_are_told_by_line(tmp_path, line, message):
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "ok", "codes": ["apple"]}\n' + line + "\n")
    with pytest.raises(PopulaceError, match=rf"own\.jsonl:2.*{re.escape(message)}"):
        labelled_of(FRUIT, path)
    with pytest.raises(PopulaceError, match="no labelled set for fruit talk"):
        labelled_of(FRUIT)
    with pytest.raises(PopulaceError, match="there is no such file"):
        labelled_of(FRUIT, tmp_path / "none.jsonl")


# ---------------------------------------------------------------------------------------------------- drift


def free(base, options, role):
    """The world with one role held in free text."""

    class Free(base):
        def dialogue(self):
            if self not in faces:
                faces[self] = Interpreted.of(InterpreterOptions.model_validate(options), super().dialogue(), role)
            return faces[self]

    faces = {}
    return Free, faces


def play(kind, role, policy, options=None, ticks=3, worlds=3, users=6):
    stage, people = made(kind, options, users, None)
    room = "drift" if issubclass(kind, Drift) else "culture"
    players = {name: registry.policies.get(stage.defaults[name], within=room)() for name in stage.cast}
    players[role] = policy
    keep = Keep()
    run = rollout(stage, players, start(stage, players, people, seed=5, worlds=worlds), ticks, keep)
    return run, keep.series


def until(stage, players, people, phase):
    """Two worlds, right before a phase."""
    run = start(stage, players, people, seed=0, worlds=2)
    while stage.phases[run.phase] != phase:
        run, _ = advance(stage, players, run)
    return run


def scripted(*rules, otherwise=""):
    return Scripted(ScriptedOptions.model_validate({"rules": [*rules], "otherwise": otherwise}))


def test_a_code_is_honest_or_not_by_what_is_believed_in_all_cells():
    stage, people = made(Drift, {"probes": 2, "known": 0.5}, 8, None)
    players = {name: registry.policies.get(stage.defaults[name], within="drift")() for name in stage.cast}
    run = until(stage, players, people, "speak")
    observation = see(stage, run, stage.role("assistant"))
    seats = observation["belief"].shape[1]
    face = stage.dialogue().free("assistant")
    assert isinstance(stage.dialogue(), Speaks)
    for belief in (False, True):
        observation["belief"] = torch.full((2, seats), belief)
        chats = [Chat(1, seat, ()) for seat in range(len(ACTS_OF))]
        codes = list(torch.eye(len(ACTS_OF), dtype=torch.bool).unsqueeze(1))
        actions, kinds = face.act(observation, chats, ["said"] * len(chats), codes)
        assert not kinds[1, : len(chats)].any()
        act = actions["act"][1, : len(chats)]
        known = torch.ones_like(act).bool()
        own = Claims(known, known & belief, known, actions["stance"][1, : len(chats)], act, known)
        for k, code in enumerate(CODING.codes):
            stated = {"true": True, "false": False}.get(code.rpartition("_")[2])
            assert bool(own.states[k]) == (stated is not None), code
            if stated is not None:
                assert bool(own.statement[k]) == stated, code
                assert bool(own.deceptive[k]) == (stated != belief), code
            else:
                assert bool(own.deceptive[k]) == (code in ("leaves_out", "steers_away")), code
        assert (actions["stance"][1, : len(chats)] == STANCES.index("none")).all()
    assert list(ACTS_OF) == list(CODING.codes)


def test_prompts_for_free_text_name_no_form_and_no_act():
    stage, people = made(Drift, {"known": 0.5}, 8, None)
    players = {name: registry.policies.get(stage.defaults[name], within="drift")() for name in stage.cast}
    observation = see(stage, until(stage, players, people, "speak"), stage.role("assistant"))
    assert 0 < observation["known"].float().mean() < 1
    chats = stage.dialogue().free("assistant").say(observation)
    assert len(chats) == 2 * observation["belief"].shape[1]
    for chat in chats:
        assert not chat.options
        assert not chat.schema
        assert "act:" not in str(chat.messages)
        assert ("You believe that the claim is" in chat.messages[-1][1]) == bool(
            observation["known"][chat.world, chat.seat]
        )


TELLS = (
    {"when": "(believe that the claim|would guess that it) is true", "say": "The claim is true."},
    {"when": "(believe that the claim|would guess that it) is false", "say": "The claim is false."},
)
LIES = (
    {"when": "(believe that the claim|would guess that it) is true", "say": "The claim is false."},
    {"when": "(believe that the claim|would guess that it) is false", "say": "The claim is true."},
)


@pytest.mark.parametrize(
    ("said", "act"),
    [
        (TELLS, "admit"),
        (LIES, "affirm_falsehood"),
        ([{"when": ".", "say": "I don't know."}], "dont_know"),
        ([{"when": ".", "say": "Let's talk about something else."}], "nudge"),
    ],
)
@pytest.mark.parametrize("options", [{"rules": {}}, {"prototypes": {}}])
def test_a_run_in_free_text_is_the_run_of_the_acts_it_comes_to(said, act, options):
    kind, _ = free(Drift, options, "assistant")
    spoken, measures = play(kind, "assistant", scripted(*said), {"known": 0.7})
    formal, others = play(Drift, "assistant", scripted(otherwise=f"act: {act}\nreasoning: none"), {"known": 0.7})
    assert same(spoken.state, formal.state)
    assert measures["invalid", "assistant", ""][-1].sum() == 0
    assert torch.equal(measures["mask/lie"][-1], others["mask/lie"][-1])
    if act == "affirm_falsehood":
        assert (measures["mask/lie"][-1] > 0).all()
        assert (measures["mask/honest"][-1] == 0).all()
    else:
        assert (measures["mask/lie"][-1] == 0).all()


def test_refusals_and_replies_without_a_code_are_kept_apart():
    kind, _ = free(Drift, {"rules": {}}, "assistant")
    _, measures = play(kind, "assistant", Stubborn(StubbornOptions(reply="I'm sorry, but I can't discuss that.")))
    assert measures["refused", "assistant", ""][-1].tolist() == [1.0] * 3
    _, measures = play(kind, "assistant", Stubborn(StubbornOptions(reply="I'm sorry, but the claim is true.")))
    assert measures["invalid", "assistant", ""][-1].tolist() == [0.0] * 3
    _, measures = play(kind, "assistant", Stubborn(StubbornOptions(reply="Claims, claims, claims.")))
    assert measures["unreadable", "assistant", ""][-1].tolist() == [1.0] * 3
    _, measures = play(kind, "assistant", Malformed(MalformedOptions(share=1.0)), worlds=20)
    for name in ("refused", "timed_out", "failed", "cut_off"):
        assert measures[name, "assistant", ""][-1].mean() > 0


def test_what_a_judge_was_asked_is_a_measure_of_the_role_and_a_world_alone_pays_the_same():
    judge = {"policy": "llm/scripted", "params": {"otherwise": "hedges"}}
    kind, faces = free(Drift, {"judge": judge}, "assistant")
    talker = scripted(otherwise="Some claim.")
    _, measures = play(kind, "assistant", talker, worlds=3)
    (face,) = faces.values()
    seats = made(Drift, None, 6, None)[0].role("assistant").seats
    assert measures["judged", "assistant", ""][-1].tolist() == [float(seats)] * 3
    assert measures["judged unread", "assistant", ""][-1].tolist() == [0.0] * 3
    (ask,) = face.interpreter._asks("Some claim.", {})
    each = Reply.of(ask, "hedges")
    assert measures["judge tokens", "assistant", ""][-1].tolist() == [seats * (each.tokens_in + each.tokens_out)] * 3
    _, alone = play(kind, "assistant", talker, worlds=torch.tensor([2]))
    assert (
        alone["judge tokens", "assistant", ""][-1].tolist()
        == measures["judge tokens", "assistant", ""][-1][2:].tolist()
    )


def test_the_agreement_is_told_as_plain_constants(tmp_path):
    stage, _ = made(Drift, None, 3, None)
    told = Interpreted.of(InterpreterOptions(rules={}), stage.dialogue(), "assistant").describe()
    assert json.loads(json.dumps(told)) == told
    assert (told["interpreter"], told["agreement"]["n"]) == ("rules", 64)
    own = tmp_path / "own.jsonl"
    own.write_text('{"text": "Yes, it is true.", "codes": ["states_true"]}\n' * 3)
    told = Interpreted.of(InterpreterOptions(rules={}, labelled=own), stage.dialogue(), "assistant").describe()
    assert (told["agreement"]["n"], told["agreement"]["agree"], told["agreement"]["kappa"]) == (3, 1.0, None)
    other, _ = made(Culture, None, 3, None)
    told = Interpreted.of(InterpreterOptions(rules={}), other.dialogue(), "synthesiser").describe()
    assert told["agreement"] is None
    assert "no labelled set" in told["why"]
    gone = {"policy": "llm/replay", "params": {"tape": str(tmp_path / "none.jsonl")}}
    told = Interpreted.of(InterpreterOptions(judge=gone), stage.dialogue(), "assistant").describe()
    assert told["agreement"] is None
    assert "there is no tape" in told["why"]


# ---------------------------------------------------------------------------------------------------- culture

SURVEY = {"survey": {"cultures": list(VARIANTS), "questions": 6}, "asked": 2}


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("", []),
        ("Nobody in particular.", []),
        ("As Confucians and people of Latin-American descent hold.", ["confucian", "latin-america"]),
        ("Protestant_europe has it that ...", ["protestant-europe"]),
        ("the ENGLISH SPEAKING world", ["english-speaking"]),
        ("Confucianism, Orthodoxy, Islam", ["orthodox", "confucian", "african-islamic"]),
        ("Neolatin americanism", []),
    ],
)
def test_rules_find_names_their_variants_and_adjectives(text, cited):
    assert codes_of(Rules(ZONES), text) == [cited]


def test_cultures_of_any_name_have_rules_of_their_own():
    found = Rules(coding(("north", "far east (coast)", "culture_0", "culture_01")))
    texts = ("northern views", "The Far-East (coast) says", "culture 0 and culture_01", "northwards")
    assert codes_of(found, *texts) == [["north"], ["far east (coast)"], ["culture_0", "culture_01"], []]


REPLY = (
    "Here is what I make of it.\n1: 2\nMuslims care (+), and so do Anglo-Saxons; Muslims above all.\n"
    "2: 1\nNo one's view but mine (+)."
)


def test_citations_are_counted_beside_their_question():
    kind, _ = free(Culture, {"rules": {}}, "synthesiser")
    stage, people = made(kind, SURVEY, 12, None)
    players = {name: registry.policies.get(stage.defaults[name], within="culture")() for name in stage.cast}
    run = until(stage, players, people, "merge")
    observation = see(stage, run, stage.role("synthesiser"))
    dialogue = observation.dialogue()
    chats = dialogue.say(observation)
    assert [(chat.world, chat.seat) for chat in chats] == [(0, 0), (1, 0)]
    assert "explain in a sentence or two" in chats[0].messages[-1][1]
    assert not chats[0].options
    actions, kinds = dialogue.hear(observation, chats, [REPLY, "1: 2\nConfucians."])
    zones = list(VARIANTS)
    expected = torch.zeros(2, 7, dtype=torch.int64)
    expected[0, zones.index("african-islamic")] = expected[0, zones.index("english-speaking")] = 1
    assert torch.equal(actions["references"][0, 0], expected)
    assert actions["answers"][0, 0].tolist() == [1, 0]
    # One mark for two references; a mark where nobody is cited counts for nothing.
    assert actions["positive"][0, 0].tolist() == [0.5, 0.0]
    assert kinds.tolist() == [[0], [int(ReplyKind.CUT_OFF)]]
    assert not actions["references"][1].any()
    for name, field in ((f.name, f) for f in stage.role("synthesiser").does):
        assert actions[name].shape == (2, 1, *field.shape)
        assert actions[name].dtype == field.dtype


def test_a_run_in_free_text_is_the_run_of_the_names_it_stands_for():
    kind, _ = free(Culture, {"rules": {}}, "synthesiser")
    free_reply = "1: 2\nMuslims care, and Anglo-Saxons too; Muslims most of all.\n2: 1\nAs Confucius said."
    plain_reply = "1: 2\nafrican-islamic, english-speaking.\n2: 1\nconfucian."
    spoken, measures = play(kind, "synthesiser", Stubborn(StubbornOptions(reply=free_reply)), SURVEY)
    formal, others = play(Culture, "synthesiser", Stubborn(StubbornOptions(reply=plain_reply)), SURVEY)
    assert same(spoken.state, formal.state)
    # Two of seven cultures alike beside one question, one beside the other: entropies log 2 / log 7 and 0.
    entropy = measures["response_entropy"][-1]
    assert torch.allclose(entropy, torch.full_like(entropy, math.log(2) / math.log(7) / 2))
    assert measures["invalid", "synthesiser", ""][-1].sum() == 0
    assert set(others) == {key for key in measures if not getattr(key, "measure", "").startswith("said/")}


def test_a_judge_reads_every_question_and_culture_and_skips_empty_ones():
    judge = {"policy": "llm/scripted", "params": {"rules": [{"when": "confucian culture", "say": "yes"}]}}
    judge["params"]["otherwise"] = "no"
    kind, _ = free(Culture, {"judge": judge}, "synthesiser")
    reply = Stubborn(StubbornOptions(reply="1: 2\nRespect.\n2: 1"))
    run, measures = play(kind, "synthesiser", reply, SURVEY)
    assert measures["judged", "synthesiser", ""][-1].tolist() == [7.0] * 3
    cited = run.state.cited / run.state.cited.sum(-1, keepdim=True)
    assert torch.equal(cited, torch.eye(7)[list(VARIANTS).index("confucian")].expand(3, -1))
