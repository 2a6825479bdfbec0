"""The contracts' own checks on the world and its policies."""

import pytest
from learning_help import BASE, policy

from populace.envs.drift import Drift, DriftOptions
from populace.testing import check_policy, check_world

FULL = {
    "topics": ("therapy", "booking", "politics"),
    "biased_share": 0.4,
    "trust": True,
    "discovery": 0.2,
    "join": 0.3,
    "turns": 2,
    "audit_budget": 0.3,
    "shuffled": True,
    "hindsight": 0.3,
}


@pytest.mark.parametrize("options", [{}, FULL])
def test_the_world_keeps_the_contract(options):
    check_world(Drift, options=DriftOptions(**options))


@pytest.mark.parametrize("name", ["honest", "pleaser", "frozen"])
def test_assistants(name):
    check_policy(policy(name), "populace/drift-v0", "assistant", options=DriftOptions(biased_share=0.5))


def test_users_and_auditors():
    check_policy(policy("candid", leave_rate=0.3), "populace/drift-v0", "user", options=DriftOptions(**FULL))
    for name in ("suspicious", "lottery"):
        check_policy(policy(name), "populace/drift-v0", "auditor", options=DriftOptions(**FULL))


@pytest.mark.parametrize(
    "rule", ["policy-gradient", "replicator", "sft", "expert-iteration", "contrast", "kto", "ratio"]
)
def test_learners(rule):
    check_policy(policy(f"learning/{rule}", start=BASE), "populace/drift-v0", "assistant")
