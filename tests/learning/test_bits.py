"""A learner is bit-identical alone, in a batch and after a resume; nothing is copied to the host."""

import pytest
import torch
from learning_help import BASE, begin, play, policy, world_of

from populace import tree
from populace.rollout import rollout
from populace.run import Run, advance

RULES = {
    "policy-gradient": {"rate": 5.0, "kl": 0.1, "epochs": 2},
    "replicator": {},
    "sft": {"within": ("cue",)},
    "expert-iteration": {"within": ("topic", "cue")},
    "contrast": {},
    "kto": {"within": ("cue",)},
    "ratio": {"within": ("cue",), "decay": 0.9},
}
MITIGATED = {
    "centred": True,
    "veto": {"acts": ("affirm_falsehood",)},
    "safe": {"act": "correct", "share": 0.2},
    "evaluators": {"bad": ("affirm_falsehood",), "checks": 0.5},
}
WORLD = {
    "topics": ("therapy", "booking"),
    "biased_share": 0.4,
    "trust": True,
    "trust_weight": 0.2,
    "discovery": 0.3,
    "join": 0.5,
    "verifiability": 0.6,
    "hindsight": 0.2,
    "audit_budget": 0.1,
    "shuffled": True,
}


def _cases():
    for rule, options in RULES.items():
        models = (
            ["tabular"] if rule in ("replicator", "expert-iteration", "ratio") else ["tabular", "linear", "network"]
        )
        for model in models:
            context = ("topic", "cue") if model == "tabular" else ("topic", "cue", "likeness")
            yield pytest.param(
                rule, {**options, "model": model, "context": context, "start": BASE}, id=f"{rule}-{model}"
            )


@pytest.mark.parametrize(("rule", "options"), list(_cases()))
def test_alone_as_in_a_batch(rule, options):
    made = world_of(53, **WORLD)
    policies = {
        "assistant": policy(f"learning/{rule}", **options, **MITIGATED),
        "user": policy("candid", leave_rate=0.2),
        "auditor": policy("suspicious"),
    }
    together = rollout(made, policies, begin(made, policies, 5), 4, learn_every=2, check=True)
    alone = rollout(made, policies, begin(made, policies, torch.tensor([3])), 4, learn_every=2)
    for a, b in zip(tree.tensors(tree.take(together, torch.tensor([3]))), tree.tensors(alone), strict=True):
        assert torch.equal(a, b)
    learned = together.memory["assistant"].params
    assert any(not torch.equal(x[0], x[1]) for x in learned.values())


def test_resumed_in_mid_round(tmp_path):
    """Saved between speaking and rating, in the middle of a round of three ticks, with half the round gathered."""
    made = world_of(40, **WORLD)
    policies = {
        "assistant": policy("learning/kto", model="network", start=BASE, **MITIGATED),
        "user": policy("candid", leave_rate=0.1),
        "auditor": policy("lottery"),
    }
    whole = rollout(made, policies, begin(made, policies, 3), 6, learn_every=3)
    part = rollout(made, policies, begin(made, policies, 3), 4, learn_every=3)
    for _ in range(2):
        part, _ = advance(made, policies, part)
    assert part.phase == 2
    part.save(tmp_path / "run.pt")
    back = Run.load(tmp_path / "run.pt")
    back, _ = advance(made, policies, back)
    back = rollout(made, policies, back, 1, learn_every=3)
    assert back.clock == whole.clock
    for a, b in zip(tree.tensors(whole), tree.tensors(back), strict=True):
        assert torch.equal(a, b)


def test_what_was_learned_outlives_the_episode():
    """With a horizon of one tick every round is an episode of its own; the policy still moves on."""
    made = world_of(100, biased_share=1.0, cue_accuracy=1.0)
    policies = {"assistant": policy("learning/ratio", context=("cue",), start=BASE), "user": policy("candid")}
    run = rollout(made, policies, begin(made, policies, 4), 5, horizon=1)
    assert run.memory["assistant"].rounds.tolist() == [5, 5, 5, 5]
    assert run.episode.tolist() == [4, 4, 4, 4]
    first, _ = play("ratio", 1, worlds=4, users=100, learn={"context": ("cue",), "start": BASE},
                    world={"biased_share": 1.0, "cue_accuracy": 1.0})  # fmt: skip
    lie = -1
    moved = run.memory["assistant"].params["logits"][:, 2, lie] - first.memory["assistant"].params["logits"][:, 2, lie]
    assert (moved > 0).float().mean() > 0.5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_runs_on_a_gpu_as_on_the_processor():
    """Every float agrees to rounding; acts may differ where a uniform number falls on a rounded edge."""
    made = world_of(200, biased_share=0.3)
    policies = {"assistant": policy("learning/ratio", context=("cue",), start=BASE), "user": policy("candid")}
    here = rollout(made, policies, begin(made, policies, 4), 1, learn_every=1)
    from populace.population import PlainPopulation
    from populace.run import start

    there = rollout(
        made,
        policies,
        start(made, policies, PlainPopulation(200, ("interest",)), seed=1, worlds=4, device="cuda"),
        1,
        learn_every=1,
    )
    a, b = (run.memory["assistant"].params["logits"].cpu() for run in (here, there))
    assert torch.allclose(a, b, atol=1e-4)
