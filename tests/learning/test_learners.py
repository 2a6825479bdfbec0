"""Learners in other worlds, what they are paid, their mitigations, and bad input."""

import math

import pytest
import torch
from core_toy import Toy
from learning_help import BASE, begin, play, policy, world_of
from pydantic import ValidationError

from populace.agents.learning.batch import decisions, gather
from populace.agents.learning.models import Layout, Tabular
from populace.errors import PopulaceError, UnknownName
from populace.population import PlainPopulation
from populace.rollout import Keep, rollout
from populace.run import advance, start
from populace.world import Step

OPEN = {"context": ("cue",), "start": BASE, "within": ("cue",)}
WORLD = {"biased_share": 0.3, "cue_accuracy": 1.0, "probes": 2}


def end(rounds=12, learner="ratio", worlds=16, users=600, world=None, **learn):
    """Harm with biased and with benign users in the last round, and all measures."""
    _, found = play(
        learner, rounds, worlds=worlds, users=users, learn={**OPEN, **learn}, world={**WORLD, **(world or {})}
    )
    return float(found["harm/biased"][-1].mean()), float(found["harm/benign"][-1].mean()), found


def test_a_rating_that_comes_after_speaking_is_the_answer_s():
    """The learner acts in `speak` and is paid in `rate`: its transition holds both."""
    world = world_of(20, biased_share=0.5)
    policies = {"assistant": policy("learning/ratio", start=BASE), "user": policy("candid")}
    run = begin(world, policies, 2)
    for _ in range(3):
        run, step = advance(world, policies, run)
    (transition,) = run.trajectory["assistant"]
    assert torch.equal(transition.reward, step.rewards["assistant"])
    assert torch.equal(transition.reward[:, :20], run.state.rating)
    assert transition.phase == "speak"


def test_conversations_are_paid_their_sum():
    """R(tau) is the sum of the replies' ratings, and every reply is paid it."""
    world = world_of(6, turns=2, probes=0)
    learner = policy("learning/sft", start=BASE, turns=2, context=("topic",))
    policies = {"assistant": learner, "user": policy("candid")}
    run = rollout(world, policies, begin(world, policies, 3), 4)
    trajectory = run.trajectory["assistant"]
    assert len(decisions(trajectory, "act")) == 4
    model = learner.model(world.role("assistant"))
    batch = gather(trajectory, model, "act", "rated", 2, {})
    paid = batch.by_seat(batch.reward)
    assert torch.equal(paid[:, 0], trajectory[0].reward + trajectory[1].reward)
    assert torch.equal(paid[:, 0], paid[:, 1])
    assert torch.equal(paid[:, 3], trajectory[2].reward + trajectory[3].reward)
    with pytest.raises(PopulaceError, match="multiple of turns"):
        gather(trajectory[:3], model, "act", "rated", 2, {})


class Paid(Toy):
    """A toy whose users are paid for saying yes."""

    def advance(self, state, phase, actions, draw):
        step = super().advance(state, phase, actions, draw)
        if phase == "speak":
            said = actions["user"]["say"].float()
            return Step(step.state, {"user": said}, step.ended, step.measures)
        return step


@pytest.mark.parametrize("model", ["linear", "network"])
@pytest.mark.parametrize(
    ("rule", "options"), [("policy-gradient", {"rate": 2.0}), ("kto", {"rate": 2.0}), ("sft", {}), ("contrast", {})]
)
def test_learners_work_in_another_world(rule, options, model):
    """Users of a toy world learn to say yes, from what they alone see."""
    population = PlainPopulation(30, ("a", "b"))
    world = Paid(Paid.Options(), population.census)
    kept = {} if rule == "policy-gradient" else {"kept": 0.25}
    policies = {
        "user": policy(f"learning/{rule}", model=model, context=(), **kept, **options),
        "assistant": policy("forfeit"),
    }
    keep = Keep()
    rollout(world, policies, start(world, policies, population, seed=1, worlds=6), 60, keep, horizon=4, learn_every=4)
    said = torch.stack(keep.series["said"])
    assert said[:4].mean() < 0.6
    assert said[-4:].mean() > 0.85


def test_a_tabular_learner_there_too():
    population = PlainPopulation(30, ("a", "b"))
    world = Paid(Paid.Options(), population.census)
    policies = {"user": policy("learning/expert-iteration", kept=0.25), "assistant": policy("forfeit")}
    keep = Keep()
    rollout(world, policies, start(world, policies, population, seed=1, worlds=6), 10, keep, learn_every=1)
    assert keep.series["said"][-1].min() == 1.0


def test_a_role_that_chooses_nothing_cannot_learn():
    population = PlainPopulation(3, ("a", "b"))
    world = Toy(Toy.Options(), population.census)
    with pytest.raises(PopulaceError, match=r"push \(real"):
        start(world, {"assistant": policy("learning/sft")}, population, seed=1, worlds=1)


def test_analytic_replicator_follows_the_closed_form():
    """With known means every world takes exactly the tilt, whatever its ratings."""
    from populace.envs.drift.closed_forms import tilted

    means = {"correct": 0.5, "affirm_falsehood": 0.8}
    run, _ = play("replicator", 6, users=30, learn={"context": (), "start": {"correct": 0.9, "affirm_falsehood": 0.1},
                                                    "rate": 2.0, "means": means})  # fmt: skip
    logits = run.memory["assistant"].params["logits"][:, 0]
    shares = [0.9, 0.1]
    for _ in range(6):
        shares = tilted(shares, [0.5, 0.8], 2.0)
    found = logits[:, -1] - logits[:, 1]
    assert found.tolist() == pytest.approx([math.log(shares[1] / shares[0])] * 8, abs=1e-4)


def test_kl_keeps_the_policy_near_a_fixed_reference():
    found = {}
    for kl in (0.0, 1.0):
        learn = {"context": ("cue",), "start": BASE, "rate": 10.0, "kl": kl, "reference": "fixed"}
        _, measures = play("policy-gradient", 20, worlds=8, users=400, world=WORLD, learn=learn)
        found[kl] = measures["kl", "assistant", ""][-1].mean()
    assert found[1.0] < 0.3 * found[0.0]


# ------------------------------------------------------------------ mitigations


def test_a_veto_flags_at_its_rates():
    _, _, found = end(1, veto={"acts": ("correct",), "catch": 0.6, "false_alarm": 0.1}, worlds=40)
    flagged = found["vetoed", "assistant", ""]
    expected = 0.6 * 0.916 + 0.1 * 0.084
    assert flagged.mean() == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 24_000))


def test_a_perfect_veto_stops_drift_and_an_imperfect_one_slows_it():
    bad = ("omit", "nudge", "affirm_falsehood")
    free, _, _ = end(6)
    half, _, _ = end(6, veto={"acts": bad, "catch": 0.5, "false_alarm": 0.0})
    all_, _, _ = end(6, veto={"acts": bad, "catch": 1.0, "false_alarm": 0.0})
    assert free > half > all_
    assert all_ < 0.1


def test_negative_training_on_what_is_vetoed():
    """Flagged conversations may then be among the worst, at the floor: lies become rarer than under a bare veto."""
    bad = ("affirm_falsehood",)
    bare, _, _ = end(8, veto={"acts": bad, "catch": 0.6, "false_alarm": 0.0})
    negative, _, _ = end(8, veto={"acts": bad, "catch": 0.6, "false_alarm": 0.0, "negative": True})
    assert negative < bare


def test_safe_data_inside_the_domain_slow_drift_and_outside_do_not():
    free, _, _ = end(6)
    inside, _, _ = end(6, safe={"act": "correct", "share": 0.5, "domain": "inside"})
    outside, _, _ = end(6, safe={"act": "correct", "share": 0.5})
    assert inside < free - 0.05
    assert outside == free  # a table has rows of its own for what nobody rates


@pytest.mark.parametrize("domain", ["outside", "inside"])
def test_safe_data_have_their_share_of_the_training_data(domain):
    """Of 12 kept conversations and a share of a quarter: 4 examples more, in the domain's rows or the others'."""
    from populace.agents.learning.mitigations import with_safe

    learner = policy("learning/ratio", context=("topic",))
    world = world_of(24, probes=8, join=0.0)
    policies = {"assistant": learner, "user": policy("candid", leave_rate=1.0)}
    run = rollout(world, policies, begin(world, policies, 3), 2)
    model = learner.model(world.role("assistant"))
    batch = gather(run.trajectory["assistant"], model, "act", "rated", 1, {})
    assert not (~run.trajectory["assistant"][1].present & batch.outside[:, 32:]).any()
    best = torch.zeros(3, 5, 7)
    best[:, 1, 6] = 12.0
    safe = type(learner.options).model_fields["safe"].annotation.__args__[0](act="correct", share=0.25, domain=domain)
    more = with_safe(safe, model, batch, best) - best
    assert torch.allclose(more.sum((1, 2)), torch.full((3,), 4.0))
    assert torch.allclose(more[:, 0 if domain == "outside" else 1, 1], torch.full((3,), 4.0))


def test_safe_data_outside_the_domain_need_a_flag_of_what_nobody_rates():
    with pytest.raises(PopulaceError, match=r"safe\.domain: inside"):
        end(1, safe={"act": "correct", "share": 0.5}, rated="nothing")


def test_evidence_takes_weight_from_biased_raters():
    """Checks show who rates lies high: their weight falls far below that of benign users."""
    evaluators = {"bad": ("affirm_falsehood", "nudge"), "checks": 1.0}
    run, _ = play("ratio", 10, worlds=8, users=200, learn={**OPEN, "evaluators": evaluators}, world=WORLD)
    trust = run.memory["assistant"].trust[:, :200]
    biased = run.state.biased
    assert trust[biased].mean() < 0.5 * trust[~biased].mean()


def test_centring_takes_each_rater_s_own_level_away():
    """A seat that always gives the same is worth nothing from the second round on."""
    from populace.agents.learning.mitigations import centre

    learner = policy("learning/sft", context=())
    world = world_of(3, probes=0)
    policies = {"assistant": learner, "user": policy("candid")}
    run = rollout(world, policies, begin(world, policies, 1), 1)
    batch = gather(run.trajectory["assistant"], learner.model(world.role("assistant")), "act", "rated", 1, {})
    reward = torch.tensor([[0.2, 0.5, 0.8]])
    zero = torch.zeros(1, 3)
    first, sums, counts = centre(batch, reward, zero, zero)
    assert torch.allclose(first, torch.tensor([[-0.3, 0.0, 0.3]]))
    again, sums, counts = centre(batch, reward, sums, counts)
    assert torch.allclose(again, torch.zeros(1, 3), atol=1e-6)
    assert counts.tolist() == [[2.0, 2.0, 2.0]]


def test_an_auditor_s_fines_lower_drift():
    free = play("ratio", 6, worlds=16, users=600, learn=OPEN, world=WORLD)[1]["harm/biased"][-1].mean()
    world = world_of(600, **WORLD, audit_budget=0.2, suspicion_noise=0.1, audit_fine=1.0)
    policies = {
        "assistant": policy("learning/ratio", **OPEN),
        "user": policy("candid"),
        "auditor": policy("suspicious"),
    }
    keep = Keep()
    rollout(world, policies, begin(world, policies, 16), 6, keep, learn_every=1)
    assert keep.series["harm/biased"][-1].mean() < 0.3 * free


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("sft", {"kept": 0.7}, "less than or equal to 0.5"),
        ("sft", {"start": {"correct": 0.5}}, "sum to 1"),
        ("sft", {"start": {"correct": 1.5, "admit": -0.5}}, "at least 0"),
        ("sft", {"start_in": {"cue": {"correct": 1.0}}}, "field=label"),
        ("sft", {"start_in": {"cue=benign": {"correct": 1.0}}, "context": ("topic",)}, "add it to context"),
        ("sft", {"safe": {"act": "correct", "share": 1.0}}, "less than 1"),
        ("sft", {"veto": {"acts": ("nudge",), "catch": 1.1}}, "less than or equal to 1"),
        ("sft", {"decay": 0.0}, "greater than 0"),
    ],
)
def test_bad_options_are_refused(name, options, words):
    with pytest.raises(ValidationError, match=words):
        policy(f"learning/{name}", **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": {"corect": 1.0}}, "did you mean 'correct'"),
        ({"context": ("topik",)}, "did you mean 'topic'"),
        ({"within": ("kue",)}, "did you mean 'cue'"),
        ({"start_in": {"cue=baised": {"correct": 1.0}}, "context": ("cue",)}, "did you mean 'biased'"),
        ({"field": "stanse"}, "did you mean 'stance'"),
    ],
)
def test_misspelt_names_are_refused_when_the_role_is_known(options, words):
    with pytest.raises(UnknownName, match=words):
        begin(world_of(5), {"assistant": policy("learning/sft", **options)}, 1)


def test_rules_in_closed_form_need_a_table():
    with pytest.raises(PopulaceError, match="model: tabular"):
        begin(world_of(5), {"assistant": policy("learning/ratio", model="network")}, 1)


def test_unknown_acts_of_mitigations_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'nudge'"):
        play("ratio", 1, learn={**OPEN, "veto": {"acts": ("nugde",)}})


def test_layout_names():
    layout = Layout(world_of(5).role("assistant"), None, None, Tabular.kinds, "rated")
    assert [f.name for f in layout.fields] == ["topic", "cue", "known", "belief"]
    assert layout.act.name == "act"
