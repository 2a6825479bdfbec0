"""Weights of one's own for every world: low-rank adapters beside a model's linear layers, or all of its weights.

An adapter adds alpha / rank times B A x to what a layer gives (Hu et al. 2021, LoRA, arXiv 2106.09685), in the same
operations as PEFT's. A model's own weights never change: the weights of a world stand in for them while it is asked
(`Local.wearing`), so that one model serves all worlds and arms.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from populace.draw import Draw
from populace.errors import PopulaceError

A, B = ".lora_A.weight", ".lora_B.weight"
Own = dict[str, Tensor]
"""Name of a parameter -> its values, of one world or [worlds, ...]."""


@dataclass(frozen=True)
class Shape:
    """What an adapter is like.

    Attributes:
        rank: Rank; 0 for all weights.
        alpha: It is multiplied by alpha / rank.
        targets: Last parts of the names of the layers; () for all linear ones but the head.
    """

    rank: int
    alpha: float
    targets: tuple[str, ...] = ()


class LowRank(nn.Module):
    """A linear layer with an adapter beside it, which is zero until weights stand in for it.

    Args:
        base: The layer, [..., inputs] -> [..., outputs].
        shape: What the adapter is like.
    """

    def __init__(self, base: nn.Linear, shape: Shape) -> None:
        super().__init__()
        kind: dict[str, Any] = {"device": base.weight.device, "dtype": torch.float32, "bias": False}
        self.base, self.scale = base, shape.alpha / shape.rank
        self.lora_A = nn.utils.skip_init(nn.Linear, base.in_features, shape.rank, **kind)
        self.lora_B = nn.utils.skip_init(nn.Linear, shape.rank, base.out_features, **kind)
        for part in (self.lora_A, self.lora_B):
            nn.init.zeros_(part.weight)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output with the adapter's."""
        out: Tensor = self.base(x)
        kind = out.dtype
        added = self.lora_B(self.lora_A(x.to(torch.float32))) * self.scale
        return (out + added).to(kind)


def prepare(model: nn.Module, shape: Shape) -> tuple[str, ...]:
    """Put adapters into a model, in place, and return the names of the parameters that are trained.

    Raises:
        PopulaceError: No layer suits.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if shape.rank == 0:
        return tuple(name for name, _ in model.named_parameters())
    head = getattr(model, "get_output_embeddings", lambda: None)()
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear)
        and (layer is not head if not shape.targets else name.rpartition(".")[2] in shape.targets)
    }
    if not layers:
        linear = sorted({name.rpartition(".")[2] for name, one in model.named_modules() if isinstance(one, nn.Linear)})
        raise PopulaceError(
            f"targets {list(shape.targets)} name no linear layer of this model; it has {', '.join(linear) or 'none'}"
        )
    for name, layer in layers.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, LowRank(layer, shape).requires_grad_(False))
    return tuple(name + part for name in layers for part in (A, B))


def begin(model: nn.Module, names: tuple[str, ...], start: Mapping[str, Tensor], draw: Draw) -> Own:
    """The first weights of all worlds, [worlds, ...] float32 on the draw's device.

    Without a start, A is uniform within 1 / sqrt(inputs), as in PEFT, and B zero, so that the model is as it was.

    Args:
        model: The model.
        names: Parameters that are trained.
        start: Name -> values to start from; may be empty.
        draw: Random numbers of the beginning.

    Raises:
        PopulaceError: The start does not fit the model.
    """
    found: Own = {}
    if start:
        fits = {name: tuple(model.get_parameter(name).shape) for name in names}
        odd = sorted(
            {name for name in {*fits, *start} if name not in start or tuple(start[name].shape) != fits.get(name)}
        )
        if odd:
            raise PopulaceError(
                f"the adapter does not fit this model: {odd[0]} is missing there, or here, or of another shape; is it "
                "the adapter of another model?"
            )
    for name in names:
        value = model.get_parameter(name)
        if not start and name.endswith(A):
            bound = 1.0 / math.sqrt(value.shape[1])
            found[name] = (2.0 * draw.uniform(f"start of {name}", *value.shape) - 1.0) * bound
            continue
        first = start.get(name, value).detach().to(device=draw.device, dtype=torch.float32)
        found[name] = first.unsqueeze(0).repeat(draw.worlds, *[1] * first.dim())
    return found


def of_world(own: Own, world: int, device: torch.device) -> Own:
    """The weights of one world, on the model's device."""
    return {name: value[world].to(device) for name, value in own.items()}
