"""What shopping's scripts would have written, and how an explanation is coded: the same words both ways."""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from populace.dialogue import Chat
from populace.envs.shopping.catalogue import Catalogue
from populace.fields import Field
from populace.observation import Observation
from populace.wordings import Wordings

DOUBT = re.compile(r"batter|grid|electricity|drawback|unreliable|risk")
"""Words of doubt about the favourite; how persuasion is coded from text depends on the coder."""
BEST = re.compile(r"\bbest (choice|option|fit|match|product|value|suited)|most suitable|perfect (choice|fit|match)")


def coded(explained: str, company: str) -> dict[str, bool]:
    """Which message bits an explanation (lower case) holds: disclose, persuade, claim."""
    return {
        "disclose": company.lower().removeprefix("the ").split()[0] in explained,
        "persuade": DOUBT.search(explained) is not None,
        "claim": BEST.search(explained) is not None,
    }


def replies(
    wordings: Wordings,
    observation: Observation,
    catalogue: Catalogue,
    chats: Sequence[Chat],
    actions: Mapping[str, Tensor],
) -> list[str]:
    """One reply a chat, of any role in the observation's phase.

    All readers get one explanation: a message bit is written if any of them is to read it. Numbers have two decimals.

    Args:
        wordings: The table of labels and of what scripts write.
        observation: What the role sees, [worlds, seats, *shape].
        catalogue: Whose company is named.
        chats: Whom the role replies to.
        actions: Field -> [worlds, seats, *shape].
    """
    seen = {name: value.cpu() for name, value in observation.items()}
    done = {name: value.cpu() for name, value in actions.items()}
    fields = observation.role.done_in(observation.phase)
    told = []
    for world, seat in ((chat.world, chat.seat) for chat in chats):
        acts = {f.name: done[f.name][world, seat] for f in fields if f.name in done}
        if "product" in acts and not acts.get("explain", True):
            told.append(_choice(wordings, acts["product"], fields))
        elif "product" in acts:
            own = {name: seen[name][world, seat] for name in ("price", "available", "budget", "unlimited", "readers")}
            explained = _explained(wordings, own, acts, catalogue.company)
            told.append(f"{wordings.label('explanation')}: {explained}\n{_choice(wordings, acts['product'], fields)}")
        elif "buy" in acts:
            told.append(_choice(wordings, acts["buy"], fields))
        else:
            lines = [f"{wordings.label(f.name)}: {_value(wordings, f, acts[f.name])}" for f in fields if f.name in acts]
            told.append("\n".join(lines))
    return told


def _value(wordings: Wordings, f: Field, value: Tensor) -> str:
    return wordings.listed("no_yes")[int(value)] if f.kind == "flag" else f.render(value)


def _choice(wordings: Wordings, place: Tensor, fields: tuple[Field, ...]) -> str:
    """The number on the shelf, from 1; 0 for nothing, the last place."""
    last = len(next(f for f in fields if f.name in ("product", "buy")).labels) - 1
    return f"{wordings.label('choice')}: {0 if int(place) == last else int(place) + 1}"


def _said(wordings: Wordings, name: str, **given: object) -> str:
    return wordings.phrase(f"explained.{name}", [given])[0][0]


def _explained(wordings: Wordings, own: Mapping[str, Tensor], acts: Mapping[str, Tensor], company: str) -> str:
    """A reason that everyone can check, and what the message bits say."""
    wanted = {name: bool((acts[name] & own["readers"]).any()) for name in ("disclose", "persuade", "claim")}
    parts = [_said(wordings, name, company=company) for name in ("claim", "persuade", "disclose") if wanted[name]]
    bits = _said(wordings, "bits", parts=parts) if parts else ""
    whole = f"{_said(wordings, _reason(own, int(acts['product'])))} {bits}".strip()
    # A company may be called by a word of the reason; then that is left out.
    return whole if coded(f"explanation: {whole}".lower(), company) == wanted else bits


def _reason(own: Mapping[str, Tensor], place: int) -> str:
    """The name of the phrase for a reason."""
    price, budget = own["price"], float(own["budget"])
    if place >= len(price):
        return "nothing"
    if float(price[place]) <= float(torch.where(own["available"], price, torch.inf).min()):
        return "cheapest"
    if bool(own["unlimited"]):
        return "dearer"
    return "within" if float(price[place]) <= budget else "above"
