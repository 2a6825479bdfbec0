"""The bridge to stable-baselines3: its own checker, masks by environment, and what it refuses."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
import toy

from populace.envs import views
from populace.errors import PopulaceError

pytest.importorskip("stable_baselines3")

from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

from populace.envs.bridges import sb3
from populace.registry import manifests

WORLDS = manifests.shipped()


@pytest.fixture(autouse=True)
def _log_folder(tmp_path, monkeypatch):
    """The library makes a log folder for every training; here it goes with the test."""
    monkeypatch.setenv("SB3_LOGDIR", str(tmp_path))


@pytest.mark.parametrize("name", WORLDS)
def test_a_learner_can_sit_in_every_world(name):
    env = VecNormalize(VecMonitor(sb3.vec_env(name, num_envs=4, users=4, max_cycles=4)))
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=16, n_epochs=1, device="cpu", seed=0).learn(64)
    assert model.num_timesteps == 64
    assert len(model.ep_info_buffer) >= 4  # episodes ended and were noted


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", WORLDS)
def test_a_seat_passes_its_check(name):
    check_env(gymnasium.make(name, users=4, max_cycles=6, flat_actions=True).unwrapped)


def masked(n=3):
    return sb3.vec_env(toy.Toy, num_envs=n, users=4, options={"forbid": True}, seat=("user", 1), max_cycles=3, seed=5)


def test_masks_are_given_by_environment():
    env = masked()
    env.reset()
    last = env.env.run.state.last[:, 1].tolist()
    expected = [[tag != own for tag in range(3)] for own in last]
    assert [mask.tolist() for mask in env.env_method("action_masks")] == expected
    assert [mask.tolist() for mask in env.env_method("action_masks", indices=[2, 0])] == [expected[2], expected[0]]
    assert [info["action_mask"].tolist() for info in env.reset_infos] == expected
    assert env.has_attr("action_masks")
    assert not env.has_attr("action_maks")
    *_, infos = env.step(np.array([[mask.index(True)] for mask in expected]))
    assert [info["action_mask"].tolist() for info in infos] == [m.tolist() for m in env.env_method("action_masks")]


def test_masked_ppo_of_sb3_contrib():
    contrib = pytest.importorskip("sb3_contrib")
    from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported

    env = masked()
    env.reset()
    assert is_masking_supported(env)
    assert get_action_masks(env).shape == (3, 3)
    contrib.MaskablePPO("MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, device="cpu").learn(48)


def test_the_end_of_an_episode_is_as_stable_baselines_wants_it():
    env, same = (
        masked(2),
        views.vector_env(
            toy.Toy, num_envs=2, users=4, options={"forbid": True}, seat=("user", 1), max_cycles=3, flat_actions=True
        ),
    )
    first = env.reset()
    again, _ = same.reset(seed=5)
    np.testing.assert_array_equal(first, again)
    for step in range(3):
        action = np.array([[0], [1]])
        seen, rewards, done, infos = env.step(action)
        batch, paid, _, cut, told = same.step(action)
        np.testing.assert_array_equal(seen, batch)
        np.testing.assert_array_equal(rewards, paid)
        assert done.tolist() == [step == 2] * 2
    for i in range(2):
        assert infos[i]["TimeLimit.truncated"] is bool(cut[i]) is True
        np.testing.assert_array_equal(infos[i]["terminal_observation"], told["final_obs"][i])


def test_seeds_are_those_that_were_set():
    env = masked()
    default = env.reset()
    env.seed(9)
    seeded = env.reset()
    env.seed(9)
    np.testing.assert_array_equal(seeded, env.reset())
    assert not np.array_equal(default, seeded)
    assert not np.array_equal(seeded, env.reset())  # the next episode


def test_pictures():
    env = sb3.vec_env(toy.Toy, num_envs=2, users=2, max_cycles=3, render_mode="rgb_array")
    env.reset()
    image = env.render()
    assert image.ndim == 3
    assert len(env.get_images()) == 2


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"autoreset": "next_step"}, "autoreset='same_step'"),
        ({"flat_actions": False}, r"this seat has \['close', 'move'\]: .*flat_actions=True"),
    ],
)
def test_what_does_not_fit_is_refused(more, match):
    with pytest.raises(PopulaceError, match=match):
        sb3.vec_env(toy.Toy, users=2, **more)


def test_what_is_of_all_environments_is_not_called_on_one():
    env = masked()
    env.reset()
    with pytest.raises(PopulaceError, match="'reset' is of all environments together"):
        env.env_method("reset", indices=[1])
    with pytest.raises(PopulaceError, match="'flat' belongs to all environments together"):
        env.set_attr("flat", False, indices=0)


def test_without_stable_baselines_the_line_that_installs_it_is_told():
    code = (
        "import sys; sys.modules['stable_baselines3'] = None\n"
        "import populace.envs.views\n"
        "from populace.errors import MissingExtra\n"
        "try:\n    from populace.envs.bridges import sb3\n"
        "except MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "populace[sb3]"' in done.stdout


def test_no_bridge_is_imported_by_the_views():
    code = "import populace.envs.views, sys; assert 'stable_baselines3' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
