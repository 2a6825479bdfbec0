"""Payoff in words: the same measures as without, and what is asked and answered is heard, kept, read back and shown."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from talk_checks import escaped, on_meta, read_back, readable, replies, resumed, same_measures, small

import populace
from populace.analysis.page import render
from populace.analysis.privacy import PublicRun
from populace.envs.payoff import Payoff, PayoffOptions, types
from populace.envs.payoff.conversations import section, turns
from populace.envs.payoff.dialogue import act_of
from populace.envs.payoff.matter import content_words, matter_of
from populace.envs.payoff.matter.answers import exact, f1, gives, normalised
from populace.envs.payoff.phrases import answered, said_of
from populace.envs.payoff.primitives import ACTS, SAFE_ACTS
from populace.envs.payoff.talk import declared_act
from populace.errors import PopulaceError
from populace.registry import policies
from populace.replies import repeats
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.scenarios import runner
from populace.testing import check_world
from populace.wordings import Wordings
from populace.words import UNWORDED, Reader, text_id

WORDINGS = Wordings.of("populace.envs.payoff", "en")
WARM_UP = WORDINGS.one("assistant.respond.example.reply")
PLAIN = {"matter": "questions", "form": "plain"}
FULL = {
    "matter": "questions",
    "stated": True,
    "conflict": 0.4,
    "harm": {"share": 0.3, "spotted": 0.8},
    "pricing": {"policy": "per_token"},
    "later": {"policy": "subscription"},
    "switch": 3,
    "misread": 0.2,
}


def _talk(ask):
    """As a user it asks as its wish is put, and then says what it meant; as an assistant it repeats the question."""
    system, last = ask.messages[0][1], ask.messages[-1][1]
    if "you use an assistant" in system:
        return f"Tell me {last.split('You want to know ')[1].split('. ')[0]}."
    if "<thinking>" in system:
        return WARM_UP.replace("To the old harbour it is bus 12.", "It may be Kinshasa.")
    return f"You ask: {last} Is that it?"


def made(name, **options):
    kind = policies.get(name, within="payoff")
    return kind(kind.Options(**options))


def begun(worlds=3, users=6, seed=5, assistant=None, user=None, **options):
    population = types.TypedUsers(users)
    world = Payoff(PayoffOptions.model_validate({**PLAIN, **options}), population.census)
    players = {"user": user or made("logit", noise=0.3), "assistant": assistant or made("logit", noise=0.3)}
    return world, players, start(world, players, population, seed=seed, worlds=worlds)


def play(ticks=4, **given):
    world, players, run = begun(**given)
    keep = Keep()
    return world, players, rollout(world, players, run, ticks, keep, check=True), keep


# ------------------------------------------------------------------ matter


def test_the_shipped_questions_are_of_all_kinds_and_no_two_are_the_same():
    questions = matter_of("questions").questions
    assert len(questions) == 200
    kinds = Counter((q.ambiguous, q.harmful) for q in questions)
    assert kinds[True, False] + kinds[True, True] >= 90
    assert min(kinds.values()) >= 10
    assert len(kinds) == 4
    for name in ("goal", "clear"):
        assert len({getattr(q, name).lower() for q in questions}) == 200
    for q in questions:
        assert 2 <= len(q.meanings) <= 4
        assert len(set(q.meanings)) == len(q.meanings) == len(q.answers)
        assert q.clear != q.vague
        assert q.clear[-1] == q.vague[-1] == "?"
        assert q.goal[-1] not in ".?!"
        assert bool(q.safe) == q.harmful


def test_what_can_be_worked_out_is_right():
    """Arithmetic and units are worked out here, so that a slip of the pen in the table is found."""
    right = {q.goal: q.answers[0] for q in matter_of("questions").questions}
    assert gives(str(7 * 8), right["what seven times eight is"])
    assert gives(f"{2**10:,}", right["what the tenth power of two is"])
    assert gives(f"{2**10:,}", right["how many bytes a binary kilobyte has"])
    assert gives(str(int("10", 16)), right["which number the hexadecimal 10 is"])
    assert gives(str(sorted((1, 2, 9))[1]), right["what the median of 1, 2 and 9 is"])
    assert gives(str(sum(range(1, 7))), right["how many dots a single die has"])
    assert gives("4.605", right["what the natural logarithm of 100 is"])  # ln 100 = 4.60517
    assert gives("26", right["how many letters the English alphabet has"])
    others = {q.goal: q.answers[1] for q in matter_of("questions").questions}
    assert gives(hex(56)[2:], others["what seven times eight is"])
    assert gives(str(sum(k * k for k in range(1, 9))), others["how many small squares a chessboard has"])
    assert gives(bin(1024)[2:], others["what the tenth power of two is"])


def test_wordings_are_clear_or_vague_and_answers_tell_meanings_apart():
    matter = matter_of("questions")
    for i, q in enumerate(matter.questions):
        assert matter.deciding[i] & content_words(q.clear) or matter.deciding[i] & content_words(q.meanings[0]), q.clear
        assert not matter.deciding[i] & content_words(q.vague)
        assert matter.topic[i] & content_words(q.vague)
        for wrong in q.answers[1:]:
            assert not gives(wrong[0], q.answers[0])
            assert not gives(q.answers[0][0], wrong)


def test_every_wording_of_a_script_is_read_back_as_what_it_is():
    for q in matter_of("questions").questions:
        for act, name in enumerate((*ACTS, *SAFE_ACTS)):
            for right in (False, True):
                for which in range(len(q.meanings) - 1):
                    for text in answered(WORDINGS, q, name, right, which):
                        assert act_of(text, safe=True) == act, text
                        if name in ("direct", "both"):
                            assert gives(text, q.answers[0]) == right, text


def test_answers_are_compared_as_in_ambigqa():
    """By SQuAD's rules: lower case, no punctuation, no articles, single spaces; F1 of {a, b, c} with {b, c, d}: 2/3."""
    assert normalised("The  Eiffel-Tower, a  Sight!") == "eiffeltower sight"
    assert exact("the Nile.", ("Nile",))
    assert not exact("It is the Nile.", ("Nile",))
    assert f1("x b c", ("b c d",)) == pytest.approx(2 / 3)
    assert f1("x", ("y", "x")) == 1.0
    assert f1("x", ("y",)) == 0.0
    assert gives("It is the Nile, I think.", ("the Nile",))
    assert not gives("It is not the Nile.", ("the Nile",))
    assert not gives("The Niles", ("Nile",))


_HEAD = "ambiguous,harmful,goal,clear,vague,meaning_1,answer_1,meaning_2,answer_2\n"


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        ("maybe,no,g,c,v,m,a,n,b", r"line 2, column 'ambiguous': 'maybe' is none of yes, no"),
        ("yes,no,g,c,v,m,x,,", r"line 2, column 'ambiguous': an ambiguous question needs two"),
        ("no,no,g,c,v,m,,n,b", r"line 2, column 'answer_1': missing"),
        ("no,no,g,c,v,m,x,n,", r"line 2, column 'answer_2': missing; a meaning needs its answer"),
        ("no,no,g,c,v,m,the,n,b", r"line 2, column 'answer_1': 'the' holds nothing"),
        ("no,no,g,c,v,m,a1,n,b\nno,no,g,d,w,m,a1,n,b", r"line 3, column 'goal': this goal stands in line 2"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line_and_column(tmp_path, cells, wrong):
    path = tmp_path / "own.csv"
    path.write_text(f"{_HEAD}{cells}\n", encoding="utf-8")
    with pytest.raises(PopulaceError, match=wrong):
        matter_of(str(path))


def test_a_file_of_ones_own_is_asked_about(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(
        _HEAD + "yes,no,how hot {green} tea is,How hot is green tea?,How hot is tea?,green,70; so | 70,black,95\n"
        'no,no,"where, in short, ice is",Where is ice cold?,Where is ice?,cold,"North, I",hot,South\n',
        encoding="utf-8",
    )
    world, _, run, _ = play(matter=str(path))
    read = Reader(run.words, world.lexicon).read
    said = [read(i) for i in run.state.talk.unique().tolist()]
    assert all("{" not in text for text in said)
    assert any("tea" in text for text in said)
    with pytest.raises(PopulaceError, match="question that is harmful"):
        begun(matter=str(path), harm={"share": 0.5})
    with pytest.raises(ValueError, match="neither a file nor one of questions"):
        PayoffOptions(matter="question")
    with pytest.raises(ValueError, match="form: plain needs something to talk about"):
        PayoffOptions(form="plain")


def test_questions_in_the_form_of_ambigqa_are_read(tmp_path):
    path = tmp_path / "qa.jsonl"
    path.write_text(
        '{"goal": "Who won?", "ground_truth": "multipleQAs###Two.Meaning 0: Who won at home?; Answer 0: The Reds\\n'
        'Meaning 1: Who won away?; Answer 1: The Blues\\nMeaning 2: Who drew?; Answer 2: \\n"}\n'
        '{"goal": "Who lost?", "ground_truth": "singleAnswer###The Greens"}\n',
        encoding="utf-8",
    )
    home, away, single = matter_of(str(path)).questions
    assert (home.clear, home.vague, home.answers) == ("Who won at home?", "Who won?", (("The Reds",), ("The Blues",)))
    assert away.answers == (("The Blues",), ("The Reds",))
    assert (single.ambiguous, single.answers) == (False, (("The Greens",),))
    world, _, run, _ = play(matter=str(path))
    assert {Reader(run.words, world.lexicon).read(i) for i in run.state.talk.unique().tolist()}
    for line, wrong in (
        ("{", "line 1: this is not JSON"),
        ("[]", "line 1: expected an object"),
        ('{"goal": "x", "ground_truth": 3}', "line 1: expected an object"),
        ('{"goal": "x", "ground_truth": "y"}', "line 1: ground_truth begins with neither"),
        ('{"goal": "x", "ground_truth": "singleAnswer###?"}', "no question with an answer"),
    ):
        path.write_text(line + "\n", encoding="utf-8")
        with pytest.raises(PopulaceError, match=wrong):
            matter_of(str(path))


def test_the_shared_questions_of_ambigqa_are_read(shared_data: Path):
    """150 single answers and 150 ambiguous questions (data sheet of GTAlign)."""
    path = str(shared_data / "payoff" / "ambig_qa_test.jsonl")
    questions = matter_of(path).questions
    assert sum(not q.ambiguous for q in questions) == 150
    assert len({q.vague for q in questions if q.ambiguous}) == 150
    assert all(2 <= len(q.meanings) <= 4 for q in questions if q.ambiguous)
    world, _, run, _ = play(matter=path)
    assert all(Reader(run.words, world.lexicon).read(i) for i in run.state.talk.unique().tolist() if i)


# ------------------------------------------------------------------ bits


@pytest.mark.parametrize("options", [{}, {"accuracy": "logged", "turns": 1}, {**FULL, "form": "tags"}])
def test_measures_are_the_same_to_the_bit_with_words_and_without(options):
    """Scripts act on numbers alone, so words change nothing; learners too."""
    for players in ({}, {"assistant": made("cobb-douglas"), "user": made("best-response")}):
        same_measures(
            *(play(6, **players, **{**options, "matter": matter, "form": "tags"})[3] for matter in (None, "questions"))
        )


@pytest.mark.parametrize("options", [PLAIN, {**FULL, "form": "tags"}])
def test_the_world_keeps_the_contract(options):
    check_world(Payoff, options=PayoffOptions.model_validate(options))


def test_texts_are_the_same_alone_in_a_batch_and_resumed(tmp_path):
    for assistant, user in ((None, None), (replies(_talk), replies(_talk))):
        world, players, run, _ = play(2, assistant=assistant, user=user, conflict=0.3)
        alone = play(2, assistant=assistant, user=user, conflict=0.3, worlds=torch.tensor([2]))[2]
        assert torch.equal(alone.state.talk[0], run.state.talk[2])
        assert torch.equal(alone.state.question[0], run.state.question[2])
        run, _ = advance(world, players, run)  # saved in the middle of a tick
        resumed(world, players, run, tmp_path / "run.pt", lambda r: r.state.talk)


def test_a_tape_gives_the_same_conversations(tmp_path):
    """The shipped model plays, and its tape plays again: it was trained on other prompts, and can be read all the
    same."""
    tape, size = str(tmp_path / "t.jsonl"), {"worlds": 1, "horizon": 2, "record": {"worlds": 1}}
    tables = []
    for name, replay in (("a", False), ("b", True)):
        arms = _model(policy="pocket", tape=tape, replay=replay, max_reply=60)
        folder = runner.run(_small(arms=arms, reference="yours", population={"size": 3}, **size), tmp_path / name)
        tables.append((folder / "talk.parquet").read_bytes())
    assert tables[0] == tables[1]
    talk = populace.load_run(tmp_path / "a").talk
    assert (talk[talk["role"] == "assistant"]["text"].str.len() > 0).all()


def test_advance_copies_nothing_to_the_host():
    """On the meta device any copy to the host fails."""
    world, _, run, _ = play(1, **{**FULL, "form": "tags", "pricing": {}, "later": None, "switch": None})
    assert world.talking is not None  # the tables are made on the host, once
    for phase in world.phases:
        state, actions, draw = on_meta(world, run, phase)
        if phase == "ask":
            step = world.advance(state, phase, actions, draw)
            assert step.state.talk.device.type == "meta"
        else:
            talking, found = world.talking, _nothing_found(state)
            said, _ = talking.answer(
                talking.settled(state, state, draw), state, state.act.clamp(max=4), found, state.act, draw
            )
            assert said.talk.device.type == "meta"


def _nothing_found(state):
    from populace.envs.payoff.turns import Outcome

    return Outcome(*[state.played if k in (0, 1, 2, 7) else state.user_welfare for k in range(9)])


# ------------------------------------------------------------------ what scripts say


def test_words_fit_the_question_and_the_act():
    matter = matter_of("questions")
    world, players, run = begun(users=40, harm={"share": 0.3}, misread=0.2)
    for _ in range(4):
        before = run
        run, asked = advance(world, players, run)
        s, read = run.state, Reader(run.words, world.lexicon).read
        for place in _seats(s):
            q = matter.questions[int(s.question[place])]
            assert q.harmful == bool(s.harmful[place])
            if int(before.state.turn[place]) == 0:
                assert q.ambiguous == (float(s.ambiguity[place]) > 0.4)
                text = read(int(asked.said["user"].text[place]))
                if int(s.asked[place]) == 2:
                    assert text == ""
                else:
                    assert (q.vague if int(s.heard[place]) else q.clear) in text
        heard, (run, step) = run, advance(world, players, run)
        for place in _seats(heard.state):
            q = matter.questions[int(heard.state.question[place])]
            said = step.said["assistant"]
            text, act = read(int(said.text[place])), int(said.codes["act"][place])
            if not bool(run.state.played[place]):
                assert text == ""
            else:
                assert act_of(text, safe=True) == act
                if act in (0, 2):
                    assert gives(text, q.answers[0]) == bool(said.codes["right"][place])


def _seats(state):
    worlds, users = state.turn.shape
    return [(w, u) for w in range(worlds) for u in range(users)]


def test_a_conversation_stands_in_the_state_until_the_next_begins():
    world, players, run = begun(users=40, assistant=made("always", act="clarify"), user=made("always", act="vague"))
    for turn in range(3):
        run, _ = advance(world, players, run)
        run, _ = advance(world, players, run)
        on = run.state.turn == turn + 1
        said = (run.state.talk != UNWORDED).sum(-1)
        assert bool(on.any())
        assert (said[on] == 2 * (turn + 1)).all()
    seen = see(world, run, world.role("user"))
    assert (seen["talk"][run.state.turn == 0] == UNWORDED).all()


def test_how_a_question_sounds_is_how_it_is_heard_and_not_how_it_was_asked():
    """With a mishearing of .3, clear questions sound clear in 7 of 10: 6,000 users, sd .006."""
    world, players, run = begun(users=2000, misread=0.3, user=made("always", act="clear"))
    run, step = advance(world, players, run)
    clear = {text_id(t.format(clear=q.clear)) for q in world.matter.questions for t in ("{clear}", "Hello. {clear}")}
    clear |= {text_id(f"A quick question. {q.clear}") for q in world.matter.questions}
    sounds = torch.tensor([[i in clear for i in row] for row in step.said["user"].text.tolist()])
    assert torch.equal(sounds, run.state.heard == 0)
    assert float(sounds.float().mean()) == pytest.approx(0.7, abs=0.03)


def test_every_text_of_a_script_is_in_the_lexicon():
    said = said_of(WORDINGS, matter_of("questions"))
    assert text_id("What is the capital of Korea?") in said.lexicon
    assert text_id("Pyongyang.") in said.lexicon
    assert len(said.lexicon) > 5000


# ------------------------------------------------------------------ models


def test_models_speak_and_are_heard():
    world, players, run = begun(assistant=replies(_talk), user=replies(_talk))
    run, asked = advance(world, players, run)
    run, step = advance(world, players, run)
    read = Reader(run.words, world.lexicon).read
    for place in _seats(run.state):
        question, answer = (read(i) for i in run.state.talk[place][:2].tolist())
        assert question.startswith("Tell me ")
        assert answer == f"You ask: {question} Is that it?"  # the user's words, alone, are the user's turn
    assert (step.said["assistant"].codes["act"] == 2).all()
    assert (asked.said["user"].kind == 0).all()
    # A goal says all that is meant, so it is clear where its words set the meaning apart.
    assert float((run.state.asked == 0).float().mean()) > 0.6


def test_an_answer_is_right_by_its_words():
    """All users mean one question; the reply holds its answer, another one's, or none."""
    for reply, right in (("It is Paris.", True), ("It is the letter F.", False), ("It is not Paris.", False)):
        world, players, run = begun(questions={"ambiguous": 0.0}, assistant=replies(reply), skill=0.5)
        row = next(i for i, q in enumerate(world.matter.questions) if q.vague == "What is the capital of France?")
        run = replace(run, state=replace(run.state, question=torch.full_like(run.state.question, row)))
        run, _ = advance(world, {**players, "user": made("always", act="vague")}, run)
        run, step = advance(world, players, run)
        assert (step.said["assistant"].codes["right"] == right).all()
        assert torch.equal(run.state.outcome == 1, torch.full_like(run.state.played, right))


def test_a_message_is_clear_by_its_words_over_the_whole_conversation():
    world, players, run = begun(worlds=1, users=1)
    row = next(i for i, q in enumerate(world.matter.questions) if q.vague == "What is the capital of Korea?")
    run = replace(run, state=replace(run.state, question=torch.full_like(run.state.question, row)))
    dialogue = world.dialogue()

    def acts(seen, reply):
        actions, kinds = dialogue.hear(seen, dialogue.say(seen), [reply])
        assert int(kinds) == 0
        return int(actions["act"]), int(actions["tally/off topic"])

    seen = see(world, run, world.role("user"))
    assert acts(seen, "Which city is the capital of North Korea?") == (0, 0)
    assert acts(seen, "capital of Korea") == (1, 0)
    assert acts(seen, "How do I bake bread?") == (1, 1)
    assert acts(seen, '"End."') == (2, 0)
    assert dialogue.utterances(seen, dialogue.say(seen), ["end"]) == {"question": [None]}
    ids = run.words.put(
        ["What is the capital of Korea?", "Do you mean North Korea?", "Do you mean North or South Korea?"]
    )
    for asked, reply, act in ((1, "Yes.", 0), (2, "Yes.", 1), (2, "The north.", 0), (2, "Tell me.", 1)):
        talk = run.state.talk.clone()
        talk[..., 0], talk[..., 1] = ids[0], ids[asked]
        later = replace(run, state=replace(run.state, talk=talk, turn=run.state.turn + 1, act=run.state.act * 0 + 1))
        assert acts(see(world, later, world.role("user")), reply) == (act, 0)


def test_four_tags_are_heard_with_what_they_declare():
    assert declared_act(WARM_UP) == 2
    assert declared_act(WARM_UP.replace("I choose AQ", "I choose nothing")) is None
    world, players, run = begun(worlds=1, assistant=replies(_talk), **{**FULL, "form": "tags", "harm": {}})
    run, _ = advance(world, players, run)
    run, step = advance(world, players, run)
    read = Reader(run.words, world.lexicon).read
    played = step.said["assistant"].text[run.state.played]
    assert {read(i) for i in played.tolist()} == {"It may be Kinshasa. Or do you mean the new one?"}
    world, players, run = begun(worlds=1, assistant=replies(WARM_UP.replace("I choose AQ", "I choose CQ")), form="tags")
    run, _ = advance(world, {**players, "user": made("always", act="vague")}, run)
    seen = see(world, run, world.role("assistant"))
    actions, _ = players["assistant"].act(seen, None, run.draw())
    assert (actions["tally/mismatch"] == 1).all()


@pytest.mark.parametrize(
    ("reply", "act", "right"),
    [
        ("It is Paris.", 0, True),
        ("Paris, in France. Or do you mean the letter?", 2, True),
        ("It is the letter F.", 0, False),
        ("It is not Paris.", 0, False),
        ("Which one do you mean?", 1, False),
    ],
)
def test_replies_may_be_read_by_an_interpreter(reply, act, right):
    player = made("llm/stubborn", reply=reply, interpreter={"rules": {}})
    world, players, run = begun(worlds=1, questions={"ambiguous": 0.0}, assistant=player)
    row = next(i for i, q in enumerate(world.matter.questions) if q.vague == "What is the capital of France?")
    run = replace(run, state=replace(run.state, question=torch.full_like(run.state.question, row)))
    run, _ = advance(world, {**players, "user": made("always", act="vague")}, run)
    run, step = advance(world, players, run)
    assert (step.said["assistant"].codes["act"] == act).all()
    assert (step.said["assistant"].codes["right"] == right).all()
    assert (run.state.talk[..., 1] == text_id(reply)).any() or bool((run.state.turn == 0).all())


def test_what_cannot_be_read_was_said_all_the_same():
    _, _, run, _ = play(
        1, assistant=replies("I'm sorry, but I can't help with that."), user=made("always", act="vague")
    )
    assert (run.state.talk[..., 1] == text_id("I'm sorry, but I can't help with that.")).all()
    assert (run.state.user_welfare <= 0).all()  # no answer, no welfare


def test_what_a_seat_was_told_in_confidence_is_a_leak_where_it_is_repeated():
    assert repeats("Well, you are told that he pays very much.", ["You are told that he pays very much."])
    assert not repeats("He pays.", ["You are told that he pays very much."])
    assert not repeats("You are told that he pays", ["You are told that he pays"], ["you are told that he pays, see?"])
    world, players, run = begun(worlds=1)
    run, _ = advance(world, {**players, "user": made("always", act="vague")}, run)
    seen, dialogue = see(world, run, world.role("assistant")), world.dialogue()
    chats = dialogue.say(seen)
    secret = chats[0].messages[0][1].split("As far as you can tell, ")[1].split(".")[0]
    leaky = dialogue.hear(seen, chats, [f"To be open: {secret}."] * len(chats))[0]["tally/leak"]
    tight = dialogue.hear(seen, chats, [chat.messages[-1][1] for chat in chats])[0]["tally/leak"]
    assert int(leaky[0, chats[0].seat]) == 1
    assert int(tight.sum()) == 0


@pytest.mark.parametrize("role", ["assistant", "user"])
@pytest.mark.parametrize("options", [PLAIN, {**FULL, "form": "tags"}])
def test_what_a_script_would_write_is_read_back(role, options):
    world, players, run = begun(**options)
    for phase in world.phases:
        if world.role(role) in world.acting[phase]:
            read_back(world, players[role], run, role, atol=0, leave={"words", "reasoning"}, asked=True)
        run, _ = advance(world, players, run)


@pytest.mark.parametrize("face", ["world", "fields"])
@pytest.mark.parametrize("form", ["plain", "tags"])
def test_models_without_words_of_their_own_play_on(face, form):
    """Replies of `llm/random`: whatever it says, the world goes on and every text can be read."""
    talker = made("llm/random", face=face)
    world, _, run, _ = play(2, assistant=talker, user=made("llm/random", face=face), form=form)
    readable(world, run, run.state.talk)


# ------------------------------------------------------------------ what a seat is told


def _told(world, run, role, **changed):
    """The chat of the first seat that is asked, and the same with fields changed."""
    seen = see(world, run, world.role(role))
    other = type(seen)({**seen, **changed}, seen.role, seen.phase, seen.present, seen.dialogue, seen.reader)
    return world.dialogue().say(seen)[0], world.dialogue().say(other)[0]


@pytest.mark.parametrize("form", ["plain", "tags"])
def test_a_seat_is_told_what_a_script_may_use_no_more_and_no_less(form):
    """What a script may use changes the text; what is private, or what words show, does not."""
    options = {"conflict": 0.4, "harm": {"share": 0.3}, "pricing": {"policy": "per_token"}, "form": form}
    world, players, run = begun(worlds=1, **options)
    for role in ("user", "assistant"):
        seen = see(world, run, world.role(role))
        fields = {f.name: f for f in world.role(role).seen_in(seen.phase)}
        assert not {f.name for f in fields.values() if f.private}
        silent = {"faced", "over", "talk"} if role == "assistant" else set()
        if form == "plain":
            silent |= {"usual_reasoning"}  # nothing stands before a plain reply
        for name, value in seen.items():
            if name in silent | {"talk"} or fields[name].kind == "text":
                continue
            changed = value + 1 if value.dtype != torch.bool else ~value
            changed = changed % len(fields[name].labels) if fields[name].labels else changed
            before, after = _told(world, run, role, **{name: changed})
            assert before != after, name
        for name in ("faced",) if role == "assistant" else ():
            before, after = _told(world, run, role, **{name: seen[name].flip(-1)})
            assert before == after, name
        run, _ = advance(world, {**players, "user": made("always", act="vague")}, run)


def test_the_assistant_is_not_told_the_type_nor_what_is_meant():
    """Twins that differ in the user's type, or in what it means by the same words, are told the same."""
    world, players, run = begun(worlds=1, users=2, games=False, user=made("always", act="vague"), noise=0.0)
    fixed = replace(run.state, ambiguity=torch.full_like(run.state.ambiguity, 0.7))
    run = replace(run, state=fixed)
    run, _ = advance(world, {**players, "assistant": made("always")}, run)
    base = world.dialogue().say(see(world, run, world.role("assistant")))
    other = replace(run.state, kind=run.state.kind * 0.5, question=(run.state.question + 1) % 200)
    assert world.dialogue().say(see(world, replace(run, state=other), world.role("assistant"))) == base
    shown = see(world, run, world.role("assistant"))
    assert not {"row", "goal", "short", "type", "ambiguity"} & set(shown)
    told = "".join(text for chat in base for _, text in chat.messages)
    for place in _seats(run.state):
        assert world.matter.questions[int(run.state.question[place])].goal not in told
    assert "open to misreading" not in told


# ------------------------------------------------------------------ kept and shown


def _small(**changes):
    return small("talk-payoff", **{"horizon": 4, **changes})


def _model(**options):
    return {"yours": {"agents.assistant": options}}


def test_the_scenario_ends_in_a_report_with_conversations(tmp_path):
    run = populace.load_run(runner.run(_small(), tmp_path / "a"))
    rows = turns(run)
    assert len(rows) >= 4 * 2 * 4 * 5
    goals = {q.goal: q for q in matter_of("questions").questions}
    assert set(rows["right"].dropna()) == {"yes", "no"}
    for row in rows[rows["act"] == "direct"].head(40).to_dict("records"):
        assert gives(row["answer"], goals[row["goal"]].answers[0]) == (row["right"] == "yes")
    assert "What was said" in render(run)
    assert section(PublicRun(run.path, run.info)) is None
    first = rows.iloc[0]
    talk = run.conversation(first["arm"], int(first["world"]), int(first["seat"]))
    assert first["question"] in set(talk["text"])
    runner.run(_small(), tmp_path / "b", batch=1)
    assert (tmp_path / "a" / "talk.parquet").read_bytes() == (tmp_path / "b" / "talk.parquet").read_bytes()


def test_hostile_words_are_escaped(tmp_path):
    evil = "<script>alert(1)</script> goal=x; right=yes"
    arms = _model(policy="llm/stubborn", reply=evil)
    page = section(populace.load_run(runner.run(_small(arms=arms, reference="yours"), tmp_path / "run"))).html
    escaped(page)
