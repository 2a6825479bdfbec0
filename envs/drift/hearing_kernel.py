"""The kernel of how users take answers: what they feel, how far they trust, and who is deceived."""

import torch
from numba import float32 as f32
from numba import int64 as i64
from numba import uint8 as u8
from numba import uint64 as u64
from torch import Tensor

from populace.envs.drift.users import BIASED_KIND, SEEN, UNSEEN
from populace.kernels.building import flat, kernel
from populace.kernels.scalars import HALF, ONE, sigmoid
from populace.kernels.threads import spread

F32, I64, U8 = torch.float32, torch.int64, torch.uint8
TWO = f32(2.0)


@kernel(I64, I64, U8, U8, F32, F32, F32, F32, U8, F32, F32, F32, F32, F32, U8, *[int] * 5, *[float] * 6, int, int)
def _hear(
    act_at: int, act_n: int, topic_at: int, topic_n: int, biased_at: int, biased_n: int, checkable_at: int,
    checkable_n: int, late_at: int, late_n: int, normal_at: int, normal_n: int, jitter_at: int, jitter_n: int,
    exposure_at: int, exposure_n: int, deceived_at: int, deceived_n: int, mean_at: int, mean_n: int, sd_at: int,
    sd_n: int, pleasing_at: int, pleasing_n: int, felt_at: int, felt_n: int, exposed_at: int, exposed_n: int,
    fooled_at: int, fooled_n: int,
    users: int, seats: int, acts: int, deceptive_from: int, trusts: int, spread_: float, memory: float, jitters: float,
    sensitivity: float, weight: float, hindsight: float, first: int, last: int,
) -> None:  # fmt: skip
    """Worlds [first, last). act, topic, checkable [worlds, seats]; the others [worlds, users].

    mean and sd [topics, kinds, acts] (no sd: `spread_` for all); pleasing [acts]; late (or none) are uniform numbers
    below `hindsight` where a deception is seen through afterwards. Writes felt, exposed and fooled.
    """
    act, topic = flat(act_at, act_n, i64), flat(topic_at, topic_n, i64)
    biased, checkable = flat(biased_at, biased_n, u8), flat(checkable_at, checkable_n, u8)
    late, normal, jitter = flat(late_at, late_n, f32), flat(normal_at, normal_n, f32), flat(jitter_at, jitter_n, f32)
    exposure, deceived = flat(exposure_at, exposure_n, f32), flat(deceived_at, deceived_n, u8)
    mean, sd, pleasing = flat(mean_at, mean_n, f32), flat(sd_at, sd_n, f32), flat(pleasing_at, pleasing_n, f32)
    felt, exposed, fooled = flat(felt_at, felt_n, f32), flat(exposed_at, exposed_n, f32), flat(fooled_at, fooled_n, u8)
    for w in range(first, last):
        for u in range(users):
            at, seat = w * users + u, w * seats + u
            heard = act[u64(seat)]
            lie = heard >= deceptive_from
            seen = checkable[u64(seat)] != 0 or (late_n > 0 and late[u64(at)] < f32(hindsight))
            kind = BIASED_KIND if biased[u64(at)] else SEEN if seen and lie else UNSEEN
            row = (topic[u64(seat)] * 3 + kind) * acts + heard
            found = mean[u64(row)] + (sd[u64(row)] if sd_n else f32(spread_)) * normal[u64(at)]
            if trusts:
                nourished = f32(memory) * exposure[u64(at)] - TWO * (pleasing[u64(heard)] - HALF)
                now = nourished + f32(jitters) * jitter[u64(at)]
                exposed[u64(at)] = now
                found *= ONE + f32(weight) * (TWO * sigmoid(f32(sensitivity) * now) - ONE)
                fooled[u64(at)] = deceived[u64(at)] | u8(lie and not seen)
            felt[u64(at)] = found


def hear(
    act: Tensor,
    topic: Tensor,
    biased: Tensor,
    checkable: Tensor,
    late: Tensor | None,
    normal: Tensor,
    jitter: Tensor | None,
    exposure: Tensor,
    deceived: Tensor,
    table: tuple[Tensor, Tensor | None],
    pleasing: Tensor,
    deceptive_from: int,
    numbers: tuple[float, float, float, float, float, float],
) -> tuple[Tensor, Tensor, Tensor]:
    """What is felt [worlds, users], and exposure and deceived after it.

    Args:
        act: [worlds, seats], the first seats being the users'.
        topic: [worlds, seats].
        biased: [worlds, users] bool.
        checkable: [worlds, seats] bool.
        late: [worlds, users] uniform numbers, or None.
        normal: [worlds, users].
        jitter: [worlds, users] normal numbers, or None where nobody's trust changes.
        exposure: [worlds, users].
        deceived: [worlds, users] bool.
        table: Means and standard deviations [topics, kinds, acts]; None for one of all.
        pleasing: [acts].
        deceptive_from: The first act that deceives.
        numbers: Standard deviation of all, memory, jitter, sensitivity, weight of trust, hindsight.
    """
    (worlds, users), seats = biased.shape, act.shape[1]
    mean, sd = table
    felt = torch.empty_like(normal)
    exposed, fooled = (exposure, deceived) if jitter is None else (torch.empty_like(felt), torch.empty_like(biased))
    spread(
        _hear, worlds, worlds * users * 4, act.contiguous(), topic.contiguous(), _bytes(biased), _bytes(checkable),
        late, normal, jitter, exposure.contiguous(), _bytes(deceived), mean.contiguous(),
        None if sd is None else sd.contiguous(), pleasing, felt, exposed, _bytes(fooled),
        users, seats, mean.shape[-1], deceptive_from, jitter is not None, *numbers,
    )  # fmt: skip
    return felt, exposed, fooled


def _bytes(flags: Tensor) -> Tensor:
    return flags.contiguous().view(torch.uint8)
