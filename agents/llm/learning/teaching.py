"""Learning from a script: what it would have replied in a seat's place, as the model would write it."""

import json
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from populace.agents.llm.backends.local import Local
from populace.agents.llm.learning.moves import MOVE, MovesFace, nearest
from populace.agents.llm.learning.table import ask_of
from populace.agents.llm.seats.demonstrations import chosen
from populace.dialogue import Dialogue, Writes
from populace.errors import PopulaceError
from populace.observation import Observation
from populace.policy import WORDS, Actions
from populace.replies import seats
from populace.words import UNWORDED


def taught(
    local: Local, dialogue: Dialogue, observation: Observation, actions: Actions, prompts: Tensor
) -> Mapping[str, Tensor]:
    """Ids [worlds, seats] of the replies that state a script's acts, as actions `words/reply`.

    A seat whose act cannot be said in its form has none, and nothing is learned from it.

    Args:
        local: The model, whose tokens replies are made of.
        dialogue: The face that asks.
        observation: What is seen.
        actions: What the script does: fields, or `words/move`, numbers of moves.
        prompts: [worlds, seats] ids of what each seat was asked.

    Raises:
        PopulaceError: The face cannot put acts into words.
    """
    found = torch.full(prompts.shape, UNWORDED, dtype=torch.int64)
    taken = set(seats(observation))
    chats = [chat for chat in dialogue.say(observation) if (chat.world, chat.seat) in taken]
    if isinstance(dialogue, MovesFace):
        given = actions.get(f"{WORDS}{MOVE}")
        move = nearest(dialogue.moves, observation.role, actions) if given is None else given
        host, names = move.cpu(), tuple(dialogue.moves)
        said: Sequence[str] = [names[int(host[chat.world, chat.seat])] for chat in chats]
    elif isinstance(dialogue, Writes):
        said = dialogue.write(observation, chats, actions)
    else:
        raise PopulaceError(
            f"teacher: the acts of {observation.role.name} cannot be put into words: the world's dialogue needs "
            "write(observation, chats, actions) (populace.dialogue.Writes)"
        )
    ids, read = prompts.cpu(), observation.reader.read
    places: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for chat, text in zip(chats, said, strict=True):
        asked = int(ids[chat.world, chat.seat])
        if asked != UNWORDED:
            k = chosen(chat, text)
            places.setdefault((asked, text if k is None else chat.options[k]), []).append((chat.world, chat.seat))
    pairs = list(places)
    asks = [ask_of(read(asked)) for asked, _ in pairs]
    for choice, group, labels in local.grouped(asks):
        for seat in group:
            text, lead = pairs[seat.place][1], asks[seat.place].lead
            told: list[tuple[str, tuple[int, ...]]]
            if labels:
                among = [one for one in choice.replies if one in (text, lead + text)]
                told = [(one, ()) for one in among[:1]]
            else:
                told = [_written(local, text, seat.begun)]
            for reply in told:
                (found_id,) = observation.reader.words.put([json.dumps(reply, ensure_ascii=False)])
                for place in places[pairs[seat.place]]:
                    found[place] = found_id
    return {f"{WORDS}reply": found.to(prompts.device)}


def _written(local: Local, text: str, begun: str) -> tuple[str, tuple[int, ...]]:
    """A reply with its tokens, without those that stand in the prompt already, and with the end."""
    whole, first = local.tokens(text), local.tokens(begun) if begun else ()
    rest = whole[len(first) :] if whole[: len(first)] == first else local.tokens(text.removeprefix(begun))
    return text, (*rest, *local.loaded.ends[:1])
