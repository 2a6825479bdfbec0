"""Every observation, state and space is finite, in all worlds, roles and phases; what infinity meant has a flag."""

import numpy as np
import pytest
import torch
import toy
from gymnasium import spaces

from populace.agents.scripted.shopping import fitting, pick, stated, worth_of_nothing
from populace.envs import views
from populace.envs.shopping.catalogues import open_catalogue
from populace.envs.shopping.presets import PRESETS
from populace.fields import LIMIT, Field
from populace.registry import manifests

WORLDS = manifests.shipped()

ALL_PHASES = ["offer", "delegate", "search", "message", "decide", "audit"]
GAMES = ("contract", "cheap-talk", "delegation-cap", "lemons", "signalling", "screening", "audit", "reputation")
VARIANTS = [
    *((name, {}) for name in WORLDS),
    *(("populace/coevolution-v0", {"protocol": p, "assistants": 2}) for p in ("follow", "predict", "coevolve")),
    ("populace/coevolution-v0", {"turnover": 0.2, "history": {"series": "centuries", "every": 1}}),
    *(("populace/shopping-v0", {"catalogue": name}) for name in PRESETS),
    ("populace/shopping-v0", {"phases": ALL_PHASES, "must": {"rating": 3.5}}),
    ("populace/shopping-v0", {"catalogue": "market", "phases": ["delegate", "message", "decide"]}),
    *(("populace/agency-v0", {"game": name}) for name in GAMES),
    ("populace/lockin-v0", {"assistants": 2, "order": "simultaneous", "lambda_peer": 0.5, "sigma": 3.0}),
    ("populace/payoff-v0", {"stated": True, "harm": {"share": 0.3}, "questions": {"number": 2}}),
    ("populace/matrix-v0", {"random": [2, 3], "models": True}),
    ("populace/matrix-v0", {"rows": [[-7, 2], [0, 5]], "columns": [[1, 2], [3, 4]], "patience": 0.8}),
    ("populace/drift-v0", {"audit_budget": 0.2, "join": 0.3, "discovery": 0.2, "trust": True}),
    ("populace/culture-v0", {"rule": "bounded", "rounds": 1, "susceptibility": 0.2}),
]


def _finite(space):
    if isinstance(space, spaces.Dict):
        return all(_finite(part) for part in space.values())
    return not isinstance(space, spaces.Box) or bool(np.isfinite(space.low).all() and np.isfinite(space.high).all())


def _numbers(observation):
    if isinstance(observation, dict):
        return np.concatenate([_numbers(part) for part in observation.values()])
    return np.asarray(observation, np.float64).reshape(-1)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
@pytest.mark.parametrize("flat", [False, True])
def test_all_roles_in_all_phases(name, options, flat):
    env = views.parallel_env(name, users=6, options=options, flat=flat, max_cycles=9)
    for agent in env.possible_agents:
        assert _finite(env.observation_space(agent)), agent
        assert _finite(env.action_space(agent)), agent
    assert _finite(env.state_space)
    observation, _ = env.reset(seed=3)
    steps = 0
    while env.agents:
        for agent in env.agents:
            assert env.observation_space(agent).contains(observation[agent]), (agent, observation[agent])
            assert np.isfinite(_numbers(observation[agent])).all(), (agent, observation[agent])
        assert np.isfinite(env.state()).all()
        assert env.state_space.contains(env.state())
        observation, rewards, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        assert np.isfinite(list(rewards.values())).all()
        steps += 1
    assert steps > 1


def test_what_infinity_meant_in_a_shop_has_a_flag():
    """No must-have, no budget and nothing as bad as the worst product: flags, beside numbers that are legal to show."""
    options = {"must": {"rating": 3.5}}
    stage = views.build("populace/shopping-v0", users=5, options=options, focal="assistant")
    seen = stage.see(stage.start(1, torch.arange(2)), "assistant")
    catalogue = open_catalogue("goods")
    rating = catalogue.attributes.index("rating")
    assert seen["required"].flatten(0, 1)[0].tolist() == [k == rating for k in range(len(catalogue.attributes))]
    assert (seen["must"][..., rating] == 3.5).all()
    assert seen["unlimited"].all()
    assert (
        (seen["budget"] >= 2 * seen["price"].amax(-1) * 0.999)
        .logical_or(seen["budget"] >= seen["price"].amax(-1))
        .all()
    )
    assert seen["nothing_is_worst"].all()
    tin = views.build("populace/shopping-v0", users=5, options={"catalogue": "tin-men-loyalty"}, focal="assistant")
    seen = tin.see(tin.start(1, torch.arange(2)), "assistant")
    assert not seen["unlimited"].any()
    assert (seen["budget"] == 50_000).all()  # Phelps and Ranson 2023
    assert not seen["nothing_is_worst"].any()


def test_scripts_read_the_flags_as_they_read_infinities():
    """A loyal assistant's choice, worked out from the infinities themselves."""
    for options in ({}, {"must": {"rating": 4.2}}, {"catalogue": "tin-men-harm"}, {"catalogue": "market"}):
        stage = views.build("populace/shopping-v0", users=40, options=options, focal="assistant")
        run = stage.start(2, torch.arange(3))
        seen = stage.see(run, "assistant")
        must = torch.where(seen["required"], seen["must"], -torch.inf)
        budget = torch.where(seen["unlimited"], torch.inf, seen["budget"])
        fits = seen["available"] & (seen["price"] <= 1.00001 * budget.unsqueeze(-1))
        fits = fits & (seen["offers"] >= must.unsqueeze(-2)).all(-1)
        floor = torch.where(seen["nothing_is_worst"], -torch.inf, seen["nothing"])
        assert torch.equal(fitting(seen), fits)
        assert torch.equal(worth_of_nothing(seen), floor)
        assert torch.equal(pick(stated(seen), fitting(seen), worth_of_nothing(seen)), pick(stated(seen), fits, floor))
        assert torch.equal(fits, run.state.prospect.feasible)


def test_the_trace_of_a_society_is_zero_where_it_has_not_been():
    env = views.parallel_env("populace/coevolution-v0", users=4, focal="assistant", options={"protocol": "coevolve"})
    env.reset(seed=0)
    trace = env.run.state.trace
    assert (trace[:, 0] != 0).any()
    assert (trace[:, 1:] == 0).all()
    assert env.stage.world.measure(env.run.state)["pg_coevolve"].isnan().all()  # the trace is not whole


def test_bounds_of_a_field_are_finite():
    real = Field(name="x", kind="real", about="")
    assert real.bounds == (-LIMIT, LIMIT)
    assert Field(name="x", kind="real", low=0, about="").bounds == (0, LIMIT)
    assert Field(name="x", kind="real", low=5 * LIMIT, about="").bounds == (5 * LIMIT, 5 * LIMIT)
    assert Field(name="x", kind="real", span=(-2, 3), about="").bounds == (-2, 3)
    assert Field(name="x", kind="count", about="").bounds == (0, 2**31 - 1)
    assert Field(name="x", kind="count", low=-1, high=4, about="").bounds == (-1, 4)
    assert Field(name="x", kind="choice", labels=("a", "b", "c"), about="").bounds == (0, 2)


def test_numbers_beyond_a_space_are_shown_at_its_ends():
    """A world of one's own that shows what it does not declare: the view stays in its space."""

    class Loud(toy.Toy):
        def roles(self):
            user, assistant = super().roles()
            loud = Field(name="loud", kind="real", about="Anything.")
            return user, type(assistant)(**{**vars(assistant), "sees": (*assistant.sees, loud)})

        def observe(self, state, role, phase):
            seen = super().observe(state, role, phase)
            if role == "assistant":
                seen["loud"] = torch.tensor([[torch.inf, -1e30]], dtype=torch.float32).expand(len(state.values), 2)
            return seen

    for flat in (False, True):
        env = views.parallel_env(Loud, users=3, focal="assistant", flat=flat)
        observation, _ = env.reset(seed=0)
        for agent in env.agents:
            assert env.observation_space(agent).contains(observation[agent])
    first = views.parallel_env(Loud, users=3, focal="assistant").reset(seed=0)[0]
    assert (float(first["assistant_0"]["loud"][0]), float(first["assistant_1"]["loud"][0])) == (LIMIT, -LIMIT)
