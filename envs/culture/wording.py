"""What culture's scripts would have written: the inverse of reading replies."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from populace.dialogue import Chat

MOST = 4
"""How often one question's line names a culture at most: a response that cites it more often says no more than that."""


def meetings(layers: Sequence[str], chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
    """Where a person meets someone, and what it asks; whom it meets cannot be said.

    Args:
        layers: Names of the layers.
        chats: Whom the person replies to.
        actions: `layer` and `question`, [worlds, people].
    """
    layer, question = actions["layer"].cpu(), actions["question"].cpu()
    seats = [(chat.world, chat.seat) for chat in chats]
    return [f"{layers[int(layer[seat])]}, {int(question[seat]) + 1}" for seat in seats]


def answers(cultures: Sequence[str], chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
    """An option for each question, a line each; after it the cultures that a synthesiser cites, praised ones with (+).

    Args:
        cultures: Names of the cultures.
        chats: Whom the agent or synthesiser replies to.
        actions: `answers` [worlds, seats, asked], and of a synthesiser `references` and `positive`.
    """
    done = {name: value.cpu() for name, value in actions.items()}
    told = []
    for world, seat in ((chat.world, chat.seat) for chat in chats):
        own = {name: value[world, seat] for name, value in done.items()}
        lines = [f"{k + 1}: {option + 1}" for k, option in enumerate(own["answers"].tolist())]
        if "references" in own:
            cited = zip(own["references"].tolist(), own["positive"].tolist(), strict=True)
            lines = [line + _cited(cultures, *one) for line, one in zip(lines, cited, strict=True)]
        told.append("\n".join(lines))
    return told


def _cited(cultures: Sequence[str], counts: Sequence[int], positive: float) -> str:
    """`; culture_0 (+), culture_0, culture_3`: the first of the names are praised, a share `positive` of them."""
    names = [name for name, count in zip(cultures, counts, strict=True) for _ in range(min(count, MOST))]
    praised = round(positive * len(names))
    marked = [f"{name} (+)" if k < praised else name for k, name in enumerate(names)]
    return f"; {', '.join(marked)}" if marked else ""
