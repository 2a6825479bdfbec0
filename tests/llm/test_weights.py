"""Language models whose weights learn: gradients, the limit of a round, bits of a world, rules in closed form."""

import math

import pytest
import torch

from populace import tree
from populace.agents.llm.backends import pocket
from populace.agents.llm.backends.base import Ask
from populace.agents.llm.learning import adapters, peft_folder
from populace.agents.llm.learning.base import Base
from populace.agents.llm.learning.fitting import STEPS, Fit, gradient, logs
from populace.agents.llm.learning.options import PocketLearnerOptions
from populace.agents.llm.learning.rules import RULES, Logs
from populace.agents.llm.learning.table import Table
from populace.draw import Draw
from populace.population import PlainPopulation
from populace.registry import policies, worlds
from populace.rollout import Keep, rollout
from populace.run import start


def table(entry, reward, best, worst, options=2, count=1):
    """One or more prompts with so many scored options each."""
    prompt = torch.arange(count).repeat_interleave(options)
    some = torch.tensor(reward)
    return Table(
        (), prompt, torch.ones(len(prompt), dtype=torch.bool), torch.ones(len(prompt)), [""] * len(prompt), count,
        torch.tensor(entry), some, torch.ones_like(some), torch.tensor(best), torch.tensor(worst),
        torch.zeros_like(some),
    )  # fmt: skip


HALF = torch.full((2,), math.log(0.5))
SECOND = torch.tensor([math.log(0.8), math.log(0.2)])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("sft", -math.log(0.8)),
        # Margins log 1.6 and log .4; z = KL(.8, .2 || .5, .5).
        (
            "kto",
            2.0
            - 1 / (1 + math.exp(-0.5 * (math.log(1.6) - (0.8 * math.log(1.6) + 0.2 * math.log(0.4)))))
            - 1 / (1 + math.exp(-0.5 * ((0.8 * math.log(1.6) + 0.2 * math.log(0.4)) - math.log(0.4)))),
        ),
        ("dpo", math.log(1 + math.exp(-0.5 * math.log(4)))),
        ("ipo", (math.log(4) - 1.0) ** 2),
        ("simpo", math.log(1 + math.exp(0.5 - 0.5 * math.log(4)))),
        # Rewards 1 and 0: advantages +-1/2, ratios 1.6 and .4.
        ("policy-gradient", -0.5 * (0.5 * 1.6 - 0.5 * 0.4)),
        ("rloo", -0.5 * (1.0 * 1.6 - 1.0 * 0.4)),
        # Advantages +-1 (up to 1e-4), ratios clipped: gains at 1.2, losses at .8.
        ("grpo", -0.5 * (1.2 - 0.8)),
    ],
)
def test_rules_in_closed_form(rule, expected):
    loss = RULES[rule](table([0, 1], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]), PocketLearnerOptions(rule=rule))
    found = loss(Logs(SECOND, SECOND, HALF, HALF))
    assert float(found) == pytest.approx(expected, abs=2e-4)


def test_divergence_of_scored_replies_is_exact():
    some = table([0, 1], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    assert float(some.divergence(SECOND, HALF)) == pytest.approx(0.8 * math.log(1.6) + 0.2 * math.log(0.4), abs=1e-6)
    played = some.plays(torch.tensor([-3.0, -4.0]), 1.0)
    assert torch.allclose(played, torch.log_softmax(torch.tensor([-3.0, -4.0]), -1))


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_optimisers_are_torch_s(name):
    g = torch.Generator().manual_seed(0)
    value = torch.randn(5, generator=g)
    fit = Fit({"w": value}, {"w": torch.zeros(5)}, {"w": torch.zeros(5)}, 0)
    theirs = value.clone().requires_grad_()
    optimiser = {
        "adamw": lambda: torch.optim.AdamW([theirs], lr=0.01, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0),
        "sgd": lambda: torch.optim.SGD([theirs], lr=0.01),
    }[name]()
    for _ in range(4):
        slope = torch.randn(5, generator=g)
        theirs.grad = slope.clone()
        torch.nn.utils.clip_grad_norm_([theirs], 1.0)
        optimiser.step()
        fit = STEPS[name](fit, {"w": slope}, 0.01, 1.0)
    assert torch.allclose(fit.own["w"], theirs.detach(), atol=1e-6)


def base():
    options = pocket.PocketOptions(device="cpu", temperature=1.0)
    return Base(pocket.of(options, pocket.folder()), adapters.Shape(4, 8.0))


def test_gradients_are_those_of_finite_differences_in_one_batch_and_in_several():
    model, g = base(), torch.Generator().manual_seed(0)
    asks = [
        Ask((("system", "Reply."), ("user", f"You believe it is {word}.")), ("correct", "hedge"))
        for word in ("true", "false")
    ]
    ((_, seats, labels),) = model.grouped(asks)
    prompts = [seat.prompt for seat in seats]
    draw = Draw.of(1, torch.zeros(1, dtype=torch.int64))
    own = adapters.of_world(adapters.begin(model.loaded.model, model.trained, {}, draw), 0, torch.device("cpu"))
    own = {k: v if k.endswith(adapters.A) else 0.05 * torch.randn(v.shape, generator=g) for k, v in own.items()}
    weight = torch.randn(4, generator=g)
    whole = [lambda d: d.score(prompts, labels).flatten()]
    parts = [lambda d, p=p: d.score([p], labels).flatten() for p in prompts]

    def objective(free):
        return (free * weight).sum(), torch.zeros(())

    _, _, one = gradient(model, whole, own, objective)
    _, _, several = gradient(model, parts, own, objective)
    assert all(torch.allclose(one[k], several[k], atol=1e-4, rtol=1e-3) for k in one)
    way = {k: torch.randn(v.shape, generator=g) for k, v in own.items()}
    size = torch.stack([v.norm() for v in way.values()]).norm()
    way = {k: v / size for k, v in way.items()}

    def at(step):
        moved = {k: v + step * way[k] for k, v in own.items()}
        return float((logs(model, whole, moved).double() * weight.double()).sum())

    slope = sum(float((one[k] * way[k]).sum()) for k in own)
    assert (at(0.01) - at(-0.01)) / 0.02 == pytest.approx(slope, rel=0.02, abs=1e-3)


def play(ids, rounds=2, stop=None, path=None, **options):
    kind = worlds.get("populace/drift-v0")
    population = PlainPopulation(20, ("interest",))
    world = kind(kind.Options(topics=("therapy",), probes=4, biased_share=1.0), population.census)
    learner, user = policies.get("pocket-learner", "drift"), policies.get("candid", "drift")
    cast = {
        "assistant": learner(learner.Options(device="cpu", adapter="hu-2025", epochs=3, **options)),
        "user": user(user.Options()),
    }
    keep = Keep()
    run = start(world, cast, population, seed=5, worlds=torch.tensor(ids))
    if stop is not None:
        run = rollout(world, cast, run, stop, keep, learn_every=1)
        run.save(path)
        run = type(run).load(path)
    run = rollout(world, cast, run, rounds - (stop or 0), keep, learn_every=1)
    return run, keep


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(tree.tensors(a), tree.tensors(b), strict=True))


def test_a_world_learns_the_same_bits_alone_and_among_others():
    several, alone = play([0, 1, 2])[0].memory["assistant"], play([1])[0].memory["assistant"]
    assert same(tree.take(several, torch.tensor([1])), alone)


def test_a_run_that_is_saved_and_loaded_learns_the_same(tmp_path):
    assert same(play([0])[0].memory, play([0], stop=1, path=tmp_path / "run.pt")[0].memory)


def test_a_round_ends_at_its_divergence_and_a_frozen_learner_stays():
    _, keep = play([0, 1], kl_round=0.002, rate=0.05)
    found = {str(getattr(key, "measure", key)): series for key, series in keep.series.items()}
    assert all(float(value.max()) <= 0.002 + 1e-6 for value in found["kl"])
    run, _ = play([0], rate=0.0)
    assert same(run.memory["assistant"].own, play([0], rounds=1, rate=0.0)[0].memory["assistant"].own)


def test_an_adapter_is_written_and_read_to_the_bit(tmp_path):
    run, _ = play([0], rounds=1)
    own = adapters.of_world(run.memory["assistant"].own, 0, torch.device("cpu"))
    shape, _ = peft_folder.load(peft_folder.place("hu-2025"))
    peft_folder.save(tmp_path / "adapter", own, shape, str(pocket.folder()))
    again, found = peft_folder.load(tmp_path / "adapter")
    assert again == shape
    assert same(own, {name: found[name] for name in own})
