"""Runs as values: bit-identity of worlds, resume, branch, masks, autoreset, learners, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from core_toy import Climber, Steady, Toy, make

from populace import tree
from populace.agents.scripted.common import Forfeit, Random
from populace.errors import ActionError, RunError, UnknownName
from populace.rollout import Keep, rollout
from populace.run import Run, advance, branch, restart, start


def play(worlds, ticks=12, **options):
    world, policies, population = make()
    run = start(world, policies, population, seed=5, worlds=worlds)
    return rollout(world, policies, run, ticks, check=True, **options)


def same(a, b):
    pairs = list(zip(tree.tensors(a), tree.tensors(b), strict=True))
    return len(pairs) > 0 and all(torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("options", [{}, {"horizon": 5}, {"at_end": "autoreset", "learn_every": 3}])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_world_is_the_same_alone_in_a_batch_and_in_any_order(options, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        batch = play(17, **options)
        for ids in ([3], [16, 3, 0]):
            some = play(torch.tensor(ids), **options)
            assert same(some, tree.take(batch, torch.tensor(ids)))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("cut", [1, 4, 5])
def test_a_resumed_run_is_bit_identical(cut, tmp_path: Path):
    options = {"horizon": 5, "at_end": "autoreset", "learn_every": 3}
    world, policies, population = make()
    whole = play(6, **options)
    half = rollout(world, policies, start(world, policies, population, seed=5, worlds=6), cut, **options)
    half.save(tmp_path / "run.pt")
    assert same(whole, rollout(world, policies, Run.load(tmp_path / "run.pt"), 12 - cut, **options))


def test_a_run_cut_in_mid_round_keeps_its_trajectory_and_phase(tmp_path: Path):
    world, policies, population = make()
    run = start(world, policies, population, seed=5, worlds=6)
    run, _ = advance(world, policies, rollout(world, policies, run, 2))
    assert run.phase == 1
    assert len(run.trajectory["assistant"]) == 2
    run.save(tmp_path / "run.pt")
    loaded = Run.load(tmp_path / "run.pt")
    for _ in range(3):
        run, loaded = advance(world, policies, run)[0], advance(world, policies, loaded)[0]
    assert same(run, loaded)


def test_branches_have_common_random_numbers():
    world, policies, population = make(assistant=Steady())
    run = rollout(world, policies, start(world, policies, population, seed=5, worlds=4), 3)
    still = {**policies, "assistant": Forfeit()}
    twin = branch(world, still, run, fresh=("assistant",))
    a, b = rollout(world, policies, run, 2), rollout(world, still, twin, 2)
    # Same noise in both, so the twins differ by the push alone: 2 ticks of 0.1 * 0.5.
    assert torch.allclose(a.state.values - b.state.values, torch.full_like(a.state.values, 0.1), atol=1e-6)
    assert torch.equal(a.state.purse, b.state.purse)


def test_ended_worlds_wait_masked():
    run = play(40, 30)
    assert run.done.all()
    more = play(40, 40)
    assert same(run.state, more.state)
    assert (run.tick < 30).all()


def test_autoreset_begins_the_next_episode():
    run = play(40, 30, at_end="autoreset")
    assert (run.episode >= 1).all()
    assert (run.state.purse > -0.5).all()


def test_a_horizon_truncates_and_what_was_learned_stays():
    world, policies, population = make()
    run = start(world, policies, population, seed=5, worlds=3)
    keep = Keep()
    run = rollout(world, policies, run, 11, keep, horizon=5)
    assert run.episode.tolist() == [2, 2, 2]
    assert run.memory["assistant"].age.tolist() == [1, 1, 1]
    assert (run.memory["assistant"].level > 0.15).all()  # learned at ticks 5 and 10, at least .1 - .1 / 10 each
    assert [int(v[0]) for v in keep.series["seen", "assistant", ""]] == [5, 5]
    assert keep.clocks == list(range(12))


def test_restart_of_some_worlds_leaves_the_others():
    world, policies, population = make()
    run = rollout(world, policies, start(world, policies, population, seed=5, worlds=4), 3)
    which = torch.tensor([True, False, False, True])
    after = restart(world, policies, run, which)
    assert torch.equal(after.state.values[1:3], run.state.values[1:3])
    assert torch.equal(after.state.values[which], run.people.values[which])
    assert after.episode.tolist() == [1, 0, 0, 1]


def test_private_fields_reach_only_the_privileged():
    world, policies, population = make()
    seen = {}

    class Spy(Climber):
        def act(self, observation, memory, draw):
            seen[type(self)] = set(observation)
            return super().act(observation, memory, draw)

    class Oracle(Spy):
        privileged = True

    for spy in (Spy(), Oracle()):
        run = start(world, {**policies, "assistant": spy}, population, seed=1, worlds=2)
        rollout(world, {**policies, "assistant": spy}, run, 1)
    assert seen == {Spy: {"heard"}, Oracle: {"heard", "truth"}}


def test_invalid_acts_forfeit_and_are_counted():
    class Mumbler(Random):
        def act(self, observation, memory, draw):
            actions, memory = super().act(observation, memory, draw)
            kind = torch.zeros(draw.worlds, observation.role.seats, dtype=torch.int8)
            kind[:, :2] = 1
            return {"say": torch.ones_like(actions["say"]), "kind": kind}, memory

    world, policies, population = make(users=8)
    keep = Keep()
    policies = {**policies, "user": Mumbler()}
    rollout(world, policies, start(world, policies, population, seed=1, worlds=3), 1, keep)
    assert keep.series["invalid", "user", ""][0].tolist() == [0.25] * 3
    assert keep.series["said"][0].tolist() == [0.75] * 3


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ({}, r"must give exactly \['push'\], got \[\]"),
        ({"push": torch.zeros(3)}, r"shape \(3, 1\).*got torch.float32 of shape \(3,\)"),
        ({"push": torch.zeros(3, 1, dtype=torch.int64)}, r"must be torch.float32.*got torch.int64"),
    ],
)
def test_wrong_actions_are_refused_in_words(actions, words):
    class Wrong(Steady):
        def act(self, observation, memory, draw):
            return actions, memory

    world, policies, population = make(assistant=Wrong())
    with pytest.raises(ActionError, match=words):
        rollout(world, policies, start(world, policies, population, seed=1, worlds=3), 1)


def test_unknown_roles_and_missing_players_are_named():
    world, policies, population = make()
    with pytest.raises(UnknownName, match="did you mean 'assistant'"):
        start(world, {"asistant": Random()}, population, seed=1, worlds=1)
    with pytest.raises(UnknownName, match="player of role 'assistant'"):
        rollout(world, {"user": Random()}, start(world, {"user": Random()}, population, seed=1, worlds=1), 1)


def test_a_broken_file_is_a_run_error(tmp_path: Path):
    (tmp_path / "run.pt").write_bytes(b"not a run")
    with pytest.raises(RunError, match="cannot read the saved state"):
        Run.load(tmp_path / "run.pt")


def test_no_global_randomness_is_read_or_set():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = play(3)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert same(first, play(3))


def test_different_seeds_and_worlds_differ():
    world, policies, population = make()
    a = rollout(world, policies, start(world, policies, population, seed=1, worlds=2), 3)
    b = rollout(world, policies, start(world, policies, population, seed=2, worlds=2), 3)
    assert (a.state.values != b.state.values).all()
    assert (a.state.values[0] != a.state.values[1]).all()


def test_toy_is_what_the_tests_say():
    assert Toy.ends
    assert replace(start(*make(), seed=1, worlds=1), clock=3).clock == 3


@pytest.mark.gpu
def test_gpu_agrees_with_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    world, policies, population = make(users=50, assistant=Steady())
    levels = []
    for device in ("cpu", "cuda"):
        keep = Keep()
        run = start(world, policies, population, seed=1, worlds=64, device=device)
        rollout(world, policies, run, 5, keep)
        levels.append(torch.stack(keep.series["level"]).cpu())
    assert torch.allclose(*levels, atol=1e-4)
