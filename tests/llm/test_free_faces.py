"""Every free face: texts that are labelled, what a reader is told, and what words come to."""

import json
import math
from collections import Counter

import pytest
import torch
from talk_checks import replies
from test_interpret import Bench, of

import populace
from populace import registry
from populace.agents.llm.interpret.agreement import halves, labelled_of
from populace.agents.llm.interpret.interpreted import Interpreted, agreement
from populace.agents.llm.interpret.interpreter import Rules, filled
from populace.agents.llm.interpret.judge import Judge
from populace.agents.llm.interpret.options import InterpreterOptions
from populace.analysis.cautions import cautions
from populace.analysis.page import render
from populace.analysis.readers import shares
from populace.builder import build
from populace.dialogue import Coding, ReplyKind
from populace.envs.agency.free import CODING as WORDS
from populace.envs.coevolution.free import TOPICS
from populace.envs.coevolution.free import coding as essays
from populace.envs.coevolution.options import PACKAGE
from populace.envs.culture.free import VARIANTS
from populace.envs.culture.free import coding as citations
from populace.envs.drift.free import CODING as STATEMENTS
from populace.envs.drift.free_user import CODING as OPINIONS
from populace.envs.lockin.beliefs import NOTHING
from populace.envs.lockin.free import CODING as SURENESS
from populace.envs.lockin.free import number_of
from populace.envs.matrix.free import coding as promises
from populace.envs.payoff.free import CODING as REPLIES
from populace.envs.payoff.free_user import CODING as QUESTIONS
from populace.run import advance, see, start
from populace.wordings import Wordings

SURVEY = {"matter": "survey", "asked": 1, "survey": {"source": "questions", "questions": 6}}
SMALL = {"schema": 1, "extends": "talk-drift", "name": "small", "worlds": 3, "horizon": 2, "population": {"size": 6}}
SMALL |= {"reference": "yours"}
CODINGS = {
    "drift assistant": STATEMENTS,
    "drift user": OPINIONS,
    "payoff assistant": REPLIES,
    "payoff user": QUESTIONS,
    "coevolution assistant": essays(list(TOPICS), Wordings.of(PACKAGE, "en")),
    "culture synthesiser": citations(list(VARIANTS)),
    "lockin assistant": SURENESS,
    "matrix player": promises(("cooperate", "defect")),
    "agency": WORDS,
}


@pytest.mark.parametrize("name", CODINGS)
def test_labelled_sets_are_large_and_their_halves_alike(name):
    coded = CODINGS[name]
    labelled = labelled_of(coded)
    assert len(labelled) >= 120
    assert len({(one.text, *one.about.items()) for one in labelled}) == len(labelled)
    tuned, held = (Counter(code for one in half for code in one.codes) for half in halves(labelled))
    for code in coded.codes:
        assert tuned[code] + held[code] >= 4, code
        assert abs(tuned[code] - held[code]) <= max(4, tuned[code] // 2), code


@pytest.mark.parametrize("name", CODINGS)
def test_rules_tell_more_than_chance_on_the_half_they_were_not_tuned_on(name):
    """By chance kappa is 0; its standard deviation is at most one over the root of the number of texts."""
    coded = CODINGS[name]
    test = halves(labelled_of(coded))[1]
    assert agreement(Rules(coded), test).kappa > 3 / math.sqrt(len(test))


# ------------------------------------------------------------------ what a reader is told

TOLD = Coding(
    name="answers",
    about="Is it right?",
    codes={"right": "It gives the answer."},
    several=True,
    rules={"right": (r"\b{answer}\b",)},
    prototypes={"right": ("{answer}",)},
)


def test_rules_and_sentences_know_what_a_text_is_about():
    texts = ["It is Kinshasa.", "It is Paris.", "It is Paris.", "It is Paris."]
    about = [{"answer": "Kinshasa | Leopoldville"}, {"answer": "Kinshasa"}, {"answer": "Paris"}, {}]
    assert Rules(TOLD).read(texts, about).codes[:, 0].tolist() == [True, False, True, False]
    found = of({"prototypes": {"threshold": 0.3}}, TOLD).read(texts, about).codes[:, 0].tolist()
    assert found == [True, False, True, False]
    assert filled("{a} or {b}", {"a": "1.5 | 2", "b": "x"}, rule=True) == r"(?:1\.5|2) or (?:x)"
    assert filled("{a}", {"a": " "}, rule=True) is None
    assert filled("{a}", {"a": "1.5 | 2"}, rule=False) == "1.5"


def test_a_judge_is_told_it_and_equal_texts_about_other_things_are_read_apart():
    bench = Bench(lambda ask: "yes" if "Answer: Kinshasa" in ask.messages[1][1] else "no")
    reading = Judge(TOLD, bench).read(["It."] * 3, [{"answer": "Kinshasa"}, {"answer": "Paris"}, {"answer": "Paris"}])
    assert reading.codes[:, 0].tolist() == [True, False, False]
    assert len(bench.given.asks) == 2


# ------------------------------------------------------------------ what words come to


def heard(world, role, phase, reply, options=None, population=None):
    """What a reply in free text is read as: the actions of the first seat that is asked, and its kind."""
    built = build(f"populace/{world}-v0", options=options or {}, users=6, population=population)
    run = start(built.world, built.policies, built.population, seed=3, worlds=1)
    while built.world.phases[run.phase] != phase:
        run, _ = advance(built.world, built.policies, run)
    observation = see(built.world, run, built.world.role(role))
    face = Interpreted.of(InterpreterOptions(rules={}), observation.dialogue(), role)
    chat = face.say(observation)[0]
    actions, kinds = face.hear(observation, [chat], [reply])
    place = chat.world, chat.seat
    told = {name: value[place] for name, value in actions.items()}
    return told, ReplyKind(int(kinds[place])), observation, chat


@pytest.mark.parametrize(
    ("reply", "rating"), [("That was useful, thanks.", 0.75), ("I hate it, what nonsense!", 0.0), ("Meh.", 0.5)]
)
@pytest.mark.parametrize("matter", [None, "claims"])
def test_what_a_user_thinks_is_its_rating(reply, rating, matter):
    told, kind, _, chat = heard("drift", "user", "rate", reply, {"matter": matter})
    assert (float(told["rating"]), kind) == (rating, ReplyKind.OK)
    assert "rating:" not in str(chat.messages)


def test_what_a_user_writes_is_clear_or_vague_or_an_end_or_about_something_else():
    options = {"matter": "questions", "form": "plain", "turns": 3, "questions": {"ambiguous": 1.0}}

    def ask(reply):
        return heard("payoff", "user", "ask", reply, options)

    _, _, observation, chat = ask("x")
    row = int(observation.reader.ground["row"][chat.world, chat.seat])
    from populace.envs.payoff.matter import matter_of

    question = matter_of("questions").questions[row]
    for reply, act, off in ((question.clear, 0, 0), (question.vague, 1, 0), ("Goodbye!", 2, 0), ("Qwertz uiop?", 1, 1)):
        told, kind, _, _ = ask(reply)
        assert (int(told["act"]), int(told["tally/off topic"]), kind) == (act, off, ReplyKind.OK), reply


def test_an_essay_is_a_position_one_step_from_what_was_usual():
    options = {"matter": "statements", "questionnaire": {"asked": 4}}
    people = {"values": {"names": list(TOPICS), "distribution": {"normal": {"mean": 0, "sd": 1}}}}
    from populace.agents.users import PopulationSpec, SpecPopulation

    spec = SpecPopulation(PopulationSpec.model_validate({"size": 6, **people}))
    reply = "I hold that religion should have a larger place in life. I also hold that the people should decide less."
    told, kind, observation, chat = heard("coevolution", "assistant", "advise", reply, options, spec)
    assert kind == ReplyKind.OK
    place = chat.world, chat.seat
    step = 1.0 / float(observation["beta"][place])
    names = list(TOPICS)
    own, centre, prior = told["position"][0], observation["centre"][place], observation["prior"][place]
    assert float(own[names.index("religion")] - centre[names.index("religion")]) == pytest.approx(step, abs=1e-5)
    assert float(own[names.index("democracy")] - centre[names.index("democracy")]) == pytest.approx(-step, abs=1e-5)
    silent = names.index("liberalism")
    assert float(own[silent]) == pytest.approx(float(prior[silent]), abs=1e-6)
    assert "Then end with a line" not in str(chat.messages)


def test_an_estimate_is_the_number_that_words_name_and_how_sure_they_are():
    def say(reply):
        return heard("lockin", "assistant", "advise", reply, {"matter": "quantities"})

    _, _, observation, chat = say("x")
    from populace.envs.lockin.matter import matter_of

    matter = matter_of("quantities")
    row = matter.question.index(observation.reader.read(int(observation["quantity"][chat.world, chat.seat])))
    value = matter.base[row] + 2 * matter.step[row]
    told, kind, _, _ = say(f"I am fairly sure that it is {value:g} {matter.unit[row]}.")
    assert (kind, float(told["mean"])) == (ReplyKind.OK, pytest.approx(2.0, abs=1e-4))
    assert float(told["log_precision"]) == pytest.approx(-2 * math.log(0.2), abs=1e-4)
    told, kind, _, _ = say("I do not know.")
    assert (kind, float(told["log_precision"])) == (ReplyKind.OK, pytest.approx(NOTHING))
    assert say("I am fairly sure.")[1] == ReplyKind.UNREADABLE
    assert "Guess:" not in str(chat.messages)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,204 beans", 1204),
        ("One says 500, I say 540 kg.", 540),
        ("between 500 and 600 kg", None),
        ("540 kg or 560 kg", None),
        ("about 62.5 metres", 62.5),
        ("none", None),
    ],
)
def test_numbers_with_a_unit(text, value):
    unit = next((unit for unit in ("beans", "kg", "metres") if unit in text), "kg")
    expected = 600.0 if text.startswith("between") else value
    assert number_of(text, unit) == expected


@pytest.mark.parametrize(("reply", "promise"), [("I will cooperate.", 1), ("I'll defect.", 2), ("Good luck!", 0)])
def test_a_sentence_before_a_move_promises_an_act(reply, promise):
    options = {"talk": True, "matching": "pairs", "labels": ["cooperate", "defect"]}
    told, kind, _, _ = heard("matrix", "player", "talk", reply, options)
    assert (int(told["read/promise"]), kind) == (promise, ReplyKind.OK)


def test_words_beside_terms_are_counted_and_move_nothing():
    reply = "Please trust me.\nNumber: 0.5"
    told, kind, _, _ = heard("agency", "assistant", "act", reply, {"game": "contract", "talk": True})
    assert (float(told["move"]), kind) == (0.5, ReplyKind.OK)
    assert int(told["tally/said/rules/appeals"]) == 1
    assert int(told["tally/said/rules/presses"]) == 0
    assert int(told["tally/said/rules"]) == 1


def test_a_synthesiser_with_words_is_read_for_whom_it_cites():
    told, kind, observation, chat = heard("culture", "synthesiser", "merge", "x", SURVEY)
    options = [observation.reader.read(i) for i in observation["options"][chat.world, chat.seat, 0].tolist() if i]
    reply = f"Swedes and Egyptians see it so.\nAnswer: {options[1]}\nTone: warm"
    told, kind, _, _ = heard("culture", "synthesiser", "merge", reply, SURVEY)
    assert kind == ReplyKind.OK
    assert int(told["answers"][0]) == 1
    cited = {name for name, n in zip(VARIANTS, told["references"][0].tolist(), strict=True) if n}
    assert cited == {"protestant-europe", "african-islamic"}


# ------------------------------------------------------------------ several readers, and the report


def test_every_reader_is_shown_and_a_poor_one_is_warned_of_on_top(tmp_path, monkeypatch):
    from populace.agents.llm.policies import Scripted

    words = "Perhaps, perhaps not."
    assistant = {
        "policy": "llm/scripted",
        "otherwise": words,
        "interpreter": {
            "rules": {},
            "also": [
                {"prototypes": {}},
                {"judge": {"policy": "llm/scripted", "params": {"otherwise": "does_not_know"}}},
            ],
        },
    }
    run = populace.simulate({**SMALL, "arms": {"yours": {"agents.assistant": assistant}}}, out=tmp_path / "r")
    found = shares(run).set_index(["reader", "code"])["mean"]
    assert found["rules", "hedges"] == 1.0
    assert found["judge", "does_not_know"] == 1.0
    assert found["judge", "hedges"] == 0.0
    about = run.info["players"]["yours"]["assistant"]["interpreter"]
    assert [about["interpreter"], *(one["interpreter"] for one in about["also"])] == ["rules", "prototypes", "judge"]
    steps = run.steps
    judged = steps[steps["measure"].astype(str).eq("judged")]["value"].sum()
    assert judged == steps[steps["measure"].astype(str).eq("said/judge")]["value"].sum() > 0
    warned = [line for line in cautions(run) if "not to be trusted" in line]
    assert len(warned) == 1
    assert "read by rules" in warned[0]
    page = render(run)
    assert "measures of the assistant in this arm are not to be trusted" in page
    assert "Share of texts to which each reader gave a code" in page
    assert isinstance(Scripted, type)


def test_a_good_reader_is_not_warned_of(tmp_path):
    labelled = tmp_path / "mine.jsonl"
    line = json.dumps({"text": "Perhaps, perhaps not.", "codes": ["hedges"], "about": {"claim": "It is so."}})
    labelled.write_text(f"{line}\n")
    assistant = {
        "policy": "llm/scripted",
        "otherwise": "Perhaps, perhaps not.",
        "interpreter": {"rules": {}, "labelled": str(labelled)},
    }
    run = populace.simulate({**SMALL, "arms": {"yours": {"agents.assistant": assistant}}}, out=tmp_path / "r")
    assert not [line for line in cautions(run) if "not to be trusted" in line]


def test_what_a_reader_is_told_is_shown_to_no_seat():
    options = {"matter": "claims"}
    _, _, observation, chat = heard("drift", "assistant", "speak", "It is true.", options)
    claim = observation.reader.read(int(observation.reader.ground["claim"][chat.world, chat.seat]))
    face = Interpreted.of(InterpreterOptions(rules={}), observation.dialogue(), "assistant").face
    ((passage,),) = face.passages(observation, [chat], ["It is true."])
    assert passage == ("It is true.", {"claim": claim})
    assert "claim" not in observation


def test_faces_of_other_worlds_speak_as_scripts_do():
    """What a model says in a free face is heard: a sentence of its own stands in the conversation."""
    built = build("populace/lockin-v0", options={"matter": "quantities"}, users=4)
    players = {**built.policies, "assistant": replies("I am sure: 540 kg.")}
    run = start(built.world, players, built.population, seed=1, worlds=1)
    run, step = advance(built.world, players, run)
    text = int(step.said["assistant"].text.flatten()[0])
    assert run.words.get(text) == "I am sure: 540 kg."
    assert registry.policies.get("aggregate", within="lockin") is not None
    assert torch.isfinite(run.state.public.mean).all()
