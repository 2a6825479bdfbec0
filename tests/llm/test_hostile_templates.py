"""Templates and regular expressions of a stranger: whatever they hold ends in time, in words, and reaches nothing."""

import time
from pathlib import Path

import pytest

from populace import template_worker, templates
from populace.agents.llm.backends.fakes import Rule, ScriptedBackend
from populace.agents.llm.decoding import patterns
from populace.agents.llm.interpret.options import InterpreterOptions, Rules
from populace.agents.llm.seats import profiles
from populace.agents.llm.seats.text_policy import SeatOptions
from populace.dialogue import Coding
from populace.errors import PopulaceError
from populace.templates import TemplateFailed

SLOW = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{{ 9 ** (9 ** 9) }}",  # one step of the interpreter, which no trace and no signal handler breaks into
    "{{ (seat + 8) ** ((seat + 8) ** 9) }}",
]
GREEDY = [
    "{{ 'x' * 9999999999 }}",
    "{{ 'x'|center(9999999999) }}",  # when it is compiled, as all is constant
    "{{ '%9999999999d'|format(seat) }}",
    "{{ '{:>9999999999}'.format(seat) }}",
    "{{ ('x' * 99999)|replace('x', 'y' * 99999) }}",
    "{{ lipsum(n=9999) }}",
    "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
    "{% set ns = namespace(x='ab') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
]
REACHING = [
    "{{ ''.__class__.__mro__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{{ seat.real.__class__.__base__.__subclasses__() }}",
]


@pytest.mark.parametrize("text", SLOW)
def test_a_template_that_takes_for_ever_is_stopped(text, monkeypatch):
    monkeypatch.setattr(templates, "SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(TemplateFailed, match=r"stopped after 1 s"):
        templates.rendered(text, [{"seat": 1}])
    assert time.monotonic() - began < 30
    monkeypatch.undo()
    assert templates.rendered("Seat {{ seat }}.", [{"seat": 1}]) == ["Seat 1."]  # the next one is rendered


@pytest.mark.parametrize("text", GREEDY)
def test_a_template_that_says_too_much_is_told(text):
    with pytest.raises(TemplateFailed, match=r"longer than|memory|stopped after|OverflowError"):
        templates.rendered(text, [{"seat": 1}])


@pytest.mark.parametrize("marks", ["", "{{ seat }}", "{# #}"])
def test_a_persona_that_is_too_long_for_any_seat_is_told_when_options_are_read(marks, tmp_path):
    long = "[" * (template_worker.LONGEST + 1) + marks
    (tmp_path / "p.j2").write_text(long)
    for persona in (long, str(tmp_path / "p.j2")):
        with pytest.raises(ValueError, match=r"100,001 characters|longer than 100,000 characters"):
            SeatOptions(persona=persona)
    (tmp_path / "p.j2").write_text(long[1:])
    SeatOptions(persona=str(tmp_path / "p.j2"))


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{% for x in range(10 ** 8) %}{{ x }}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' * 9 }}{% endfor %}",
        "You are {{ ",
    ],
)
def test_a_file_that_fails_for_every_seat_is_told_by_name_when_options_are_read(text, tmp_path):
    (tmp_path / "mine.j2").write_text(text)
    with pytest.raises(ValueError, match=r"mine\.j2: (the template fails|line 1 of the template is no Jinja2)"):
        SeatOptions(persona=str(tmp_path / "mine.j2"))


@pytest.mark.parametrize(
    "text", ["{{ traits.age|number }}", "{{ values.a + 1 }}{% for x in seen.a %}{{ x[1] }}{% endfor %}"]
)
def test_what_depends_on_the_seat_is_left_to_the_run(text):
    SeatOptions(persona=text)


@pytest.mark.parametrize("text", REACHING)
def test_a_template_reaches_nothing(text):
    with pytest.raises(TemplateFailed):
        print(templates.rendered(text, [{"seat": 1}]))


def test_the_worker_sees_no_keys(monkeypatch):
    assert not any("KEY" in name or "TOKEN" in name for name in templates._KEPT)


@pytest.mark.parametrize("persona", ["{{ 9 ** (9 ** 9) }}", "{% set x = 9 ** (9 ** 9) %}"])
def test_what_never_compiles_is_told_when_options_are_read(persona, monkeypatch):
    monkeypatch.setattr(templates, "SECONDS", 1.0)
    with pytest.raises(ValueError, match="persona"):
        SeatOptions(persona=persona)


def test_ours_and_plain_texts_start_no_worker(monkeypatch):
    monkeypatch.setattr(templates, "_asked", lambda request: pytest.fail("asked"))
    for persona in (*profiles.TEMPLATES, "Be brief.", "a { b } c"):
        profiles.check(persona)


def test_many_texts_are_rendered_in_order_and_the_one_that_fails_is_known():
    contexts = [{"seat": k, "x": 0.1 * k, "nested": {"y": [k, None, True]}} for k in range(600)]
    text = "{{ seat }} {{ x }} {{ nested.y }}"
    assert templates.rendered(text, contexts) == [f"{k} {0.1 * k} [{k}, None, True]" for k in range(600)]
    del contexts[431]["x"]
    with pytest.raises(TemplateFailed) as failed:
        templates.rendered(text, contexts)
    assert (failed.value.kind, failed.value.at) == ("undefined", 431)


def test_the_worker_can_be_imported_without_the_library():
    source = Path(template_worker.__file__).read_text()
    assert "import populace" not in source
    assert "from populace" not in source


TEXT = "a" * 60 + "b"


def test_a_regular_expression_that_takes_for_ever_is_stopped(monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    coding = Coding(name="c", about="", codes={"x": "x"}, rules={}, prototypes={}, several=True)
    for pattern in ("(a|a)+$", "(a|aa)+$"):
        with pytest.raises(PopulaceError, match="repetitions inside repetitions"):
            Rules(coding, {"x": (pattern,)}).code([TEXT], [{}])
        with pytest.raises(PopulaceError, match="repetitions inside repetitions"):
            patterns.search(patterns.compiled(pattern), TEXT)


def test_expressions_mean_what_they_meant():
    coding = Coding(
        name="c", about="", codes={"x": "x", "y": "y"}, rules={}, prototypes={}, several=True, labelled=None
    )
    read = Rules(coding, {"x": (r"\bYES\b.*now",), "y": (r"(?<!not )good",)}).read(["yes,\nnow", "not good", "Good"])
    assert read.codes.tolist() == [[True, False], [False, False], [False, True]]
    with pytest.raises(ValueError, match="no regular expression"):
        InterpreterOptions(rules={"x": ("(",)})
    with pytest.raises(ValueError, match="no regular expression"):
        Rule(when="[", say="x")
    assert ScriptedBackend((Rule(when="(a)b", say=r"\1!"),)).voice
