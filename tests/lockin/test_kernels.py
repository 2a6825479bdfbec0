"""Rounds of the lock-in world by kernels are those by torch to rounding; pooling against sums in exact arithmetic."""

import math
from dataclasses import fields

import pytest
import torch
from kernels_stage import both
from lockin_stage import lockin

from populace.rollout import Keep, rollout
from populace.run import advance

OWN = [[0.0, 0.5, 1.0, 0.3], [0.2, 0.0, 1.0, 0.0], [0.3, 0.4, 0.0, 0.0], [0.1, 0.2, 0.3, 0.0]]
CASES = {
    "peer": {},
    "signal-first": {"order": "signal-first", "assistants": 3},
    "simultaneous": {"order": "simultaneous", "assistants": 2, "sigma": 0.7},
    "trusting peers": {"lambda_peer": 0.2},
    "only peers": {"lambda_peer": 0.2, "lambda_human": 0.0, "lambda_assistant": 0.0},
    "one human": {"users": 1, "lambda_peer": 0.5},
    "two humans": {"users": 2, "lambda_peer": 0.5},
    "own trust": {"users": 3, "trust": OWN},
    "many humans": {"users": 1100, "lambda_peer": 0.001},
}


@pytest.mark.parametrize("case", CASES)
def test_both_forms_play_the_same(case):
    def work():
        world, players, run = lockin(worlds=4, **CASES[case])
        keep = Keep()
        state = rollout(world, players, run, 6, keep).state
        return state, keep.series

    (plain, told), (fast, tells) = both(work)
    for belief in ("private", "public", "assistant"):
        for f in fields(plain.private):
            a, b = (getattr(getattr(state, belief), f.name) for state in (plain, fast))
            # Assistants see and say float32.
            assert torch.allclose(a, b, rtol=2e-6, atol=2e-6), (belief, f.name)
    for key, series in told.items():
        for a, b in zip(series, tells[key], strict=True):
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True), key


def test_the_surest_human_hears_what_the_others_say_exactly():
    """Sums of all less one's own would lose it: the others are e^-60 as sure."""
    from populace.envs.lockin.state import Beliefs, State, Trust
    from populace.envs.lockin.updating import updated

    def work():
        world, _, run = lockin(worlds=1, users=3, lambda_peer=0.5, lambda_human=0.0)
        state = run.state
        public = Beliefs(torch.tensor([[1.0, 2.0, 5.0]]).double(), torch.tensor([[60.0, 0.0, 1.0]]).double())
        heard = Beliefs(torch.zeros(1, 1).double(), torch.full((1, 1), -1e30).double())
        state = State(state.private, public, state.assistant, state.log_signal, state.rounds)
        trust = world._trust(public.mean.device)
        assert isinstance(trust, Trust)
        draw = run.draw().scope("x")
        private, after = updated(world.options, state, heard, trust, draw)
        return state.private, after

    from populace.arithmetic import using

    with using("kernels"):
        private, after = work()
    others = (2.0 * 1.0 + 5.0 * math.e) / (1.0 + math.e)
    weight = 0.5 * (1.0 + math.e)
    own = math.exp(private.log_precision[0, 0])
    expected = (own * private.mean[0, 0] + weight * others) / (own + weight)
    assert after.mean[0, 0].item() == pytest.approx(expected.item(), rel=1e-12)
    assert after.log_precision[0, 0].item() == pytest.approx(math.log(own + weight), rel=1e-12)


@pytest.mark.parametrize("what", ["mean", "log_precision"])
def test_nan_stays_nan(what):
    def work():
        world, players, run = lockin(worlds=2, users=3, assistants=2)
        said = {"mean": torch.zeros(2, 2), "log_precision": torch.zeros(2, 2)}
        said[what][0] = math.nan
        run, _ = advance(world, players, run, {"assistant": said})
        return run.state.public.mean

    for found in both(work):
        assert found[0].isnan().all()
        assert not found[1].isnan().any()
