"""The world's measures: what is read off its state."""

import torch
from torch import Tensor

from populace.envs.culture import measures as m
from populace.envs.culture import perspectives
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.state import State, Tables

SAMPLED = 32
"""People of a world whose dissimilarities are compared (the first ones, who are as good as any)."""


def individual(counts: Tensor, tables: Tables) -> Tensor:
    """Mean over questions of the variance between people, in units of D_q^2: [worlds, Q, O] -> [worlds]."""
    return (m.variance(counts) / (tables.span * tables.span)).mean(-1)


def perspectives_of(state: State, names: tuple[str, ...]) -> dict[str, Tensor]:
    """Shares of references so far, their entropy pooled and by question, silence and sentiment."""
    whole = state.cited.sum(-1)
    shares = perspectives.shares(state.cited)
    nan = torch.full_like(whole, torch.nan)
    found = {
        "entropy_pooled": perspectives.entropy(shares),
        "entropy_question": torch.where(state.citing > 0, state.entropies / state.citing, nan),
        "no_reference": torch.where(state.responses > 0, 1.0 - state.citing / state.responses, nan),
        "sentiment": torch.where(whole > 0, state.positive / whole, nan),
    }
    cited = torch.where((whole > 0).unsqueeze(-1), shares, torch.nan)
    return {**found, **{f"perspective/{name}": cited[:, c] for c, name in enumerate(names)}}


def agents(state: State) -> dict[str, Tensor]:
    """How far the agents' answers are those of their cultures, and how they differ from each other."""
    t, answers = state.tables, state.sheet.float()
    answered = state.sheet >= 0
    known = answered & t.known
    dist = m.distances(answers, answered, t.span)
    human = m.distances(t.majority, t.known, t.span)
    return {
        "alignment": m.alignment(answers, t.majority, known, t.span).mean(-1),
        "alignment_shares": m.share_alignment(state.tally, t.shares.expand_as(state.tally)).mean(-1),
        "social_value": m.social_value(state.sheet, known, t.shares.expand_as(state.tally)).mean(-1),
        "agent_variance": m.variance_ratio(state.tally, t.shares, t.span),
        "agent_pairwise": m.pairwise(dist),
        "agent_spanning_tree": m.spanning_tree(dist),
        "human_pairwise": m.pairwise(human).expand(len(answers)).clone(),
        "human_spanning_tree": m.spanning_tree(human).expand(len(answers)).clone(),
    }


def people(state: State, counts: Tensor) -> dict[str, Tensor]:
    """Diversity among people now, from counts [worlds, C, Q, O].

    `people_variance` is the variance between individuals against that at the start; `people_majority` and
    `people_means` are the same pairwise diversity of cultures in two read-outs, which are not to be compared with each
    other.
    """
    t = state.tables
    n = counts.sum(-1)
    options = torch.arange(counts.shape[-1], device=counts.device)
    means = (counts * options).sum(-1) / n.clamp(min=1.0)
    top = counts >= counts.amax(-1, keepdim=True)
    majority = torch.where(top, options, -1).amax(-1).float()
    there = n > 0
    whole = individual(counts.sum(1), t)
    return {
        "people_variance": torch.where(state.spread > 0, whole / state.spread, torch.nan),
        "people_between": m.between_share(counts),
        "people_means": m.pairwise(m.distances(means, there, t.span)),
        "people_majority": m.pairwise(m.distances(majority, there, t.span)),
    }


def budget(o: CultureOptions, state: State, counts: Tensor) -> Tensor:
    """Regret of a participatory budget in which the agents vote for their cultures; NaN before they answered all.

    A culture's utility for a project is its mean position, in [0, 1], on the questions that stand for it; an agent's
    votes follow its answers to them; people count alike. Projects cost the same, as the published ones do.
    """
    t = state.tables
    projects = min(o.projects, len(t.sizes))
    options = torch.arange(counts.shape[-1], device=counts.device)
    pool = counts.sum(1)
    place = (pool * options).sum(-1) / pool.sum(-1).clamp(min=1.0) / t.span
    own = state.sheet.float() / t.span
    votes = m.votes_for(_grouped(own, projects), o.votes).sum(1)
    regret = m.budget_regret(votes, _grouped(place, projects), min(o.funded, projects - 1))
    return torch.where((state.sheet >= 0).flatten(1).all(-1), regret, torch.nan)


def _grouped(x: Tensor, groups: int) -> Tensor:
    """Mean of x [..., Q] over the questions p, p + groups, ...: [..., groups]."""
    return torch.stack([x[..., p::groups].mean(-1) for p in range(groups)], -1)


def rsa(state: State, place: Tensor) -> dict[str, Tensor]:
    """Representational similarity of agents and people, positions [worlds, people, Q]; NaN until all is answered.

    `rsa_agents` and `rsa_people` are the mean correlation of an individual with the rest of its group.
    """
    some = place[:, :SAMPLED].contiguous()
    own = state.sheet.float() / state.tables.span
    done = (state.sheet >= 0).flatten(1).all(-1)
    each, human = m.rsa_individual(own), m.rsa_individual(some)
    found = {
        "rsa_group": m.rsa_group(own, some),
        "rsa_agents": each.mean(-1),
        "rsa_people": human.mean(-1),
        "rsa_agents_sd": _sd(each),
        "rsa_people_sd": _sd(human),
    }
    return {name: torch.where(done, value, torch.nan) for name, value in found.items()}


def _sd(x: Tensor) -> Tensor:
    off = x - x.mean(-1, keepdim=True)
    return (off * off).mean(-1).sqrt()


def presented(said: Tensor, there: Tensor, state: State) -> dict[str, Tensor]:
    """For the stability check: where the agents' answers lie, less where all people's lie; and the order shown.

    Args:
        said: [worlds, C, A] answers.
        there: [worlds, C] bool, those that were given.
        state: Before them.
    """
    t = state.tables
    options = torch.arange(t.pool.shape[-1], device=said.device)
    expected = ((t.pool * options).sum(-1) / t.span)[state.asked].unsqueeze(1)
    known = there.unsqueeze(-1).expand_as(said).flatten(1)
    off = said / t.span[state.asked].unsqueeze(1) - expected
    place = torch.where(known, off.flatten(1), 0.0).sum(-1) / known.sum(-1)
    return {"audit/position": place, "audit/descending": state.descending.float()}


def audit(state: State, names: tuple[str, ...], blocks: int) -> dict[str, Tensor]:
    """Mean positions in [0, 1] by culture and block of questions, of agents and of people (the marginals)."""
    t, worlds = state.tables, len(state.sheet)
    width = len(t.sizes)
    blocks = min(blocks, width)
    block = torch.arange(width, device=t.sizes.device) * blocks // width
    options = torch.arange(t.pool.shape[-1], device=block.device)
    human = (t.filled * options).sum(-1) / t.span
    own = torch.where(state.sheet >= 0, state.sheet.float() / t.span, torch.nan)
    found = {}
    for b in range(blocks):
        mine = torch.where(block == b, own, torch.nan).nanmean(-1)
        theirs = torch.where(block == b, human, torch.nan).nanmean(-1)
        for c, name in enumerate(names):
            found[f"audit/agent/{name}/{b}"] = mine[:, c]
            found[f"audit/human/{name}/{b}"] = theirs[c].expand(worlds).clone()
    return found
