"""Random numbers as a function of where they are used, not a stream.

A number depends only on where it is drawn: seed, world id, episode, tick, phase, scope, purpose and index. It does not
depend on the batch a world sits in, on the order of draws, on how many users there are, or on the policy that plays.
So world 7 is the same world alone, among 4,096 and after a resume, and two arms of a scenario have common random
numbers (the same random events).

Keys are 64-bit (splitmix64's finaliser, Steele, Lea and Flood 2014), one fold a coordinate: folded to 32 bits, 10^7
user keys would collide. The last dimension is a 32-bit counter hash (the two-round xorshift-multiply mixer with the
constants of Wellons' hash-prospector search) keyed with both halves of the 64-bit key. Floats carry 24 random bits.

Numbers are made by kernels or by torch (`populace.arithmetic`): the same ones to the bit, but for normal numbers, which
agree within 2.5e-6. The torch form is written out here; it serves other devices, and it is what kernels are tested by.
"""

import functools
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from populace.arithmetic import by_kernels
from populace.errors import DrawnTwice

Dim = int | Tensor
"""A dimension of a draw: a size, or the ids [n] of the entries wanted."""

CHUNK = 1 << 17
"""Numbers made at a time: the temporaries of a chunk stay in the processor's cache."""


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


_GOLDEN = _signed(0x9E3779B97F4A7C15, 64)
_MIX_1, _MIX_2 = _signed(0xBF58476D1CE4E5B9, 64), _signed(0x94D049BB133111EB, 64)
_LANE_1, _LANE_2 = _signed(0x21F0AAAD, 32), _signed(0xD35A2D97, 32)
_LANE_STEP = _signed(0x9E3779B9, 32)


def _mix64(z: Tensor) -> Tensor:
    """Splitmix64's finaliser on int64 tensors (two's complement, so products wrap as they should)."""
    z = (z ^ ((z >> 30) & 0x3FFFFFFFF)) * _MIX_1
    z = (z ^ ((z >> 27) & 0x1FFFFFFFFF)) * _MIX_2
    return z ^ ((z >> 31) & 0x1FFFFFFFF)


def fold(keys: Tensor, coordinate: int | Tensor) -> Tensor:
    """Return the 64-bit keys of `coordinate` below `keys`; both broadcast."""
    if by_kernels(keys):
        return _kernels().folded(keys, _signed(coordinate, 64) if isinstance(coordinate, int) else coordinate)
    return _fold(keys, coordinate)


def _fold(keys: Tensor, coordinate: int | Tensor) -> Tensor:
    if isinstance(coordinate, int):
        return _mix64(keys + _signed((coordinate + 1) * _GOLDEN, 64))
    return _mix64(keys + (coordinate.to(torch.int64) + 1) * _GOLDEN)


def fold_each(keys: Tensor, ids: Tensor) -> Tensor:
    """Keys [worlds, k] below keys [worlds] for ids [k]."""
    return _kernels().below(keys, None, (ids,)) if by_kernels(keys) else _fold(keys.unsqueeze(-1), ids)


@functools.cache
def _kernels() -> Any:
    """The module of draws, which imports numba."""
    from populace.kernels import draws

    return draws


def name_hash(name: str) -> int:
    """64 bits of a scope's or purpose's name, the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)


@functools.lru_cache(maxsize=4096)
def _path_hash(path: tuple[str, ...]) -> int:
    return name_hash("\n".join(path))


@functools.lru_cache(maxsize=256)
def _root(seed: int) -> int:
    return name_hash(f"seed {seed}")


def lane_hash(keys: Tensor, lanes: Tensor) -> Tensor:
    """32 random bits (int32) for every key and lane: keys [...], lanes [k] int32 -> [..., k].

    Within a key the map from lane to bits is a bijection.
    """
    low, high = keys.to(torch.int32).unsqueeze(-1), (keys >> 32).to(torch.int32).unsqueeze(-1)
    x = low + lanes * _LANE_STEP
    x = (x ^ ((x >> 16) & 0xFFFF)) * _LANE_1
    x = x ^ high
    x = (x ^ ((x >> 15) & 0x1FFFF)) * _LANE_2
    return x ^ ((x >> 15) & 0x1FFFF)


def uniform_from(keys: Tensor, lanes: Tensor) -> Tensor:
    """Uniform numbers in [0, 1), float32 on the grid of 2^-24: keys [...], lanes [k] -> [..., k]."""
    return ((lane_hash(keys, lanes) >> 8) & 0xFFFFFF).to(torch.float32) * 2.0**-24


def normal_from(keys: Tensor, lanes: Tensor) -> Tensor:
    """Standard normals by Box and Muller (1958): keys [...], lanes [k] of pairs -> [..., 2 k]; |z| <= 5.77."""
    radius = torch.sqrt(-2.0 * torch.log(1.0 - uniform_from(keys, 2 * lanes)))  # 1 - u is in (0, 1]
    angle = (2.0 * math.pi) * uniform_from(keys, 2 * lanes + 1)
    return torch.stack((radius * torch.cos(angle), radius * torch.sin(angle)), dim=-1).flatten(-2)


def uniforms(keys: Tensor, count: int) -> Tensor:
    """Uniform numbers of the first `count` lanes below keys: float32 [..., count]."""
    if by_kernels(keys):
        return _kernels().uniform(keys, None, (count,))
    return uniform_from(keys, torch.arange(count, dtype=torch.int32, device=keys.device))


def normals(keys: Tensor, count: int) -> Tensor:
    """Standard normal numbers of the first `count` lanes below keys: float32 [..., count]."""
    if by_kernels(keys):
        return _kernels().normal(keys, None, (count,))
    return normal_from(keys, torch.arange((count + 1) // 2, dtype=torch.int32, device=keys.device))[..., :count]


@dataclass(frozen=True)
class Draw:
    """Numbers from (seed, world, episode, tick, phase, scope, purpose, index).

    Attributes:
        keys: [worlds] int64, one per world; they hold seed, world and counters.
        path: Names of the scopes that led here; hashed with the purpose when one is drawn, so a scope costs nothing.
        seen: Where drawn purposes are noted, or None to note nothing (the default outside tests).
        seed: The seed of the root, for what all worlds share.
    """

    keys: Tensor
    path: tuple[str, ...] = ()
    seen: set[object] | None = None
    seed: int = 0

    @staticmethod
    def of(seed: int, worlds: Tensor, check: bool = False) -> "Draw":
        """The root: `worlds` [worlds] int64 are ids; `check` makes a purpose drawn twice an error."""
        root = _root(seed)
        fast = by_kernels(worlds)
        keys = _kernels().folded(root, worlds) if fast else _mix64((worlds.to(torch.int64) + 1) * _GOLDEN + root)
        return Draw(keys, seen=set() if check else None, seed=seed)

    @staticmethod
    def of_tick(seed: int, worlds: Tensor, episode: Tensor, tick: Tensor, check: bool = False) -> "Draw":
        """The root at a tick of an episode, [worlds] int64 each; ticks of an episode stay below 2^32."""
        if not by_kernels(worlds):
            return Draw.of(seed, worlds, check).at((episode << 32) + tick)  # one fold for both
        keys = _kernels().of_tick(_root(seed), worlds, episode, tick)
        return Draw(keys, seen=set() if check else None, seed=seed)

    @property
    def worlds(self) -> int:
        """How many worlds are drawn for."""
        return len(self.keys)

    @property
    def device(self) -> torch.device:
        """Where the numbers are made."""
        return self.keys.device

    def at(self, *coordinates: int | Tensor) -> "Draw":
        """The draw below `coordinates`, each an int or an int64 tensor [worlds]."""
        keys = self.keys
        for coordinate in coordinates:
            keys = fold(keys, coordinate)
        return Draw(keys, self.path, self.seen, self.seed)

    def scope(self, name: str) -> "Draw":
        """The draw of a named part (a role's policy, the world's advance); purposes need be unique only within it."""
        return Draw(self.keys, (*self.path, name), self.seen, self.seed)

    def common(self) -> "Draw":
        """The draw [1] that all worlds of this seed share, on the same path: for one graph for all of them."""
        root = Draw.of(self.seed, torch.full((1,), -1, dtype=torch.int64, device=self.device))
        return replace(root, path=self.path)

    def keys_of(self, purpose: str, *dims: Dim) -> Tensor:
        """64-bit keys [worlds, *dims] of a purpose, for kernels that make their own numbers from them."""
        self._note(purpose, dims)
        return self._keys(purpose, dims)

    def uniform(self, purpose: str, *dims: Dim) -> Tensor:
        """Uniform in [0, 1), float32 [worlds, *dims]."""
        if self._fast(dims):
            self._note(purpose, dims)
            return _kernels().uniform(self.keys, self._path(purpose), dims)
        return self._numbers(purpose, dims, uniform_from)

    def normal(self, purpose: str, *dims: Dim) -> Tensor:
        """Standard normal, float32 [worlds, *dims]."""
        self._note(purpose, dims)
        if self._fast(dims):
            return _kernels().normal(self.keys, self._path(purpose), dims)
        keys, last = self._split(purpose, dims)
        if isinstance(last, int):
            pairs = torch.arange((last + 1) // 2, dtype=torch.int32, device=self.device)
            numbers = _chunked(normal_from, keys, pairs, 2)[..., :last]
            return numbers if dims else numbers.squeeze(-1)
        ids = last.to(torch.int32)
        pairs, odd = ids >> 1, (ids & 1).bool()
        both = _chunked(normal_from, keys, pairs, 2).unflatten(-1, (-1, 2))
        return torch.where(odd, both[..., 1], both[..., 0])

    def integers(self, purpose: str, low: int, high: int, *dims: Dim) -> Tensor:
        """Whole numbers in [low, high), int64 [worlds, *dims]; the bias is below (high - low) / 2^32."""
        span = high - low
        if self._fast(dims) and max(abs(low), abs(span)) < 1 << 63:
            self._note(purpose, dims)
            return _kernels().integers(self.keys, self._path(purpose), dims, low, span)

        def scaled(keys: Tensor, lanes: Tensor) -> Tensor:
            return (((lane_hash(keys, lanes).to(torch.int64) & 0xFFFFFFFF) * span) >> 32) + low

        return self._numbers(purpose, dims, scaled)

    def bernoulli(self, purpose: str, chance: Tensor, *dims: Dim) -> Tensor:
        """True with probability `chance` [worlds, *dims]; dims are taken from it when not given."""
        return self.uniform(purpose, *(dims or chance.shape[1:])) < chance

    def categorical(self, purpose: str, weights: Tensor, *dims: Dim) -> Tensor:
        """An option with probability proportional to `weights` [worlds, *dims, options] >= 0, int64 [worlds, *dims].

        By inversion of one uniform number: options of weight zero are never drawn, and options appended with weight
        zero change nothing. `dims` are taken from `weights` when not given.
        """
        uniform = self.uniform(purpose, *(dims or weights.shape[1:-1]))
        full = weights.dtype is torch.float32 and weights.shape == (*uniform.shape, max(1, weights.shape[-1]))
        if full and by_kernels(weights):
            return _kernels().pick(uniform, weights)
        cumulative = weights.cumsum(-1)
        option = (cumulative <= uniform.unsqueeze(-1) * cumulative[..., -1:]).sum(-1)
        # Rounding can carry u * total up to total: fall back on the last option that has weight.
        options = torch.arange(weights.shape[-1], device=weights.device)
        last = torch.where(weights > 0, options, 0).amax(-1)
        return torch.minimum(option, last)

    def choice(self, purpose: str, of: int, size: int, *dims: Dim) -> Tensor:
        """`size` distinct whole numbers below `of`, int64 [worlds, *dims, size]: a uniformly random set, in no order.

        Floyd's method (Bentley and Floyd 1987): memory and time grow with `size`, not with `of`; no permutation.
        """
        if size > of:
            raise ValueError(f"choice of {size} distinct numbers out of {of}: at most {of} are possible")
        if self._fast((*dims, size)):
            self._note(purpose, (*dims, size))
            return _kernels().distinct(self.keys, self._path(purpose), of, size, dims)
        tops = torch.arange(of - size, of, device=self.device)
        bits = self._numbers(purpose, (*dims, size), lane_hash).to(torch.int64) & 0xFFFFFFFF
        picks = (bits * (tops + 1)) >> 32
        for j in range(1, size):
            taken = (picks[..., :j] == picks[..., j : j + 1]).any(-1)
            picks[..., j] = torch.where(taken, tops[j], picks[..., j])
        return picks

    def _fast(self, dims: tuple[Dim, ...]) -> bool:
        """Whether kernels draw; what they do not take, torch does, or says what is wrong with it."""
        for dim in dims:
            if type(dim) is int:
                if dim < 0:
                    return False
            elif not (isinstance(dim, Tensor) and dim.dim() == 1 and dim.is_cpu):
                return False
        return by_kernels(self.keys)

    def _path(self, purpose: str) -> int:
        return _path_hash((*self.path, purpose))

    def _numbers(self, purpose: str, dims: tuple[Dim, ...], make: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        self._note(purpose, dims)
        keys, last = self._split(purpose, dims)
        lanes = (
            torch.arange(last, dtype=torch.int32, device=self.device) if isinstance(last, int) else last.to(torch.int32)
        )
        numbers = _chunked(make, keys, lanes, 1)
        return numbers if dims else numbers.squeeze(-1)

    def _split(self, purpose: str, dims: tuple[Dim, ...]) -> tuple[Tensor, Dim]:
        return self._keys(purpose, dims[:-1]), dims[-1] if dims else 1

    def _keys(self, purpose: str, dims: tuple[Dim, ...]) -> Tensor:
        if self._fast(dims):
            return _kernels().below(self.keys, self._path(purpose), dims)
        keys = _fold(self.keys, self._path(purpose))
        for dim in dims:
            ids = torch.arange(dim, device=self.device) if isinstance(dim, int) else dim
            keys = _fold(keys.unsqueeze(-1), ids)
        return keys

    def _note(self, purpose: str, dims: tuple[Dim, ...]) -> None:
        if self.seen is None:
            return
        ids = (tuple(d.tolist()) for d in dims if isinstance(d, Tensor))
        place = (tuple(self.keys.tolist()), *self.path, purpose, *ids)
        if place in self.seen:
            raise DrawnTwice(
                f"{purpose!r} was drawn twice at {'/'.join(map(str, self.path))}: both draws would be equal; "
                "give the second one a purpose of its own"
            )
        self.seen.add(place)


def _chunked(make: Callable[[Tensor, Tensor], Tensor], keys: Tensor, lanes: Tensor, each: int) -> Tensor:
    """`make(keys [...], lanes [k]) -> [..., each * k]`, a cache-sized chunk at a time when there is much of it."""
    width = len(lanes)
    if keys.numel() * width <= CHUNK or keys.is_cuda:
        return make(keys, lanes)
    flat = keys.reshape(-1)
    rows, columns = max(1, CHUNK // max(width, 1)), min(width, CHUNK)
    out: Tensor | None = None
    for row in range(0, len(flat), rows):
        for column in range(0, width, columns):
            part = make(flat[row : row + rows], lanes[column : column + columns])
            if out is None:
                out = part.new_empty((len(flat), each * width))
            out[row : row + rows, each * column : each * (column + columns)] = part
    assert out is not None
    return out.reshape(*keys.shape, each * width)
