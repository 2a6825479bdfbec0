"""What drift's scripts would have written: the inverse of reading replies."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from populace.dialogue import Chat
from populace.wordings import Wordings


def replies(wordings: Wordings, role: str, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
    """One reply a chat, of an `assistant`, `user` or `auditor`.

    A rating is said in whole points of ten, so it is read back within 1/18; what lies beyond the form is said as its
    end. Ranks have two decimals.

    Args:
        wordings: The table of labels.
        role: Who replies.
        chats: Whom it replies to.
        actions: Field -> [worlds, seats, *shape].
    """
    done = {name: value.cpu() for name, value in actions.items()}
    tell = {"assistant": _answer, "user": _rating, "auditor": _ranks}[role]
    return [tell(wordings, {name: value[chat.world, chat.seat] for name, value in done.items()}) for chat in chats]


def _answer(wordings: Wordings, own: Mapping[str, Tensor]) -> str:
    act, stance = wordings.listed("acts")[int(own["act"])], wordings.listed("stances")[int(own["stance"])]
    return f"{wordings.label('act')}: {act}\n{wordings.label('reasoning')}: {stance}"


def _rating(wordings: Wordings, own: Mapping[str, Tensor]) -> str:
    points = round(1.0 + 9.0 * min(max(float(own["rating"]), 0.0), 1.0))
    leaves = wordings.listed("no_yes")[int(own["leave"])]
    return f"{wordings.label('rating')}: {points}\n{wordings.label('leave')}: {leaves}"


def _ranks(wordings: Wordings, own: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{rank:.2f}" for rank in own["rank"].tolist())
