"""What scripts of the coevolution world would have written: the inverse of reading replies."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from populace.dialogue import Chat
from populace.numerics import apply_linear, sigmoid
from populace.wordings import Wordings


def answers(wordings: Wordings, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
    """A user's yes or no to each item, a line each."""
    said, words = actions["answers"].cpu(), wordings.listed("answers")
    return [
        "\n".join(f"{k + 1}: {words[yes]}" for k, yes in enumerate(said[chat.world, chat.seat].tolist()))
        for chat in chats
    ]


def shares(
    wordings: Wordings, observation: Mapping[str, Tensor], chats: Sequence[Chat], actions: Mapping[str, Tensor]
) -> list[str]:
    """How far an assistant's positions agree with each item, in whole percents, and how far it mirrors.

    Positions are told by answers alone: what no item asks for stays unsaid, and a position far out is said as 100%.

    Args:
        wordings: The table with the words that lines hold.
        observation: Fields [worlds, seats, *shape] that an assistant sees.
        chats: Whom it replies to.
        actions: `position` [worlds, seats, audiences, values] and `mirror` [worlds, seats].
    """
    agreed, mirror = agreement(observation, actions["position"]).cpu(), actions["mirror"].cpu()
    several = agreed.shape[2] > 1
    told = []
    for world, seat in ((chat.world, chat.seat) for chat in chats):
        lines = [
            f"{f'{a + 1}.' if several else ''}{k + 1}: {share:.0%}"
            for a, row in enumerate(agreed[world, seat].tolist())
            for k, share in enumerate(row)
        ]
        echo = round(100.0 * float(mirror[world, seat]))
        told.append("\n".join([*lines, *([f"{wordings.label('mirror')}: {echo}%"] if echo else [])]))
    return told


def agreement(observation: Mapping[str, Tensor], position: Tensor) -> Tensor:
    """Chances of a yes by positions v, [worlds, seats, audiences, asked]: sigmoid(beta x.(v - centre))."""
    items, centre = observation["questions"].unsqueeze(2), observation["centre"].unsqueeze(2)
    return sigmoid(observation["beta"][:, :, None, None] * apply_linear(position - centre, items))
