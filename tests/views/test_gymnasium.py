"""One seat as a `gymnasium.Env`, `make` and `make_vec` in all modes, and what a plug-in announces."""

import subprocess
import sys
import textwrap
import warnings

import gymnasium
import numpy as np
import pettingzoo
import pytest
import toy
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from populace.envs import views
from populace.envs.registration import register_all
from populace.errors import PopulaceError
from populace.registry import manifests

WORLDS = manifests.shipped()

SEATS = [
    (name, role.name)
    for name in WORLDS
    for role in views.build(name, users=4).world.cast.values()
    if role.phases and role.does
]


@pytest.mark.parametrize("more", [{}, {"flat": False}, {"flat_actions": True}], ids=str)
@pytest.mark.parametrize(("name", "role"), SEATS)
def test_every_seat_passes_gymnasiums_check(name, role, more):
    env = gymnasium.make(name, users=4, max_cycles=8, seat=(role, 0), **more)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_env(env.unwrapped, skip_render_check=bool(more))
    fine = ("recommend using a symmetric", "values are equal", "maximum and minimum")  # remarks on style
    assert [str(w.message) for w in told if not any(word in str(w.message) for word in fine)] == []


def test_a_seat_is_the_parallel_view_of_its_world():
    seat = views.seat_env(toy.Toy, users=1, seat=("user", 0), options={"patience": 3}, max_cycles=6)
    alone = views.parallel_env(toy.Toy, users=1, focal="user", options={"patience": 3}, max_cycles=6, flat=True)
    mine, _ = seat.reset(seed=11)
    theirs, _ = alone.reset(seed=11)
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(30):
        np.testing.assert_array_equal(mine, theirs["user_0"])
        action = int(rng.integers(3))
        mine, reward, ended, cut, _ = seat.step(action)
        theirs, paid, over, short, _ = alone.step({"user_0": action})
        assert (reward, ended, cut) == (paid["user_0"], over["user_0"], short["user_0"])
        if ended or cut:
            ends += 1
            with pytest.raises(PopulaceError, match=r"is over .* call reset\(\)"):
                seat.step(0)
            mine, _ = seat.reset()
            theirs, _ = alone.reset()
    assert ends > 3


@pytest.mark.parametrize("mode", ["sync", "async", "vector_entry_point"])
def test_make_vec_in_all_modes(mode):
    batch = gymnasium.make_vec(
        "populace/drift-v0", num_envs=2, vectorization_mode=mode, users=4, max_cycles=3, flat_actions=True
    )
    try:
        observation, _ = batch.reset(seed=0)
        assert batch.observation_space.contains(observation)
        batch.action_space.seed(0)
        ended = 0
        for _ in range(8):
            observation, rewards, over, cut, infos = batch.step(batch.action_space.sample())
            assert batch.observation_space.contains(observation)
            assert rewards.shape == (2,)
            assert infos["rewarded"].all()
            ended += int((over | cut).sum())
        assert ended >= 4
    finally:
        batch.close()


@pytest.mark.parametrize("mode", [*AutoresetMode, "same_step", "next_step", "disabled"])
def test_make_vec_takes_an_autoreset_mode(mode):
    batch = gymnasium.make_vec("populace/agency-v0", num_envs=3, users=2, seat=("customer", 0), autoreset=mode)
    expected = mode if isinstance(mode, AutoresetMode) else AutoresetMode[mode.upper()]
    assert batch.metadata["autoreset_mode"] is expected


def test_pictures():
    for mode, kind in (("ansi", str), ("rgb_array", np.ndarray)):
        seat = gymnasium.make("populace/coevolution-v0", users=4, render_mode=mode)
        seat.reset(seed=0)
        seat.step(seat.action_space.sample())
        assert isinstance(seat.render(), kind)
        batch = gymnasium.make_vec("populace/coevolution-v0", num_envs=2, users=4, render_mode=mode)
        batch.reset(seed=0)
        batch.step(batch.action_space.sample())
        shown = batch.render()
        assert len(shown) == 2
        assert all(isinstance(one, kind) for one in shown)
    assert "world 1" in gymnasium_text(1)
    with pytest.raises(PopulaceError, match="render_mode 'rgb'"):
        views.seat_env(toy.Toy, users=2, render_mode="rgb")


def gymnasium_text(number):
    batch = views.vector_env(toy.Toy, num_envs=2, users=2, render_mode="ansi")
    batch.reset(seed=0)
    return batch.render()[number]


# ---------------------------------------------------------------------- plug-ins

PLUGIN = """
[populace.worlds]
acme/island-v0 = acme:MANIFEST
acme/no version = acme:MANIFEST
"""


def _run(tmp_path, code):
    """Run code in a process to which a package is installed that announces two worlds, one with a useless name."""
    info = tmp_path / "acme_worlds-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-worlds\nVersion: 1.0\n")
    manifest = 'Manifest(id="acme/island-v0", world="toy:Toy")'
    (tmp_path / "acme.py").write_text(f"from populace.manifest import Manifest\nMANIFEST = {manifest}\n")
    (info / "entry_points.txt").write_text(PLUGIN)
    path = f"import sys; sys.path += [{str(tmp_path)!r}, {str(toy.__file__).rsplit('/', 1)[0]!r}]\n"
    script = path + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-W", "always", "-c", script], capture_output=True, text=True, check=True)


def test_the_worlds_of_a_plug_in_are_found_without_registering(tmp_path):
    done = _run(
        tmp_path,
        """
        import gymnasium
        env = gymnasium.make("populace.envs:acme/island-v0", users=3)
        assert "toy" in sys.modules
        print(env.reset(seed=0)[0].shape)
        import pettingzoo
        batch = gymnasium.make_vec("acme/island-v0", num_envs=2, users=3)
        print(batch.reset(seed=0)[0].shape)
        parallel = pettingzoo.make("parallel", "acme/island-v0", users=3)
        print(sorted(parallel.reset(seed=0)[0]))
        print(pettingzoo.make("aec", "acme/island-v0", users=3).possible_agents)
        """,
    )
    lines = done.stdout.splitlines()
    agents = ["assistant_0", "assistant_1", "user_0", "user_1", "user_2"]
    assert lines[1].startswith("(2, ")
    assert lines[2] == str(agents)
    assert sorted(eval(lines[3])) == agents
    assert "'acme/no version' cannot be made" in done.stderr  # told, and no more


def test_finding_names_imports_no_world(tmp_path):
    _run(
        tmp_path,
        """
        import gymnasium, populace.envs
        assert "acme/island-v0" in gymnasium.registry
        assert "toy" not in sys.modules
        assert "torch" not in sys.modules
        """,
    )


def test_worlds_added_while_the_program_runs_are_registered_by_hand():
    register_all(["mine/toy-v0", "mine/toy-v0"])
    try:
        env = gymnasium.make("mine/toy-v0", world=toy.Toy, users=2)
        assert env.reset(seed=0)[0].size
        assert pettingzoo.make("parallel", "mine/toy-v0", world=toy.Toy, users=2).reset(seed=0)
    finally:
        del gymnasium.registry["mine/toy-v0"]
    with pytest.raises(PopulaceError, match=r"'my toy' cannot be made .*'namespace/name-v0'"):
        register_all(["my toy"])
