"""Who a model is told to be: templates of a user's traits and values, in a sandbox, with mistakes told in words."""

import pytest
import torch
from pydantic import ValidationError

from populace import registry
from populace.agents.llm import Backend, Reply, TextPolicy
from populace.agents.llm.seats.options import SeatOptions
from populace.agents.llm.seats.profiles import TEMPLATES
from populace.errors import PopulaceError
from populace.rollout import rollout
from populace.run import Run, start
from populace.scenarios import build, load
from populace.testing.tools import made, same

POPULATION = {
    "size": 6,
    "values": {"names": ["care", "free_speech"]},
    "segments": {"young": {"share": 0.5}, "old": {"share": 0.5}},
    "traits": {
        "trust": {"uniform": {"low": 0.0, "high": 1.0}},
        "town": {"categorical": {"labels": ["village", "city"], "weights": [0.5, 0.5]}},
    },
}


class Noting(Backend):
    voice, greedy = "noting", True

    def __init__(self):
        self.heard = []

    def complete(self, asks):
        for place, ask in enumerate(asks):
            self.heard.append(ask.messages)
            yield place, Reply.of(ask, "rating: 5")


class Noted(TextPolicy):
    def __init__(self, options=None):
        super().__init__(options)
        self.noting = Noting()

    def open(self):
        return self.noting


def played(persona, role="user", memory=0):
    head = {"schema": 1, "name": "p", "world": {"id": "populace/drift-v0"}, "worlds": 2, "horizon": 1}
    scenario = load({**head, "population": POPULATION})
    built = build(scenario.cells[0])
    policy = Noted(SeatOptions(persona=persona, memory=memory, reask=False))
    policies = {**built.policies, role: policy}
    run = start(built.world, policies, built.population, seed=1, worlds=2)
    return policies, rollout(built.world, policies, run, 1), policy.noting.heard


def test_the_profile_is_the_users_own_ground_truth():
    _, run, heard = played("full")
    assert len(heard) == 12
    for k, messages in enumerate(heard):
        world, seat = divmod(k, 6)
        told, people = messages[0][1].split("\n")[0], run.people
        segment = ("young", "old")[int(people.segment[world, seat])]
        town = ("village", "city")[int(people.traits["town"][world, seat])]
        care, speech = people.values[world, seat].tolist()
        assert told == (
            f"You are user {seat + 1} of the segment {segment}. "
            f"Your values: care {care:.2f}, free speech {speech:.2f}. "
            f"What you are like: trust {people.traits['trust'][world, seat]:.2f}, town {town}."
        )


def test_a_template_may_use_what_the_seat_sees_and_who_it_is():
    template = "{{ role }} {{ seat }}/{{ segment }}{% if traits.trust > 2 %} never{% endif %} "
    template += "{{ '%.3f'|format(seen.felt) }}"
    _, run, heard = played(template, memory=50)
    first = heard[0][0][1].split("\n")[0]
    assert first.startswith(f"user 1/{('young', 'old')[int(run.people.segment[0, 0])]} ")
    felt = min(4, int(float(first.split()[-1]) * 5))
    pleased = ("not at all pleased", "not pleased", "neither pleased nor displeased", "quite pleased", "very pleased")
    assert f"You are {pleased[felt]} with this answer" in heard[0][1][1]
    assert "never" not in first


def test_templates_stand_in_files_and_by_name(tmp_path):
    (tmp_path / "who.j2").write_text("Seat {{ seat }}.")
    assert played(str(tmp_path / "who.j2"))[2][3][0][1].startswith("Seat 4.")
    assert played("Be brief.")[2][0][0][1].startswith("Be brief.\n\n")
    for name in TEMPLATES:
        assert played(name)[2][0][0][1].startswith("You are user 1 of the segment ")


@pytest.mark.parametrize(
    ("persona", "told"),
    [
        ("{{ trait.trust }}", "did you mean 'traits'"),
        ("{% for %}", "line 1 of the template is no Jinja2"),
        ("missing.j2", "cannot be read"),
        ("{% for i in range(999999999) %}x{% endfor %}", "template fails"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ seen.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_a_template_that_cannot_be_one_is_refused_at_once(persona, told):
    with pytest.raises(ValidationError, match=told):
        SeatOptions(persona=persona)


@pytest.mark.parametrize(
    ("persona", "told"),
    [
        ("{{ traits.trusst }}", "did you mean 'trust'"),
        ("{{ seen.truth }}", "seen"),  # private fields are not there
        ("{{ 1 / (seat - 1) }}", "ZeroDivisionError"),
    ],
)
def test_what_a_template_cannot_have_is_told(persona, told):
    with pytest.raises(PopulaceError, match=told):
        played(persona)


def test_an_assistant_is_not_told_who_its_user_is():
    with pytest.raises(PopulaceError, match="of assistants no segment, values or traits are known"):
        played("{{ segment }}", role="assistant")
    assert played("You are number {{ seat }}.", role="assistant")[2][0][0][1].startswith("You are number 1.")


def test_runs_with_profiles_are_saved_whole(tmp_path):
    policies, run, _ = played("full", memory=40)
    run.save(tmp_path / "run.pt")
    again = Run.load(tmp_path / "run.pt")
    assert same(run.memory, again.memory)
    assert again.people.census.labels == {"town": ("village", "city")}
    assert torch.equal(again.memory["user"].people.segment, run.people.segment)


def test_only_roles_that_are_users_know_who_they_are():
    for name in registry.worlds.names():
        if name.startswith("populace/"):
            stage, people = made(name, None, 6, None)
            lives = {role.name for role in stage.cast.values() if role.seats_are_users}
            assert lives <= {"user", "customer", "person", "player"}
            assert all(stage.role(role).seats == people.census.size for role in lives)
