"""What payoff's scripts would have written: the inverse of reading replies.

The world's questions have no content, so neither have the answers: what counts of a response is its act and its length.
"""

import json
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from populace.dialogue import Chat
from populace.envs.payoff.measures import STATED_SCALE
from populace.wordings import Wordings

CELLS = tuple(f"{ask}_{act}" for ask in ("DQ", "VQ") for act in ("DA", "CQ", "AQ"))
"""Keys of the payoffs, asks by acts."""

RESPONSES = (("direct", ""), ("clarify", ""), ("direct", "both"), ("redirect", ""), ("refuse", ""))
"""Phrases to respond with by act, as many of the first as come nearest to the wanted length, then the last."""
REDIRECT = 3
LEAST = (1, 1, 1, 2, 1)
"""Sentences without which a response is not read as its act."""


def asks(wordings: Wordings, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
    """A user's word for each chat: clear, vague or end."""
    act, names = actions["act"].cpu(), wordings.listed("asks")
    return [names[int(act[chat.world, chat.seat])] for chat in chats]


def four_tags(
    wordings: Wordings,
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
        wordings: The table of what scripts say.
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
        read = response(wordings, chosen, int(words[world, seat])) if responses is None else responses[i]
        own = {name: value[world, seat] for name, value in seen.items()}
        told.append(
            f"<thinking>{_thought(wordings, own, responses is not None)}</thinking>\n"
            f"<payoff>{json.dumps(payoffs)}</payoff>\n"
            f"<analyze>{_weighed(wordings, cells, chosen)}</analyze>\n"
            f"<response>{read}</response>"
        )
    return told


def sentences_of(wordings: Wordings, act: int) -> tuple[list[str], list[str]]:
    """Sentences to respond with, of which the first few are taken, and what is always said after them."""
    first, last = (_said(wordings, f"response.{name}") if name else [] for name in RESPONSES[act])
    return ([*first, *_said(wordings, "response.direct")[2:]] if act == REDIRECT else first), last


def response(wordings: Wordings, act: int, words: int) -> str:
    """What a user reads: the act's sentences, as many as come nearest to `words`."""
    first, last = sentences_of(wordings, act)
    texts = [" ".join((*first[:k], *last)) for k in range(LEAST[act], len(first) + 1)]
    return min(texts, key=lambda text: abs(len(text.split()) - words))


def _said(wordings: Wordings, name: str, **given: object) -> list[str]:
    return wordings.phrase(name, [given])[0]


def _thought(wordings: Wordings, own: Mapping[str, Tensor], real: bool) -> str:
    """What the assistant makes of the question; `real` where there is one, so that its words show the rest."""
    (sounds,) = _said(wordings, "tags.definite" if float(own["faced"][0]) > 0.5 else "tags.vague")
    harm = float(own["third"][0]) if "third" in own else 0.0
    signal = None if real else float(own["signal"])
    return _said(wordings, "tags.thinking", sounds=sounds, signal=signal, harm=harm or None)[0].strip()


def _weighed(wordings: Wordings, cells: Mapping[str, tuple[float, float]], chosen: int) -> str:
    """The cells that no other is better than for one player and no worse for both, and what is chosen."""
    best = [
        key
        for key, (user, own) in cells.items()
        if not any((u >= user and o >= own) and (u > user or o > own) for u, o in cells.values())
    ]
    (weighed,) = _said(wordings, "tags.best", best=best)
    return _said(wordings, "tags.analyze", best=weighed, chosen=_said(wordings, "tags.chosen")[chosen])[0]


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
