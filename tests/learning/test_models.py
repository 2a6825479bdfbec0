"""Gradients against automatic differentiation, and what a policy may look at."""

import pytest
import torch

from populace.agents.learning.models import Base, Layout, Linear, Network, Tabular
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.fields import Field, Role

SEES = (
    Field(name="topic", kind="choice", labels=("a", "b", "c"), about="."),
    Field(name="loud", kind="flag", about="."),
    Field(name="mood", kind="real", about="."),
    Field(name="shape", kind="real", shape=(2,), about="."),
    Field(name="hidden", kind="flag", about=".", private=True),
)
DOES = (
    Field(name="note", kind="real", about="."),
    Field(name="act", kind="choice", labels=("w", "x", "y", "z"), about=".", masked=True),
)
ROLE = Role(name="speaker", seats=9, sees=SEES, does=DOES, phases=("p",))


def make(kind):
    base = Base(((0.0, 1.0, -1.0, 0.5), (0.3, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 2.0)), "topic")
    if kind == "tabular":
        return Tabular(Layout(ROLE, None, None, Tabular.kinds, ""), base)
    layout = Layout(ROLE, "act", None, Network.kinds, "")
    return Linear(layout, base, True) if kind == "linear" else Network(layout, base, True, 5)


def sample(masked):
    g = torch.Generator().manual_seed(3)
    seen = {
        "topic": torch.randint(0, 3, (2, 9), generator=g),
        "loud": torch.rand((2, 9), generator=g) < 0.5,
        "mood": torch.randn((2, 9), generator=g),
    }
    act = torch.randint(0, 4, (2, 9), generator=g)
    if masked:
        legal = torch.rand((2, 9, 4), generator=g) < 0.6
        seen["act_mask"] = legal.scatter(-1, act.unsqueeze(-1), True)
    return seen, act, torch.randn((2, 9), generator=g)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", ["tabular", "linear", "network"])
def test_gradients_are_those_of_automatic_differentiation(kind, masked):
    model = make(kind)
    draw = Draw.of(1, torch.arange(2))
    observation, act, weight = sample(masked)
    seen = model.see(observation)
    params = {k: v + 0.3 * draw.normal(f"{k}/p", *v.shape[1:]) for k, v in model.begin(draw).items()}
    other = {k: v + 0.3 * draw.normal(f"{k}/q", *v.shape[1:]) for k, v in params.items()}
    free = {k: v.clone().requires_grad_() for k, v in params.items()}
    logs = model.log_probs(free, seen)
    (weight * logs.gather(-1, act.unsqueeze(-1)).squeeze(-1)).sum().backward()
    for name, value in model.push(params, seen, act, weight).items():
        assert torch.allclose(value, free[name].grad, atol=1e-5), name
    free = {k: v.clone().requires_grad_() for k, v in params.items()}
    p, q = model.log_probs(free, seen), model.log_probs(other, seen)
    gap = torch.where(torch.isfinite(p), p - q, 0.0)
    (weight * (torch.exp(p) * gap).sum(-1)).sum().backward()
    for name, value in model.pull(params, other, seen, weight).items():
        assert torch.allclose(value, free[name].grad, atol=1e-5), name


@pytest.mark.parametrize("kind", ["tabular", "linear", "network"])
def test_a_learner_begins_at_its_base_policy(kind):
    model = make(kind)
    observation, _, _ = sample(False)
    p = torch.exp(model.log_probs(model.begin(Draw.of(1, torch.arange(2))), model.see(observation)))
    expected = torch.softmax(torch.tensor(model.base.logits), -1)[observation["topic"]]
    assert torch.allclose(p, expected, atol=1e-6)


def test_ground_truth_and_what_has_a_shape_are_not_looked_at():
    assert {f.name for f in make("network").layout.fields} == {"topic", "loud", "mood"}
    assert {f.name for f in make("tabular").layout.fields} == {"topic", "loud"}
    with pytest.raises(UnknownName, match="hidden"):
        Layout(ROLE, None, ("hidden",), Tabular.kinds, "")
    with pytest.raises(PopulaceError, match="shape"):
        Layout(ROLE, None, ("shape",), Network.kinds, "")
    with pytest.raises(PopulaceError, match="mood"):
        Layout(ROLE, None, ("mood",), Tabular.kinds, "")


def test_a_role_without_a_choice_cannot_be_learned():
    role = Role(name="painter", seats=1, sees=SEES, does=(DOES[0],), phases=("p",))
    with pytest.raises(PopulaceError, match="one of several acts"):
        Layout(role, None, None, Tabular.kinds, "")
    with pytest.raises(UnknownName, match="did you mean 'act'"):
        Layout(ROLE, "akt", None, Tabular.kinds, "")
