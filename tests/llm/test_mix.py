"""Roles shared by several policies: by share, by segment, scripts beside models, from Python and from scenarios."""

import sys
from dataclasses import replace

import pytest
import torch

from populace import registry
from populace.agents.llm import Backend, Reply, TextPolicy
from populace.agents.scripted.mix import Mix, MixOptions
from populace.draw import Draw
from populace.errors import PopulaceError, ScenarioError
from populace.measures import recorded
from populace.observation import Observation
from populace.policy import Policy
from populace.rollout import Keep, rollout
from populace.run import advance, branch, see, start
from populace.scenarios import build, load
from populace.testing import check_policy
from populace.testing.tools import made, same


class Constant(Policy):
    """Always the same act."""

    value = 0

    def act(self, observation, memory, draw):
        (f,) = observation.role.done_in(observation.phase)
        return {f.name: torch.full_like(f.empty(draw.worlds, observation.role.seats), self.value)}, memory


class Clear(Constant):
    value = 0


class Vague(Constant):
    value = 1


class Spy(TextPolicy):
    asked: list[int] = []

    def open(self):
        class Backend_(Backend):
            def complete(self, asks):
                Spy.asked.append(len(asks))
                yield from ((i, Reply.of(ask, "end")) for i, ask in enumerate(asks))

        return Backend_()


def mix(*players):
    return Mix(MixOptions.model_validate({"players": list(players)}))


def seen(policy, users=10, worlds=6, role="user", world="populace/payoff-v0"):
    stage, people = made(world, None, users, None)
    run = start(stage, {role: policy}, people, seed=4, worlds=worlds)
    return stage, run


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "mix_players", sys.modules[__name__])


def test_seats_are_dealt_by_share_exactly_at_random_and_kept():
    policy = mix({"policy": "mix_players:Clear", "share": 0.3}, {"policy": "mix_players:Vague", "share": 0.7})
    _, run = seen(policy, users=10, worlds=400)
    who = run.memory["user"].who
    assert (who == 0).sum(-1).tolist() == [3] * 400
    # Every seat is equally likely: 0.3, with a standard deviation of 0.023 over 400 worlds.
    assert (who == 0).float().mean(0).tolist() == pytest.approx([0.3] * 10, abs=4 * 0.023)
    _, alone = seen(policy, users=10, worlds=torch.tensor([123]))
    assert torch.equal(alone.memory["user"].who[0], who[123])


def test_each_seat_does_what_its_player_does_and_only_a_models_own_seats_are_asked():
    Spy.asked = []
    policy = mix({"policy": "mix_players:Vague", "share": 1}, {"policy": "mix_players:Spy", "share": 1})
    stage, run = seen(policy, users=10, worlds=3)
    who = run.memory["user"].who
    actions, after = policy.act(see(stage, run, stage.role("user")), run.memory["user"], Draw.of(0, run.worlds))
    assert torch.equal(actions["act"], torch.where(who == 0, 1, 2))
    assert actions["kind"].sum() == 0
    assert ((actions["tally/tokens"] > 0) == (who == 1)).all()
    assert Spy.asked == [15]
    assert torch.equal(after.who, who)


def test_what_each_player_earns_and_leaves_is_measured():
    policy = mix({"policy": "mix_players:Vague", "share": 0.3}, {"policy": "llm/malformed", "share": 0.7})
    stage, run = seen(policy, users=10, worlds=4)
    players = {"user": policy, "assistant": registry.policies.get("best-response", within="payoff")()}
    run = replace(run, memory={**run.memory, "assistant": None})
    who, measures = run.memory["user"].who, {}
    for _ in stage.phases:
        run, step = advance(stage, players, run, watch=True)
        measures |= step.measures
        if "user" in step.rewards:
            reward = step.rewards["user"]
    measures |= recorded(run.counts)
    for i, (name, invalid) in enumerate((("Vague", 0.0), ("malformed", 1.0))):
        mean = torch.stack([reward[w][who[w] == i].mean() for w in range(4)])
        assert torch.allclose(measures["reward", "user", name], mean)
        assert torch.equal(measures["invalid", "user", name], torch.full((4,), invalid))
    assert torch.equal(measures["tokens", "user", "malformed"], measures["tokens", "user", ""])
    assert torch.allclose(measures["invalid", "user", ""], torch.full((4,), 0.7))


def test_players_of_one_name_are_numbered():
    policy = mix(*({"policy": "payoff/logit", "share": 1} for _ in range(2)), {"policy": "random", "share": 1})
    assert list(policy.describe()["players"]) == ["logit 1", "logit 2", "random"]


def test_a_mix_keeps_the_contract_of_policies():
    policy = mix(
        {"policy": "payoff/logit", "share": 2},
        {"policy": "llm/malformed", "share": 1, "params": {"share": 0.5, "memory": 50}},
        {"policy": "random", "share": 1},
    )
    check_policy(policy, "populace/payoff-v0", "user")


class Nosy(Constant):
    shown: list[set[str]] = []

    def act(self, observation, memory, draw):
        Nosy.shown.append(set(observation))
        return {f.name: f.empty(draw.worlds, 1) for f in observation.role.done_in(observation.phase)}, memory


def test_ground_truth_stays_with_those_who_may_see_it():
    policy = mix({"policy": "coevolution/oracle", "share": 1}, {"policy": "mix_players:Nosy", "share": 1})
    assert policy.privileged
    assert not mix({"policy": "coevolution/frozen", "share": 1}).privileged
    stage, run = seen(policy, users=4, worlds=2, role="assistant", world="populace/coevolution-v0")
    role = stage.role("assistant")
    fields = Observation(stage.observe(run.state, "assistant", "advise"), role, "advise")
    policy.act(fields, run.memory["assistant"], Draw.of(0, run.worlds))
    assert set(fields) - Nosy.shown[-1] == {"truth"}


SCENARIO = """
schema: 1
world: {id: populace/coevolution-v0}
worlds: 3
horizon: 4
population:
  size: 20
  values:
    names: [religion, democracy, liberalism, expectation_for_progress, uncertainty_avoidance]
    distribution: {normal: {mean: 0, sd: 0.1}}
  segments: {old: {share: 0.4}, young: {share: 0.6}}
  assign: even
agents:
  user:
    policy: mix
    players:
      - {policy: guarded, segment: old, params: {honest: 0.25}}
      - {policy: sincere, share: 3}
      - {policy: forfeit, share: 1}
"""


def test_a_scenario_mixes_by_names_of_its_world_and_population(tmp_path):
    path = tmp_path / "mixed.yaml"
    path.write_text(SCENARIO)
    (cell,) = load(path).cells
    built = build(cell)
    run = start(built.world, built.policies, built.population, seed=0, worlds=3)
    who = run.memory["user"].who
    assert torch.equal(who == 0, run.people.segment == 0)
    assert (who == 1).sum(-1).tolist() == [9] * 3
    assert (who == 2).sum(-1).tolist() == [3] * 3
    keep = Keep()
    after = rollout(built.world, built.policies, run, 4, keep, check=True)
    assert same(after.memory["user"].who, who)
    load(load(path).resolved)  # what is written into a run folder is read again


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("segment: old", "segment: odl", r"unknown segment 'odl'; did you mean 'old'"),
        ("segment: old", "share: 1, segment: old", r"give one of share, segment and seats"),
        ("guarded,", "garded,", r"unknown policy 'garded'"),
        ("honest: 0.25", "honest: 2", r"honest"),
        ("share: 3", "segment: old", r"claimed twice"),
        ("forfeit, share: 1", "learning/sft, share: 1", r"a learner must have its role to itself"),
    ],
)
def test_mistakes_in_a_mix_are_told(tmp_path, old, new, told):
    path = tmp_path / "mixed.yaml"
    path.write_text(SCENARIO.replace(old, new))
    with pytest.raises(ScenarioError, match=told):
        load(path)


def test_segments_nobody_plays_are_told(tmp_path):
    path = tmp_path / "mixed.yaml"
    path.write_text(SCENARIO.replace("      - {policy: sincere, share: 3}\n      - {policy: forfeit, share: 1}\n", ""))
    with pytest.raises(ScenarioError, match="nobody plays young"):
        load(path)


def test_segments_need_a_seat_a_user():
    policy = mix({"policy": "coevolution/frozen", "segment": 0}, {"policy": "coevolution/mirror", "share": 1})
    with pytest.raises(PopulaceError, match="assistant has 1 seats for 10 users: use shares or seats"):
        seen(policy, role="assistant", world="populace/coevolution-v0")
    with pytest.raises(PopulaceError, match="mix needs `players`"):
        Mix()


def test_seats_claimed_by_number_leave_all_others_what_they_would_do_alone():
    """One person acts otherwise; the first player has the luck, and so the acts, that it has alone."""
    alone = registry.policies.get("sincere", within="coevolution")()
    one = {"policy": "coevolution/guarded", "seats": [3], "params": {"honest": 0.0}}
    mixed = mix({"policy": "coevolution/sincere", "share": 1}, one)
    acts = []
    for policy in (alone, mixed):
        stage, run = seen(policy, users=30, worlds=4, world="populace/coevolution-v0")
        observation = see(stage, run, stage.role("user"))
        acts.append(policy.act(observation, run.memory["user"], run.draw())[0]["answers"])
    others = torch.arange(30) != 3
    assert torch.equal(acts[0][:, others], acts[1][:, others])
    assert not torch.equal(acts[0][:, 3], acts[1][:, 3])


def test_seats_that_are_not_there_and_seats_that_nobody_plays_are_told():
    player = {"policy": "coevolution/sincere", "seats": [10]}
    with pytest.raises(PopulaceError, match="user has the seats 0 to 9, not 10"):
        seen(mix(player, {"policy": "coevolution/guarded", "share": 1}), world="populace/coevolution-v0")
    with pytest.raises(ValueError, match="nobody plays the other seats"):
        mix(player)
    with pytest.raises(ValueError, match="one of share, segment and seats"):
        mix({**player, "share": 1})


def test_the_first_player_adopts_what_it_remembered_alone():
    alone = registry.policies.get("lifelong", within="coevolution")()
    mixed = mix({"policy": "coevolution/lifelong", "share": 1})
    stage, run = seen(alone, role="assistant", world="populace/coevolution-v0")
    twin = branch(stage, {"assistant": mixed}, run, fresh=("assistant",), before={"assistant": alone})
    assert twin.memory["assistant"].parts == (run.memory["assistant"],)
    other = branch(
        stage,
        {"assistant": mix({"policy": "coevolution/mirror", "share": 1})},
        run,
        fresh=("assistant",),
        before={"assistant": alone},
    )
    assert other.memory["assistant"].parts != (run.memory["assistant"],)
