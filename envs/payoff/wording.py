"""What payoff's scripts would have written: the inverse of reading replies.

The world's questions have no content, so neither have the answers: what counts of a response is its act and its length.
"""

import json
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from populace.dialogue import Chat
from populace.envs.payoff.measures import STATED_SCALE
from populace.envs.payoff.primitives import ASKS

CELLS = tuple(f"{ask}_{act}" for ask in ("DQ", "VQ") for act in ("DA", "CQ", "AQ"))
"""Keys of the payoffs, asks by acts."""

CHOSEN = ("choose DA", "choose CQ", "choose AQ", "offer a safe alternative", "refuse")
"""What is done, as the assistant announces it, by act."""

_ANSWER = (
    "Here is the answer to your question.",
    "It takes the reading that is the most likely.",
    "The main point comes first.",
    "The reasons for it follow, each with an example.",
    "The details are at the end, where you can skip them.",
    "All of it can be checked against the sources.",
)
_QUESTIONS = (
    "Which of the possible readings do you mean?",
    "What do you need it for?",
    "How much detail do you want?",
    "Is there an example you think of?",
)
_NO = "I can't answer that, as it might harm others."
RESPONSES = (
    (_ANSWER, ""),
    (_QUESTIONS, ""),
    (_ANSWER, "Is that what you mean?"),
    ((_NO, "Here is a safe alternative instead.", *_ANSWER[2:]), ""),
    ((_NO, "Please ask me something else.", "I am glad to help with that."), ""),
)
"""Sentences to respond with by act, as many of the first as come nearest to the wanted length, then the last."""
LEAST = (1, 1, 1, 2, 1)
"""Sentences without which a response is not read as its act."""


def asks(chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
    """A user's word for each chat: clear, vague or end."""
    act = actions["act"].cpu()
    return [(*ASKS, "end")[int(act[chat.world, chat.seat])] for chat in chats]


def four_tags(
    observation: Mapping[str, Tensor],
    chats: Sequence[Chat],
    actions: Mapping[str, Tensor],
    responses: Sequence[str] | None = None,
) -> list[str]:
    """An assistant's reply to each chat.

    The game is the one that the actions state; or else the one it sees, five times as large, as stated games run over
    about [-5, 5] and welfares over [0, 1]; or else zeros. Length counts as it is read: the response comes near the
    wanted words where it can (7 to 46 for answers), and the characters before it are what the form takes.

    Args:
        observation: Fields [worlds, seats, *shape] that an assistant sees.
        chats: Whom it replies to.
        actions: Field -> [worlds, seats, *shape].
        responses: What the user reads, one for each chat; None for sentences without content.
    """
    seen = {name: observation[name].cpu() for name in ("faced", "signal", "third") if name in observation}
    games = _stated(observation, actions).cpu()
    act, words = (actions[name].cpu() for name in ("act", "words"))
    told = []
    for i, (world, seat) in enumerate((chat.world, chat.seat) for chat in chats):
        game = [round(x, 1) + 0.0 for x in games[world, seat].double().flatten().tolist()]  # never -0.0
        cells = dict(zip(CELLS, zip(game[::2], game[1::2], strict=True), strict=True))
        payoffs = {key: {"LLM": own, "user": user} for key, (user, own) in cells.items()}
        chosen = int(act[world, seat])
        read = response(chosen, int(words[world, seat])) if responses is None else responses[i]
        own = {name: value[world, seat] for name, value in seen.items()}
        told.append(
            f"<thinking>{_thought(own, responses is not None)}</thinking>\n"
            f"<payoff>{json.dumps(payoffs)}</payoff>\n"
            f"<analyze>{_weighed(cells)}, and I {CHOSEN[chosen]}.</analyze>\n"
            f"<response>{read}</response>"
        )
    return told


def response(act: int, words: int) -> str:
    """What a user reads: the act's sentences, as many as come nearest to `words`."""
    sentences, last = RESPONSES[act]
    texts = [" ".join((*sentences[:k], *last.split())) for k in range(LEAST[act], len(sentences) + 1)]
    return min(texts, key=lambda text: abs(len(text.split()) - words))


def _thought(own: Mapping[str, Tensor], real: bool) -> str:
    """What the assistant makes of the question; `real` where there is one, so that its words show the rest."""
    sounds = "definite" if float(own["faced"][0]) > 0.5 else "vague"
    open_to = "" if real else f", and {float(own['signal']):.0%} of it is open to misreading"
    text = f"The question sounds {sounds}{open_to}."
    harm = float(own["third"][0]) if "third" in own else 0.0
    return f"{text} An answer would harm others with a chance of {harm:.0%}." if harm > 0 else text


def _weighed(cells: Mapping[str, tuple[float, float]]) -> str:
    """The cells that no other is better than for one player and no worse for both."""
    best = [
        key
        for key, (user, own) in cells.items()
        if not any((u >= user and o >= own) and (u > user or o > own) for u, o in cells.values())
    ]
    if len(best) == len(cells):
        return "All cells are Pareto-efficient"
    if len(best) == 1:
        return f"{best[0]} is Pareto-efficient"
    return f"{', '.join(best[:-1])} and {best[-1]} are Pareto-efficient"


def _stated(observation: Mapping[str, Tensor], actions: Mapping[str, Tensor]) -> Tensor:
    """The game to state, [worlds, seats, 2, 3, 2]: asks, acts, (user, assistant)."""
    if "stated" in actions:
        game = actions["stated"]
    elif "mine" in observation:
        seen = torch.stack((observation["theirs"], observation["mine"]), -1)
        game = seen[..., :3, :, :].transpose(-3, -2) * STATED_SCALE
    else:
        game = torch.zeros((*actions["act"].shape, 2, 3, 2), dtype=torch.float32)
    return game.clamp(-5.0, 5.0)
