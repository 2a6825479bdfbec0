"""How fast thousands of independent learners go: `python -m benchmarks.drift [--worlds 2000 --users 1000 --rounds 30]`.

Aim on two cores: 2,000 tabular learners for 30 rounds of 1,000 conversations in under 30 seconds.
"""

import argparse
import time
from collections.abc import Iterator

from benchmarks import timing
from populace import registry
from populace.policy import Policy
from populace.population import PlainPopulation
from populace.rollout import Keep, rollout
from populace.run import start

START = {"correct": 0.916, "hedge": 0.04, "dont_know": 0.016, "omit": 0.008, "nudge": 0.01, "affirm_falsehood": 0.01}


def learner(name: str) -> Policy:
    """A tabular learner that keeps the best (and worst) sixteenth of each type."""
    kind = registry.policies.get(f"learning/{name}")
    options = {"context": ("topic", "cue"), "start": START}
    if name not in ("policy-gradient", "replicator"):
        options["within"] = ("cue",)
    policy: Policy = kind(kind.Options(**options))
    return policy


def play(worlds: int, users: int, rounds: int, name: str, device: str, keep: Keep) -> float:
    """Seconds that `worlds` learners take for `rounds` rounds of `users` conversations each."""
    kind = registry.worlds.get("populace/drift-v0")
    people = PlainPopulation(users, ("interest",))
    world = kind(kind.Options(biased_share=0.1, cue_accuracy=0.9, probes=0), people.census)
    candid = registry.policies.get("candid", "drift")
    policies = {"assistant": learner(name), "user": candid(candid.Options())}
    run = start(world, policies, people, seed=1, worlds=worlds, device=device)
    rollout(world, policies, run, 1, learn_every=1)  # warm-up
    began = time.perf_counter()
    rollout(world, policies, run, rounds, keep, learn_every=1)
    timing.synchronise()
    return time.perf_counter() - began


def rows() -> Iterator[timing.Row]:
    """The aim, and what is lost on the way: only the loss shows that the learners learn."""
    worlds, users, rounds = 2000, 1000, 30
    keep = Keep(every=5)
    seconds = play(worlds, users, rounds, "ratio", "cpu", keep)
    yield "2,000 tabular learners, 30 rounds of 1,000 conversations", seconds, "s", "aim 30"
    yield "conversations", worlds * users * rounds / seconds / 1e6, "M/s", ""
    harm = keep.series["harm/biased"][-1].nanmean().item()
    yield "harm to biased users at the end", harm, "", "so they did learn"


def main() -> None:
    """Play, and print seconds, conversations a second, memory and the course of loss, reward and harm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--learner", default="ratio")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    keep = Keep(every=max(1, args.rounds // 6))
    seconds = play(args.worlds, args.users, args.rounds, args.learner, args.device, keep)
    conversations = args.worlds * args.users * args.rounds
    print(f"{args.worlds:,} learners ({args.learner}), {args.rounds} rounds of {args.users:,}: {seconds:.1f} s")
    print(f"{conversations / seconds / 1e6:.2f} million conversations a second on {args.device}")
    print(f"peak memory {timing.resident() / 2**30:.2f} GiB")
    print(f"{'round':>6} {'loss':>8} {'reward':>8} {'harm, biased':>13} {'harm, benign':>13}")
    learned = keep.clocks[-len(keep.series["loss", "assistant", ""]) :]
    for name in ("harm/biased", "harm/benign"):
        keep.series[name] = keep.series[name][-len(learned) :]
    for row, clock in enumerate(learned):
        cells = [
            keep.series[n][row].mean().item() for n in (("loss", "assistant", ""), ("training_reward", "assistant", ""))
        ]
        cells += [keep.series[n][row].nanmean().item() for n in ("harm/biased", "harm/benign")]
        print(f"{clock:>6} {cells[0]:>8.3f} {cells[1]:>8.3f} {cells[2]:>13.3f} {cells[3]:>13.3f}")


if __name__ == "__main__":
    main()
