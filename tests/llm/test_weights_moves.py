"""Named moves and teachers: what they do, what is learned from them, and what of it is shown."""

import json

import pytest
import torch
from ruamel.yaml import YAML

import populace
from populace.agents.llm.learning import moves
from populace.errors import PopulaceError, UnknownName
from populace.policy import WORDS
from populace.registry import policies, worlds
from populace.rollout import Keep, rollout
from populace.run import see, start
from populace.scenarios import load, runner
from populace.scenarios.loader import find

SHORT, LONG = {"act": "direct", "words": 3, "reasoning": 0}, {"act": "clarify", "words": 40}
MOVES = {"be short": SHORT, "ask at length": LONG}


def payoff():
    kind = worlds.get("populace/payoff-v0")
    options = kind.Options(turns=1, noise=0.0)
    population = kind.population(6, options)
    return kind(options, population.census), population


def learner(within="payoff", **options):
    kind = policies.get("pocket-learner", within)
    return kind(kind.Options.model_validate({"device": "cpu", **options}, context={"within": within}))


def play(stage, population, model, role="assistant", ticks=1):
    cast = {name: policies.get(stage.defaults[name], "payoff")() for name in stage.cast}
    cast[role] = model
    model.check_role(stage.role(role), stage.dialogue())
    keep = Keep()
    run = start(stage, cast, population, seed=1, worlds=2)
    return rollout(stage, cast, run, ticks, keep, learn_every=1), keep


def observed():
    stage, population = payoff()
    cast = {name: policies.get(stage.defaults[name], "payoff")() for name in stage.cast}
    run = start(stage, cast, population, seed=1, worlds=2)
    return stage.role("assistant"), see(stage, run, stage.role("assistant"))


def test_a_move_does_what_it_says_and_leaves_the_rest():
    role, observation = observed()
    move = torch.tensor([[0, 1, 0, 1, 0, 1]] * 2)
    done = moves.act(MOVES, observation, move, {})
    assert done["act"][0].tolist() == [0, 1] * 3
    assert done["words"][0].tolist() == [3, 40] * 3
    usual = next(f for f in role.does if f.name == "reasoning").default
    assert done["reasoning"][0].tolist() == [0, usual] * 3
    rest = {"reasoning": torch.full((2, 6), 7)}
    assert moves.act(MOVES, observation, move, rest)["reasoning"][0].tolist() == [0, 7] * 3


def test_the_nearest_move_is_the_move_itself():
    role, observation = observed()
    move = torch.tensor([[0, 1, 1, 1, 0, 0]] * 2)
    assert torch.equal(moves.nearest(MOVES, role, moves.act(MOVES, observation, move, {})), move)
    near = {"act": torch.tensor([[0]]), "words": torch.tensor([[30]]), "reasoning": torch.tensor([[0]])}
    assert moves.nearest(MOVES, role, near).item() == 1  # 27 words too many against 10 too few and another act


def test_the_face_asks_for_a_move_and_shows_what_it_may():
    _, observation = observed()
    face = moves.MovesFace(MOVES, ("signal",))
    chats = face.say(observation)
    assert all(chat.options == tuple(MOVES) for chat in chats)
    asked, everything = (one.say(observation)[0].messages[-1][1] for one in (face, moves.MovesFace(MOVES, None)))
    shown, lines = (
        {line for line in text.splitlines() if line.startswith("- ") and line[2:] not in MOVES}
        for text in (asked, everything)
    )
    assert len(lines) > 5
    assert len(shown & lines) == 1
    assert all(name in asked for name in MOVES)
    found, kinds = face.hear(observation, chats[:2], ["ask at length", "perhaps"])
    assert found[f"{WORDS}{moves.MOVE}"][0, 0] == 1
    assert kinds[0, :2].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"a": {"acts": "direct"}, "b": SHORT}, UnknownName, "field that assistant does"),
        ({"a": {"act": "sing"}, "b": SHORT}, UnknownName, "label of act"),
        ({"a": {"words": -3}, "b": SHORT}, PopulaceError, r"moves: a.words: -3 is no count from 0 to 5000"),
        ({"a": {}, "b": {}}, PopulaceError, "no move says what any field is"),
    ],
)
def test_moves_that_do_not_suit_are_refused_before_a_run(given, error, match):
    stage, _ = payoff()
    with pytest.raises(error, match=match):
        learner(moves=given).check_role(stage.role("assistant"), stage.dialogue())


def test_what_does_not_fit_together_is_refused():
    for options, match in (
        ({"moves": {"a": SHORT}}, "two moves at least"),
        ({"context": ["signal"]}, "belong to moves"),
        ({"teacher": {}}, "either a script or shares"),
        ({"teacher": {"shares": {"a": 0.5}}}, "sum to 1"),
        ({"teacher": {"script": {"policy": "nobody"}}}, "nobody"),
    ):
        with pytest.raises(ValueError, match=match):
            learner(**options)
    stage, _ = payoff()
    with pytest.raises(UnknownName, match=r"label in teacher\.shares"):
        learner(moves=MOVES, teacher={"shares": {"sing": 1.0}}).check_role(stage.role("assistant"), stage.dialogue())


def test_a_mixture_is_learned():
    """Of two moves in equal shares, the model chooses both about as often, and then stays as it is."""
    stage, population = payoff()
    taught = {"shares": {"be short": 0.5, "ask at length": 0.5}, "rounds": 3, "epochs": 32}
    model = learner(moves=MOVES, context=[], teacher=taught, rate=0.0)
    kind = worlds.get("populace/payoff-v0")
    people = kind.population(300, stage.options)
    stage = kind(stage.options, people.census)
    _, keep = play(stage, people, model, ticks=4)
    found = {f"{getattr(k, 'role', '')}/{getattr(k, 'measure', k)}": v for k, v in keep.series.items()}
    assert torch.allclose(found["assistant/chose/be short"][-1], torch.tensor(0.5), atol=0.15)
    assert float(found["assistant/kl"][-1].max()) == 0.0  # the teacher is gone, and the rate is 0


def test_a_script_is_learned_in_the_words_of_the_world():
    kind = worlds.get("populace/drift-v0")
    options = kind.Options(topics=("booking",), probes=0, known=1.0)
    population = kind.population(40, options)
    stage = kind(options, population.census)
    model = learner("drift", teacher={"script": {"policy": "pleaser"}, "epochs": 6})
    cast = {"user": policies.get("candid", "drift")(), "assistant": model}
    run = start(stage, cast, population, seed=1, worlds=1)
    before = dict(run.memory["assistant"].own)
    observation = see(stage, run, stage.role("assistant"))
    acts, _ = model.act(observation, run.memory["assistant"], run.draw().scope("act/assistant"))
    told = {json.loads(observation.reader.read(int(i)))[0] for i in acts[f"{WORDS}reply"].flatten()}
    assert told <= set(next(f for f in stage.role("assistant").does if f.name == "act").labels)
    after = rollout(stage, cast, run, 1, learn_every=1).memory["assistant"].own
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_role_that_makes_no_choice_learns_from_what_it_writes():
    kind = worlds.get("populace/lockin-v0")
    options = kind.Options(assistants=6)
    population = kind.population(3, options)
    stage = kind(options, population.census)
    model = learner("lockin", rule="policy-gradient", rate=0.1, kl_round=None)
    model.check_role(stage.role("assistant"), stage.dialogue())
    run = start(stage, {"assistant": model}, population, seed=1, worlds=1)
    before = dict(run.memory["assistant"].own)
    after = rollout(stage, {"assistant": model}, run, 1, learn_every=1).memory["assistant"].own
    assert any(not torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(PopulaceError, match="makes no choice"):
        learner("lockin", veto={"acts": ["a"]}).check_role(stage.role("assistant"), stage.dialogue())


def test_the_report_shows_what_a_learner_replied_before_and_after(tmp_path):
    frame = YAML(typ="safe").load(find("pricing-weights"))
    frame["arms"] = {name: frame["arms"][name] for name in ("per-word", "frozen")}
    small = ["worlds=1", "horizon=3", "population.size=20", "agents.assistant.teacher.rounds=1"]
    run = populace.load_run(runner.run(load(frame, small), tmp_path / "run"))
    talk = run.talk
    assert set(talk["role"]) == {"assistant"}
    assert set(talk["reply"]) <= {"a word or two", "a short answer", "a full answer", "a long answer"}
    assert (talk.groupby(["arm", "step"]).size() == 12).all()
    page = populace.report(run.path).read_text()
    assert "What learners replied, before and after" in page
    assert "Reply with one of these" in page
