"""What a model's cache holds, and how rows of it are picked and given room."""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer


class Room(DynamicLayer):
    """Keys and values of one layer with room for what follows, so that nothing is copied as a reply grows.

    Args:
        keys: [rows, tokens + room, heads, size], as are `values`; they are written into.
        values: What is found there.
        count: Tokens that are there.
    """

    def __init__(self, keys: Tensor, values: Tensor, count: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # transformers'
        self.lazy_initialization(keys, values)
        self._all = (keys, values)
        self._show(count)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the next tokens [rows, heads, tokens, size] into their place; all keys and values so far."""
        end = self._count + key_states.shape[-2]
        for whole, part in zip(self._all, (key_states, value_states), strict=True):
            whole[:, self._count : end] = part.transpose(1, 2)
        return self._show(end)

    def _show(self, count: int) -> tuple[Tensor, Tensor]:
        self._count = count
        keys, values = (whole[:, :count].transpose(1, 2) for whole in self._all)
        self.keys, self.values = keys, values
        return keys, values


def plain(past: Any) -> bool:
    """Whether a cache is keys and values of all tokens in every layer."""
    return type(past) is DynamicCache and all(type(layer) in (DynamicLayer, Room) for layer in past.layers)


def picked(past: Any, rows: Tensor | None, room: int, columns: Tensor | None = None) -> Any:
    """A plain cache of these rows (None: all) and each row's columns [rows, tokens] (None: all), with room behind."""
    first = past.layers[0].keys
    if rows is None:
        rows = torch.arange(len(first), device=first.device)
    if columns is None:
        columns = torch.arange(first.shape[-2], device=first.device).expand(len(rows), -1)
    count = columns.shape[-1]
    # What stands in the room is written over before it is seen.
    columns = torch.cat((columns, columns.new_zeros((len(rows), room))), -1)

    flat = (rows.unsqueeze(-1) * first.shape[-2] + columns).flatten()

    def pick(part: Tensor) -> Tensor:
        tokens = part.transpose(1, 2).flatten(2)
        return (
            tokens.flatten(0, 1)
            .index_select(0, flat.to(part.device))
            .view(*columns.shape, part.shape[1], part.shape[3])
        )

    found = DynamicCache()
    found.layers = [Room(pick(layer.keys), pick(layer.values), count) for layer in past.layers]
    return found
