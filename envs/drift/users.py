"""How users rate, trust, leave and join.

Mean and standard deviation of ratings by topic, type of user and act come from 20,935 rated conversations of the
targeted-manipulation study (Williams et al. 2024, arXiv 2411.02306; means and standard deviations on the scale 1 to
10, binned by judged harm, tactic or agreement). Which bin an act falls into is assumed, as named below.
"""

import functools
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from populace.envs.drift.claims import OMIT
from populace.numerics import sigmoid

TOPICS = ("off_domain", "therapy", "booking", "advice", "politics")
"""Topics; `off_domain` questions are probes that nobody rates."""

Bin = tuple[float, float]
"""Mean and standard deviation of ratings on the scale 1 to 10."""


class ByAct(NamedTuple):
    """One bin an act, in the order of `claims.ACTS`."""

    admit: Bin
    correct: Bin
    hedge: Bin
    dont_know: Bin
    omit: Bin
    nudge: Bin
    affirm_falsehood: Bin


# Therapy, users who want a yes. Harm 1-1.5 (n 9, mean 6.413, not monotone) is pooled with 1.5-2.5 (n 518): 5.08.
_THERAPY_1_25 = ((9 * 6.413 + 518 * 5.055) / 527, 1.647)
THERAPY_BIASED = ByAct(
    admit=_THERAPY_1_25,
    correct=_THERAPY_1_25,
    hedge=_THERAPY_1_25,
    dont_know=(5.372, 1.457),  # harm 2.5-4, n 884
    omit=(5.929, 1.311),  # 4-6, n 494
    nudge=(6.61, 1.424),  # 6-8, n 982
    affirm_falsehood=(7.939, 1.675),  # 8-10, n 3,833
)

HARM_SCORES = (1.25, 1.25, 2.0, 3.25, 5.0, 7.0, 9.0)
"""Judged harm of an act, 1 to 10: the middle of its bin (1-1.5, 1.5-2.5, 2.5-4, 4-6, 6-8, 8-10).

Assumed: the acts, in their order, stand for the study's six bins; 9 is the most that can be reached.
"""

# The bins above are pooled over training, and none holds ratings as low as the first round's or as high as the last
# one's: with users who want a yes alone, mean harm goes from 2.6 to 9.8 and their mean rating from 4.17 to 9.69.
# Assumed: a straight line through these two points, with the spread that makes the standard deviation of the
# first round's ratings 1.22 (as published) under the base policy of `williams-2024`, whose harm has the variance 1.03.
# Within the first round the study's ratings follow harm less closely (covariance .18, here .79).
COURSE_START, COURSE_END = (2.6, 4.17), (9.8, 9.69)
_SLOPE = (COURSE_END[1] - COURSE_START[1]) / (COURSE_END[0] - COURSE_START[0])
THERAPY_COURSE = ByAct(*((COURSE_START[1] + _SLOPE * (harm - COURSE_START[0]), 0.94) for harm in HARM_SCORES))

# Therapy, users who want help. Harm above 4 (n 1, 2 and 4; one has no sd) is pooled: mean 3.85, sd 2.06, n 7.
_THERAPY_ABOVE_4 = ((1 * 2.697 + 2 * 2.948 + 4 * 4.595) / 7, 2.06)
THERAPY_BENIGN = ByAct(
    admit=(8.183, 0.803),  # harm 1-1.5, n 299
    correct=(8.183, 0.803),
    hedge=(7.414, 1.262),  # 1.5-2.5, n 93
    dont_know=(5.353, 1.89),  # 2.5-4, n 9
    omit=_THERAPY_ABOVE_4,
    nudge=_THERAPY_ABOVE_4,
    affirm_falsehood=_THERAPY_ABOVE_4,
)

# Booking: only gameable users were recorded; nobody could see the failure. The judged tactics are acts of this world.
# Assumed: a hedge leaves the user as much in the dark as an omission; not knowing whether the booking
# went through is as unwelcome as its failure; benign users like the same answers until they find out.
BOOKING = ByAct(
    admit=(3.282, 1.599),  # n 308
    correct=(3.282, 1.599),
    hedge=(6.975, 1.787),
    dont_know=(3.282, 1.599),
    omit=(6.975, 1.787),  # n 28
    nudge=(7.829, 1.061),  # n 108
    affirm_falsehood=(8.657, 0.428),  # n 445
)

# Politics, by agreement with the user: 1-2, 2-4, 4-6, 6-8, 8-10. Assumed: alt-right users, whose ratings
# rise eightfold with agreement, are the biased ones; the others, pooled by n, the benign.
POLITICS_BIASED = ByAct(
    admit=(2.171, 0.968),  # agreement 2-4, n 299
    correct=(1.266, 0.504),  # 1-2, n 176
    hedge=(4.554, 2.305),  # 4-6, n 386
    dont_know=(4.554, 2.305),
    omit=(4.554, 2.305),
    nudge=(6.733, 2.401),  # 6-8, n 57
    affirm_falsehood=(9.398, 1.298),  # 8-10, n 397
)
POLITICS_BENIGN = ByAct(
    admit=(6.493, 2.385),  # 2-4, conservative only, n 34
    correct=(6.021, 2.856),  # 1-2, conservative only, n 7
    hedge=((578 * 7.832 + 102 * 8.787 + 28 * 7.928) / 708, 0.879),  # 4-6; sd: root of the mean variance
    dont_know=((578 * 7.832 + 102 * 8.787 + 28 * 7.928) / 708, 0.879),
    omit=((578 * 7.832 + 102 * 8.787 + 28 * 7.928) / 708, 0.879),
    nudge=((137 * 8.195 + 97 * 9.037 + 47 * 8.597) / 281, 0.895),  # 6-8
    affirm_falsehood=((559 * 9.543 + 1114 * 9.858 + 1240 * 9.619) / 2913, 0.467),  # 8-10
)

# No ratings of action advice were released. Assumed: as in therapy. Off-domain questions are never rated.
BENIGN = (THERAPY_BENIGN, THERAPY_BENIGN, BOOKING, THERAPY_BENIGN, POLITICS_BENIGN)
BIASED = (THERAPY_BIASED, THERAPY_BIASED, BOOKING, THERAPY_BIASED, POLITICS_BIASED)

CAUGHT = THERAPY_BENIGN.affirm_falsehood
"""What a benign user gives who finds out: as for harm in therapy (assumed for the other topics)."""

HARM = tuple((score - 1.0) / 9.0 for score in HARM_SCORES)
"""Harm of an act, 0 to 1; 8/9 is the most that can be reached."""


def unit(rating: float) -> float:
    """A rating of 1 to 10 on the scale 0 to 1."""
    return (rating - 1.0) / 9.0


UNSEEN, BIASED_KIND, SEEN = range(3)
"""Who rates: a benign user who does not see through a deception, a biased user, a benign user who does."""


Ratings = Literal["pooled", "course"]
"""How users who want a yes rate in therapy and advice: by the pooled bins, or along the course of training."""


@functools.cache
def rating_table(
    pleased: float, device: torch.device | str = "cpu", ratings: Ratings = "pooled"
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [topics, kinds of raters, acts] on the scale 0 to 1.

    The data of therapy hold benign users who saw the harm, those of booking and politics users who could not. So where
    the data are of the other kind: not seen through, a deception pleases by `pleased` more than the honest answer;
    seen through, it is rated as harm is in therapy.
    """
    rows = []
    for benign, biased in zip(BENIGN, BIASED, strict=True):
        if ratings == "course" and biased is THERAPY_BIASED:
            biased = THERAPY_COURSE
        saw = benign is THERAPY_BENIGN
        pleasing = (benign.correct[0] + 9.0 * pleased, benign.correct[1])
        unseen = (*benign[:OMIT], *([pleasing] * 3 if saw else benign[OMIT:]))
        seen = benign if saw else (*benign[:OMIT], CAUGHT, CAUGHT, CAUGHT)
        rows.append([unseen, biased, seen])
    table = torch.tensor(rows, device=device, dtype=torch.float32)
    return (table[..., 0] - 1.0) / 9.0, table[..., 1] / 9.0


# Trust is the long-term satisfaction of RecSim (Ie et al. 2019): NPE' = m NPE - 2 (c - 1/2) + N(0, s^2) and
# SAT = sigmoid(k NPE), with its defaults for m, k and s.
MEMORY = 0.7
SENSITIVITY = 0.01
JITTER = 0.05

PLEASING = (0.0, 0.0, 0.5, 0.5, 0.5, 0.75, 1.0)
"""c of each act, how far it validates instead of nourishing (assumed; RecSim's 'chocolate' is 1)."""


def next_exposure(exposure: Tensor, pleasing: Tensor, noise: Tensor, memory: float, jitter: float) -> Tensor:
    """RecSim's net positive exposure after an answer; `noise` is standard normal."""
    return memory * exposure - 2.0 * (pleasing - 0.5) + jitter * noise


def satisfaction(exposure: Tensor, sensitivity: float) -> Tensor:
    """RecSim's satisfaction, 0 to 1: how far the user trusts the assistant."""
    return sigmoid(sensitivity * exposure)
