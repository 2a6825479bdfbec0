"""What a model's cache holds, and how rows of it are picked and given room."""

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer


class Room(DynamicLayer):
    """Keys and values of one layer with room for what follows, so that nothing is copied as a reply grows.

    Args:
        keys: [rows, heads, tokens, size]; so are `values`.
        values: What is found there.
        room: Tokens that will follow at most.
    """

    def __init__(self, keys: Tensor, values: Tensor, room: int) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self._all = [_with_room(part, room) for part in (keys, values)]
        self._show(keys.shape[-2])

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the next tokens into their place; all keys and values so far."""
        begin = self.keys.shape[-2]
        for whole, part in zip(self._all, (key_states, value_states), strict=True):
            whole[:, :, begin : begin + part.shape[-2]] = part
        self._show(begin + key_states.shape[-2])
        return self.keys, self.values

    def _show(self, count: int) -> None:
        self.keys, self.values = (whole[:, :, :count] for whole in self._all)


def _with_room(part: Tensor, room: int) -> Tensor:
    rows, heads, tokens, size = part.shape
    whole = part.new_empty((rows, heads, tokens + room, size))
    whole[:, :, :tokens] = part
    return whole


def plain(past: Any) -> bool:
    """Whether a cache is keys and values of all tokens in every layer."""
    return type(past) is DynamicCache and all(type(layer) in (DynamicLayer, Room) for layer in past.layers)


def picked(past: Any, rows: Tensor | None, room: int, columns: Tensor | None = None) -> Any:
    """A plain cache of these rows (None: of all) and each row's columns [rows, tokens] (None: all), with room."""

    def pick(part: Tensor) -> Tensor:
        if columns is not None and rows is not None:
            return part.transpose(1, 2)[rows.unsqueeze(-1), columns].transpose(1, 2)
        return part if rows is None else part[rows]

    if rows is not None or room:
        past.layers = [Room(pick(layer.keys), pick(layer.values), room) for layer in past.layers]
    return past
