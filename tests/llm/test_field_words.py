"""Fields in words: a seat is told all that a script in it may use, and nothing else."""

import pytest
import torch

from populace.agents.llm.seats.field_face import FieldsDialogue
from populace.fields import Field, Role
from populace.observation import Observation
from populace.registry import manifests
from populace.run import advance, see, start
from populace.template_worker import figure
from populace.testing.declarations import check_declarations
from populace.testing.prompts import SETTINGS, _built
from populace.testing.tools import CheckFailed

SETS = [(world, k) for world in manifests.shipped() for k in range(len(SETTINGS[world]))]


def moved(observation, f):
    """The observation with other values of one field."""
    value = observation[f.name]
    if f.kind == "text":
        (other,) = observation.reader.words.put(["Something else, which nobody said."])
        value = torch.full_like(value, other)
    elif f.kind == "flag":
        value = ~value
    elif f.kind == "real":
        value = value + 0.37
    else:
        value = (value + 1) % (len(f.names or f.labels) or 10**6)
    seen = {**observation, f.name: value}
    return Observation(
        seen, observation.role, observation.phase, observation.present, observation.dialogue, observation.reader
    )


def held(observation, f):
    """Whether the flag that tells of it says that the field holds anything."""
    if f.given in ("", "never"):
        return not f.given
    flag = observation[f.given.removeprefix("not ")]
    return bool((flag != f.given.startswith("not ")).any())


@pytest.mark.parametrize(("world", "k"), SETS)
def test_a_seat_is_told_what_a_script_in_it_may_use_and_nothing_else(world, k):
    """Each field that it sees changes the prompt; what words say, placeholders and ground truth do not."""
    made, face = _built(world, SETTINGS[world][k]), FieldsDialogue()
    stage, policies = made.world, made.policies
    run = start(stage, policies, made.population, seed=3, worlds=1)
    for _ in range(2 * len(stage.phases)):
        phase = stage.phases[run.phase]
        for role in stage.acting[phase]:
            observation = see(stage, run, role)
            before = [chat.messages for chat in face.say(observation)]
            if not before:
                continue
            seen = [f for f in role.seen_in(phase) if f.name in observation]
            said = {
                code for f in seen if f.kind == "text" and bool((observation[f.name] != 0).all()) for code in f.carries
            }
            silent = {code for f in seen if f.kind == "text" for code in f.carries} - said
            for f in seen:
                after = [chat.messages for chat in face.say(moved(observation, f))]
                several = f.kind not in ("choice", "count") or len(f.names or f.labels or "ab") > 1
                told = held(observation, f) and f.name not in said and several
                if f.name in silent and observation[f.name].numel() > 1:
                    continue  # some seats have read words that say it, others have not
                assert (after != before) == told, (role.name, phase, f.name)
            for f in role.sees:
                assert not (f.private and f.name in observation)
        run, _ = advance(stage, policies, run)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (50000.0, "50,000"), (19.989999771118164, "19.99"), (0.0, "0"), (-0.0, "0"), (3.0, "3"), (0.025467, "0.02547"),
        (-1.5, "-1.5"), (59807.66, "59,807.66"), (1e30, "1e+30"), (100.0, "100"), (0.1, "0.1"), (1e-20, "1e-20"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_that_they_need(number, said):
    assert figure(number) == said


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_what_is_no_number_is_not_told_as_one(number):
    with pytest.raises(ValueError, match="no number"):
        figure(number)
    assert Field(name="x", kind="real", about="X.").render(torch.tensor(number)) == "none"


def lines(sees, **values):
    role = Role(name="user", seats=1, sees=sees, does=(Field(name="go", kind="flag", about="Whether you go."),),
                phases=("act",), about="You go.")  # fmt: skip
    seen = {name: torch.tensor(value)[None, None] for name, value in values.items()}
    (chat,) = FieldsDialogue().say(Observation(seen, role, "act"))
    return chat.messages[1][1].split("\n")


def test_entries_have_names_and_what_holds_nothing_is_left_out():
    limited = Field(name="limited", kind="flag", about="Whether there is a limit.")
    budget = Field(name="budget", kind="real", given="limited", about="The most that you can spend, in dollars.")
    price = Field(name="price", kind="real", shape=(2, 2), axes=(("tea", "milk"), "shop"), about="Prices.")
    told = lines((limited, budget, price), limited=True, budget=1234.5, price=[[1.0, 2.5], [0.25, 3.0]])
    assert "- The most that you can spend, in dollars: 1,234.5" in told
    at = told.index("- Prices:")
    assert told[at + 1 : at + 3] == ["  - tea: shop 1: 1; shop 2: 2.5", "  - milk: shop 1: 0.25; shop 2: 3"]
    told = lines((limited, budget), limited=False, budget=1e9)
    assert not [line for line in told if "spend" in line]


def test_labels_have_their_meanings_and_ranges_their_ends():
    act = Field(
        name="act",
        kind="choice",
        labels=("nudge", "omit"),
        meanings=("steer away", "leave it out"),
        about="What you do.",
    )
    rate = Field(name="rate", kind="real", low=-1, high=2, ends=("harmed", "delighted"), about="How you rate it.")
    role = Role(name="user", seats=1, sees=(), does=(act,), phases=("act",), about="You act.")
    seen = {"tick": torch.zeros(1, 1)}
    (chat,) = FieldsDialogue().say(Observation(seen, role, "act"))
    assert chat.messages[1][1].endswith("nothing else:\n- nudge: steer away\n- omit: leave it out")
    assert chat.options == ("nudge", "omit")
    both = Role(name="user", seats=1, sees=(), does=(act, rate), phases=("act",), about="You act.")
    (chat,) = FieldsDialogue().say(Observation(seen, both, "act"))
    assert "  - omit: leave it out" in chat.messages[1][1]
    assert "Give a number from -1 (harmed) to 2 (delighted)." in chat.messages[1][1]


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"labels": ("a", "b"), "kind": "choice", "meanings": ("one",)}, "1 meanings for 2 labels"),
        ({"axes": (("a", "b", "c"),), "shape": (2,)}, "3 names for a dimension of 2"),
        ({"axes": ("a", "b"), "shape": (2,)}, "2 axes"),
        ({"given": "nowhere"}, "name a flag that the role sees"),
    ],
)
def test_what_is_said_of_a_field_must_fit_it(wrong, match):
    from populace.testing.tools import made

    stage, _ = made("populace/lockin-v0", None, 4, None)
    (role,) = stage.roles()
    odd = Field(**{"name": "odd", "kind": "real", "about": "Odd.", **wrong})
    stage.roles = lambda: (Role(name=role.name, seats=4, sees=(*role.sees, odd), does=role.does, phases=role.phases),)
    with pytest.raises(CheckFailed, match=match):
        check_declarations(stage)
