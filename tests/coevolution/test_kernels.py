"""The coevolution world by kernels is that of torch to rounding; single pieces against float64 and closed forms."""

import math
from dataclasses import fields, replace

import pytest
import torch
from coevolution_stage import Crowd, society
from kernels_stage import both, of

from populace.arithmetic import using
from populace.envs.coevolution import dynamics, measures
from populace.envs.coevolution.history import CENTURY_VALUES, MORAL_VALUES
from populace.envs.coevolution.influence import move
from populace.ownership import alone, changed
from populace.rollout import Keep, rollout
from populace.run import advance

RATES = (("history_rate", 0.3), ("assistant_rate", 0.1), ("peer_rate", 0.2))
WALK = {"series": "walk", "every": 3}
CASES = {
    "plain": ({"noise": 0.02, "history": {"every": 2}}, "lifelong", "sincere", Crowd()),
    "shed": ({"history": {"spread": "shed", "every": 2}}, "mirror", "sincere", Crowd()),
    "echoes": ({"noise": 0.02, "history": WALK}, "mirror", "guarded", Crowd(301, names=MORAL_VALUES)),
    "unheard": ({"assistant_epochs": 0.0}, "frozen", "sincere", Crowd()),
    "follow": ({"protocol": "follow", "history": {"every": 2}}, "lifelong", "sincere", Crowd()),
    "predict": ({"protocol": "predict", "ahead": 3, "history": {"every": 2}}, "extrapolative", "sincere", Crowd()),
    "approval": ({"reward": "approval", "assistants": 3}, "lifelong", "sincere", Crowd()),
    "groups": (
        {"audience": "segment", "assistants": 2, "noise": 0.01, "turnover": 0.05, "history": {"every": 2}},
        "pluralist", "sincere", Crowd(61, names=CENTURY_VALUES, traits=RATES, ring=True),
    ),
    "peers": ({"peer_rate": 0.1, "noise": 0.02}, "consensus", "sincere", Crowd(130)),
    "turnover": ({"turnover": 0.1, "history": {"anchor": "people", **WALK}}, "frozen", "sincere", Crowd(200)),
    "blocks": ({"noise": 0.02, "history": WALK}, "oracle", "sincere", Crowd(8_300, names=MORAL_VALUES)),
    "oracle": ({"questionnaire": {"held_out": 0.0, "centre": "zero"}}, "oracle", "sincere", Crowd(9)),
}  # fmt: skip


def close(a, b, within):
    return torch.allclose(a.double(), b.double(), rtol=0.0, atol=within, equal_nan=True)


@pytest.mark.parametrize("case", CASES)
def test_both_forms_play_the_same(case):
    """Twelve ticks: whole numbers are equal, values differ by a few times their rounding."""
    options, assistant, user, crowd = CASES[case]
    ends, series = {}, {}
    for name in ("torch", "kernels"):
        with using(name):
            world, players, run = society(options, assistant, population=crowd, user=user, worlds=3)
            keep = Keep()
            ends[name] = rollout(world, players, run, 12 if crowd.size < 1000 else 3, keep).state
            series[name] = keep.series
    plain, fast = ends["torch"], ends["kernels"]
    for f in fields(plain):
        a, b = getattr(plain, f.name), getattr(fast, f.name)
        if isinstance(a, torch.Tensor):
            assert a.dtype == b.dtype, f.name
            assert close(a, b, 5e-6 if a.is_floating_point() and f.name not in ("yes", "replied") else 0.0), f.name
    if plain.seats is not None:
        assert torch.equal(plain.seats.person, fast.seats.person)
    assert series["torch"].keys() == series["kernels"].keys()
    for key, found in series["torch"].items():
        for a, b in zip(found, series["kernels"][key], strict=True):
            # Cosines of short vectors, and items at their threshold, magnify the last bits of positions.
            assert close(a, b, 2e-4), key


def test_who_says_nothing_moves_nobody_in_both_forms():
    def work():
        world, players, run = society({"assistants": 2, "noise": 0.01}, worlds=2)
        run, _ = advance(world, players, run)
        state = run.state
        position = of(3, 2).normal("p", 2, 1, 5)
        spoke = torch.tensor([[True, False], [False, False]])
        arguments = (world.options, world.groups, state, position, torch.full((2, 2), 0.5), world.questions(state))
        moved, approval = move(*arguments, of(4, 2), spoke)
        found, paid, after = measures.scores(
            world.options, changed(state, tick=state.tick + 10), position.flatten(1, 2), torch.zeros(2, 2),
            world.truth(state), spoke,
        )  # fmt: skip
        return moved.values, approval, paid, after.pg_sum, after.pg_count, *found.values()

    for a, b in zip(*both(work), strict=True):
        assert close(a, b, 3e-6)


def test_moments_against_float64():
    values = of(1, 3).normal("v", 20_000, 7)
    group = of(2, 3).integers("g", 0, 4, 20_000)
    with using("kernels"):
        mean, variance, means = dynamics.moments(values, group, 5, values[:, 0])
    exact = values.double()
    assert close(mean, exact.mean(1), 2e-7)
    assert close(variance, exact.var(1, correction=0), 1e-6)
    for g in range(4):
        for w in range(3):
            assert close(means[w, g], exact[w][group[w] == g].mean(0), 1e-6)
    assert torch.equal(means[:, 4], mean)  # nobody is there


def test_answers_are_counted_exactly():
    answers = of(1, 2).integers("a", 0, 2, 10_000, 3)
    group = of(2, 2).integers("g", 0, 3, 10_000)
    for grouped, groups in ((None, 1), (group, 3)):
        plain, fast = both(lambda: dynamics.counted(answers, grouped, groups, True))  # noqa: B023
        assert torch.equal(plain[0], fast[0])
        assert torch.equal(plain[1], fast[1])
        assert fast[1].dtype == torch.uint8


def test_neighbours_of_one_graph_and_of_one_each():
    values = of(1, 3).normal("v", 50, 4)
    for graphs in (1, 3):
        target, source = (of(2, graphs).integers(name, 0, 49, 200) for name in ("t", "s"))
        weight = of(3, graphs).uniform("w", 200)
        exact = torch.zeros(3, 50, 4, dtype=torch.float64)
        whole = torch.zeros(3, 50, dtype=torch.float64)
        for w in range(3):
            g = w if graphs > 1 else 0
            for s, t, share in zip(source[g].tolist(), target[g].tolist(), weight[g].double(), strict=True):
                exact[w, t] += share * values[w, s].double()
                whole[w, t] += share
        listens = whole > 0
        expected = torch.where(listens.unsqueeze(-1), exact / whole.unsqueeze(-1), values.double())
        assert not listens[:, 49].any()  # who listens to nobody keeps its own
        with using("kernels"):
            assert close(dynamics.neighbour_means(values, source, target, weight), expected, 1e-6)


# ---------------------------------------------------------------------- in place


def test_a_rollout_writes_into_states_of_its_own_only():
    """The states that a caller holds stay as they were, and results are those of a rollout tick by tick."""
    with using("kernels"):
        world, players, run = society({"noise": 0.02, "history": WALK}, worlds=2)
        held = [run]
        for _ in range(3):
            held.append(rollout(world, players, held[-1], 1))
        before = [r.state.values.clone() for r in held]
        whole = rollout(world, players, run, 3)
        assert torch.equal(whole.state.values, before[-1])
        for r, values in zip(held, before, strict=True):
            assert torch.equal(r.state.values, values)
        assert len({r.state.values.data_ptr() for r in held}) == 4


def test_values_are_moved_in_place_where_nobody_holds_them():
    with using("kernels"):
        world, players, run = society({"noise": 0.02}, worlds=2)
        run = rollout(world, players, run, 1)
        state = replace(run, state=replace(run.state, values=run.state.values.clone())).state
        at = state.values.data_ptr()
        run, _ = advance(world, players, replace(run, state=state), own=True)
        del state
        run, _ = advance(world, players, run, own=True)
        assert run.state.values.data_ptr() == at
        seen = run.state.values[:, 3]  # a view that somebody keeps
        copy = seen.clone()
        run, _ = advance(world, players, run, own=True)
        run, _ = advance(world, players, run, own=True)
        assert run.state.values.data_ptr() != at
        assert torch.equal(seen, copy)


class Keeps(Keep):
    """Keeps what it was shown."""

    def __init__(self):
        super().__init__(every=2)
        self.held = []

    def record(self, world, run, found):
        super().record(world, run, found)
        self.held.append((run, run.state.values.clone()))


def test_what_a_recorder_keeps_is_never_written_into():
    with using("kernels"):
        world, players, run = society({"noise": 0.02}, worlds=2)
        keeps = Keeps()
        rollout(world, players, run, 8, keeps)
    for kept, values in keeps.held:
        assert torch.equal(kept.state.values, values)


def test_alone():
    class Holder:
        def __init__(self, x):
            self.x = x

    holder = Holder(torch.ones(3))
    assert alone(holder, "x")
    x = torch.ones(3)
    assert not alone(Holder(x), "x")
    array = holder.x.numpy()
    assert not alone(holder, "x")
    del array
    assert alone(holder, "x")
    view = holder.x[1:]
    assert not alone(holder, "x")
    del view
    assert alone(holder, "x")


def test_a_changed_value_has_the_fields_of_the_old_one():
    with using("kernels"):
        _, _, run = society({})
    new = changed(run.state, tick=run.state.tick + 1)
    assert type(new) is type(run.state)
    assert new.values is run.state.values
    assert new.tick.tolist() == [1] * 4
    assert run.state.tick.tolist() == [0] * 4
    with pytest.raises(TypeError, match="no field 'tock'"):
        changed(run.state, tock=1)


def test_nan_stays_nan():
    """A position that is no number makes those who hear it no numbers: never a silent value."""

    def work():
        world, players, run = society({}, worlds=1)
        run, _ = advance(world, players, run)
        given = {"position": torch.full((1, 1, 1, 5), math.nan), "mirror": torch.zeros(1, 1)}
        run, step = advance(world, players, run, {"assistant": given})
        return run.state.values, run.state.mean, step.measures["assistant_error"], step.measures["held_out"]

    for found in both(work):
        assert all(x.isnan().all() for x in found)
