"""`populace.wordings`: tables by language, prompts in other words, and what is refused."""

import json
import pickle
import time

import pytest

import populace
from populace import templates, trust
from populace.envs.payoff import Payoff, PayoffOptions, types
from populace.errors import PopulaceError, ScenarioError
from populace.registry import policies
from populace.run import see, start
from populace.scenarios import runner
from populace.wordings import Told, Wordings, languages

PACKAGE = "populace.envs.payoff"
FILE = "version: 1\nprompts:\n  user.ask.choose.system: Hello {{ name }}.\n"
SCENARIO = """schema: 1
name: mine
world: {id: populace/payoff-v0}
worlds: 1
horizon: 1
population: {size: 3}
agents:
  user:
    policy: llm/random
    wordings:
      WORDING
  assistant: always
"""


@pytest.fixture
def table():
    return Wordings.of(PACKAGE, "en")


def scenario(tmp_path, wording: str):
    path = tmp_path / "mine.yaml"
    path.write_text(SCENARIO.replace("WORDING", wording), encoding="utf-8")
    return path


def test_a_prompt_is_rendered_for_many_contexts_at_once(table):
    assert languages(PACKAGE)[0] == "en"
    said = table.render("user.ask.first", [{"goal": goal} for goal in ("a", "b")])
    assert [text.split(".")[0] for text in said] == ["You want to know a", "You want to know b"]
    with pytest.raises(PopulaceError, match=r"no wording 'user\.ask\.fist'"):
        table.render("user.ask.fist", [{}])


def test_what_a_template_is_not_given_is_an_error(table):
    import jinja2

    with pytest.raises(jinja2.UndefinedError):
        table.render("user.ask.first", [{}])


def test_messages_are_filled_in_one_batch_per_prompt(table, monkeypatch):
    asked = []
    render = Wordings.render
    monkeypatch.setattr(Wordings, "render", lambda self, name, given: asked.append(name) or render(self, name, given))
    chats = [[("system", "as it is"), ("user", Told("user.ask.first", {"goal": str(k)}))] for k in range(3)]
    filled = table.filled(chats)
    assert asked == ["user.ask.first"]
    assert [chat[0] for chat in filled] == [("system", "as it is")] * 3
    assert [chat[1][1].split(".")[0] for chat in filled] == [f"You want to know {k}" for k in range(3)]


def test_a_table_can_be_sent_to_another_process(table):
    said = table.one("user.ask.first", goal="a")
    other = pickle.loads(pickle.dumps(table))
    assert other.one("user.ask.first", goal="a") == said
    assert other.digest == table.digest


def test_single_prompts_and_labels_can_be_replaced(table):
    other = table.with_replaced(
        {"user": {"ask": {"first": "{{ goal|capital }}? (or {{ labels.end }})"}}, "labels.end": "stop"}
    )
    assert other.render("user.ask.first", [{"goal": "who"}]) == ["Who? (or stop)"]
    assert other.label("end") == "stop"
    assert other.one("again") == table.one("again")
    assert other.digest != table.digest
    assert other.describe() == {
        "language": "en",
        "version": table.version,
        "sha256": other.digest,
        "replaced": ["user.ask.first"],
    }


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"user.ask.frist": "x"}, "there is no wording 'user.ask.frist'; did you mean 'user.ask.first'"),
        ({"user.ask.first": "{{ gaol }}"}, "uses 'gaol', which it is not given; did you mean 'goal'"),
        ({"user.ask.first": "{{ signal }}"}, "uses 'signal', which it is not given"),
        ({"user.ask.first": "{% if %}"}, "line 1 of the template fails"),
        ({"user.ask.first": 3}, "expected a text"),
        ({"labels.names": ["Tom"]}, "expected 13 texts"),
        ({"labels.names": [1] * 13}, "expected a list of texts"),
        ({"labels.end": " "}, "expected a text"),
        ({"labels.ends": "x"}, "there is no wording 'labels.ends'; did you mean 'labels.end"),
    ],
)
def test_what_does_not_fit_is_refused(table, given, why):
    with pytest.raises(PopulaceError) as refused:
        table.with_replaced(given)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("prompts:\n  user.ask.first: x\n  user.ask.frist: x\n", "w.yaml:3: user.ask.frist: there is no wording"),
        ("prompts:\n  user.ask.first: '{{ gaol }}'\n", "w.yaml:2: user.ask.first: the template uses 'gaol'"),
        ("prompts: [a]\n", "w.yaml:1: expected a mapping of names to texts"),
        ("promts: {}\n", "w.yaml:1: unknown part 'promts'; did you mean 'prompts'"),
        ("prompts:\n  a: &x y\n  b: *x\n", "w.yaml:3: an alias"),
        ("prompts: {a: {b: {c: {d: {e: f}}}}}\n", "w.yaml:1: nested more than"),
        ("prompts: {a: x, a: y}\n", "w.yaml:1: 'a' is given twice"),
        ("prompts: {\n", "this is not YAML"),
        ("[" * 100000, "w.yaml:1: nested more than"),
        ("", "w.yaml:1: expected a mapping of the parts of a table"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_line(table, tmp_path, text, why):
    path = tmp_path / "w.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PopulaceError) as refused:
        table.with_replaced(str(path))
    assert why in str(refused.value)


def test_a_strangers_file_is_read_only_within_its_folder(table, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(FILE, encoding="utf-8")
    assert table.with_replaced(str(path)).one("user.ask.choose.system", name="Tom") == "Hello Tom."
    for read in (lambda: table.with_replaced(str(path)), lambda: Wordings.of(PACKAGE, str(path))):
        with trust.speaking(trust.Word(read=False)), pytest.raises(trust.NeedsWord):
            read()


def test_a_language_of_ones_own_must_be_whole(tmp_path):
    path = tmp_path / "de.yaml"
    path.write_text(FILE, encoding="utf-8")
    with pytest.raises(PopulaceError, match=r"de\.yaml: missing in prompts: 'again'"):
        Wordings.of(PACKAGE, str(path))
    with pytest.raises(PopulaceError, match="'eng' is neither a language"):
        Wordings.of(PACKAGE, "eng")
    with pytest.raises(ValueError, match="neither a file nor one of en"):
        PayoffOptions(language="enn")


def test_a_hostile_template_is_stopped_and_reaches_nothing(table, monkeypatch):
    monkeypatch.setattr(templates, "SECONDS", 1.0)
    began = time.monotonic()
    slow = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    for text in (slow, "{{ goal.__class__.__mro__ }}"):
        with pytest.raises(PopulaceError, match="template fails"):
            table.with_replaced({"user.ask.first": text}).render("user.ask.first", [{"goal": "x"}])
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("wording", "line", "why"),
    [
        ("user.ask.choose.usr: x", 11, "there is no wording 'user.ask.choose.usr'"),
        ("user.ask.choose.user: 'Now {{ clear }}: clear, vague or end.'", 11, "uses 'clear', which it is not given"),
        ("{user: {ask: {frist: x}}}", 11, "there is no wording 'user.ask.frist'"),
    ],
)
def test_validate_refuses_what_does_not_fit_at_its_line(tmp_path, wording, line, why):
    path = scenario(tmp_path, wording)
    with pytest.raises(ScenarioError) as refused:
        populace.load(path)
    assert why in str(refused.value)
    assert refused.value.line == line


def test_validate_refuses_a_language_that_is_not_there_at_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(SCENARIO.replace("wordings:\n      WORDING", "language: eng"), encoding="utf-8")
    with pytest.raises(ScenarioError, match="'eng' is neither a language") as refused:
        populace.load(path)
    assert refused.value.line == 10


def test_a_run_asks_in_these_words_and_keeps_which(tmp_path):
    path = scenario(
        tmp_path, "user.ask.choose.user: 'Now: {{ labels.asks[0] }}, {{ labels.asks[1] }} or {{ labels.asks[2] }}.'"
    )
    info = json.loads((runner.run(populace.load(path), tmp_path / "run") / "run.json").read_text())
    kept = info["players"]["main"]["user"]["wordings"]
    assert (kept["language"], kept["replaced"]) == ("en", ["user.ask.choose.user"])
    assert kept["sha256"] != Wordings.of(PACKAGE, "en").digest
    (tmp_path / "w.yaml").write_text(FILE, encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(SCENARIO.replace("\n      WORDING", " w.yaml"), encoding="utf-8")
    info = json.loads((runner.run(populace.load(path), tmp_path / "second") / "run.json").read_text())
    assert "w.yaml" in info["inputs"]


def test_a_policy_asks_in_its_own_words():
    people = types.TypedUsers(3)
    world = Payoff(PayoffOptions(), people.census)
    kind = policies.get("llm/random")
    words = {"user.ask.choose.user": "{{ name }}: clear, vague or end?"}
    player = kind(kind.Options(wordings=words))
    run = start(
        world, {"user": player, "assistant": policies.get("always", within="payoff")()}, people, seed=0, worlds=1
    )
    seen = see(world, run, world.role("user"))
    player.act(seen, None, run.draw())
    asked = player._in_words(world.dialogue(), "user").say(seen)
    assert [chat.messages[1][1] for chat in asked] == [
        f"{name}: clear, vague or end?" for name in ("Tom", "Irene", "Amara")
    ]
    assert world.dialogue().say(seen)[0].messages[1][1] != asked[0].messages[1][1]
