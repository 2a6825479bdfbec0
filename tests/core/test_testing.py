"""Each check finds the one fault of a small broken world or policy, and passes its whole sibling."""

import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from pydantic import Field as Limited

from populace.errors import PopulaceError
from populace.fields import Field, Role
from populace.measures import Measure
from populace.numerics import mean
from populace.options import Options
from populace.policy import Policy
from populace.population import PlainPopulation
from populace.registry import manifests
from populace.testing import CheckFailed, check_policy, check_scenario, check_world
from populace.world import Step, World

sys.path.insert(0, str(Path(__file__).parent))
import test_testing as here


@dataclass(frozen=True)
class State:
    values: torch.Tensor
    tick: torch.Tensor


@dataclass(frozen=True)
class Grown(State):
    """A state with a tensor more than it began with."""

    before: torch.Tensor


class Whole(World):
    """A world without a fault; the others break it in one place each."""

    id = "test/whole-v0"
    phases = ("act",)
    ends = True
    defaults: ClassVar = {"user": "random"}

    def roles(self):
        return (
            Role(
                name="user",
                seats=self.census.size,
                sees=(
                    Field(name="value", kind="real", about="Own value."),
                    Field(name="truth", kind="real", about="What it should be.", private=True),
                ),
                does=(Field(name="pick", kind="choice", labels=("no", "yes"), about="Yes or no.", masked=True),),
                phases=("act",),
            ),
        )

    def begin(self, people, draw):
        values = people.values[..., 0] + draw.normal("mood", self.census.size)
        return here.State(values, torch.zeros(len(values), dtype=torch.int64))

    def observe(self, state, role, phase):
        return {
            "value": state.values,
            "truth": state.values * 2,
            "pick_mask": torch.ones(*state.values.shape, 2, dtype=torch.bool),
        }

    def advance(self, state, phase, actions, draw):
        values = state.values + 0.1 * actions["user"]["pick"] + 0.1 * draw.normal("noise", self.census.size)
        after = replace(state, values=values, tick=state.tick + 1)
        return Step(after, {"user": values}, draw.uniform("end") < 0.2, {"level": mean(values)})

    def measure(self, state):
        return {"mean": mean(state.values)}

    def measures(self):
        return (Measure(name="level", about="mean value"), Measure(name="mean", about="mean value", kind="stock"))

    def panel(self, state):
        return {"value": state.values}

    @classmethod
    def population(cls, users, options):
        return PlainPopulation(users, ("taste",))


def changed_role(change):
    def roles(self):
        (user,) = Whole.roles(self)
        return (change(user),)

    return roles


def changed_field(which, **changes):
    def change(user):
        if which == "pick":
            return replace(user, does=(replace(user.does[0], **changes),))
        return replace(user, sees=(replace(user.sees[0], **changes), user.sees[1]))

    return changed_role(change)


def seen(change):
    return lambda self, state, role, phase: change(self, Whole.observe(self, state, role, phase), state)


def stepped(change):
    def advance(self, state, phase, actions, draw):
        return change(self, Whole.advance(self, state, phase, actions, draw), state, draw)

    return advance


def in_place(self, step, state, draw):
    state.values.add_(1.0)
    return step


def with_randomness(self, step, state, draw):
    return replace(step, state=replace(step.state, values=step.state.values + torch.rand(1)))


def with_counter(self, step, state, draw):
    self.count = getattr(self, "count", 0) + 1
    return step


def with_neighbours(self, step, state, draw):
    values = step.state.values
    return replace(step, state=replace(step.state, values=values - values.mean()))


def with_history(self, step, state, draw):
    """Keeps what later ticks need where no saved run has it: beside the fields of the state."""
    carried = getattr(state, "carried", 0.0)
    after = replace(step.state, values=step.state.values + carried)
    object.__setattr__(after, "carried", carried + 1.0)
    return replace(step, state=after, ended=None)


def twice(self, step, state, draw):
    draw.normal("noise", self.census.size)
    return step


def growing(self, step, state, draw):
    """Keeps all values there ever were, for those who read the last ones only."""
    return replace(step, state=here.Grown(step.state.values, step.state.tick, state.values), ended=None)


def few_users(self, step, state, draw):
    if state.values.shape[1] < 2:
        raise ValueError("no pairs")
    return step


BROKEN = {
    "id": ({"id": "whole"}, "expected 'namespace/name-v0'"),
    "phases": ({"roles": changed_role(lambda u: replace(u, phases=("act", "rest")))}, "acts in \\['rest'\\]"),
    "seats": ({"roles": changed_role(lambda u: replace(u, seats=0))}, "0 seats"),
    "labels": ({"roles": changed_field("pick", labels=())}, "no labels"),
    "forfeit": ({"roles": changed_field("pick", forfeit=5)}, "the forfeit of user's 'pick' is 5"),
    "range": ({"roles": changed_field("value", low=0, high=0.1)}, "outside \\[0, 0.1\\]"),
    "shape": ({"roles": changed_field("value", shape=(2,))}, "'value' must be torch.float32 of shape"),
    "dtype": ({"observe": seen(lambda w, o, s: o | {"value": o["value"].double()})}, "got torch.float64"),
    "missing": ({"observe": seen(lambda w, o, s: {k: v for k, v in o.items() if k != "value"})}, "does not show"),
    "undeclared": ({"observe": seen(lambda w, o, s: o | {"secret": o["truth"]})}, "'secret'.*not declare"),
    "leak": ({"observe": seen(lambda w, o, s: o | {"value": o["truth"]})}, "the truth leaks"),
    "nan": ({"observe": seen(lambda w, o, s: o | {"value": o["value"] * torch.nan})}, "sees NaN"),
    "mask": ({"observe": seen(lambda w, o, s: o | {"pick_mask": o["pick_mask"].float()})}, "'pick_mask', bool"),
    "no option": ({"observe": seen(lambda w, o, s: o | {"pick_mask": ~o["pick_mask"]})}, "every option"),
    "in place": ({"advance": stepped(in_place)}, "changes the state in place"),
    "global randomness": ({"advance": stepped(with_randomness)}, "take random numbers from the draw"),
    "counter": ({"advance": stepped(with_counter)}, "keeps count in self"),
    "neighbours": ({"advance": stepped(with_neighbours)}, "not the same to the bit"),
    "resume": ({"advance": stepped(with_history), "ends": False}, "saved and loaded"),
    "twice": ({"advance": stepped(twice)}, "'noise' was drawn twice"),
    "reward": ({"advance": stepped(lambda w, s, b, d: replace(s, rewards={"user": b.values[:, :1]}))}, "reward"),
    "stranger": ({"advance": stepped(lambda w, s, b, d: replace(s, rewards={"usr": b.values}))}, "no role"),
    "measure": ({"advance": stepped(lambda w, s, b, d: replace(s, measures={"m": b.values}))}, "measure 'm'"),
    "stock": ({"measure": lambda self, state: {"s": state.tick}}, "measure 's' must be float32"),
    "panel": ({"panel": lambda self, state: {"p": state.tick}}, "panel 'p'"),
    "default of nobody": (
        {"defaults": {"user": "random", "usr": "random"}},
        "'usr', who is no role; did you mean 'user'.*list it in Broken.optional",
    ),
    "wide panel": (
        {"panel": lambda self, state: {"p": state.values.unsqueeze(-1).expand(-1, -1, 2)}},
        "panel 'p' is 2 wide, and the population has 1 values .taste.",
    ),
    "panel of few": ({"panel": lambda self, state: {"p": state.values[:, :1]}}, r"panel 'p' must be float32 \[4, 6\]"),
    "panel and measure": (
        {"panel": lambda self, state: {"level": state.values}},
        "'level' is both a measure and a panel variable.*rename one",
    ),
    "panel twice": (
        {"panel": lambda self, state: {"p": state.values.unsqueeze(-1), "p/taste": state.values}},
        "panel 'p/taste' becomes the column 'p/taste', which is panel 'p' too",
    ),
    "panel like a key": (
        {"panel": lambda self, state: {"segment": state.values}},
        "'segment', which is a column of every",
    ),
    "undeclared flow": (
        {"measures": lambda self: Whole.measures(self)[1:]},
        "the measure 'level' is not declared.*Broken.measures.. return .*Measure.name='level'",
    ),
    "undeclared stock": ({"measures": lambda self: Whole.measures(self)[:1]}, "the measure 'mean' is not declared"),
    "kind": (
        {"measures": lambda self: (Measure(name="level", about="x", kind="stock"), Whole.measures(self)[1])},
        "'level' is declared as a stock, but comes from advance",
    ),
    "bounds": (
        {"measures": lambda self: (Measure(name="level", about="x", high=-9.0), Whole.measures(self)[1])},
        r"'level' is .*, outside its declared bounds \[-inf, -9\]",
    ),
    "no measure": ({"measures": lambda self: ("level",)}, "measures failed with AttributeError"),
    "infinite": ({"observe": seen(lambda w, o, s: o | {"value": o["value"] / 0.0})}, "sees infinity as 'value'"),
    "infinite alone": (
        {"observe": seen(lambda w, o, s: o | {"value": o["value"] / (0.0 if o["value"].shape[1] == 1 else 1.0)})},
        "a world with one user: user sees infinity as 'value'",
    ),
    "deviation of one": (
        {
            "observe": seen(
                lambda w, o, s: (
                    o
                    | {
                        "value": (o["value"] - o["value"].mean(1, keepdim=True))
                        / o["value"].std(1, correction=0, keepdim=True)
                    }
                )
            )
        },
        "a world with one user: user sees NaN as 'value'",
    ),
    "growing state": (
        {"advance": stepped(growing), "ends": False},
        "after phase 'act' the state has 13 numbers per world, and 7 at the start: state.. of the PettingZoo view",
    ),
    "ends": ({"ends": False}, "ends is False"),
    "ended": ({"advance": stepped(lambda w, s, b, d: replace(s, ended=b.tick))}, "ended must be bool"),
    "present": ({"present": lambda self, state, role: state.values}, "present\\('user'\\)"),
    "state": ({"begin": lambda self, p, d: {"values": p.values[..., 0]}}, "frozen dataclass"),
    "world first": (
        {"begin": lambda self, p, d: here.State(p.values[..., 0], torch.zeros(()))},
        "first dimension",
    ),
    "no roles": ({"roles": lambda self: None}, "roles failed with TypeError"),
    "no role": ({"roles": lambda self: ("user",)}, "expected one populace.fields.Role or more"),
    "blind": ({"observe": lambda self, s, r, p: None}, "must give field -> tensor, got None"),
    "crash": ({"begin": lambda self, p, d: 1 / 0}, "begin failed with ZeroDivisionError"),
    "one user": ({"advance": stepped(few_users)}, "one user.*no pairs"),
}


def test_a_whole_world_passes():
    check_world(here.Whole)


@pytest.mark.parametrize("fault", BROKEN)
def test_check_world_finds(fault):
    changes, match = BROKEN[fault]
    with pytest.raises(CheckFailed, match=match):
        check_world(type("Broken", (here.Whole,), changes))


class Half(World):
    """A world of which only one method is written."""

    id = "test/half-v0"

    def roles(self):
        return ()


class TallOptions(Options):
    """Options of a tall world."""

    height: int = Limited(default=1, ge=1)
    """Height."""


class Tall(Whole):
    Options = TallOptions


@pytest.mark.parametrize(
    ("world", "options", "match"),
    [
        (object, None, "<class 'object'> is not a world: a world is a class derived from populace.world.World"),
        (State, None, "is not a world"),
        (World, None, "World lacks advance, begin, observe, roles"),
        (Half, None, "Half lacks advance, begin, observe"),
        (Tall, {"height": 0}, "options of Tall: height: Input should be greater than or equal to 1 .there are: height"),
        (Tall, {"hight": 2}, "hight: unknown; did you mean 'height'"),
        (Tall, 3, "Tall takes a mapping of options or TallOptions, got 3"),
    ],
)
def test_checks_say_what_is_no_world_and_what_no_option(world, options, match):
    for check in (check_world, lambda w, o: check_policy(here.Good(), w, options=o)):
        with pytest.raises(CheckFailed, match=match) as caught:
            check(world, options)
        assert "pydantic" not in str(caught.value)  # no links to its pages


UNSAFE = {
    "sigmoid": torch.sigmoid,
    "pow": lambda x: x.abs().pow(1.3),
    "softplus": torch.nn.functional.softplus,
    "silu": torch.nn.functional.silu,
    "logaddexp": lambda x: torch.logaddexp(x, 2.0 * x),
    "matmul": lambda x: x @ torch.linspace(-1.0, 1.0, x.shape[1] ** 2).reshape(x.shape[1], -1),
}
"""Operations of docs/architecture.md, Bits, that a world of one number per user may use."""


@pytest.mark.parametrize("name", UNSAFE)
def test_check_world_finds_operations_whose_bits_depend_on_the_batch(name):
    def advance(self, state, phase, actions, draw):
        step = Whole.advance(self, state, phase, actions, draw)
        return replace(step, state=replace(step.state, values=UNSAFE[name](step.state.values)))

    with pytest.raises(CheckFailed, match=r"not the same to the bit .*safe forms of populace.numerics"):
        check_world(type("Broken", (here.Whole,), {"advance": advance}))


@pytest.mark.parametrize("name", manifests.shipped())
def test_worlds_of_the_library_pass(name):
    check_world(name)


def test_roles_that_other_options_bring_may_have_defaults():
    more = {"defaults": {"user": "random", "auditor": "random"}, "optional": ("auditor",)}
    check_world(type("Fine", (here.Whole,), more))


def test_check_world_finds_global_randomness():
    def begin(self, people, draw):
        random.random()
        return Whole.begin(self, people, draw)

    with pytest.raises(CheckFailed, match="global random numbers of random"):
        check_world(type("Broken", (here.Whole,), {"begin": begin}))


def test_check_world_leaves_threads_and_generators_alone():
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    check_world(here.Whole)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


# ---------------------------------------------------------------------- policies


@dataclass(frozen=True)
class Seen:
    count: torch.Tensor


class Good(Policy):
    """Says yes to what is above its mean so far; remembers how often it was asked."""

    def begin(self, role, people, draw):
        return here.Seen(torch.zeros(people.values.shape[:2]))

    def act(self, observation, memory, draw):
        pick = (observation["value"] + draw.normal("doubt", observation.role.seats) > 0).long()
        return {"pick": pick}, replace(memory, count=memory.count + 1)


def acting(change):
    def act(self, observation, memory, draw):
        return change(self, observation, *Good.act(self, observation, memory, draw))

    return act


def keeps_self(self, observation, actions, memory):
    self.last = actions
    return actions, memory


def changes_memory(self, observation, actions, memory):
    memory.count.add_(1)
    observation["value"].mul_(0.5)
    return actions, memory


def uses_numpy(self, observation, actions, memory):
    np.random.rand()  # noqa: NPY002
    return actions, memory


def tosses(self, observation, actions, memory):
    return {"pick": torch.randint(0, 2, actions["pick"].shape)}, memory


def looks_around(self, observation, actions, memory):
    value = observation["value"]
    return {"pick": (value > value.mean()).long()}, memory


BAD = {
    "names": (acting(lambda s, o, a, m: ({"pik": a["pick"]}, m)), "must give exactly \\['pick'\\]"),
    "dtype": (acting(lambda s, o, a, m: ({"pick": a["pick"].float()}, m)), "must be torch.int64"),
    "range": (acting(lambda s, o, a, m: ({"pick": a["pick"] + 2}, m)), "as 'pick': clamp"),
    "self": (acting(keeps_self), "keeps last in self"),
    "in place": (acting(changes_memory), "in place"),
    "global": (acting(uses_numpy), "numpy.random"),
    "tosses": (acting(tosses), "something else for the same observation"),
    "neighbours": (acting(looks_around), "alone than in a batch"),
    "no memory": (lambda self, observation, memory, draw: {"pick": memory, "why": memory}, "actions without memory"),
    "one action, no memory": (lambda self, observation, memory, draw: {"pick": memory}, "actions without memory"),
    "nothing": (lambda self, observation, memory, draw: None, "a NoneType; expected \\(actions, memory\\)"),
    "a list": (acting(lambda s, o, a, m: ({"pick": a["pick"].tolist()}, m)), "gives a list as 'pick'"),
    "crash": (acting(lambda s, o, a, m: 1 / 0), "act in phase 'act' failed with ZeroDivisionError"),
}


def test_a_good_policy_passes():
    check_policy(here.Good(), here.Whole)


@pytest.mark.parametrize("fault", BAD)
def test_check_policy_finds(fault):
    act, match = BAD[fault]
    with pytest.raises(CheckFailed, match=match):
        check_policy(type("Bad", (here.Good,), {"act": act})(), here.Whole)


def test_check_policy_wants_a_policy_and_a_role_that_acts():
    with pytest.raises(CheckFailed, match="call its class"):
        check_policy(here.Good, here.Whole)
    idle = type("Idle", (here.Whole,), {"roles": changed_role(lambda u: replace(u, phases=(), does=()))})
    with pytest.raises(CheckFailed, match="'user' never acts"):
        check_policy(here.Good(), idle, "user")
    with pytest.raises(CheckFailed, match="no role of Idle ever acts"):
        check_policy(here.Good(), idle)


@pytest.mark.parametrize(
    ("memory", "match"),
    [
        (lambda self, role, people, draw: here.Seen({1, 2}), "cannot save a set"),
        (lambda self, role, people, draw: here.Seen(torch.zeros(())), "first dimension must be the world"),
    ],
)
def test_check_policy_finds_memory_that_is_no_value(memory, match):
    with pytest.raises(CheckFailed, match=match):
        check_policy(type("Bad", (here.Good,), {"begin": memory})(), here.Whole)


def test_check_policy_finds_what_a_mask_forbids():
    def observe(self, state, role, phase):
        found = Whole.observe(self, state, role, phase)
        return found | {"pick_mask": torch.tensor([True, False]).expand_as(found["pick_mask"])}

    with pytest.raises(CheckFailed, match="pick_mask forbids"):
        check_policy(here.Good(), type("Strict", (here.Whole,), {"observe": observe}))


def test_check_scenario(tmp_path):
    check_scenario("prisoners-dilemma")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("wrld: nowhere\n")
    with pytest.raises(CheckFailed, match="unknown key 'wrld'"):
        check_scenario(wrong)


@pytest.mark.parametrize("name", ["options", "Plays", "play", "priviledged", "need", "speak"])
def test_a_misspelt_attribute_of_a_policy_is_an_error(name):
    meant = {"options": "Options", "Plays": "plays", "play": "plays", "priviledged": "privileged"}
    with pytest.raises(PopulaceError, match=f"did you mean '{meant.get(name, name + 's')}'"):
        type("Mine", (Policy,), {name: ()})


def test_a_misspelt_attribute_of_a_world_is_an_error_and_others_are_free():
    with pytest.raises(PopulaceError, match="did you mean 'phases'"):
        type("Mine", (World,), {"phase": ("act",)})
    type("Mine", (World,), {"_phase": 1, "speed": 2, "plays": 3, "end": lambda self: None})
