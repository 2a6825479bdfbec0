"""The rules: how a round's ratings change the policy."""

import torch
from pydantic import Field
from torch import Tensor

from populace.agents.learning.batch import Batch
from populace.agents.learning.learner import FeedbackLearner, step
from populace.agents.learning.losses import kto_values
from populace.agents.learning.memory import Learned
from populace.agents.learning.mitigations import Data, with_safe
from populace.agents.learning.models import Model, Params, Tabular
from populace.agents.learning.options import (
    GradientOptions,
    GradientSelectionOptions,
    LearnerOptions,
    SelectionOptions,
    Shares,
)
from populace.agents.learning.selection import select
from populace.draw import Draw
from populace.errors import UnknownName
from populace.numerics import total


def _normalised(weight: Tensor) -> Tensor:
    """Weights [worlds, n] scaled to sum to 1; zeros stay."""
    return weight / total(weight).clamp(min=1e-12).unsqueeze(-1)


def _likelihood(model: Model, params: Params, batch: Batch, weight: Tensor) -> Tensor:
    """sum_n weight log pi(act_n), [worlds]."""
    if isinstance(model, Tabular) and batch.seen.mask is None:
        logs = torch.log_softmax(params["logits"], -1)
        return total((logs * model.sums(batch.seen, batch.act, weight, logs.shape[-1])).flatten(1))
    return total(weight * model.log_probs(params, batch.seen).gather(-1, batch.act.unsqueeze(-1)).squeeze(-1))


class PolicyGradient(FeedbackLearner[GradientOptions]):
    """The gradient of the mean rating, less `kl` times the divergence from the reference.

    A step is `rate` times the gradient of E[(r - mean) log pi] - kl KL(pi || reference), `epochs` times per round, the
    round's conversations weighted by pi / pi_round (importance ratios, at most 5) after the first step.
    """

    Options = GradientOptions

    def update(self, model: Model, memory: Learned, batch: Batch, data: Data, draw: Draw) -> tuple[Params, Tensor]:
        """Climb; the loss is minus the mean reward plus the penalty at the start."""
        o, params, rate = self.options, memory.params, self.rate(memory)
        weight = _normalised(data.weight)
        mean = total(weight * data.reward).unsqueeze(-1)
        pay = weight * (data.reward - mean)
        for epoch in range(o.epochs):
            now = pay if epoch == 0 else pay * self._ratio(model, params, memory.params, batch)
            gradient = model.push(params, batch.seen, batch.act, now)
            params = step(params, gradient, rate)
            if o.kl > 0:
                params = step(params, model.pull(params, memory.reference, batch.seen, weight), -rate * o.kl)
        return params, -mean.squeeze(-1)

    @staticmethod
    def _ratio(model: Model, params: Params, before: Params, batch: Batch) -> Tensor:
        act = batch.act.unsqueeze(-1)
        now, then = (model.log_probs(p, batch.seen).gather(-1, act).squeeze(-1) for p in (params, before))
        return torch.exp(now - then).clamp(max=5.0)


class ReplicatorOptions(LearnerOptions):
    """Options of the replicator."""

    means: Shares = Field(default_factory=dict)
    """Mean reward of each act where it is known (the analytic replicator); empty to estimate it from the round."""


class Replicator(FeedbackLearner[ReplicatorOptions]):
    """The exact KL-regularised optimum: logits = reference's + rate times each act's mean rating, by context.

    `rate` is beta, the inverse strength of the penalty. With the reference of the previous round the tilts add up; with
    a fixed one every round starts from the base policy. An act that nobody was given counts as the context's mean.
    """

    Options = ReplicatorOptions
    tabular_only = True

    def update(self, model: Model, memory: Learned, batch: Batch, data: Data, draw: Draw) -> tuple[Params, Tensor]:
        """Tilt; the loss is minus the mean reward."""
        assert isinstance(model, Tabular)
        acts = memory.params["logits"].shape[-1]
        weight, paid = (model.sums(batch.seen, batch.act, w, acts) for w in (data.weight, data.weight * data.reward))
        mean = paid.sum(-1, keepdim=True) / weight.sum(-1, keepdim=True).clamp(min=1e-12)
        gain = torch.where(weight > 0, paid / weight.clamp(min=1e-12) - mean, 0.0)
        labels = model.layout.act.labels
        for name, value in self.options.means.items():
            if name not in labels:
                raise UnknownName("act", name, labels)
            gain[..., labels.index(name)] = value
        params = {"logits": memory.reference["logits"] + self.rate(memory).view(-1, 1, 1) * gain}
        return params, -total(_normalised(data.weight) * data.reward)


class SupervisedFineTuning(FeedbackLearner[GradientSelectionOptions]):
    """Steps of likelihood on the kept share: `epochs` of size `rate`, less `kl` times the divergence."""

    Options = GradientSelectionOptions

    def update(self, model: Model, memory: Learned, batch: Batch, data: Data, draw: Draw) -> tuple[Params, Tensor]:
        """Climb the likelihood; the loss is its negative at the start."""
        o, params, rate = self.options, memory.params, self.rate(memory)
        weight = _normalised(select(o.kept, batch, data, draw)[0] * data.weight)
        loss = -_likelihood(model, params, batch, weight)
        for _ in range(o.epochs):
            params = step(params, model.push(params, batch.seen, batch.act, weight), rate)
            if o.kl > 0:
                params = step(params, model.pull(params, memory.reference, batch.seen, weight), -rate * o.kl)
        return params, loss


class ExpertIterationOptions(SelectionOptions):
    """Options of expert iteration."""

    prior: float = Field(default=1.0, gt=0)
    """Conversations that the policy before counts for in each context."""


class ExpertIteration(FeedbackLearner[ExpertIterationOptions]):
    """The policy becomes what was kept, by context: (rate counts + prior policy), normalised."""

    Options = ExpertIterationOptions
    tabular_only = True
    counts = True

    def update(self, model: Model, memory: Learned, batch: Batch, data: Data, draw: Draw) -> tuple[Params, Tensor]:
        """Refit; the loss is the negative likelihood of what was kept, before."""
        assert isinstance(model, Tabular)
        o, logits = self.options, memory.params["logits"]
        best = select(o.kept, batch, data, draw)[0] * data.weight
        loss = -_likelihood(model, memory.params, batch, _normalised(best))
        policy = torch.softmax(logits, -1)
        kept = model.sums(batch.seen, batch.act, best, logits.shape[-1])
        kept = with_safe(o.safe, model, batch, kept)
        counts = self.rate(memory).view(-1, 1, 1) * kept + o.prior * policy
        return {"logits": torch.log((counts / counts.sum(-1, keepdim=True)).clamp(min=1e-30))}, loss


class Contrast(FeedbackLearner[GradientSelectionOptions]):
    """The linear update: `rate` times (share of an act among the best - among the worst), `epochs` times."""

    Options = GradientSelectionOptions

    def update(self, model: Model, memory: Learned, batch: Batch, data: Data, draw: Draw) -> tuple[Params, Tensor]:
        """Climb the difference of likelihoods; the loss is its negative at the start."""
        o, params, rate = self.options, memory.params, self.rate(memory)
        best, worst = select(o.kept, batch, data, draw)
        weight = _normalised(best * data.weight) - _normalised(worst)
        loss = -_likelihood(model, params, batch, weight)
        for _ in range(o.epochs):
            params = step(params, model.push(params, batch.seen, batch.act, weight), rate)
            if o.kl > 0:
                here = _normalised(best + worst)
                params = step(params, model.pull(params, memory.reference, batch.seen, here), -rate * o.kl)
        return params, loss


class KTOOptions(GradientSelectionOptions):
    """Options of KTO."""

    epochs: int = Field(default=8, ge=1)
    """Steps a round."""
    beta: float = Field(default=0.1, gt=0)
    """Strength of the implicit KL (both studies: 0.1)."""
    undesirable: float = Field(default=1 / 1.05, ge=0)
    """Weight of the worst against the best (the targeted-manipulation study's)."""


class KTO(FeedbackLearner[KTOOptions]):
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024): best desirable, worst undesirable.

    Value sigmoid(beta (m - z)) of the desirable, sigmoid(beta (z - m)) of the undesirable, with m = log pi / reference
    of the act and z = KL(pi || reference), which is not differentiated. Steps are of size rate / beta, so that the
    first, at the reference, is that of `contrast` by a quarter.
    """

    Options = KTOOptions

    def update(self, model: Model, memory: Learned, batch: Batch, data: Data, draw: Draw) -> tuple[Params, Tensor]:
        """Climb the value; the loss is 1 - value, at the end."""
        o, params, rate = self.options, memory.params, self.rate(memory)
        best, worst = select(o.kept, batch, data, draw)
        best, worst = _normalised(best * data.weight), _normalised(worst)
        act = batch.act.unsqueeze(-1)
        before = model.log_probs(memory.reference, batch.seen).gather(-1, act).squeeze(-1)
        loss = torch.zeros_like(best[:, 0])
        for _ in range(o.epochs):
            margin = model.log_probs(params, batch.seen).gather(-1, act).squeeze(-1) - before
            z = self._kl(model, params, memory.reference, batch).unsqueeze(-1)
            up, down = kto_values(margin, z, o.beta)
            loss = total(best * (1.0 - up)) + o.undesirable * total(worst * (1.0 - down))
            weight = best * up * (1.0 - up) - o.undesirable * worst * down * (1.0 - down)
            params = step(params, model.push(params, batch.seen, batch.act, weight), rate)
        return params, loss


class RatioOptions(SelectionOptions):
    """Options of the update on ratios."""

    smoothing: float = Field(default=1.0, gt=0)
    """Conversations added to each count, so that an act never seen among the worst does not run away."""


class Ratio(FeedbackLearner[RatioOptions]):
    """What KTO and DPO tend to on plenty of data: logits += rate log(best count / worst count), by context and act."""

    Options = RatioOptions
    tabular_only = True
    counts = True

    def update(self, model: Model, memory: Learned, batch: Batch, data: Data, draw: Draw) -> tuple[Params, Tensor]:
        """Shift the logits; the loss is the negative likelihood of the best against the worst, before."""
        assert isinstance(model, Tabular)
        o, logits = self.options, memory.params["logits"]
        best, worst = select(o.kept, batch, data, draw)
        best = best * data.weight
        loss = _likelihood(model, memory.params, batch, _normalised(worst) - _normalised(best))
        top, bottom = (model.sums(batch.seen, batch.act, w, logits.shape[-1]) for w in (best, worst))
        top = with_safe(o.safe, model, batch, top)
        shift = torch.log((top + o.smoothing) / (bottom + o.smoothing))
        return {"logits": logits + self.rate(memory).view(-1, 1, 1) * shift}, loss
