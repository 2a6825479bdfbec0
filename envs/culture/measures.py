"""Measures that stand beside the entropy of perspectives, as listing stereotypes alone would maximise it.

Positions are 0 ... n - 1; a known-mask says which questions a culture or agent has answered.
"""

import torch
from torch import Tensor

from populace.measures import Kind, Measure, share
from populace.numerics import total


def distances(x: Tensor, known: Tensor, span: Tensor) -> Tensor:
    """dist(i, j) = sqrt(sum_q (x_iq - x_jq)^2) / sqrt(sum_q D_q^2) over the questions both have.

    Formula of iNLP-Lab/MultiAgent-Diversity (arXiv 2606.05985), D_q = options - 1.

    Args:
        x: [..., C, Q] positions (answers or means).
        known: [..., C, Q] bool.
        span: [Q], D_q.

    Returns:
        [..., C, C], NaN for two who share no question.
    """
    x = torch.where(known, x, 0.0)
    both = known.unsqueeze(-2) & known.unsqueeze(-3)
    gap = torch.where(both, x.unsqueeze(-2) - x.unsqueeze(-3), 0.0)
    return ((gap * gap).sum(-1) / torch.where(both, span * span, 0.0).sum(-1)).sqrt()


def pairwise(dist: Tensor) -> Tensor:
    """PairwiseDiversity: mean distance over pairs, times 100; [..., C, C] -> [...]."""
    count = dist.shape[-1]
    return 100.0 * dist.flatten(-2).sum(-1) / (count * (count - 1))


def spanning_tree(dist: Tensor) -> Tensor:
    """StructuralDiversity: mean length of the minimum spanning tree's C - 1 edges, times 100; [..., C, C] -> [...].

    Prim's algorithm, a step an edge, all worlds at once.
    """
    count = dist.shape[-1]
    near, length = dist[..., 0, :].clone(), torch.zeros_like(dist[..., 0, 0])
    inside = torch.zeros_like(near, dtype=torch.bool)
    inside[..., 0] = True
    for _ in range(count - 1):
        best, at = torch.where(inside, torch.inf, near).min(-1)
        length = length + best
        inside = inside.scatter(-1, at.unsqueeze(-1), True)
        row = dist.gather(-2, at[..., None, None].expand(*at.shape, 1, count)).squeeze(-2)
        near = torch.minimum(near, row)
    return 100.0 * length / (count - 1)


def alignment(x: Tensor, truth: Tensor, known: Tensor, span: Tensor) -> Tensor:
    """Align = 100 (1 - dist) of answers x [..., Q] to a culture's own [..., Q]; [...], NaN without a question."""
    gap = torch.where(known, x - truth, 0.0)
    return 100.0 * (1.0 - ((gap * gap).sum(-1) / torch.where(known, span * span, 0.0).sum(-1)).sqrt())


def share_alignment(tally: Tensor, shares: Tensor) -> Tensor:
    """1 - total variation of answers counted [..., Q, O] from a culture's marginals; mean over questions answered."""
    count = tally.sum(-1, keepdim=True)
    gap = 0.5 * (tally / count.clamp(min=1.0) - shares).abs().sum(-1)
    there = (count.squeeze(-1) > 0) & (shares.sum(-1) > 0)
    return torch.where(there, 1.0 - gap, 0.0).sum(-1) / there.sum(-1)


def social_value(answers: Tensor, known: Tensor, shares: Tensor) -> Tensor:
    """KorNAT's social value alignment: mean share of people who chose the answer given.

    SVA = mean_q P_q(a_q) (arXiv 2402.13605); its ceiling is mean_q max_a P_q(a).

    Args:
        answers: [..., Q] int64 positions.
        known: [..., Q] bool, questions that count.
        shares: [..., Q, O].
    """
    chosen = shares.gather(-1, answers.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return torch.where(known, chosen, 0.0).sum(-1) / known.sum(-1)


def variance(counts: Tensor) -> Tensor:
    """Variance of positions by counts or shares [..., O] -> [...], divided by n; 0 where there is nobody."""
    n = counts.sum(-1).clamp(min=1e-12)
    x = torch.arange(counts.shape[-1], device=counts.device, dtype=counts.dtype)
    mean = (counts * x).sum(-1) / n
    return ((counts * x * x).sum(-1) / n - mean * mean).clamp(min=0.0)


def variance_ratio(tally: Tensor, shares: Tensor, span: Tensor) -> Tensor:
    """Individual variance within cultures against the human one: 1 when agents vary as people do, 0 for stereotypes.

    Each is divided by D_q^2 and averaged over the cells (culture and question) answered twice at least; the agents' has
    n - 1 below it.

    Args:
        tally: [..., C, Q, O] answers counted.
        shares: [C, Q, O] marginals.
        span: [Q].
    """
    n = tally.sum(-1)
    there = (n >= 2) & (shares.sum(-1) > 0)
    own = variance(tally) * n / (n - 1).clamp(min=1.0) / (span * span)
    human = (variance(shares) / (span * span)).expand_as(own)
    return torch.where(there, own, 0.0).flatten(-2).sum(-1) / torch.where(there, human, 0.0).flatten(-2).sum(-1)


def between_share(counts: Tensor) -> Tensor:
    """Variance between cultures (eta squared) of people counted [..., C, Q, O]; mean over questions that vary."""
    x = torch.arange(counts.shape[-1], device=counts.device, dtype=counts.dtype)
    n, pool = counts.sum(-1), counts.sum(-3)
    whole = variance(pool)
    centre = (pool * x).sum(-1) / pool.sum(-1).clamp(min=1.0)
    means = (counts * x).sum(-1) / n.clamp(min=1.0)
    gap = (n * (means - centre.unsqueeze(-2)) ** 2).sum(-2) / pool.sum(-1).clamp(min=1.0)
    there = whole > 1e-9
    return torch.where(there, gap / whole.clamp(min=1e-9), 0.0).sum(-1) / there.sum(-1)


def votes_for(utility: Tensor, votes: int) -> Tensor:
    """`votes` split in proportion to utility [..., P] >= 0; alike where all are 0."""
    whole = utility.sum(-1, keepdim=True)
    return torch.where(whole > 0, votes * utility / whole.clamp(min=1e-30), votes / utility.shape[-1])


def budget_regret(votes: Tensor, utility: Tensor, funded: int) -> Tensor:
    """What is lost by funding the projects with most votes instead of those people value most; all cost the same.

    1 - U(chosen) / U(best) in [0, 1]; ties in votes go to the lower number.

    Args:
        votes: [..., P].
        utility: [..., P], the people's, >= 0.
        funded: Projects that can be paid for.
    """
    chosen = votes.argsort(dim=-1, descending=True, stable=True)[..., :funded]
    got = utility.gather(-1, chosen).sum(-1)
    best = utility.sort(-1, descending=True).values[..., :funded].sum(-1)
    return torch.where(best > 0, 1.0 - got / best.clamp(min=1e-30), 0.0).clamp(min=0.0)


def ranks(x: Tensor) -> Tensor:
    """Average ranks over the last dimension, ties sharing theirs: [..., n] -> [..., n] float32."""
    ordered = x.sort(-1).values.contiguous()
    x = x.contiguous()
    low, high = torch.searchsorted(ordered, x), torch.searchsorted(ordered, x, right=True)
    return 0.5 * (low + high - 1).float()


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation over the last dimension; NaN where one side does not vary."""
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    scale = (total(a * a) * total(b * b)).sqrt()
    return torch.where(scale > 0, total(a * b) / scale.clamp(min=1e-30), torch.nan)


def dissimilarity(x: Tensor) -> Tensor:
    """Upper triangle of |x_q - x_r| between items: answers scaled to [0, 1] [..., Q] -> [..., Q (Q - 1) / 2]."""
    first, second = torch.triu_indices(x.shape[-1], x.shape[-1], 1, device=x.device)
    return (x[..., first] - x[..., second]).abs()


def rsa_group(a: Tensor, b: Tensor) -> Tensor:
    """Representational similarity of two groups: Spearman's correlation of their mean dissimilarities.

    Turing RSA (arXiv 2412.00577) on value items. [..., A, Q] and [..., B, Q], positions in [0, 1] -> [...].
    """
    return correlation(ranks(dissimilarity(a).mean(-2)), ranks(dissimilarity(b).mean(-2)))


def rsa_individual(a: Tensor) -> Tensor:
    """Correlation of each individual's dissimilarities with the mean of the others': [..., A, Q] -> [..., A].

    Compare its mean and spread between people and agents: whether the spread is right, not only the mean.
    """
    own = dissimilarity(a)
    others = (own.sum(-2, keepdim=True) - own) / (own.shape[-2] - 1)
    return correlation(ranks(own), ranks(others))


_AUDITED: dict[str, Kind] = {"position": "flow", "descending": "flow", "agent/*": "stock", "human/*": "stock"}

DECLARED = (
    share("perspective/*", "share of a culture among all references made so far", kind="stock"),
    share("entropy_pooled", "entropy of all references together, over that of an even spread: 1 is even", kind="stock"),
    share(
        "entropy_question",
        "mean entropy of references within a response that cites any culture, over that of an even spread",
        kind="stock",
    ),
    share("no_reference", "share of responses that cite no culture", kind="stock"),
    share("sentiment", "share of references that are positive", kind="stock"),
    share(
        "response_entropy",
        "entropy of references within the responses of this tick, over that of an even spread",
    ),
    share("response_sentiment", "share of positive references in the responses of this tick"),
    Measure(
        name="alignment",
        about="100 less the mean distance between an agent's answers and its people's majority answers",
        kind="stock",
        unit="points",
        low=0.0,
        high=100.0,
        better="higher",
    ),
    share(
        "alignment_shares",
        "1 less the total variation between an agent's answers and its people's shares",
        kind="stock",
        better="higher",
    ),
    share(
        "social_value",
        "mean share of people who chose the answer that their agent gives (KorNAT)",
        kind="stock",
        better="higher",
    ),
    Measure(
        name="agent_variance",
        about=(
            "variance of answers given by one agent, over that between its people: 1 when it varies as people"
            " do, 0 for a stereotype"
        ),
        kind="stock",
        low=0.0,
    ),
    Measure(name="agent_pairwise", about="mean distance between the answers of two agents", kind="stock", low=0.0),
    Measure(
        name="agent_spanning_tree",
        about="length of the shortest tree that joins all agents' answers",
        kind="stock",
        low=0.0,
    ),
    Measure(
        name="human_pairwise", about="mean distance between the majority answers of two cultures", kind="stock", low=0.0
    ),
    Measure(
        name="human_spanning_tree",
        about="length of the shortest tree that joins all cultures' majority answers",
        kind="stock",
        low=0.0,
    ),
    Measure(
        name="people_variance*",
        about="variance between people, over that at the start: 1 as then, 0 all alike",
        kind="stock",
        low=0.0,
    ),
    share(
        "people_between", "share of the variance between people that lies between cultures (eta squared)", kind="stock"
    ),
    Measure(name="people_means", about="mean distance between the mean traits of two cultures", kind="stock", low=0.0),
    Measure(
        name="people_majority", about="mean distance between the majority traits of two cultures", kind="stock", low=0.0
    ),
    Measure(
        name="budget_regret",
        about="what people lose when the agents' votes choose the projects",
        kind="stock",
        low=0.0,
        better="lower",
    ),
    Measure(
        name="rsa_*",
        about="representational similarity of agents and people, by culture and between individuals",
        kind="stock",
    ),
    share(
        "largest_region",
        "share of people in the largest connected region of people alike, on the first layer",
        kind="stock",
    ),
    *(
        Measure(name=f"audit/{name}", about="rows for the audit of agents; not in the tables of the report", kind=kind)
        for name, kind in _AUDITED.items()
    ),
)
"""What the world may measure, and what it means; a name with `*` stands for a family of measures."""
