"""Values nested in cultures, groups and persons, with a known share of variance between cultures.

theta_u = sqrt(rho) B mu_c + sqrt(1 - rho) s (sum_k w_uk P_k + tau e_u)

B mu_c is the part of culture c, from a latent space of few dimensions; P_k are the prototypes of groups, w_u Dirichlet
weights, e_u a person's own standard normal. Assumed: prototypes and weights have the same law in every
culture, so that rho is the whole of what lies between cultures; culture parts and prototypes are centred and scaled
in each world (their variance, averaged over values, is 1) and s = (1 / (K alpha + 1) + tau^2)^(-1/2) is the Dirichlet's
closed form, so that rho is the realised share up to the sampling of people, not only its expectation.
"""

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from populace.agents.users.quantiles import dirichlet, pick
from populace.draw import Draw
from populace.numerics import apply_linear
from populace.options import Options


class HierarchySpec(Options):
    """Culture -> group -> person."""

    cultures: int = Field(5, ge=2)
    """How many cultures there are."""
    names: tuple[str, ...] = ()
    """Their names, one each; culture_0, culture_1, ... when not given."""
    shares: tuple[float, ...] = ()
    """Share of each culture; equal when not given."""
    dims: int = Field(3, ge=1)
    """Dimensions of the cultures' latent space. Five hold .83 of the variance of 19 countries' means (WVS 7)."""
    rho: float = Field(0.12, ge=0, le=1)
    """Share of the values' variance between cultures; .14 on average over 222 questions (WVS 7, eta squared)."""
    groups: int = Field(4, ge=2)
    """How many prototypes (groups) people mix."""
    alpha: float = Field(0.3, gt=0)
    """Concentration of the mixture weights: 0.1 nearly one group a person, 1 an even mix."""
    tau: float = Field(0.5, ge=0)
    """Spread of a person around its mixture, in units of the prototypes' spread."""
    segment_by: Literal["culture", "group", "none"] = "culture"
    """What makes the segments, unless `segments` are given."""

    @model_validator(mode="after")
    def _matched(self) -> "HierarchySpec":
        for what, given in (("names", self.names), ("shares", self.shares)):
            if given and len(given) != self.cultures:
                raise ValueError(f"{len(given)} {what} for {self.cultures} cultures")
        if self.shares and (min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6):
            raise ValueError(f"the shares of the cultures must add up to 1, but they add up to {sum(self.shares):g}")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the cultures."""
        return self.names or tuple(f"culture_{c}" for c in range(self.cultures))

    @property
    def trait_names(self) -> tuple[str, ...]:
        """Traits that hold the ground truth: culture, group (that of the largest weight), and the weights."""
        return ("culture", "group", *(f"weight/{k}" for k in range(self.groups)))


def centres(spec: HierarchySpec, values: int, draw: Draw) -> tuple[Tensor, Tensor]:
    """Culture parts B mu_c [worlds, cultures, values] and prototypes P_k [worlds, groups, values], standardised."""
    latent = draw.normal("culture/latent", spec.cultures, spec.dims)
    loading = draw.normal("culture/loading", values, spec.dims)
    shares = spec.shares or (1 / spec.cultures,) * spec.cultures
    weight = torch.tensor(shares, dtype=torch.float32, device=draw.device)
    cultures = _standard(apply_linear(latent, loading.unsqueeze(1)), weight)
    prototypes = draw.normal("group/prototype", spec.groups, values)
    return cultures, _standard(
        prototypes, torch.full((spec.groups,), 1 / spec.groups, device=draw.device, dtype=torch.float32)
    )


def _standard(points: Tensor, weight: Tensor) -> Tensor:
    """Points [worlds, k, values] with weighted mean 0 and a variance of 1 averaged over values."""
    w = weight.unsqueeze(-1)
    centred = points - (w * points).sum(-2, keepdim=True)
    variance = (w * centred.square()).sum(-2).mean(-1)
    return centred * torch.rsqrt(variance.clamp_min(1e-12))[:, None, None]


def nest(spec: HierarchySpec, users: int, values: int, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
    """Standardised values theta [worlds, users, values] and the traits that hold their ground truth."""
    cultures, prototypes = centres(spec, values, draw)
    culture = pick(spec.shares or (1.0,) * spec.cultures, draw.normal("culture", users))
    weights = dirichlet((spec.alpha,) * spec.groups, draw.normal("weights", users, spec.groups))
    mixed = apply_linear(weights, prototypes.transpose(-1, -2).unsqueeze(1))
    own = mixed.add_(draw.normal("person", users, values), alpha=spec.tau)
    scale = (1 / (spec.groups * spec.alpha + 1) + spec.tau**2) ** -0.5
    part = torch.gather(cultures, 1, culture.unsqueeze(-1).expand(-1, -1, values))
    theta = part.mul_(spec.rho**0.5).add_(own, alpha=scale * (1 - spec.rho) ** 0.5)
    traits = {"culture": culture.float(), "group": weights.argmax(-1).float()}
    traits |= {f"weight/{k}": weights[..., k].contiguous() for k in range(spec.groups)}
    return theta, traits
