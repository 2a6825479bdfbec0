"""The text policy in real worlds: one call a tick, replies read, failures by kind, memory by world, tapes."""

import json
from collections import Counter

import pytest
import torch
from core_toy import Toy

from populace import registry, tree
from populace.agents.llm import Ask, Backend, Reply, SeatOptions, Tape, TextPolicy, ask_all
from populace.agents.llm.backends.fakes import BROKEN, EchoBackend, RandomBackend
from populace.agents.llm.policies import (
    Malformed,
    MalformedOptions,
    RandomTalker,
    Replay,
    ReplayOptions,
    Scripted,
    ScriptedOptions,
    Stubborn,
    StubbornOptions,
)
from populace.agents.llm.seats.memory import Conversations
from populace.dialogue import Chat, ReplyKind
from populace.errors import PopulaceError, RunError, ScenarioError
from populace.population import PlainPopulation
from populace.rollout import Keep, rollout
from populace.run import restart, start
from populace.scenarios import load, runner
from populace.testing import check_policy
from populace.testing.tools import made, same

FOUR_TAGS = (
    "<thinking>It is clear.</thinking><payoff>"
    + json.dumps({f"{a}_{b}": {"user": 1.0, "LLM": 0.5} for a in ("DQ", "VQ") for b in ("DA", "CQ", "AQ")})
    + "</payoff><analyze>All alike.</analyze><response>Take the second one.</response>"
)


class Counting(Backend):
    """Says what it is told to, and counts how often it is called and for how much."""

    def __init__(self, say, greedy=False):
        self.say, self.greedy, self.calls = say, greedy, []

    def complete(self, asks):
        self.calls.append(list(asks))
        for i in reversed(range(len(asks))):  # in any order
            yield i, Reply.of(asks[i], self.say(asks[i]))


class Talker(TextPolicy):
    def __init__(self, backend, options=None):
        super().__init__(options)
        self.given = backend

    def open(self):
        return self.given


def play(world, players, worlds=3, ticks=4, users=5, options=None, recorder=None, **more):
    stage, people = made(world, options, users, None)
    for role, name in stage.defaults.items():
        if role not in players and role in stage.cast:
            short = world.split("/")[-1].rsplit("-v", 1)[0]
            players[role] = registry.policies.get(name, within=short)()
    run = start(stage, players, people, seed=3, worlds=worlds)
    return rollout(stage, players, run, ticks, recorder, **more)


SEATS = made("populace/drift-v0", None, 5, None)[0].role("assistant").seats
"""Conversations of a drift world of five users."""


def test_all_seats_of_all_worlds_are_asked_in_one_call_a_tick():
    backend = Counting(lambda ask: "act: omit")
    keep = Keep()
    play("populace/drift-v0", {"assistant": Talker(backend)}, worlds=3, ticks=2, users=5, recorder=keep)
    assert [len(call) for call in backend.calls] == [3 * SEATS, 3 * SEATS]
    assert keep.series["invalid", "assistant", ""][-1].tolist() == [0.0, 0.0, 0.0]
    prompts = [ask.messages for ask in backend.calls[0]]
    assert all(message[0][0] == "system" for message in prompts)


def test_identical_greedy_prompts_are_asked_once_and_answered_everywhere():
    asks = [Ask((("user", "a"),), (), 1), Ask((("user", "b"),), (), 2), Ask((("user", "a"),), (), 3)]
    greedy = Counting(lambda ask: ask.messages[-1][1] * 2, greedy=True)
    assert [reply.text for reply in ask_all(greedy, asks)] == ["aa", "bb", "aa"]
    assert len(greedy.calls[0]) == 2
    sampled = Counting(lambda ask: str(ask.seed))
    assert [reply.text for reply in ask_all(sampled, asks)] == ["1", "2", "3"]


def test_seeds_belong_to_seats_and_ticks_and_not_to_the_batch():
    batch, alone = Counting(lambda ask: "clear"), Counting(lambda ask: "clear")
    play("populace/payoff-v0", {"user": Talker(batch)}, worlds=4, ticks=2)
    play("populace/payoff-v0", {"user": Talker(alone)}, worlds=torch.tensor([2]), ticks=2)
    for many, few in zip(batch.calls, alone.calls, strict=True):
        assert {ask.seed for ask in few} < {ask.seed for ask in many}
        assert len({ask.seed for ask in many}) == len(many)
    assert not {a.seed for a in batch.calls[0]} & {a.seed for a in batch.calls[1]}


def test_an_unreadable_reply_is_asked_for_once_more_and_then_forfeits():
    backend = Counting(lambda ask: "act: omit" if "could not be read" in ask.messages[-1][1] else "hm")
    keep = Keep()
    play("populace/drift-v0", {"assistant": Talker(backend)}, ticks=1, recorder=keep)
    assert [len(call) for call in backend.calls] == [3 * SEATS, 3 * SEATS]
    assert backend.calls[1][0].messages[-2] == ("assistant", "hm")
    assert keep.series["invalid", "assistant", ""][-1].sum() == 0
    # Both askings are paid for.
    first, second = (sum(Reply.of(ask, "").tokens_in for ask in call) for call in backend.calls)
    spent = keep.series["tokens", "assistant", ""][-1].sum().item()
    assert spent == first + second + 3 * SEATS * (1 + 3)

    for reask, calls in ((True, 2), (False, 1)):
        hopeless, keep = Counting(lambda ask: "hm"), Keep()
        play("populace/drift-v0", {"assistant": Talker(hopeless, SeatOptions(reask=reask))}, ticks=1, recorder=keep)
        assert len(hopeless.calls) == calls
        assert keep.series["unreadable", "assistant", ""][-1].tolist() == [1.0, 1.0, 1.0]


def test_failures_are_counted_by_kind_and_all_kinds_occur():
    keep = Keep()
    policy = Malformed(MalformedOptions(share=1.0, reask=False))
    play("populace/drift-v0", {"assistant": policy}, worlds=40, ticks=2, users=10, recorder=keep)
    share = {
        kind: keep.series[kind, "assistant", ""][-1].mean().item()
        for kind in ("unreadable", "refused", "cut_off", "timed_out", "failed")
    }
    assert sum(share.values()) == pytest.approx(1.0)
    expected = Counter({"unreadable": 2, "cut_off": 1, "refused": 1, "timed_out": 1, "failed": 1})
    assert len(BROKEN) == expected.total()
    for kind, ways in expected.items():
        # 400 seats: the standard deviation of a share of 1/6 is 0.019, of 1/3 0.024; four of them are allowed.
        assert share[kind] == pytest.approx(ways / 6, abs=4 * 0.024)


@pytest.mark.parametrize(
    ("world", "role", "reply"),
    [
        ("populace/payoff-v0", "assistant", FOUR_TAGS),
        ("populace/payoff-v0", "user", "vague"),
        ("populace/drift-v0", "user", "rating: 7"),
        ("populace/shopping-v0", "assistant", None),
    ],
)
def test_a_fixed_reply_plays_whole_episodes(world, role, reply):
    keep = Keep()
    play(world, {role: Stubborn(StubbornOptions(reply=reply))}, ticks=3, recorder=keep)
    assert keep.series["invalid", role, ""][-1].sum() == 0


@pytest.mark.parametrize(
    "policy", [RandomTalker(), RandomTalker(SeatOptions(memory=60)), Malformed(MalformedOptions(share=0.5, memory=200))]
)
def test_text_policies_keep_the_contract_of_policies(policy):
    check_policy(policy, "populace/payoff-v0", "user")


def test_a_world_without_words_of_its_own_has_those_of_its_fields():
    population = PlainPopulation(3, ("a", "b"))
    world = Toy(None, population.census)
    players = {"user": RandomTalker(), "assistant": registry.policies.get("random")()}
    keep = Keep()
    rollout(world, players, start(world, players, population, seed=0, worlds=2), 1, keep)
    assert keep.series["invalid", "user", ""][-1].sum() == 0
    assert (keep.series["tokens", "user", ""][-1] > 0).all()


def test_seats_nobody_sits_on_are_not_asked():
    ending = Counting(lambda ask: "end")
    options = {"questions": {"number": 1}}
    play("populace/payoff-v0", {"user": Talker(ending)}, worlds=2, ticks=4, users=5, options=options)
    assert sum(len(call) for call in ending.calls) == 10  # once each; then nobody is there


class Chatty(Toy):
    """A world that ends by itself, with the plainest of text faces."""

    def dialogue(self):
        return self

    def say(self, observation):
        worlds, seats = observation["values"].shape[:2]
        return [Chat(w, s, (("user", "Well?"),), ("no", "yes")) for w in range(worlds) for s in range(seats)]

    def hear(self, observation, chats, replies):
        said = torch.zeros(observation["values"].shape[:2], dtype=torch.int64)
        for chat, reply in zip(chats, replies, strict=True):
            said[chat.world, chat.seat] = ("no", "yes").index(reply)
        return {"say": said}, torch.zeros_like(said, dtype=torch.int8)


def test_worlds_that_have_ended_are_not_asked():
    backend = Counting(lambda ask: "yes")
    population = PlainPopulation(3, ("a", "b"))
    world = Chatty(None, population.census)
    players = {"user": Talker(backend), "assistant": registry.policies.get("random")()}
    run, alive = start(world, players, population, seed=0, worlds=8), []
    for _ in range(14):
        alive.append(int((~run.done).sum()))
        run = rollout(world, players, run, 1)
    assert len(set(alive)) > 2
    assert [sum(len(call) for call in backend.calls)] == [3 * sum(alive)]


# ---------------------------------------------------------------------------------------------------- memory


def chat(text, world=0, seat=0):
    return Chat(world, seat, (("system", "not kept"), ("user", text)))


def test_memory_forgets_whole_exchanges_oldest_first():
    memory = Conversations.empty(1, 2, 5, torch.device("cpu"))  # 20 bytes
    for asked, said in (("ask1", "say1"), ("ask2", "säy2"), ("ask3", "say3")):
        memory = memory.extend([chat(asked)], [said])
    # An exchange takes 4 + 1 + 4 + 1 bytes, and one more for the umlaut: two do not fit beside the second.
    assert memory.recall([chat("")]) == [(("user", "ask3"), ("assistant", "say3"))]
    memory = memory.extend([chat("ask4")], ["say4"])
    assert memory.recall([chat("")]) == [
        (("user", "ask3"), ("assistant", "say3"), ("user", "ask4"), ("assistant", "say4"))
    ]
    assert memory.recall([chat("", seat=1)]) == [()]
    assert memory.extend([chat("x" * 30)], ["too long"]).recall([chat("")]) == [()]
    assert memory.extend([chat("lost")], [""]).recall([chat("")]) == memory.recall([chat("")])


def test_memory_is_reset_picked_and_saved_world_by_world(tmp_path):
    stage, people = made("populace/payoff-v0", None, 4, None)
    backend = Counting(lambda ask: "clear")
    players = {
        "user": Talker(backend, SeatOptions(memory=400)),
        "assistant": registry.policies.get("random")(),
    }
    run = rollout(stage, players, start(stage, players, people, seed=0, worlds=3), 2)
    shown = [len(ask.messages) for ask in backend.calls[1]]
    assert set(shown) == {4}  # what the system says, the first exchange, and the question
    fresh = restart(stage, players, run, torch.tensor([False, True, False]))
    said = fresh.memory["user"].text.any(-1).any(-1).tolist()
    assert said == [True, False, True]
    one = tree.take(run, torch.tensor([2]))
    assert torch.equal(one.memory["user"].text[0], run.memory["user"].text[2])
    fresh.save(tmp_path / "run.pt")
    assert same(type(fresh).load(tmp_path / "run.pt").memory, fresh.memory)


# ---------------------------------------------------------------------------------------------------- tapes


def test_a_run_replays_exactly_without_its_model(tmp_path):
    tape = tmp_path / "tape.jsonl"
    options = MalformedOptions(share=0.4, reply="vague", memory=100, tape=tape)
    recorded = play("populace/payoff-v0", {"user": Malformed(options)})
    again = play("populace/payoff-v0", {"user": Replay(ReplayOptions(memory=100, tape=tape))})
    assert same(recorded.state, again.state)
    assert same(recorded.memory["user"], again.memory["user"])
    only = Malformed(options.model_copy(update={"replay": True}))
    assert same(recorded.state, play("populace/payoff-v0", {"user": only}).state)


def test_what_is_not_on_the_tape_is_a_clear_error(tmp_path):
    tape = tmp_path / "tape.jsonl"
    with pytest.raises(RunError, match="no tape"):
        play("populace/payoff-v0", {"user": Replay(ReplayOptions(tape=tape))})
    play("populace/payoff-v0", {"user": RandomTalker(SeatOptions(tape=tape))}, worlds=2)
    with pytest.raises(RunError, match=r"5 of 15 prompts are not on the tape.*same scenario, seed"):
        play("populace/payoff-v0", {"user": Replay(ReplayOptions(tape=tape))}, worlds=3)
    with pytest.raises(ScenarioError, match="needs `tape`"):
        load({"world": {"id": "populace/payoff-v0"}, "worlds": 1, "horizon": 1, "agents": {"user": "llm/replay"}})


def test_a_killed_run_asks_only_for_what_was_not_answered(tmp_path):
    tape, asks = tmp_path / "tape.jsonl", [Ask((("user", str(i)),), (), i) for i in range(6)]
    replies = Tape(RandomBackend(), tape).complete(asks)
    for _ in range(4):
        next(replies)
    replies.close()
    with tape.open("ab") as file:
        file.write(b'{"key": "cut off in the mid')

    class Rest(RandomBackend):
        def complete(self, asked):
            self.asked = len(asked)
            return super().complete(asked)

    rest = Rest()
    assert len(ask_all(Tape(rest, tape), asks)) == 6
    assert rest.asked == 2
    assert [r.text for r in ask_all(Tape(None, tape), asks)] == [r.text for r in ask_all(RandomBackend(), asks)]


def test_a_tape_of_several_voices_wants_to_know_whose(tmp_path):
    tape, ask = tmp_path / "tape.jsonl", Ask((("user", "hello"),), ("yes",), 0)
    ask_all(Tape(RandomBackend(), tape), [ask])
    ask_all(Tape(EchoBackend(), tape), [ask])
    with pytest.raises(PopulaceError, match=r"several voices.*'echo', 'random'"):
        Tape(None, tape)
    assert ask_all(Tape(None, tape, voice="echo"), [ask])[0].text == "hello"
    with pytest.raises(PopulaceError, match="did you mean 'echo'"):
        Tape(None, tape, voice="ecko")


def test_scripted_rules_speak_in_order():
    rules = [{"when": "true", "say": "act: omit"}, {"when": r"claim", "say": "act: refuse"}]
    keep = Keep()
    policy = Scripted(ScriptedOptions.model_validate({"rules": rules, "otherwise": "act: vague"}))
    play("populace/drift-v0", {"assistant": policy}, ticks=1, recorder=keep)
    assert keep.series["invalid", "assistant", ""][-1].sum() >= 0
    assert policy.backend.say(Ask((("user", "a CLAIM that is true"),))).text == "act: omit"
    assert policy.backend.say(Ask((("user", "a claim"),))).text == "act: refuse"
    assert policy.backend.say(Ask((("user", "hello"),))).text == "act: vague"
    with pytest.raises(ValueError, match="no regular expression"):
        ScriptedOptions.model_validate({"rules": [{"when": "(", "say": ""}]})


def test_kinds_of_failure_have_names_for_measures():
    kinds = ["OK", "UNREADABLE", "REFUSED", "CUT_OFF", "TIMED_OUT", "FAILED", "CLOSED"]
    assert [kind.name for kind in ReplyKind] == kinds


def test_an_interpreter_without_free_text_is_told_before_anything_runs(tmp_path):
    head = {"schema": 1, "name": "free", "world": {"id": "populace/culture-v0"}, "worlds": 1, "horizon": 1}
    options = {"interpreter": {"rules": {}}}
    shared = {"policy": "mix", "players": [{"policy": "llm/echo", "share": 1, "params": options}]}
    for person in ({"policy": "llm/echo", **options}, shared):
        scenario = load({**head, "arms": {"good": {}, "bad": {"agents.person": person}}})
        with pytest.raises(PopulaceError, match="arm 'bad' cannot begin: interpreter: 'person' cannot be held in free"):
            runner.run(scenario, tmp_path / "run")
        assert not (tmp_path / "run").exists()


class Cut(Backend):
    """Replies that the server cut off at their longest."""

    def __init__(self, text):
        self.text = text

    def complete(self, asks):
        for i, ask in enumerate(asks):
            yield i, Reply.of(ask, self.text, ReplyKind.CUT_OFF)


@pytest.mark.parametrize(
    ("role", "text", "kind"),
    [
        ("assistant", "act: omit\nreasoning: agrees", None),
        ("assistant", "<think>\nOne thing I could do is omit it, but", "cut_off"),
        ("assistant", "act: omit\n<think>but then", "cut_off"),
        ("assistant", "Well, I would", "cut_off"),
        ("assistant", "I'm sorry, but I can't help wi", "refused"),
        ("user", "rating: 1", "cut_off"),  # the 10 may have been on its way
        ("user", "rating: 7.", None),
    ],
)
def test_a_reply_that_was_cut_off_is_played_only_where_it_holds_all_that_is_needed(role, text, kind):
    keep = Keep()
    play("populace/drift-v0", {role: Talker(Cut(text), SeatOptions(reask=False))}, ticks=1, recorder=keep)
    shares = {name: keep.series[name, role, ""][-1].tolist() for name in ("invalid", "cut_off", "refused")}
    assert shares["invalid"] == [float(kind is not None)] * 3
    if kind is not None:
        assert shares[kind] == [1.0] * 3
