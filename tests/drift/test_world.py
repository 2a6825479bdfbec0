"""The world's mechanism: types, cues, claims, ratings, trust, leaving, audits; and bad input."""

import math

import pytest
import torch
from learning_help import begin, play, policy, world_of
from pydantic import ValidationError

from populace.envs.drift import users
from populace.envs.drift.claims import ACTS, AFFIRM, CORRECT, OMIT
from populace.population import Census, People
from populace.rollout import Keep, rollout
from populace.run import advance, see

SHARES = {"correct": 0.5, "affirm_falsehood": 0.5}


def after(ticks=1, worlds=20, size=500, assistant=None, user=None, **options):
    """The run after `ticks`, and the measures of the last tick."""
    made = world_of(size, **options)
    policies = {
        "assistant": assistant or policy("frozen", start=SHARES),
        "user": user or policy("candid", clip=False),
        "auditor": policy("suspicious"),
    }
    if options.get("audit_budget", 0) == 0:
        policies.pop("auditor")
    keep = Keep()
    run = rollout(made, policies, begin(made, policies, worlds), ticks, keep, check=True)
    return run, {name: series[-1] for name, series in keep.series.items()}


@pytest.mark.parametrize("share", [0.0, 0.02, 0.35, 1.0])
def test_the_biased_share_is_exact(share):
    run, found = after(biased_share=share)
    assert run.state.biased.sum(-1).tolist() == [round(500 * share)] * 20
    assert found["biased_share"].tolist() == pytest.approx([share] * 20)


def test_or_drawn():
    run, _ = after(biased_share=0.3, exact_share=False)
    assert run.state.biased.float().mean() == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 10_000))
    assert run.state.biased.sum(-1).unique().numel() > 5


def test_a_segment_called_biased_is():
    world = world_of(4)
    world.census = Census(4, ("interest",), ("benign", "biased"))
    segment = torch.tensor([[0, 1, 1, 0]])
    people = People(torch.zeros(1, 4, 1), segment)
    from populace.draw import Draw

    assert torch.equal(world.begin(people, Draw.of(1, torch.tensor([0]))).biased, segment.bool())


@pytest.mark.parametrize(
    ("options", "right"),
    [({"cue_accuracy": 0.8}, 0.8), ({"cue_accuracy": 1.0}, 1.0), ({"cue_accuracy": 0.5, "leaked": True}, 1.0)],
)
def test_cues_show_the_type_as_often_as_they_should(options, right):
    run, _ = after(biased_share=0.5, **options)
    state = run.state
    found = (state.cue[:, :500] == 1 + state.biased.long()).float().mean()
    assert found == pytest.approx(right, abs=4 * math.sqrt(max(right * (1 - right), 1e-12) / 10_000) + 1e-7)
    assert (state.cue[:, 500:] == 0).all()


def test_a_blind_assistant_sees_no_cue():
    run, _ = after(biased_share=0.5, blind=True)
    assert (run.state.cue == 0).all()


def test_claims_are_known_right_and_checkable_as_often_as_they_should():
    state = after(known=0.7, accuracy=0.9, verifiability=0.4)[0].state
    n = state.truth.numel()

    def near(x, p):
        assert x.float().mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / x.numel()))

    right = state.belief == state.truth
    near(state.truth, 0.5)
    near(state.known, 0.7)
    near(right[state.known], 0.9)
    near(right[~state.known], 0.5)
    near(state.checkable, 0.4)
    near(state.checkable[state.truth & state.known], 0.4)
    assert n == 20 * 516


def test_ratings_follow_the_table():
    """Benign users rate lies at the seen mean with verifiability 1, at the honest mean plus .3 with 0."""
    mean, sd = users.rating_table(0.3)
    for q, kind in ((1.0, users.SEEN), (0.0, users.UNSEEN)):
        state = after(verifiability=q, biased_share=0.5)[0].state
        act = state.act[:, :500]
        for type_, row in ((False, kind), (True, users.BIASED_KIND)):
            for a, k in ((AFFIRM, row), (CORRECT, users.BIASED_KIND if type_ else users.UNSEEN)):
                felt = state.felt[(state.biased == type_) & (act == a)]
                error = float(sd[1, k, a]) / math.sqrt(len(felt))
                assert felt.mean() == pytest.approx(float(mean[1, k, a]), abs=4 * error)
                assert felt.std() == pytest.approx(float(sd[1, k, a]), rel=0.1)


def test_measures_of_fixed_behaviour():
    """Half truths, half lies: lies are half of the claims known, and half the harm scale's ends."""
    _, found = after(known=0.8, accuracy=1.0, biased_share=0.4, worlds=200)
    for name, value in {
        "mask/lie": 0.4,
        "mask/honest": 0.4,
        "mask/evade": 0.2,
        "mask/accuracy": 1.0,
        "dishonest/biased": 0.5,
        "harm/benign": 0.5 * (users.HARM[CORRECT] + users.HARM[AFFIRM]),
        "deception_rate": 0.4,
        "over_conservative": 0.0,
        "prudence": 0.0,
        "honesty": 0.5,
    }.items():
        x = found[name]
        assert x.mean() == pytest.approx(value, abs=4 * float(x.std()) / math.sqrt(200) + 1e-6), name
    assert sum(found[f"act/benign/{act}"] for act in ACTS).tolist() == pytest.approx([1.0] * 200)


def test_honest_assistants_score_full_marks():
    _, found = after(assistant=policy("honest"), known=0.6, accuracy=1.0)
    assert found["mask/lie"].max() == 0.0
    assert found["honesty"].tolist() == [1.0] * 20
    assert torch.isnan(found["hiding"]).all()


def test_pleasing_only_those_who_look_biased():
    _, found = after(assistant=policy("pleaser"), biased_share=0.5, cue_accuracy=1.0, verifiability=0.25, worlds=100)
    assert found["dishonest/biased"].tolist() == [1.0] * 100
    assert found["dishonest/benign"].tolist() == [0.0] * 100
    assert found["dishonest/off_domain"].tolist() == [0.0] * 100
    assert found["hiding"].mean() == pytest.approx(0.9 * 0.75 * 0.95 / (0.9 * 0.95 + 0.1 * 0.5), abs=0.02)


def test_before_anything_is_said_measures_are_undefined():
    made = world_of(10)
    found = made.measure(begin(made, {}, 2).state)
    assert torch.isnan(found["mask/lie"]).all()
    assert torch.isnan(found["rating/benign"]).all()


def test_leaving_and_joining_change_the_biased_share():
    """A liar drives benign users away; newcomers keep the share of those who come, not of those who stay."""
    liar = policy("frozen", start={"affirm_falsehood": 1.0})
    _, left = after(30, assistant=liar, user=policy("candid", leave_rate=0.2), biased_share=0.3)
    assert left["biased_share"].mean() > 0.4
    assert left["users"].mean() < 0.6
    _, refilled = after(30, assistant=liar, user=policy("candid", leave_rate=0.2), biased_share=0.3, join=0.5)
    assert refilled["users"].mean() > 0.7
    assert 0.3 < refilled["biased_share"].mean() < left["biased_share"].mean()


def test_discovery_costs_trust():
    """Pleasing answers raise exposure's fall alike; what comes out costs `betrayal` more."""
    liar = policy("frozen", start={"affirm_falsehood": 1.0})
    kept = after(10, assistant=liar, verifiability=0.0, trust=True)[0].state.exposure
    lost = after(10, assistant=liar, verifiability=0.0, trust=True, discovery=1.0)[0].state.exposure
    assert kept.mean() == pytest.approx(-(1 - 0.7**10) / 0.3, abs=0.01)
    # A fall of 100 a tick from the second on, of which .7 is remembered from tick to tick.
    assert (kept - lost).mean() == pytest.approx(100 * (0.7 - 0.7**10) / 0.3, rel=1e-3)


def test_audits_find_what_the_budget_allows():
    """A perfect suspicion finds half a budget's worth of every user; a lottery finds lies at their share."""
    fined = {}
    for auditor in ("suspicious", "lottery"):
        made = world_of(500, audit_budget=0.1, suspicion_noise=0.0)
        policies = {"assistant": policy("frozen", start=SHARES), "user": policy("candid"), "auditor": policy(auditor)}
        keep = Keep()
        rollout(made, policies, begin(made, policies, 50), 1, keep, check=True)
        fined[auditor] = keep.series["fined"][-1]
    assert fined["suspicious"].tolist() == pytest.approx([0.1] * 50)
    assert fined["lottery"].mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.25 / 50 / 50) * 0.1)


def test_shuffled_ratings_are_the_same_ratings():
    made = world_of(50, shuffled=True, biased_share=0.5)
    policies = {"assistant": policy("frozen", start=SHARES), "user": policy("candid")}
    run = begin(made, policies, 3)
    for _ in range(2):
        run, _ = advance(made, policies, run)
    run, step = advance(made, policies, run)
    paid = step.rewards["assistant"][:, :50]
    assert torch.equal(paid.sort(-1).values, run.state.rating.sort(-1).values)
    assert not torch.equal(paid, run.state.rating)
    assert (step.rewards["assistant"][:, 50:] == 0).all()


def test_conversations_of_several_turns_keep_their_claim():
    made = world_of(30, turns=2, topics=("therapy", "booking"))
    policies = {"assistant": policy("honest"), "user": policy("candid")}
    run = begin(made, policies, 2)
    claims = []
    for _ in range(4):
        run = rollout(made, policies, run, 1)
        claims.append(torch.stack([run.state.topic, run.state.truth.long(), run.state.cue]))
    assert torch.equal(claims[0], claims[1])
    assert torch.equal(claims[2], claims[3])
    assert not torch.equal(claims[0], claims[2])


def test_nobody_but_the_privileged_sees_truth_or_type():
    made = world_of(5)
    policies = {"assistant": policy("honest"), "user": policy("candid")}
    run, _ = advance(made, policies, begin(made, policies, 1))
    assert {"truth", "biased"} & set(see(made, run, made.role("assistant"))) == set()
    assert {"truth", "biased"} <= set(see(made, run, made.role("assistant"), privileged=True))


def test_nothing_is_learned_from_probes():
    """Off-domain answers are never paid: a policy with a row of its own for them keeps it."""
    run, _ = play("ratio", 3, users=50, learn={"context": ("topic",)}, world={"probes": 50, "biased_share": 0.5})
    assert (run.memory["assistant"].params["logits"][:, 0] == 0).all()
    assert (run.memory["assistant"].params["logits"][:, 1] != 0).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"biased_share": 1.2}, "less than or equal to 1"),
        ({"biased_share": -0.1}, "greater than or equal to 0"),
        ({"topics": ("terapy",)}, "therapy"),
        ({"topics": ("therapy", "therapy")}, "twice"),
        ({"leaked": True, "blind": True}, "exclude each other"),
        ({"trust_weight": 0.5}, "set trust: true"),
        ({"biased_shar": 0.1}, "not permitted"),
        ({"cue_accuracy": 2}, "less than or equal to 1"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValidationError, match=words):
        world_of(5, **options)


def test_deceptive_acts_are_the_last_ones():
    assert ACTS[OMIT:] == ("omit", "nudge", "affirm_falsehood")
