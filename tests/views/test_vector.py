import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from populace.envs import views
from populace.errors import ActionError, PopulaceError
from populace.fields import lasting
from populace.policy import Learner
from populace.testing import CheckFailed

SEATS = [("assistant", 1), ("user", 2)]
MODES = ["same_step", "next_step", "disabled"]


class Twice(toy.Toy):
    """Assistants act in both phases of a tick."""

    def roles(self):
        user, assistant = super().roles()
        return user, replace(assistant, phases=("answer", "advise"))


@dataclass(frozen=True)
class Rounds:
    """What a counter learned."""

    rounds: torch.Tensor = lasting()


class Counter(toy.Picker, Learner):
    """Counts the episodes it learned from, by world."""

    def begin(self, role, people, draw):
        return Rounds(torch.zeros(draw.worlds, 1))

    def learn(self, memory, trajectory, draw):
        return Rounds(memory.rounds + 1), {}


def make(n=4, **more):
    return views.vector_env(
        toy.Toy,
        num_envs=n,
        **{"users": 4, "options": {"patience": 4}, "max_cycles": 6, "seat": ("assistant", 1), **more},
    )


@pytest.mark.parametrize("autoreset", MODES)
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("seat", SEATS)
@pytest.mark.parametrize("options", [{"patience": 4}, {"patience": 4, "forbid": True}, {}])
def test_vector_env_passes_its_check(autoreset, flat, seat, options):
    views.check_vector_env(lambda n: make(n, autoreset=autoreset, flat=flat, seat=seat, options=options))


@pytest.mark.parametrize("autoreset", MODES)
@pytest.mark.parametrize("max_cycles", [5, 6])  # an episode of 5 steps is cut in mid-tick
@pytest.mark.parametrize("options", [{"patience": 3}, {}])
def test_a_seat_that_acts_twice_a_tick_passes_too(autoreset, max_cycles, options):
    def twice(n):
        return views.vector_env(Twice, num_envs=n, users=3, options=options, max_cycles=max_cycles, autoreset=autoreset)

    views.check_vector_env(twice)


@pytest.mark.parametrize("autoreset", MODES)
def test_every_environment_is_a_parallel_view_whatever_the_mode_and_the_turns(autoreset):
    """Environments that begin anew in mid-tick go on in a batch of their own, and are the same worlds to the bit."""
    options, n = {"patience": 3}, 5
    env = views.vector_env(
        Twice, num_envs=n, users=3, options=options, max_cycles=7, autoreset=autoreset, seat=("assistant", 0)
    )
    alone = [
        views.parallel_env(
            Twice, users=3, options=options, max_cycles=7, focal="assistant", flat=True, policies={"user": toy.Picker()}
        )
        for _ in range(n)
    ]
    batch, _ = env.reset(seed=11)
    seen = [one.reset(seed=11, options={"world": i})[0]["assistant_0"] for i, one in enumerate(alone)]
    rng, over, apart, ends = np.random.default_rng(0), np.zeros(n, bool), False, 0
    for _ in range(40):
        np.testing.assert_array_equal(batch, np.stack(seen))
        action = {"move": rng.uniform(-1, 1, (n, 2)).astype(np.float32), "close": rng.integers(0, 2, n)}
        if autoreset == "disabled" and over.any():
            batch, infos = env.reset(options={"reset_mask": over})
            np.testing.assert_array_equal(infos["_present"], over)
            for i in np.flatnonzero(over):
                seen[i] = alone[i].reset()[0]["assistant_0"]
            np.testing.assert_array_equal(batch, np.stack(seen))
            over[:] = False
        due = over.copy()
        batch, rewards, ended, cut, infos = env.step(action)
        over = ended | cut
        apart |= len({lane.run.phase for lane in env._lanes}) > 1
        for i, one in enumerate(alone):
            if due[i]:  # next_step: this step only begins
                seen[i] = one.reset()[0]["assistant_0"]
                assert (rewards[i], ended[i], cut[i]) == (0, False, False)
                continue
            mine = {name: value[i] for name, value in action.items()}
            still = {"move": np.zeros(2, np.float32), "close": 0}
            observation, paid, out, short, _ = one.step({"assistant_0": mine, "assistant_1": still})
            assert (rewards[i], ended[i], cut[i]) == (paid["assistant_0"], out["assistant_0"], short["assistant_0"])
            seen[i] = observation["assistant_0"]
            if over[i]:
                ends += 1
            if over[i] and autoreset == "same_step":
                np.testing.assert_array_equal(infos["final_obs"][i], seen[i])
                seen[i] = one.reset()[0]["assistant_0"]
        if autoreset == "same_step":
            over[:] = False
    assert ends > 10
    assert apart  # some stood in another phase than the others


def test_a_batch_without_autoreset_says_who_must_be_reset():
    env = make(3, autoreset="disabled", options={}, max_cycles=2)
    env.reset(seed=0)
    for _ in range(2):
        _, _, _, cut, _ = env.step(env.action_space.sample())
    assert cut.all()
    with pytest.raises(PopulaceError, match=r"environment 0 is over and autoreset is disabled: call reset\(\)"):
        env.step(env.action_space.sample())
    env.reset(options={"reset_mask": np.array([True, True, False])})
    assert env.run.episode.tolist() == [1, 1, 0]
    with pytest.raises(PopulaceError, match="environment 2 is over"):
        env.step(env.action_space.sample())
    env.reset(options={"reset_mask": np.array([False, False, True])}, seed=[7, 8, 9])
    assert env.run.worlds.tolist() == [0, 1, 9]
    env.step(env.action_space.sample())


def test_an_action_of_a_world_that_begins_anew_is_ignored():
    env = make(2, autoreset="next_step", options={}, max_cycles=1)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    nonsense = {"move": np.full((2, 2), np.nan, np.float32), "close": np.full(2, 7)}
    _, rewards, over, cut, _ = env.step(nonsense)
    assert not rewards.any()
    assert not (over | cut).any()


def test_an_illegal_action_changes_nothing():
    env, twin = make(2), make(2)
    for fresh in (env, twin):
        fresh.reset(seed=0)
    with pytest.raises(ActionError):
        env.step({"move": np.full((2, 2), 9, np.float32), "close": np.zeros(2, np.int64)})
    action = {"move": np.zeros((2, 2), np.float32), "close": np.zeros(2, np.int64)}
    np.testing.assert_array_equal(env.step(action)[0], twin.step(action)[0])


def test_learners_learn_when_their_world_s_episode_ends():
    """As in a parallel view: from their own episode, at its end, whenever those of the neighbours end."""

    def learned(worlds):
        common = {"users": 2, "options": {"patience": 3}, "max_cycles": 5, "policies": {"user": Counter()}, "seed": 4}
        env = views.vector_env(toy.Toy, num_envs=len(worlds), **common)
        env.reset(seed=worlds)
        action = {"move": np.zeros((len(worlds), 2), np.float32), "close": np.zeros(len(worlds), np.int64)}
        for _ in range(20):
            env.step(action)
        rounds = np.zeros(len(worlds))
        for lane in env._lanes:
            rounds[lane.envs] = lane.run.memory["user"].rounds[:, 0].numpy()
        return rounds.tolist()

    together = learned([0, 1, 2, 3, 4, 5])
    assert together == [learned([world])[0] for world in range(6)]
    assert len(set(together)) > 1


def test_seats_that_nobody_rates_are_told():
    """Drift asks 16 probes beside its users, and no one rates the answers: see docs/worlds/drift.md."""
    probes = 16
    env = views.parallel_env("populace/drift-v0", users=3, focal="assistant")
    _, infos = env.reset(seed=0)
    assert [infos[f"assistant_{i}"]["rewarded"] for i in range(3 + probes)] == [1] * 3 + [0] * probes
    for seat, rewarded in ((0, True), (2, True), (3, False), (18, False)):
        batch = views.vector_env("populace/drift-v0", num_envs=2, users=3, seat=("assistant", seat), flat_actions=True)
        _, infos = batch.reset(seed=0)
        assert infos["rewarded"].tolist() == [rewarded] * 2
        total = sum(np.abs(batch.step(batch.action_space.sample())[1]).sum() for _ in range(6))
        assert (total > 0) == rewarded


def test_metadata_states_the_mode():
    assert make().metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert make(autoreset="next_step").metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_an_environment_is_a_parallel_view_with_one_seat():
    """World i of the batch gives what PettingZoo's view of world i gives, episode after episode."""
    options = {"patience": 3}
    env = make(3, seat=("user", 0), users=1, options=options)
    seen, _ = env.reset(seed=11)
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 3, (25, 3))
    history = [env.step(a) for a in actions]
    for world in range(3):
        alone = views.parallel_env(toy.Toy, focal="user", users=1, options=options, max_cycles=6, flat=True)
        observation, _ = alone.reset(seed=11, options={"world": world})
        np.testing.assert_array_equal(seen[world], observation["user_0"])
        for t, (batch, rewards, ended, cut, infos) in enumerate(history):
            observation, paid, over, short, _ = alone.step({"user_0": actions[t, world]})
            assert (rewards[world], ended[world], cut[world]) == (paid["user_0"], over["user_0"], short["user_0"]), t
            if over["user_0"] or short["user_0"]:
                np.testing.assert_array_equal(infos["final_obs"][world], observation["user_0"])
                observation, _ = alone.reset()
            np.testing.assert_array_equal(batch[world], observation["user_0"])
    assert any(e.any() for _, _, e, _, _ in history)
    assert any(c.any() for _, _, _, c, _ in history)


def test_both_modes_tell_the_same_story():
    """Next-step autoreset is same-step autoreset with one step of waiting after each end."""
    same, later = make(1), make(1, autoreset="next_step")
    a, _ = same.reset(seed=5)
    b, _ = later.reset(seed=5)
    np.testing.assert_array_equal(a, b)
    action = {"move": np.full((1, 2), 0.5, np.float32), "close": np.zeros(1, np.int64)}
    ends = 0
    for _ in range(30):
        a, *x, infos = same.step(action)
        b, *y, _ = later.step(action)
        for u, v in zip(x, y, strict=True):
            np.testing.assert_array_equal(u, v)
        if x[1][0] or x[2][0]:
            ends += 1
            np.testing.assert_array_equal(infos["final_obs"][0], b[0])
            b, reward, over, cut, _ = later.step(action)
            assert (reward[0], over[0], cut[0]) == (0, False, False)
        np.testing.assert_array_equal(a, b)
    assert ends >= 5  # the horizon alone gives 30 / 6


def test_final_info_and_masks():
    env = make(16)
    env.reset(seed=0)
    both = False
    for _ in range(6):
        _, _, ended, cut, infos = env.step(env.action_space.sample())
        over = ended | cut
        if over.any():
            np.testing.assert_array_equal(infos["_final_obs"], over)
            np.testing.assert_array_equal(infos["_final_info"], over)
            np.testing.assert_array_equal(infos["final_info"]["_gap"], over)
            np.testing.assert_array_equal(infos["_gap"], ~over)
            assert [x is None for x in infos["final_obs"]] == (~over).tolist()
            both |= bool((~over).any())
        else:
            assert "final_obs" not in infos
    assert both


def test_equal_seeds_make_equal_environments_and_others_do_not():
    env = make(3, seat=("assistant", 0))
    observation, _ = env.reset(seed=[4, 4, 9])
    np.testing.assert_array_equal(observation[0], observation[1])
    assert env.run.worlds.tolist() == [4, 4, 9]
    batch, _ = env.reset(seed=1)
    assert not all(np.array_equal(batch[0], other) for other in batch[1:])


def test_the_other_seats_are_played_by_the_policy():
    env = make(2, options={}, seat=("assistant", 1))
    env.reset(seed=0)
    env.step({"move": np.full((2, 2), 0.25, np.float32), "close": np.zeros(2, np.int64)})
    assert (env.run.state.position[:, 1] == 0.25).all()
    assert (env.run.state.position[:, 0] == 0).all()  # Still


def test_a_masked_choice_has_its_mask_in_the_infos():
    env = make(3, seat=("user", 1), options={"forbid": True})
    _, infos = env.reset(seed=0)
    last = env.run.state.last[:, 1].numpy()
    np.testing.assert_array_equal(infos["action_mask"], np.arange(3) != last[:, None])
    *_, infos = env.step(last)
    assert infos["invalid"].all()
    *_, infos = env.step((env.run.state.last[:, 1].numpy() + 1) % 3)
    assert not infos["invalid"].any()


def test_mistakes_are_explained():
    env = make(2)
    env.reset(seed=0)
    with pytest.raises(ActionError, match="environment 1's 'move'"):
        env.step({"move": np.array([[0, 0], [0, 3]], np.float32), "close": np.zeros(2, np.int64)})
    with pytest.raises(PopulaceError, match=r"reset_mask is .* expected an array of 2 booleans"):
        env.reset(options={"reset_mask": np.array([1, 0])})
    with pytest.raises(PopulaceError, match="reset every environment first"):
        make(2).reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(PopulaceError, match="seats 0 to 1"):
        make(seat=("assistant", 2))
    with pytest.raises(PopulaceError, match="2 seeds for 3"):
        make(3).reset(seed=[1, 2])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"n": 0}, "num_envs is 0"),
        ({"n": "x"}, "num_envs is 'x'"),
        ({"max_cycles": -1}, "max_cycles.* is -1"),
        ({"autoreset": "same"}, "did you mean 'same_step'"),
        ({"seed": -1}, "seed is -1"),
        ({"seat": "assistant"}, r"seat is 'assistant'; expected \(role, number\)"),
        ({"seat": ("assistant", 0.5)}, "number is 0.5"),
        ({"seat": ("user", 0), "users": 1, "policies": {"user": "nobody:Here"}}, "names 'user', but you play it"),
    ],
)
def test_nonsense_in_building_is_refused(arguments, match):
    with pytest.raises(PopulaceError, match=match):
        make(**arguments)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"seed": "a"}, "seeds are 'a'; expected 2 whole numbers"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": [0, -4]}, "number 1 of the seeds is -4"),
        ({"options": {"world": 3}}, "environment i is world i"),
    ],
)
def test_nonsense_in_a_reset_is_refused(arguments, match):
    env = make(2)
    with pytest.raises(PopulaceError, match=r"call reset\(\) first"):
        env.step(env.action_space.sample())
    with pytest.raises(PopulaceError, match=match):
        env.reset(**arguments)


def test_the_policy_of_a_shared_role_plays_its_other_seats():
    assert views.build(toy.Toy, seat=("assistant", 0), policies={"assistant": toy.Still()}).policies["assistant"]


# ---------------------------------------------------------------------- the check finds what is broken


class Dice(VectorEnv):
    """A correct vector environment of dice, to be broken in one way at a time."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    fault = ""

    def __init__(self, n):
        self.num_envs = n
        self.single_observation_space = spaces.Box(0, 1, (2,), np.float32)
        self.observation_space = spaces.Box(0, 1, (n, 2), np.float32)
        self.single_action_space = spaces.Discrete(2)
        self.action_space = spaces.MultiDiscrete(np.full(n, 2))
        if self.fault == "mode":
            self.metadata = {}

    def _see(self):
        if self.fault == "neighbours":
            rng = np.random.default_rng((self.seed, self.t))
            return rng.random((2, self.num_envs), np.float32).T.copy()
        rows = [np.random.default_rng((self.seed, self.t, i)).random(2, np.float32) for i in range(self.num_envs)]
        return np.stack(rows) + (2 if self.fault == "space" and self.t == 3 else 0)

    def reset(self, *, seed=None, options=None):
        self.seed = 0 if self.fault == "seed" else seed
        if not (self.fault == "memory" and hasattr(self, "t")):
            self.t = 0
        return self._see(), {}

    def step(self, actions):
        self.t += 1
        over = np.full(self.num_envs, self.t % 10 == 0)
        no = np.zeros(self.num_envs, np.bool_)
        infos = {}
        if over.any() and self.fault != "final":
            infos = {"final_obs": np.array([*self._see(), None], dtype=object)[:-1], "_final_obs": over}
        if self.fault == "infos":
            infos["x"] = no
        rewards = actions.astype(np.int64 if self.fault == "rewards" else np.float32)
        return (
            self._see(),
            rewards,
            over if self.fault != "endless" else no,
            over if self.fault == "both" else no,
            infos,
        )


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("", None),
        ("mode", "autoreset_mode"),
        ("neighbours", "depend on num_envs"),
        ("space", "not in observation_space"),
        ("seed", "different seeds"),
        ("memory", "second reset"),
        ("final", "final_obs"),
        ("infos", "'x' but no mask"),
        ("rewards", "finite floats"),
        ("endless", "no episode ended"),
        ("both", "both terminated and truncated"),
    ],
)
def test_check_finds(fault, match):
    kind = type("Broken", (Dice,), {"fault": fault})
    if match is None:
        views.check_vector_env(kind)
        return
    with pytest.raises(CheckFailed, match=match):
        views.check_vector_env(kind)


# ---------------------------------------------------------------------- a learner


def test_stock_ppo_learns_to_follow_a_society(tmp_path, monkeypatch):
    """On 64 societies it has not met, against chance and against standing still at zero, paired by society.

    Societies are independent, so the mean difference is judged by its standard error over societies; five of them is
    a chance below 1 in 10^6.
    """
    pytest.importorskip("stable_baselines3")
    monkeypatch.setenv("SB3_LOGDIR", str(tmp_path))
    path = Path(__file__).resolve().parents[2] / "examples" / "train_assistant_ppo.py"
    spec = importlib.util.spec_from_file_location("train_assistant_ppo", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    found = example.compare(12_000, seeds=(1001, 1002))
    for other in ("chance", "nothing"):
        gain = found["learned"] - found[other]
        assert gain.mean() > 5 * gain.std(ddof=1) / len(gain) ** 0.5
