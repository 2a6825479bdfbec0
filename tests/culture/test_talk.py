"""Culture in words: the same measures as without; questions, answers and responses that carry their codes."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from culture_stage import stage
from talk_checks import escaped, same_measures, small

import populace
from populace import tree
from populace.agents.llm.backends.base import Reply
from populace.agents.llm.backends.fakes import _Fake
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.analysis.page import render
from populace.dialogue import ReplyKind
from populace.envs.culture import Culture, CultureOptions
from populace.envs.culture.conversations import answers
from populace.envs.culture.free import VARIANTS
from populace.envs.culture.matter import questions_of
from populace.envs.culture.reading import words_of
from populace.errors import PopulaceError, UnknownName
from populace.rollout import Keep, rollout
from populace.run import Run, advance, see, start
from populace.scenarios import runner
from populace.testing import check_world
from populace.wordings import Wordings
from populace.words import SILENCE, UNWORDED, Reader, text_id

WORDINGS = Wordings.of("populace.envs.culture", "en")
OWN = {"survey": {"source": "questions", "questions": 12}, "asked": 1, "susceptibility": 0.3}
FULL = {
    **OWN,
    "asked": 3,
    "rounds": 2,
    "order": "shuffled",
    "layers": ({"name": "near"}, {"name": "work", "kind": "random"}),
    "coupling": 0.2,
    "active": 0.5,
}


class Speaker(_Fake):
    """Says what it was asked in every seat, in words of its own."""

    voice, greedy = "speaker", True

    def say(self, ask):
        last = ask.messages[-1][1]
        if "You can ask an assistant" in last:
            topic = last.splitlines()[-2].split(":")[0].removeprefix("- ")
            meet = "\nMeet: work" if "`Meet:`" in last else ""
            return Reply.of(ask, f"Do tell me of {topic}!\nAbout: {topic}{meet}")
        first = re.split(r", | or |\.", last.split("holds one of these alone: ")[1])[0]
        if "Tone:" in last:
            return Reply.of(ask, f"Latin America and Catholic Europe agree.\nAnswer: {first}\nTone: warm")
        return Reply.of(ask, f"I was asked: {last.split(chr(34))[1]}\nAnswer: {first}")


class Speaks(TextPolicy):
    """Seats of `Speaker`."""

    def open(self):
        return Speaker()


def _play(options, ticks=3, worlds=3, player=None, people=40):
    world, policies, population = stage(people, **options)
    if player is not None:
        policies = dict.fromkeys(policies, player)
    keep = Keep()
    run = start(world, policies, population, seed=1, worlds=worlds)
    return world, policies, rollout(world, policies, run, ticks, keep), keep


# ------------------------------------------------------------------ matter


def test_the_library_has_sixty_questions_whose_shares_add_up():
    survey = questions_of()
    assert len(set(survey.questions)) == len(set(survey.texts)) == 60
    assert survey.cultures == tuple(VARIANTS)
    assert np.allclose(survey.shares.sum(-1), 1.0)
    assert survey.known.all()
    for text, labels in zip(survey.texts, survey.labels, strict=True):
        assert text.endswith("?")
        assert 2 <= len(labels) <= 3
        assert len({label.casefold() for label in labels}) == len(labels)
        assert all(label == label.strip() and label[-1] not in ".!?" for label in labels)


def test_the_file_holds_what_is_read():
    """Read by another reader."""
    path = Path(populace.envs.culture.matter.__file__).with_name("questions.csv")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    survey = questions_of(count=7, cultures=("orthodox", "confucian"))
    assert survey.cultures == ("orthodox", "confucian")
    first = [row for row in rows if row["topic"] == survey.questions[6]]
    assert survey.labels[6] == tuple(row["option"] for row in first)
    assert survey.shares[1, 6, : len(first)] == pytest.approx([float(row["confucian"]) for row in first])
    with pytest.raises(UnknownName, match="nowhere"):
        questions_of(cultures=("nowhere", "orthodox"))


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("t,Q?,yes,.5,.5\nt,Other?,no,.5,.5", r"line 3, column 'question': 't' asks something else in line 2"),
        ("t,Q?,yes,.5,.5\nt,Q?,Yes,.5,.5", r"line 3, column 'option': this option stands in line 2"),
        ("t,Q?,yes,1,1", r"line 2: 't' has one option"),
        ("t,Q?,yes,.5,.5\nt,Q?,no,.4,.5", r"line 2, column 'a': the shares of 't' add up to 0.900"),
        ("t,Q?,yes,50,.5\nt,Q?,no,50,.5", r"line 2, column 'a': .*shares lie in 0..1"),
        ("t,Q?,yes,.5,x\nt,Q?,no,.5,.5", r"line 2, column 'b'"),
        (",Q?,yes,.5,.5", r"line 2, column 'topic': missing"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line_and_column(tmp_path, rows, wrong):
    path = tmp_path / "own.csv"
    path.write_text(f"topic,question,option,a,b\n{rows}\n", encoding="utf-8")
    with pytest.raises(PopulaceError, match=wrong):
        questions_of(str(path))


def test_a_survey_without_words_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no questions in words"):
        CultureOptions.model_validate({"matter": "survey"})
    file = tmp_path / "shares.csv"
    file.write_text("culture,question,option,share\na,Q1,1,1\nb,Q1,2,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no questions in words"):
        CultureOptions.model_validate({"matter": "survey", "survey": {"source": "shares", "file": str(file)}})


def test_the_wording_of_a_users_own_survey_is_asked(tmp_path):
    """Shares and texts in the form in which the World Values Survey is read."""
    file, texts = tmp_path / "shares.csv", tmp_path / "texts.json"
    file.write_text("culture,question,option,share\nAND,Q1,1,.9\nAND,Q1,2,.1\nARG,Q1,1,.2\nARG,Q1,2,.8\n")
    texts.write_text(json.dumps([{"q_id": "Q1", "question": "Is it so?", "options": ["Very much so", "Not so"]}]))
    own = {"source": "shares", "file": str(file), "texts": str(texts)}
    world, _, run, _ = _play({"survey": own, "asked": 1, "matter": "survey"}, 1, people=4)
    read = Reader(run.words, world.lexicon).read
    assert "Is it so?" in read(int(run.state.asking[0, 0]))
    assert "Very much so" in read(int(run.state.replies[0, 0, 0]))
    assert "Not so" in read(int(run.state.replies[0, 1, 0]))


# ------------------------------------------------------------------ bits


@pytest.mark.parametrize("options", [OWN, FULL, {**OWN, "rule": "bounded", "asked": 12}])
def test_measures_are_the_same_to_the_bit_with_words_and_without(options):
    same_measures(*(_play({**options, "matter": matter}, 6)[3] for matter in (None, "survey")))


@pytest.mark.parametrize("options", [OWN, FULL])
def test_the_world_keeps_the_contract(options):
    check_world(Culture, options=CultureOptions.model_validate({**options, "matter": "survey"}))


def test_texts_are_the_same_alone_in_a_batch_and_resumed(tmp_path):
    for player, options in ((None, FULL), (Speaks(Speaks.Options()), OWN)):
        options = {**options, "matter": "survey"}
        world, policies, run, _ = _play(options, 2, player=player)
        _, _, alone, _ = _play(options, 2, worlds=torch.tensor([2]), player=player)
        for name in ("asking", "replies", "response"):
            assert torch.equal(getattr(alone.state, name)[0], getattr(run.state, name)[2])
        run, _ = advance(world, policies, run)
        run.save(tmp_path / "run.pt")
        back = Run.load(tmp_path / "run.pt")
        for _ in range(4):
            run, _ = advance(world, policies, run)
            back, _ = advance(world, policies, back)
        reads = [Reader(r.words, world.lexicon).read for r in (run, back)]
        for name in ("asking", "replies", "response"):
            assert torch.equal(getattr(run.state, name), getattr(back.state, name))
            for found in getattr(run.state, name).unique().tolist():
                assert reads[0](found) == reads[1](found)


def test_advance_copies_nothing_to_the_host():
    """On the meta device any copy to the host fails."""
    world, _, run, _ = _play({**FULL, "matter": "survey", "rule": "none"}, 1)
    for phase in world.phases:
        fields = {role.name: role.done_in(phase) for role in world.acting[phase]}
        actions = {
            name: {f.name: f.empty(3, world.cast[name].seats, "meta") for f in done} for name, done in fields.items()
        }
        state, draw = tree.tree_map(lambda tensor: tensor.to("meta"), run.state), run.draw()
        step = world.advance(state, phase, actions, replace(draw, keys=draw.keys.to("meta")).scope("advance"))
        assert step.state.response.device.type == "meta"


# ------------------------------------------------------------------ what scripts say


def test_what_agents_say_names_the_option_they_chose_in_either_order():
    world, _, run, _ = _play({**FULL, "matter": "survey"}, 5, worlds=6)
    s, read, survey = run.state, Reader(run.words, world.lexicon).read, world.survey
    assert s.descending.any()
    assert not s.descending.all()
    for w in range(6):
        for c in range(7):
            for k in range(3):
                label = survey.labels[int(s.asked[w, k])][int(s.said[w, c, k])]
                assert f": {label}." in read(int(s.replies[w, c, k]))
            assert survey.texts[int(s.asked[w, 0])] in read(int(s.asking[w, 0]))


def test_a_response_names_its_answer_and_the_cultures_cited_most():
    world, _, _, _ = _play({**OWN, "matter": "survey"}, 0)
    talking, luck = world.talking, torch.zeros(3, 1, 2)
    references = torch.tensor([[[0, 0, 1, 0, 0, 3, 0]], [[0, 0, 0, 0, 0, 0, 2]], [[0] * 7]]).float()
    asked, merged = torch.zeros(3, 1, dtype=torch.int64), torch.tensor([[0], [1], [2]])
    found = talking.responses(asked, merged, references, torch.tensor([[1.0], [0.0], [0.5]]), luck)
    said = [[talking.said.lexicon.get(i, "") for i in row] for row in found[:, 0].tolist()]
    assert said[0] == [
        "All in all, the answer is: very important.",
        "I have listened above all to Latin America and to Catholic Europe. They are right in much of it.",
    ]
    assert said[1][1] == "I have listened above all to the African and Islamic countries."
    assert said[2] == ["All in all, the answer is: not important.", ""]
    assert int(found[2, 0, 1]) == SILENCE


def test_in_a_round_of_exposure_agents_hear_the_words_of_the_round_before():
    world, policies, run, _ = _play({**FULL, "matter": "survey"}, 0)
    for tick in range(4):
        said = run.state.replies
        run, _ = advance(world, policies, run)
        heard = see(world, run, world.role("agent"))["heard"][:, 0]
        if tick % 3 == 0:
            assert (heard == UNWORDED).all()
        else:
            assert torch.equal(heard, said)
        for _ in range(2):
            run, _ = advance(world, policies, run)


# ------------------------------------------------------------------ models


def test_models_ask_answer_and_merge():
    world, policies, run, _ = _play({**OWN, "matter": "survey"}, 1, player=Speaks(Speaks.Options()))
    read, topic = Reader(run.words, world.lexicon).read, world.survey.questions[-1]
    assert read(int(run.state.asking[0, 0])) == f"Do tell me of {topic}!"
    assert (run.state.asked == 11).all()
    assert read(int(run.state.replies[0, 3, 0])) == f"I was asked: Do tell me of {topic}!"
    assert [read(i) for i in run.state.response[0, 0].tolist()] == ["Latin America and Catholic Europe agree.", ""]
    assert (run.state.said == 0).all()
    assert run.state.cited[0].tolist() == [0, 0, 1, 0, 0, 1, 0]
    assert float(run.state.positive[0]) == 2.0
    chat = world.dialogue().say(see(world, run, world.role("person")))[0]
    assert 'The assistant has answered: "Latin America and Catholic Europe agree."' in chat.messages[-1][1]


def test_replies_are_words_first_and_labelled_lines_last():
    world, policies, run, _ = _play({**OWN, "matter": "survey"}, 0)
    run, _ = advance(world, policies, run)
    seen, dialogue = see(world, run, world.role("agent")), world.dialogue()
    chats = dialogue.say(seen)
    first = world.survey.labels[int(run.state.asked[0, 0])][0]
    replies = [
        f"So it is.\n**Answer:** {first}",
        f"Answer: {first}",
        "I would not know. Answer: it varies",
        f"Well.\nAnswer: {first}\nAnswer: other",
        "I'm sorry, but I cannot help with that.",
        "",
        first,
    ]
    _, kinds = dialogue.hear(seen, chats[:7], replies)
    bad, refused = int(ReplyKind.UNREADABLE), int(ReplyKind.REFUSED)
    assert kinds[0, :7].tolist() == [0, 0, bad, bad, refused, bad, bad]
    said = dialogue.utterances(seen, chats[:7], replies)["words"]
    assert [row[0] for row in said] == [
        "So it is.",
        None,
        "I would not know. Answer: it varies",
        "Well.",
        "I'm sorry, but I cannot help with that.",
        "",
        first,
    ]
    assert words_of("So?\nAbout: trust\nMeet: work", WORDINGS) == "So?"


@pytest.mark.parametrize("role", ["person", "agent", "synthesiser"])
@pytest.mark.parametrize("options", [OWN, FULL])
def test_what_a_script_would_write_is_read_back(role, options):
    world, policies, run, _ = _play({**options, "matter": "survey"}, 0)
    for step in range(9):
        if world.role(role) in world.acting[world.phases[run.phase]]:
            seen = see(world, run, world.role(role))
            acts, _ = policies[role].act(seen, run.memory[role], run.draw().scope(f"x{step}"))
            dialogue, chats = world.dialogue(), world.dialogue().say(seen)
            replies = dialogue.write(seen, chats, acts)
            actions, kinds = dialogue.hear(seen, chats, replies)
            assert (kinds == 0).all()
            for name in {"question", "layer"} if role == "person" else {"answers"}:
                assert torch.equal(actions[name], acts[name]), name
            assert all(words_of(reply, WORDINGS) for reply in replies)
        run, _ = advance(world, policies, run)


def test_seats_are_told_what_a_script_may_use():
    world, policies, run, _ = _play({**OWN, "matter": "survey", "rounds": 1}, 1)
    run, _ = advance(world, policies, run)
    seen = see(world, run, world.role("agent"))
    told = world.dialogue().say(seen)

    def differs(field, value):
        other = type(seen)({**seen, field: value}, seen.role, seen.phase, seen.present, seen.dialogue, seen.reader)
        return world.dialogue().say(other) != told

    assert differs("marginals", seen["marginals"].flip(-1))
    assert differs("pool", seen["pool"] * 0.5)
    assert differs("heard", seen["heard"].roll(1, 2))
    assert differs("culture", seen["culture"].roll(1, 1))
    assert not differs("others", seen["others"] * 0)  # it reads the words instead
    person = see(world, replace(run, phase=0), world.role("person"))
    chat = world.dialogue().say(person)[0].messages[-1][1]
    for q, (topic, labels) in enumerate(zip(world.survey.questions, world.survey.labels, strict=True)):
        own = labels[int(run.state.traits[0, 0, 0, q])]
        assert f"- {topic}: {world.survey.texts[q]} (You say: {own}.)" in chat


@pytest.mark.parametrize("face", ["world", "fields"])
def test_models_without_words_of_their_own_play_on(face):
    kind = populace.registry.policies.get("llm/random")
    world, _, run, _ = _play({**OWN, "matter": "survey"}, 2, player=kind(kind.Options(face=face)), people=8)
    read = Reader(run.words, world.lexicon).read
    for name in ("asking", "replies", "response"):
        assert all(read(i) or i in (SILENCE, UNWORDED) for i in getattr(run.state, name).unique().tolist())


# ------------------------------------------------------------------ kept and shown


def test_the_scenario_ends_in_a_report_with_conversations(tmp_path):
    folder = runner.run(small("talk-culture", horizon=3, population={"size": 14}), tmp_path / "a")
    run = populace.load_run(folder)
    rows = answers(run)
    assert len(rows) == 4 * 2 * 3
    survey = questions_of(count=20)
    for row in rows.to_dict("records"):
        q = survey.questions.index(row["question"])
        assert survey.texts[q] in row["asked"]
        assert row["answer"] in survey.labels[q]
        assert row["answer"] in row["response"]
        assert set(row["cited"]) == {name.replace("-", "_") for name in survey.cultures}
        assert len(row["said"]) == 7
        for one in row["said"]:
            own = survey.shares[one["seat"], q, : len(survey.labels[q])]
            assert own[survey.labels[q].index(one["held"])] == own.max()
            assert one["answer"] in one["text"]
    assert "What was said" in render(run)
    runner.run(small("talk-culture", horizon=3, population={"size": 14}), tmp_path / "b", batch=1)
    assert (tmp_path / "a" / "talk.parquet").read_bytes() == (tmp_path / "b" / "talk.parquet").read_bytes()


def test_hostile_words_are_escaped(tmp_path):
    evil = "<script>alert(1)</script>\nAnswer: yes\nTone: warm"
    folder = runner.run(
        small(
            "talk-culture",
            horizon=3,
            population={"size": 14},
            arms={"yours": {"agents.synthesiser": {"policy": "llm/stubborn", "reply": evil}}},
            reference="yours",
        ),
        tmp_path / "run",
    )
    escaped(render(populace.load_run(folder)))
    assert text_id("") == SILENCE
