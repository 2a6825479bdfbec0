"""The corpus: what scripted agents were asked and wrote, in thousands of small societies.

Deterministic by seed. Evaluation takes other seeds, so that no setting, population or invented name is seen twice.
"""

import re
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from random import Random

import torch
from settings import FAMILIAR, PEOPLES, WORLDS, Setting, coevolution, invented, library

from populace.agents.llm.seats.demonstrations import Demonstration, demonstrate
from populace.agents.llm.seats.text_policy import AGAIN

Kind = tuple[str, str, str]
"""World (`drift`), role and phase."""

MOST = 24
"""Dialogues of a kind that one setting gives at most."""
FEW: dict[Kind, int] = {
    ("culture", "agent", "answer"): 8,
    ("culture", "person", "exchange"): 8,
    ("payoff", "assistant", "respond"): 12,
    ("payoff", "user", "ask"): 12,
    ("drift", "assistant", "speak"): 6,
    ("shopping", "assistant", "search"): 4,
    ("shopping", "customer", "delegate"): 6,
    ("shopping", "customer", "decide"): 8,
    ("shopping", "seller", "offer"): 4,
}
"""The same for kinds that are soon learned, or in which little can be known."""
PLAIN = 0.5
"""Share of plain questionnaires, in training only."""
LONGEST = 12_000
"""Characters of a dialogue at most: longer ones would not fit into the context."""


@dataclass(frozen=True)
class Dialogue:
    """One exchange to learn from.

    Attributes:
        kind: World, role and phase.
        messages: (`system` | `user` | `assistant`, text), up to what is to be answered.
        reply: The answer.
    """

    kind: Kind
    messages: tuple[tuple[str, str], ...]
    reply: str


def play(setting: Setting, rng: Random, worlds: int = 3) -> list[Demonstration]:
    """The demonstrations of one setting, at most `MOST` of a kind."""
    built = setting.built
    told = demonstrate(
        built.world,
        built.policies,
        built.population,
        seed=setting.seed,
        worlds=worlds,
        ticks=setting.ticks,
        roles=setting.told and {*setting.told} & {*built.world.cast},
    )
    kinds: dict[Kind, list[Demonstration]] = defaultdict(list)
    for one in told:
        if len(one.reply) + sum(len(text) for _, text in one.messages) <= LONGEST:
            kinds[kind_of(one)].append(one)
    kept = ((group, min(len(group), FEW.get(kind, MOST))) for kind, group in kinds.items())
    return [one for group, most in kept for one in rng.sample(group, most)]


def dialogues(setting: Setting, rng: Random) -> list[Dialogue]:
    """The setting's dialogues, some with a profile, a memory or a failed reply before them."""
    told = play(setting, rng)
    return [_varied(one, rng.choice(told), rng) for one in told]


def kind_of(one: Demonstration) -> Kind:
    """World, role and phase."""
    return one.world_id.split("/")[-1].rsplit("-v", 1)[0], one.role, one.phase


def _varied(one: Demonstration, other: Demonstration, rng: Random) -> Dialogue:
    messages, reply = list(one.messages), taught(one)
    if one.options and rng.random() < LABEL_ALONE:
        reply = label(one)
    if rng.random() < 0.1:
        messages = _with_profile(messages, rng)
    if rng.random() < 0.04 and (other.role, other.phase) == (one.role, one.phase):
        asked = "\n".join(text for who, text in other.messages if who != "system")
        place = 1 if messages[0][0] == "system" else 0
        messages[place:place] = [("user", asked), ("assistant", taught(other))]
    if rng.random() < 0.04:
        messages += [("assistant", _broken(reply, rng)), ("user", AGAIN)]
    return Dialogue(kind_of(one), tuple(messages), reply)


LABEL_ALONE = 0.6
"""Share of choices that are answered by the label alone, without the form around it."""


def label(one: Demonstration) -> str:
    """The label that a reply chooses: the last one that stands in it; the whole reply where none does."""
    found = re.findall("|".join(rf"(?<![\w.]){re.escape(o)}(?![\w.])" for o in one.options), one.reply)
    return found[-1] if found else one.reply


def taught(one: Demonstration) -> str:
    """What is taught: the script's reply, but for advisers of values what people told them.

    A script answers by values it estimated over time, which cannot be known from what was said.
    """
    if kind_of(one) != ("coevolution", "assistant", "advise"):
        return one.reply
    asked = re.findall(r"^\d+\. (.*)$", one.messages[-1][1], re.MULTILINE)
    told = [re.findall(r"said yes: (\d+%)", line) or ["50%"] for line in asked]
    audiences = len(set(re.findall(r"^(\d+)\.\d+:", one.reply, re.MULTILINE))) or 1
    if not asked or {len(shares) for shares in told} - {1, audiences}:
        return one.reply  # somebody did not answer, and shares do not say who
    said = []
    for a in range(audiences):
        number = f"{a + 1}." if audiences > 1 else ""
        said += [f"{number}{k}: {shares[min(a, len(shares) - 1)]}" for k, shares in enumerate(told, 1)]
    return "\n".join(said)


def _with_profile(messages: list[tuple[str, str]], rng: Random) -> list[tuple[str, str]]:
    """A line or two about who one is, before what the world says to the system."""
    place = rng.choice(("", "", f" of the segment {invented(rng)}", f" of the segment {rng.choice(PEOPLES)}"))
    parts = [f"You are user {rng.randint(1, 300)}{place}."]
    for start in (" Your values: ", rng.choice((" What you are like: ", " "))):
        about = [f"{rng.choice((*FAMILIAR, invented(rng)))} {rng.gauss(0, 1):.2f}" for _ in range(rng.randint(0, 5))]
        if about:
            parts.append(f"{start}{', '.join(about)}.".replace("_", " "))
    line = "".join(parts)
    if messages[0][0] == "system":
        return [("system", f"{line}\n\n{messages[0][1]}"), *messages[1:]]
    return [("system", line), *messages]


def _broken(reply: str, rng: Random) -> str:
    words = reply.split()
    return rng.choice(
        ("I am not sure.", "Well, it depends.", "{", reply[: rng.randint(0, len(reply))] + "...", " ".join(words[::-1]))
    )


# ------------------------------------------------------------------ many


def corpus(seed: int, settings: int, shares: dict[str, float], processes: int = 1) -> list[Dialogue]:
    """The dialogues of so many settings, in random order.

    Args:
        seed: Draws the settings.
        settings: How many.
        shares: World -> share of the settings.
        processes: Processes that play them; the corpus does not depend on it.
    """
    chunks = [(seed, k, shares) for k in range(settings)]
    if processes == 1:
        found = list(map(_of, chunks))
    else:
        with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_alone) as pool:
            found = list(pool.map(_of, chunks, chunksize=8))
    everything = [one for part in found for one in part]
    Random(seed).shuffle(everything)
    return everything


def _of(chunk: tuple[int, int, dict[str, float]]) -> list[Dialogue]:
    return dialogues(*setting(*chunk))


def setting(seed: int, number: int, shares: dict[str, float]) -> tuple[Setting, Random]:
    """The setting of that number, and the random generator to go on with."""
    rng = Random(f"{seed} {number}")
    world = rng.choices(list(shares), list(shares.values()))[0]
    if rng.random() < 0.25:
        return library(rng, world), rng
    return (coevolution(rng, PLAIN) if world == "coevolution" else WORLDS[world](rng)), rng


def _alone() -> None:
    torch.set_num_threads(1)
