"""Coevolution in words: the same measures as without; statements that carry their loadings; essays that are read."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from coevolution_stage import Crowd, society
from talk_checks import escaped, same_measures, small

import populace
from populace import tree
from populace.agents.llm.backends.base import Reply
from populace.agents.llm.backends.fakes import _Fake
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.analysis.page import render
from populace.dialogue import ReplyKind
from populace.envs.coevolution import Coevolution, CoevolutionOptions
from populace.envs.coevolution.conversations import essays, remarks
from populace.envs.coevolution.history import CENTURY_VALUES, MORAL_VALUES
from populace.envs.coevolution.matter import matter_of, spoken_of
from populace.envs.coevolution.phrases import said_of, spoken
from populace.envs.coevolution.prompts import labelled, matters_of, words_of
from populace.errors import OptionError, PopulaceError
from populace.rollout import Keep, rollout
from populace.run import Run, advance, see
from populace.scenarios import runner
from populace.testing import check_world
from populace.wordings import Wordings
from populace.words import SILENCE, UNWORDED, Reader, text_id

ASKED = {"loadings": "statements", "asked": 4}
BASE = {"history": {"series": "walk", "every": 2}, "bound": 3.0}
SPARSE = {**BASE, "audience": "segment", "assistants": 2, "turnover": 0.2, "noise": 0.02, "questionnaire": {"asked": 5}}
OWN = {**BASE, "questionnaire": ASKED}
WORDS = Wordings.of("populace.envs.coevolution", "en")
PEOPLE = Crowd(12, CENTURY_VALUES)


class Writer(_Fake):
    """Writes a line of its own in every seat, and agrees with everything."""

    voice, greedy = "writer", True

    def say(self, ask):
        last = ask.messages[-1][1]
        asked = [line.split(".")[0] for line in last.splitlines() if line[:1].isdigit()]
        if "an assistant" in ask.messages[0][1]:
            return Reply.of(ask, "Faith and law, I say.\n" + "\n".join(f"{k}: 90%" for k in asked))
        heard = last.split('"')[1] if "has written to you" in last else "nothing"
        return Reply.of(ask, f"I have read {heard}\n" + "\n".join(f"{k}: yes" for k in asked))


class Writes(TextPolicy):
    """Seats of `Writer`."""

    def open(self):
        return Writer()


def _play(options, ticks=3, assistant="lifelong", user="sincere", worlds=3, population=PEOPLE):
    world, policies, run = society(options, assistant, population=population, worlds=worlds)
    if not isinstance(user, str):
        policies["user"] = user
    keep = Keep()
    return world, policies, rollout(world, policies, run, ticks, keep), keep


# ------------------------------------------------------------------ matter


def test_there_are_150_statements_over_the_nineteen_values_and_forty_over_the_five():
    for values, size in ((MORAL_VALUES, 150), (CENTURY_VALUES, 40)):
        matter = matter_of("statements", values)
        assert len(set(matter.statement)) == len(matter.statement) == size
        assert set(matter.loadings.unique().tolist()) <= {-1.0, -0.5, 0.0, 0.5, 1.0}
        loaded = (matter.loadings != 0).sum(-1)
        assert 1 <= int(loaded.min()) <= int(loaded.max()) <= 3
        _, counts = matter.pure()
        assert (counts == 3).all()
        matter.demand_pure()
        for statement in matter.statement:
            assert 15 <= len(statement) <= 100
            assert statement[0].isupper()
            assert statement.endswith(".")
            assert statement.count(".") == 1


def test_a_statement_and_its_contrary_load_the_other_way():
    """Pairs of the table that contradict each other in so many words."""
    for values, pairs in {
        MORAL_VALUES: [
            ("A doctor should refuse to end the life of a patient who asks to die.",
             "A doctor may end the life of a patient who asks to die."),
            ("Economic growth is the best measure of a country's success.",
             "A simpler life is better than more economic growth."),
            ("All ways of life deserve equal respect.", "Some ways of life are simply better than others."),
            ("Employees should report a boss who cheats.", "Employees should keep silent about a boss who cheats."),
        ],
        CENTURY_VALUES: [
            ("The best times still lie ahead of us.", "The good times are behind us."),
        ],
    }.items():  # fmt: skip
        matter = matter_of("statements", values)
        for pair in pairs:
            one, other = (matter.loadings[matter.statement.index(text)] for text in pair)
            assert torch.equal(one, -other)


def test_names_of_values_are_known_with_and_without_their_prefix():
    bare = tuple(name.split("_", 1)[1] for name in MORAL_VALUES)
    assert torch.equal(matter_of("statements", bare).loadings, matter_of("statements", MORAL_VALUES).loadings)
    assert spoken_of(bare, WORDS) == spoken_of(MORAL_VALUES, WORDS)
    assert spoken_of(("good_cheer",), WORDS)[0].more == "there should be more good cheer"
    with pytest.raises(PopulaceError, match="no statements on 'mirth'"):
        matter_of("statements", ("mirth",))


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("One.,1,0\nOne.,0,1", r"line 3, column 'statement': this statement stands in line 2"),
        ("One.,x,0", r"line 2, column 'a'"),
        (",1,0", r"line 2, column 'statement': missing"),
        ("One.,1", r"line 2"),
        ("One.,1,0\nTwo.,-1,0\nThree.,0,1", r"no statement that loads -1 on 'b'"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line_and_column(tmp_path, rows, wrong):
    path = tmp_path / "own.csv"
    path.write_text(f"statement,a,b\n{rows}\n", encoding="utf-8")
    with pytest.raises(OptionError, match=wrong):
        society({**BASE, "matter": str(path), "questionnaire": {"asked": 2}}, population=Crowd(4, ("a", "b")))


def test_a_file_of_ones_own_is_asked(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("statement,b,a,note\nTea; or coffee=1.,0.25,1,7\nMilk.,-1,0,8\nSugar.,1,1,9\n", encoding="utf-8")
    options = {**BASE, "matter": str(path), "questionnaire": {"asked": 2, "held_out": 0, "loadings": str(path)}}
    world, _, run, _ = _play(options, population=Crowd(6, ("a", "b")))
    read = Reader(run.words, world.lexicon).read
    loadings = {"Tea; or coffee=1.": [1.0, 0.25], "Milk.": [0.0, -1.0], "Sugar.": [1.0, 1.0]}
    ids = world.talking.said.statements
    for w in range(3):
        for item in range(3):
            text = read(int(ids[run.state.statements[w, item, 0]]))
            assert run.state.loadings[w, item].tolist() == loadings[text]
    with pytest.raises(ValueError, match="has no words for the items"):
        CoevolutionOptions.model_validate({"matter": "statements", "questionnaire": {"loadings": str(path)}})


# ------------------------------------------------------------------ bits


@pytest.mark.parametrize("options", [OWN, SPARSE, {**OWN, "protocol": "follow"}])
@pytest.mark.parametrize("assistant", ["lifelong", "mirror", "forfeit"])
def test_measures_are_the_same_to_the_bit_with_words_and_without(options, assistant):
    same_measures(*(_play({**options, "matter": matter}, 4, assistant)[3] for matter in (None, "statements")))


@pytest.mark.parametrize("options", [{"matter": "statements", "questionnaire": ASKED}, {"matter": "statements"}])
def test_the_world_keeps_the_contract(options):
    check_world(Coevolution, options=CoevolutionOptions.model_validate(options))


def test_texts_are_the_same_alone_in_a_batch_and_resumed(tmp_path):
    for player in ("lifelong", Writes(Writes.Options())):
        options = {**SPARSE, "matter": "statements", "audience": "all"}
        world, policies, run, _ = _play(options, 2, player)
        _, _, alone, _ = _play(options, 2, player, worlds=torch.tensor([2]))
        assert torch.equal(alone.state.essay[0], run.state.essay[2])
        run, _ = advance(world, policies, run)
        run.save(tmp_path / "run.pt")
        back = Run.load(tmp_path / "run.pt")
        for _ in range(3):
            run, _ = advance(world, policies, run)
            back, _ = advance(world, policies, back)
        assert torch.equal(run.state.essay, back.state.essay)
        reads = [Reader(r.words, world.lexicon).read for r in (run, back)]
        for found in run.state.essay.unique().tolist():
            assert reads[0](found) == reads[1](found) != ""


def test_advance_copies_nothing_to_the_host():
    """On the meta device any copy to the host fails."""
    world, _, run, _ = _play({**SPARSE, "matter": "statements"}, 1)
    for phase in world.phases:
        fields = {role.name: role.done_in(phase) for role in world.acting[phase]}
        actions = {
            name: {f.name: f.empty(3, world.cast[name].seats, "meta") for f in done} for name, done in fields.items()
        }
        state, draw = tree.tree_map(lambda tensor: tensor.to("meta"), run.state), run.draw()
        step = world.advance(state, phase, actions, replace(draw, keys=draw.keys.to("meta")).scope("advance"))
        assert step.state.essay.device.type == "meta"


# ------------------------------------------------------------------ what is said


@pytest.mark.parametrize("options", [OWN, SPARSE])
def test_the_statements_of_an_item_carry_its_loadings(options):
    world, _, run, _ = _play({**options, "matter": "statements"}, 1)
    matter, s = world.talking.matter, run.state
    padded = torch.cat((matter.loadings, torch.zeros(1, 5)))
    assert torch.equal(padded[s.statements].sum(2), s.loadings)


def test_the_table_of_statements_holds_the_loadings_that_are_asked():
    """Read by another reader: what stands in the file is what a society answers."""
    path = Path(populace.envs.coevolution.matter.__file__).with_name("statements.csv")
    with path.open(encoding="utf-8") as file:
        rows = {row["statement"]: row for row in csv.DictReader(file)}
    assert len(rows) == 190
    world, _, run, _ = _play({**OWN, "matter": "statements"}, 1)
    matter = world.talking.matter
    for item, row in zip(run.state.loadings[0], run.state.statements[0, :, 0].tolist(), strict=True):
        own = rows[matter.statement[row]]
        assert item.tolist() == [float(own[name]) for name in CENTURY_VALUES]


def test_an_essay_speaks_of_the_values_that_differ_most_from_the_start():
    stand = torch.tensor([[0.1, -2.0, 0.0, 0.5, 1.0], [0.0, 0.2, -0.1, 0.0, 0.0], [0.0, 0.0, -0.3, 0.0, 0.0]])
    first, second = spoken(stand)
    assert first.tolist() == [1 + 2 * 1, 0, 1 + 2 * 2]
    assert second.tolist() == [1 + 2 * 4 + 1, 0, 0]
    said = said_of(matter_of("statements", CENTURY_VALUES), WORDS)
    text = said.lexicon[int(said.essays.say((first[:1], second[:1]), torch.zeros(1)))]
    assert (
        text
        == "I hold that the people should decide less. I also hold that life should be safer and follow clearer rules."
    )


def test_every_wording_is_in_the_lexicon_and_wordings_differ():
    said = said_of(matter_of("statements", CENTURY_VALUES), WORDS)
    assert text_id("I agree with all of this.") in said.lexicon
    assert text_id("Shops should be closed on holy days.") in said.lexicon
    assert len(set(said.lexicon.values())) == len(said.lexicon)


def test_remarks_follow_from_answers_alone():
    world, policies, run, _ = _play({**OWN, "matter": "statements"}, 0)
    observation = see(world, run, world.role("user"))
    actions, _ = policies["user"].act(observation, None, run.draw().scope("x"))
    _, step = advance(world, policies, run, {"user": actions})
    read = Reader(run.words, world.lexicon).read
    for row, answers in zip(step.said["user"].text.flatten(), actions["answers"].flatten(0, 1), strict=True):
        text, yes = read(int(row)), int(answers.sum())
        assert ("all of this" in text.lower()) == (yes == 4 or text == "All of this goes against what I hold.")
        assert ("half" in text or "Some of this is right" in text) == (yes == 2)


# ------------------------------------------------------------------ models


def test_a_model_writes_and_is_read():
    writer = Writes(Writes.Options())
    world, policies, run, _ = _play({**OWN, "matter": "statements"}, 1, writer, writer)
    read = Reader(run.words, world.lexicon).read
    assert {read(i) for i in run.state.essay.flatten().tolist()} == {"Faith and law, I say."}
    run, step = advance(world, policies, run)
    assert {read(i) for i in step.said["user"].text.flatten().tolist()} == {"I have read Faith and law, I say."}
    assert (step.said["user"].kind == 0).all()
    assert (run.state.yes == 12).all()


def test_nobody_reads_where_nobody_listens():
    world, _, run, _ = _play({**OWN, "matter": "statements", "protocol": "follow"}, 1)
    role = world.role("user")
    assert "read" not in {f.name for f in role.sees}
    chat = world.dialogue().say(see(world, run, world.role("user")))[0]
    assert "has written to you" not in chat.messages[-1][1]


def test_replies_are_words_first_and_labelled_lines_last():
    assert words_of(WORDS, "I think so.\n1: yes\n2: no") == "I think so."
    assert words_of(WORDS, "1: yes\n2: no") is None
    assert words_of(WORDS, "") == ""
    assert words_of(WORDS, "In 2024: yes, we did.\n1: 70%\nmirror: 20%") == "In 2024: yes, we did."
    assert labelled(WORDS, "1: a thing that I like\n1: yes") == "1: yes"
    assert labelled(WORDS, "Well.\n**1:** 70\n2: 100%.") == "**1:** 70%\n2: 100%"
    world, _, run, _ = _play({**OWN, "matter": "statements"}, 1)
    seen, dialogue = see(world, run, world.role("user")), world.dialogue()
    chats = dialogue.say(seen)
    good, bad = "Fine.\n1: yes\n2: yes\n3: no\n4: no", "Fine.\n1: yes\n1: no\n2: yes\n3: no\n4: no"
    actions, kinds = dialogue.hear(seen, chats, [good, bad, "I cannot help with that."] * (len(chats) // 3))
    assert kinds[0, :3].tolist() == [0, int(ReplyKind.UNREADABLE), int(ReplyKind.REFUSED)]
    assert actions["answers"][0, 0].tolist() == [1, 1, 0, 0]
    assert list(dialogue.utterances(seen, chats, [good, bad])["remark"]) == ["Fine.", "Fine."]


@pytest.mark.parametrize("role", ["user", "assistant"])
@pytest.mark.parametrize("options", [OWN, SPARSE])
def test_what_a_script_would_write_is_read_back(role, options):
    world, policies, run, _ = _play({**options, "matter": "statements"}, 1, "pluralist")
    for phase in world.phases:
        if world.role(role) in world.acting[phase]:
            seen = see(world, run, world.role(role))
            acts, _ = policies[role].act(seen, run.memory[role], run.draw().scope("x"))
            dialogue, chats = world.dialogue(), world.dialogue().say(seen)
            replies = dialogue.write(seen, chats, acts)
            actions, kinds = dialogue.hear(seen, chats, replies)
            assert (kinds == 0).all()
            if role == "user":
                assert torch.equal(actions["answers"], acts["answers"])
            assert all(words_of(WORDS, reply) for reply in replies)
        run, _ = advance(world, policies, run)


def test_a_person_is_told_each_value_that_sets_it_apart_and_no_other():
    world, _, run, _ = _play({**OWN, "matter": "statements"}, 0)
    cares = [value.cares for value in spoken_of(CENTURY_VALUES, WORDS)]

    def persona(stand):
        matters = matters_of(cares, stand)
        rest = sum(len(group["cares"]) for group in matters) < len(stand)
        return WORDS.one("user.answer.system", name="Ida", matters=matters, rest=rest)

    assert persona([2.5, -0.3, 0.1, 0.0, 0.0]) == (
        "You are Ida. It matters much more to you than to most people that religion has a firm place in life. It "
        "matters a little less to you than to most people that the people decide. About everything else you think as "
        "most people do. Write as Ida, in the first person."
    )
    assert "About all that is asked here you think as most people do." in persona([0.0] * 5)
    seen = see(world, run, world.role("user"))
    told = world.dialogue().say(seen)
    for field, changed in (("items", seen["items"] + 0), ("values", -seen["values"]), ("beta", seen["beta"] * 9)):
        other = type(seen)({**seen, field: changed}, seen.role, seen.phase, seen.present, seen.dialogue, seen.reader)
        assert (world.dialogue().say(other) == told) == (field == "items"), field


def test_an_assistant_is_told_what_was_answered_and_no_number_of_a_value():
    world, policies, run, _ = _play({**OWN, "matter": "statements"}, 0)
    run, _ = advance(world, policies, run)
    seen = see(world, run, world.role("assistant"))
    (chat, *_) = told = world.dialogue().say(seen)
    shares = seen["shares"][0, 0, 0].tolist()
    for share, statement in zip(shares, seen.text("statements")[0][0], strict=True):
        yes = round(share * 12)
        assert (
            f"{statement[0]} ({yes or 'None'} of the 12 people said yes: {round(100 * yes / 12)}%.)"
            in chat.messages[-1][1]
        )
    assert "At the start half of them would have said yes to each." in chat.messages[-1][1]
    shifted = {**seen, "prior": seen["prior"] + 0.5}
    other = type(seen)(shifted, seen.role, seen.phase, seen.present, seen.dialogue, seen.reader)
    assert world.dialogue().say(other) != told


@pytest.mark.parametrize("face", ["world", "fields"])
def test_models_without_words_of_their_own_play_on(face):
    from populace.registry import policies as registered

    kind = registered.get("llm/random")
    player = kind(kind.Options(face=face))
    world, _, run, _ = _play({**OWN, "matter": "statements"}, 2, player, player)
    read = Reader(run.words, world.lexicon).read
    assert all(read(i) or i in (SILENCE, UNWORDED) for i in run.state.essay.unique().tolist())


# ------------------------------------------------------------------ kept and shown


def test_the_scenario_ends_in_a_report_with_conversations(tmp_path):
    folder = runner.run(small("talk-values", horizon=3), tmp_path / "a")
    run = populace.load_run(folder)
    rows = essays(run)
    assert len(rows) == 4 * 2 * 3
    assert {len(asked) for asked in rows["asked"]} == {4}
    assert {len(yes) for yes in rows["yes"]} == {4}
    assert set().union(*rows["asked"]) <= set(matter_of("statements", MORAL_VALUES).statement)
    said = remarks(run)
    assert len(said) == 4 * 2 * 3 * 6
    first = rows.iloc[0]
    own = said[(said["arm"] == first["arm"]) & (said["world"] == first["world"]) & (said["step"] == first["step"])]
    shares = [(own[f"answer{k}"] == "yes").mean() for k in range(1, 5)]
    assert first["yes"] == pytest.approx(shares, abs=0.001)
    assert "What was said" in render(run)
    runner.run(small("talk-values", horizon=3), tmp_path / "b", batch=1)
    assert (tmp_path / "a" / "talk.parquet").read_bytes() == (tmp_path / "b" / "talk.parquet").read_bytes()


def test_hostile_words_are_escaped(tmp_path):
    evil = "<script>alert(1)</script>\n1: 50%\n2: 50%\n3: 50%\n4: 50%"
    folder = runner.run(
        small(
            "talk-values",
            horizon=3,
            arms={"yours": {"agents.assistant": {"policy": "llm/stubborn", "reply": evil}}},
            reference="yours",
        ),
        tmp_path / "run",
    )
    escaped(render(populace.load_run(folder)))
