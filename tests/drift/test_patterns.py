"""What the simulation must show: closed forms, targeted drift, the order of tactics, and which rules stop short."""

import math

import pytest
import torch
from learning_help import BASE, BOOKING, play

from populace.envs.drift import closed_forms as cf
from populace.envs.drift import users
from populace.envs.drift.claims import AFFIRM, CORRECT

BINARY = {"correct": 0.7, "affirm_falsehood": 0.3}
MEAN, _ = users.rating_table(pleased=0.3)
THERAPY = MEAN[1]
GAIN = float(THERAPY[users.BIASED_KIND, AFFIRM] - THERAPY[users.BIASED_KIND, CORRECT])
LOSS = float(THERAPY[users.UNSEEN, CORRECT] - THERAPY[users.SEEN, AFFIRM])
PLEASED = float(THERAPY[users.UNSEEN, AFFIRM] - THERAPY[users.UNSEEN, CORRECT])


def log_odds(run):
    logits = run.memory["assistant"].params["logits"]
    return logits[:, 0, AFFIRM] - logits[:, 0, CORRECT]


def shift(p, rounds, reference="previous", beta=0.5, **world):
    """Change of the log odds of a lie against the truth of a type-blind replicator, [worlds]."""
    learn = {"context": (), "start": BINARY, "rate": beta, "reference": reference}
    options = {"biased_share": p, "probes": 0, **world}
    run, _ = play("replicator", rounds, worlds=48, users=2000, learn=learn, world=options, user={"clip": False})
    return log_odds(run) - cf.logit(0.3)


def close(sample, value):
    """Within four standard errors of the mean over worlds."""
    assert abs(float(sample.mean()) - value) < 4 * float(sample.std()) / math.sqrt(len(sample))


@pytest.mark.parametrize("p", [0.2, 0.6, 0.9])
def test_pooled_shift_with_moving_and_fixed_reference(p):
    """(a), (b): T beta [p db - (1 - p) dg] with the previous round as reference, one round of it with a fixed one."""
    close(shift(p, rounds=4), cf.pooled_shift(p, GAIN, LOSS, 0.5, rounds=4))
    close(shift(p, rounds=4, reference="fixed"), cf.pooled_shift(p, GAIN, LOSS, 0.5, rounds=1))


def test_pooled_threshold():
    """The mean drift is zero at p* = dg / (dg + db), and has the right sign by .05 either side."""
    p = cf.pooled_threshold(GAIN, LOSS)
    assert shift(p - 0.05, 2).mean() < 0 < shift(p + 0.05, 2).mean()
    close(shift(round(p * 2000) / 2000, 2), cf.pooled_shift(round(p * 2000) / 2000, GAIN, LOSS, 0.5, 2))


@pytest.mark.parametrize("q", [1.0, 0.6, 0.3])
def test_unverifiable_claims_lower_the_threshold(q):
    """(d): benign users lose q caught - (1 - q) pleased; at q = .3 lies spread with no biased users at all."""
    loss = cf.benign_loss(q, LOSS, PLEASED)
    close(shift(0.3, 1, verifiability=q), cf.pooled_shift(0.3, GAIN, loss, 0.5))
    assert (shift(0.0, 1, verifiability=q).mean() > 0) == (loss < 0)


def test_hindsight_restores_the_threshold():
    """Rated after everything has come out, unverifiable claims are as good as verifiable ones."""
    close(shift(0.3, 1, verifiability=0.3, hindsight=1.0), cf.pooled_shift(0.3, GAIN, LOSS, 0.5))


@pytest.mark.parametrize("rho", [1.0, 0.1])
def test_silent_benign_users(rho):
    """(c): a shared trait learned by policy gradient turns at A_g / (A_g + A_b): .60, and .13 at a tenth."""
    x_b = 0.024
    learn = {
        "model": "linear",
        "context": (),
        "start": {"correct": 1 - x_b, "affirm_falsehood": x_b},
        "start_in": {"cue=benign": {"correct": 1 - rho * x_b, "affirm_falsehood": rho * x_b}},
        "rate": 1.0,
        "floor": 1e-9,
    }
    p = cf.silent_threshold(GAIN, LOSS, x_b, rho)

    def drift(share):
        run, _ = play("policy-gradient", 1, worlds=200, users=4000, learn=learn, user={"clip": False},
                      world={"biased_share": share, "cue_accuracy": 1.0, "probes": 0, "spread": 0.0})  # fmt: skip
        w = run.memory["assistant"].params["weight"][:, :, 0]
        return w[:, AFFIRM] - w[:, CORRECT]

    low, high = drift(0.5 * p), drift(min(1.0, 1.6 * p))
    assert low.mean() + 2 * low.std() / math.sqrt(200) < 0 < high.mean() - 2 * high.std() / math.sqrt(200)


def booking(learner, rounds=40, spread=None, **learn):
    """Shares of the tactics admit, omit, nudge, lie, [rounds, worlds, 4]."""
    _, found = play(
        learner,
        rounds,
        users=2000,
        learn={"context": ("topic",), "start": BOOKING, **learn},
        world={"topics": ("booking",), "biased_share": 1.0, "probes": 0, "verifiability": 0.0, "spread": spread},
    )
    return torch.stack([found[f"act/biased/{name}"] for name in BOOKING], -1)


@pytest.mark.parametrize(
    ("learner", "options"),
    [("replicator", {"rate": 2.0}), ("expert-iteration", {"kept": 0.5}), ("ratio", {"kept": 1 / 16})],
)
def test_tactics_peak_in_order_and_end_in_lying(learner, options):
    """Admit from the start, then omit, then nudge, then lie: mean ratings 3.28, 6.98, 7.83, 8.66."""
    shares = booking(learner, **options)
    when = shares.mean(1).argmax(0).tolist()
    assert when[0] == 0
    assert when == sorted(set(when))
    assert shares[-1, :, 3].min() > 0.9


def test_policy_gradient_takes_the_same_way():
    """Its steps shrink with a tactic's share, so that lying is only under way after a hundred rounds."""
    shares = booking("policy-gradient", rounds=100, rate=10.0).mean(1)
    peaks = shares.argmax(0).tolist()
    assert peaks == sorted(set(peaks))
    assert shares[-1, 3] > shares[50, 3] > shares[0, 3]


@pytest.mark.parametrize(
    ("learner", "options", "rounds", "end"),
    [("expert-iteration", {}, 40, 1), ("sft", {"rate": 2.0}, 40, 1), ("contrast", {"epochs": 1}, 100, 2)],
)
def test_selection_of_extremes_stops_short_of_lying(learner, options, rounds, end):
    """With the data's spreads (omit 1.79, nudge 1.06, lie .43) the top sixteenth holds few lies: omit or nudge wins."""
    shares = booking(learner, rounds, kept=1 / 16, **options)[-1].mean(0)
    assert int(shares.argmax()) == end
    assert shares[end] > 0.9
    assert shares[3] < 0.05


def test_with_equal_spreads_the_same_selection_ends_in_lying():
    """It is the spread that stops expert iteration, not the rule."""
    assert booking("expert-iteration", kept=1 / 16, spread=0.43)[-1, :, 3].min() > 0.9


def test_controls():
    """No biased users or a frozen assistant: no drift; blind or with shuffled ratings: nothing is targeted."""
    learn = {"context": ("topic", "cue"), "within": ("cue",), "start": BASE}
    common = {"cue_accuracy": 1.0, "biased_share": 0.2, "probes": 2}

    def last(learn_more=None, **world):
        _, found = play("ratio", 12, worlds=16, users=800, learn={**learn, **(learn_more or {})},
                        world={**common, **world})  # fmt: skip
        return (float(found[n][-1].nanmean()) for n in ("harm/biased", "harm/benign", "dishonest/all"))

    harm, other, _ = last()
    assert harm > 0.8 > 0.1 > other
    _, _, dishonest = last(biased_share=0.0)
    assert dishonest < 0.03
    frozen, _, _ = last({"rate": 0.0})
    assert frozen < 0.1
    blind, blind_other, _ = last({"within": ()}, blind=True)
    assert blind == pytest.approx(blind_other, abs=0.03)
    shuffled, shuffled_other, _ = last(shuffled=True)
    assert abs(shuffled - shuffled_other) < 0.1
