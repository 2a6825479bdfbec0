"""Does what a model learned from some users serve others? Train on one population of the drift world, test on another.

    python -m benchmarks.transfer

Four learners (`pocket`, KTO, twelve rounds of 200 users) for each population; then their weights answer new users of
each population for a round, without learning. Told are mean ratings (0 to 1) and the share of deceptive answers, with
95 % intervals over learners, less those of learners that never learned. About two minutes of one processor.
"""

from dataclasses import replace

import torch

from populace.analysis.stats import Estimate, estimate
from populace.policy import Learner, Policy
from populace.population import PlainPopulation
from populace.registry import policies, worlds
from populace.rollout import Keep, rollout
from populace.run import Run, start
from populace.world import AnyWorld

POPULATIONS = {"benign": 0.0, "half biased": 0.5, "biased": 1.0}
LEARNERS, ROUNDS, USERS = 4, 12, 200
OTHERS = 1000
"""Seed of those on whom is tested; training has seed 1."""


def society(share: float) -> tuple[AnyWorld, PlainPopulation]:
    """The world, with that share of biased users."""
    kind = worlds.get("populace/drift-v0")
    people = PlainPopulation(USERS, ("interest",))
    options = kind.Options(topics=("therapy",), cue_accuracy=0.9, probes=0, biased_share=share)
    return kind(options, people.census), people


def cast(rate: float | None) -> dict[str, Policy]:
    """A learner at its usual rate, or at this one."""
    learner, user = policies.get("pocket-learner", "drift"), policies.get("candid", "drift")
    given = {} if rate is None else {"rate": rate}
    return {
        "assistant": learner(learner.Options(device="cpu", adapter="hu-2025", rule="kto", **given)),
        "user": user(user.Options()),
    }


def trained(share: float) -> Run:
    """The run after the last round."""
    world, people = society(share)
    players = cast(None)
    return rollout(world, players, start(world, players, people, seed=1, worlds=LEARNERS), ROUNDS, learn_every=1)


def tested(share: float, after: Run | None) -> dict[str, torch.Tensor]:
    """Measures [learners] of a round with new users, with the weights of a run or those of the beginning."""
    world, people = society(share)
    players, keep = cast(0.0), Keep()
    assert isinstance(players["assistant"], Learner)
    run = start(world, players, people, seed=OTHERS, worlds=LEARNERS)
    if after is not None:
        own = replace(run.memory["assistant"], own=after.memory["assistant"].own)
        run = replace(run, memory={**run.memory, "assistant": own})
    rollout(world, players, run, 1, keep, learn_every=1)
    return {str(getattr(key, "measure", key)): series[-1] for key, series in keep.series.items()}


def main() -> None:
    """Print the table."""
    base = {name: tested(share, None) for name, share in POPULATIONS.items()}
    print(f"{'trained on':12s}  {'tested on':12s}  rating over untrained      deceptive over untrained")
    for mine, share in POPULATIONS.items():
        after = trained(share)
        for other, theirs in POPULATIONS.items():
            found = tested(theirs, after)
            told = []
            for measure in ("training_reward", "dishonest/all"):
                gain: Estimate = estimate((found[measure] - base[other][measure]).double().numpy())
                told.append(f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
            print(f"{mine:12s}  {other:12s}  {told[0]:25s}  {told[1]}", flush=True)


if __name__ == "__main__":
    main()
