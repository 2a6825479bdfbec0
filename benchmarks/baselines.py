"""The same dynamics as the coevolution world's, written in the ways people usually write them.

A tick of a user: answer `asked` items, P(yes) = 1 / (1 + exp(-beta x.v)); move towards history, then towards the
assistant, each at the user's own rate; add normal noise to every value.
"""

import math
import random
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv


class NumpyPopulation:
    """Tuned NumPy: float32, in place, chunks that stay in the cache, one generator (SFC64)."""

    def __init__(self, users: int, values: int = 19, asked: int = 4, chunk: int = 8192) -> None:
        self.draw = np.random.Generator(np.random.SFC64(0))
        self.v = self.draw.standard_normal((users, values), dtype=np.float32)
        self.target = self.v.copy()
        self.history = np.full((users, 1), 0.05, np.float32)
        self.assistant = np.full((users, 1), 0.02, np.float32)
        self.position = np.ones(values, np.float32)
        self.items = self.draw.choice([-1.0, 0.0, 1.0], (asked, values)).astype(np.float32)
        self.chunk = chunk

    def step(self, noise: float = 0.02) -> float:
        """One tick; returns the mean share of yes."""
        yes = 0
        for start in range(0, len(self.v), self.chunk):
            block = slice(start, start + self.chunk)
            v = self.v[block]
            chance = 1.0 / (1.0 + np.exp(-(v @ self.items.T)))
            yes += int((self.draw.random(chance.shape, dtype=np.float32) < chance).sum())
            v += self.history[block] * (self.target[block] - v)
            v += self.assistant[block] * (self.position - v)
            if noise:
                z = self.draw.standard_normal(v.shape, dtype=np.float32)
                z *= noise
                v += z
        return yes / (len(self.v) * len(self.items))


class PerAgentEnv(ParallelEnv):
    """A plain PettingZoo environment: a Python object a user, a loop over agents in `step`."""

    metadata: ClassVar = {"name": "per_agent_v0", "render_modes": []}

    def __init__(self, users: int, values: int = 19, asked: int = 4) -> None:
        self.possible_agents = [f"user_{i}" for i in range(users)]
        self.random = random.Random(0)
        self.values, self.asked = values, asked
        self.position = [1.0] * values
        box = spaces.Box(-np.inf, np.inf, (values,), np.float32)
        self._observation, self._action = box, spaces.MultiBinary(asked)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """One box for all."""
        return self._observation

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The answers."""
        return self._action

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Fresh values."""
        self.agents = list(self.possible_agents)
        gauss = self.random.gauss
        self.v = {a: np.array([gauss(0, 1) for _ in range(self.values)], np.float32) for a in self.agents}
        self.target = {a: v.copy() for a, v in self.v.items()}
        return dict(self.v), {a: {} for a in self.agents}

    def step(self, actions: dict[str, Any]) -> Any:
        """One agent after another, with NumPy vectors of 19."""
        position = np.array(self.position, np.float32)
        rewards, noise = {}, np.random.Generator(np.random.SFC64(self.random.getrandbits(32)))
        for agent in self.agents:
            v = self.v[agent]
            v = v + 0.05 * (self.target[agent] - v)
            v = v + 0.02 * (position - v)
            v = v + 0.02 * noise.standard_normal(self.values, dtype=np.float32)
            self.v[agent] = v
            rewards[agent] = float(np.mean(actions[agent]))
        off = dict.fromkeys(self.agents, False)
        return dict(self.v), rewards, off, dict(off), {a: {} for a in self.agents}


class VectorisedEnv(ParallelEnv):
    """A plain PettingZoo environment on arrays: one NumPy step for all, then a row for each agent."""

    metadata: ClassVar = {"name": "vectorised_v0", "render_modes": []}

    def __init__(self, users: int, values: int = 19, asked: int = 4) -> None:
        self.possible_agents = [f"user_{i}" for i in range(users)]
        self.values, self.asked = values, asked
        box = spaces.Box(-np.inf, np.inf, (values + asked * values,), np.float32)
        self._observation, self._action = box, spaces.MultiBinary(asked)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """One box for all: the values, and the items."""
        return self._observation

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The answers."""
        return self._action

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Fresh values."""
        self.draw = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self.v = self.draw.standard_normal((len(self.agents), self.values), dtype=np.float32)
        self.target, self.bank = self.v.copy(), self.draw.standard_normal((64, self.values), dtype=np.float32)
        return self._seen(), {agent: {} for agent in self.agents}

    def _seen(self) -> dict[str, Any]:
        items = self.bank[self.draw.choice(64, self.asked, replace=False)].ravel()
        rows = np.concatenate([self.v, np.broadcast_to(items, (len(self.v), len(items)))], 1)
        return dict(zip(self.agents, rows, strict=True))

    def step(self, actions: dict[str, Any]) -> Any:
        """All agents at once."""
        told = np.stack([actions[agent] for agent in self.agents]).mean(0)
        v = self.v
        v = v + 0.05 * (self.target - v)
        v = v + 0.02 * (np.float32(1.0) - v)
        self.v = v + 0.02 * self.draw.standard_normal(v.shape, dtype=np.float32)
        off = -np.sqrt(((self.v - v) ** 2).mean(1)) + told.mean()
        rewards, ended = dict(zip(self.agents, off.tolist(), strict=True)), dict.fromkeys(self.agents, False)
        return self._seen(), rewards, ended, dict(ended), {agent: {} for agent in self.agents}


def lock_in_loop(worlds: int, rounds: int, humans: int = 10, g: float = 1.1, seed: int = 0) -> list[float]:
    """The Bayesian lock-in model as a plain Python loop over worlds, rounds and humans: the assistant's means."""
    gauss, trust = random.Random(seed).gauss, g / humans
    means = []
    for _ in range(worlds):
        private = [[gauss(0.42, 1.0), 1.0] for _ in range(humans)]
        public = [list(belief) for belief in private]
        total = weight = 0.0
        for _ in range(rounds):
            weight = trust * sum(precision for _, precision in public)
            total = trust * sum(mean * precision for mean, precision in public)
            for i in range(humans):
                mean, precision = private[i]
                joint = precision + weight
                public[i] = [(mean * precision + total) / joint, joint]
                private[i] = [(mean * precision + gauss(0.42, 1.0)) / (precision + 1.0), precision + 1.0]
        means.append(total / weight if weight and math.isfinite(weight) else math.nan)
    return means


def lock_in_decimal(worlds: int, rounds: int, humans: int = 10, g: float = 1.1, seed: int = 0) -> list[Decimal]:
    """As `lock_in_loop`, with Decimal numbers, as the published code has them so that precisions do not overflow."""
    gauss, trust, one = random.Random(seed).gauss, Decimal(g) / humans, Decimal(1)
    means = []
    for _ in range(worlds):
        private = [[Decimal(gauss(0.42, 1.0)), one] for _ in range(humans)]
        public = [list(belief) for belief in private]
        total = weight = Decimal(0)
        for _ in range(rounds):
            weight = trust * sum(precision for _, precision in public)
            total = trust * sum(mean * precision for mean, precision in public)
            for i in range(humans):
                mean, precision = private[i]
                joint = precision + weight
                public[i] = [(mean * precision + total) / joint, joint]
                private[i] = [(mean * precision + Decimal(gauss(0.42, 1.0))) / (precision + 1), precision + 1]
        means.append(total / weight)
    return means
