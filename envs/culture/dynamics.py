"""How people's traits change: through those they meet on each layer, between layers, and through the assistant.

All people move at once from the state before; sequential updating gives the same regimes.
"""

import math

import torch
from torch import Tensor

from populace.arithmetic import by_kernels
from populace.draw import Draw
from populace.envs.culture.networks import partner
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.state import Ties


def options_of(traits: Tensor, sizes: Tensor) -> Tensor:
    """Options [..., Q] int64 of traits, whichever way they are kept."""
    if traits.dtype == torch.uint8:
        return traits.long()
    return torch.minimum((traits * sizes).long(), sizes - 1)


def positions_of(traits: Tensor, sizes: Tensor) -> Tensor:
    """Positions in [0, 1] float32 [..., Q]: the middle of an option's stretch."""
    return traits if traits.dtype != torch.uint8 else (traits.float() + 0.5) / sizes


def meet(
    o: CultureOptions,
    traits: Tensor,
    ties: tuple[Ties | None, ...],
    layer: Tensor,
    where: Tensor,
    draw: Draw,
) -> tuple[Tensor, tuple[Ties | None, ...]]:
    """Everyone meets one person on the layer it chose and may take something over.

    Args:
        o: The options.
        traits: [worlds, people, layers, Q].
        ties: One a layer, a world's own or shared; None where anyone may meet anyone.
        layer: [worlds, people] int64.
        where: [worlds, people] in [0, 1], place of the partner in one's list.
        draw: Luck.

    Returns:
        Traits and ties after.
    """
    worlds, users, layers, width = traits.shape
    other, place, there = partner(ties[0], where, users)
    for number in range(1, layers):
        mine = layer == number
        found = partner(ties[number], where, users)
        other, place, there = (
            torch.where(mine, new, old) for new, old in zip(found, (other, place, there), strict=True)
        )
    if by_kernels(traits) and traits.dtype == torch.uint8 and o.rule != "bounded" and traits.numel() > 0:
        from populace.envs.culture.meeting_kernel import copy  # imports numba

        if o.active < 1:
            there = there & (draw.uniform("active", users) < o.active)
        new, strangers = copy(traits, other, layer, there, draw.uniform("copy", users))
        return new, _rewire(ties, layer, place, strangers & there, users, draw) if o.rule == "centola" else ties
    rows = torch.arange(worlds, device=traits.device).unsqueeze(-1) * users
    flat = traits.reshape(-1, width)
    if layers == 1:
        own = flat.view(worlds, users, width)
    else:
        at = (rows + torch.arange(users, device=traits.device)) * layers + layer
        own = flat.index_select(0, at.reshape(-1)).view(worlds, users, width)
    theirs = flat.index_select(0, ((rows + other) * layers + layer).reshape(-1)).view(worlds, users, width)
    if o.active < 1:
        there = there & (draw.uniform("active", users) < o.active)
    if o.rule == "bounded":
        gap = theirs - own
        new = torch.where((gap.abs() <= o.confidence) & there.unsqueeze(-1), own + o.pull * gap, own)
    else:
        chance = draw.uniform("copy", users)
        new, strangers = _copy(own, theirs, there, chance)
        if o.rule == "centola":
            ties = _rewire(ties, layer, place, strangers & there, users, draw)
    if layers == 1:
        return new.unsqueeze(2), ties
    index = layer.view(worlds, users, 1, 1).expand(-1, -1, 1, width)
    return traits.scatter(2, index, new.unsqueeze(2)), ties


def _copy(own: Tensor, theirs: Tensor, there: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
    """Axelrod's step: with the chance of overlap s copy one differing trait if 0 < s < 1; and who share nothing.

    One uniform number serves twice: given that u < s, u / s is uniform again and picks the trait.
    """
    width = own.shape[-1]
    small = torch.int8 if width < 128 else torch.int16
    differ = own != theirs
    rank = differ.cumsum(-1, dtype=small)
    apart = rank[..., -1].float()
    overlap = (width - apart) / width
    moves = there & (chance < overlap) & (apart > 0)
    pick = torch.minimum((chance / overlap.clamp(min=1e-9) * apart).floor(), apart - 1).to(small) + 1
    pick = torch.where(moves, pick, 0)
    taken = differ & (rank == pick.unsqueeze(-1))
    return torch.where(taken, theirs, own), apart == width


def _rewire(
    ties: tuple[Ties | None, ...], layer: Tensor, place: Tensor, leave: Tensor, users: int, draw: Draw
) -> tuple[Ties | None, ...]:
    """Who shares nothing with whom it met listens from now on to someone else at random.

    A tie is a directed entry of one's own list: the other's entry stays (assumed).
    """
    if users < 3:
        return ties
    own = torch.arange(users, device=place.device)
    new = draw.integers("rewire", 0, users - 1, users)
    new = new + (new >= own)
    after: list[Ties | None] = []
    for number, t in enumerate(ties):
        if t is None or t.source.shape[1] == 0:
            after.append(t)
            continue
        goes = leave & (layer == number)
        flat = torch.cat([t.source.reshape(-1), t.source.new_zeros(1)])
        # Whoever stays writes into the spare last place.
        flat[torch.where(goes, place, flat.numel() - 1)] = new
        after.append(Ties(t.first, t.count, flat[:-1].view_as(t.source)))
    return tuple(after)


def couple(o: CultureOptions, traits: Tensor, draw: Draw) -> Tensor:
    """What a person holds on one layer reaches its other layers, [worlds, people, layers, Q] -> the same."""
    worlds, users, layers, width = traits.shape
    if o.coupling == 0 or layers == 1:
        return traits
    if traits.dtype != torch.uint8:
        return traits + o.coupling * (traits.mean(2, keepdim=True) - traits)
    goes = draw.uniform("couple", users) < o.coupling
    # One number tells what is carried (feature), from which layer, and to which other one.
    what = draw.integers("carried", 0, layers * (layers - 1) * width, users)
    feature, pair = what % width, what // width
    source, target = pair // (layers - 1), pair % (layers - 1)
    target = torch.where(goes, target + (target >= source), source)  # onto itself: nothing changes
    own = torch.arange(worlds * users, device=traits.device).view(worlds, users) * (layers * width) + feature
    flat = traits.reshape(-1)
    held = flat.index_select(0, (own + source * width).reshape(-1))
    return flat.scatter(0, (own + target * width).reshape(-1), held).view_as(traits)


def hear(
    o: CultureOptions,
    traits: Tensor,
    sizes: Tensor,
    susceptibility: Tensor | float,
    asked: Tensor,
    said: Tensor,
    merged: Tensor,
    references: Tensor,
    final: Tensor,
    draw: Draw,
) -> Tensor:
    """People take over what they hear from the assistant on its layer.

    Args:
        o: The options.
        traits: [worlds, people, layers, Q].
        sizes: [Q], options.
        susceptibility: [worlds, people], or one number.
        asked: [worlds, A] questions.
        said: [worlds, C, A] answers of the cultures' agents.
        merged: [worlds, A] the synthesiser's.
        references: [worlds, A, C] counts.
        final: [worlds] bool, whether this round is heard.
        draw: Luck.

    Returns:
        Traits after.
    """
    users = traits.shape[1]
    count, voice = asked.shape[1], o.voice
    limit = susceptibility.unsqueeze(-1) if isinstance(susceptibility, Tensor) else susceptibility
    uniform = draw.uniform("hear", users, count)
    if traits.dtype == torch.uint8:
        takes = (uniform < limit) & final.view(-1, 1, 1)
        uniform = uniform / (limit.clamp(min=1e-9) if isinstance(limit, Tensor) else max(limit, 1e-9))
    else:
        takes = final.view(-1, 1, 1).expand(-1, users, count)
    answer = merged.unsqueeze(1).expand(-1, users, -1)
    if o.listen == "perspectives":
        answer = _voices(uniform, said, answer, references)
    index = asked.unsqueeze(1).expand(-1, users, -1)
    now = traits[:, :, voice]
    held = now.gather(-1, index)
    if traits.dtype == torch.uint8:
        new = torch.where(takes, answer.to(torch.uint8), held)
    else:
        place = (answer + 0.5) / sizes[asked].unsqueeze(1)
        new = torch.where(takes, held + limit * (place - held), held)
    after = traits.clone()
    after[:, :, voice] = now.scatter(-1, index, new)
    return after


def _voices(uniform: Tensor, said: Tensor, merged: Tensor, references: Tensor) -> Tensor:
    """The answer of the culture that `uniform` [worlds, people, A] in [0, 1) falls on, by its share of references."""
    cited = references.float()
    whole = cited.sum(-1)
    reach = cited.cumsum(-1) / whole.clamp(min=1.0).unsqueeze(-1)
    last = torch.where(cited > 0, torch.arange(cited.shape[-1], device=cited.device), 0).amax(-1)
    who = torch.zeros(uniform.shape, dtype=torch.int64, device=uniform.device)
    for c in range(cited.shape[-1] - 1):  # over the few cultures, never over people
        who += uniform >= reach[:, None, :, c]
    who = torch.minimum(who, last.unsqueeze(1))
    heard = said.transpose(1, 2).unsqueeze(1).expand(-1, uniform.shape[1], -1, -1).gather(-1, who.unsqueeze(-1))
    return torch.where(whole.unsqueeze(1) > 0, heard.squeeze(-1), merged)


def counts_of(options: Tensor, culture: Tensor, cultures: int, most: int) -> Tensor:
    """People by culture, question and option: [worlds, people, Q] int64 -> [worlds, C, Q, O] float32 (exact)."""
    worlds, _, width = options.shape
    index = (culture.unsqueeze(-1) * width + torch.arange(width, device=options.device)) * most + options
    flat = torch.zeros((worlds, cultures * width * most), dtype=torch.int64, device=options.device)
    index = index.flatten(1)
    flat.scatter_add_(1, index, torch.ones_like(index))
    return flat.view(worlds, cultures, width, most).float()


def largest_region(options: Tensor, ties: Ties | None) -> Tensor:
    """Share of people in the largest connected region of people alike in every trait; [worlds, people, Q] -> [worlds].

    Labels spread by hooking and shortcutting (Shiloach and Vishkin 1982; hooks as in FastSV), 2 log2(people) + 4
    rounds; links count both ways. Where anyone may meet anyone, regions are sets of people alike.
    """
    worlds, users, _ = options.shape
    base = torch.arange(users, device=options.device)
    kind = _kinds(options)
    if ties is None:
        label = kind
    else:
        source = ties.source.expand(worlds, -1)
        target = _listeners(ties).expand(worlds, -1)
        real = target < users
        target = target.clamp(max=users - 1)
        same = real & (kind.gather(1, source) == kind.gather(1, target))
        source, target = torch.where(same, source, 0), torch.where(same, target, 0)
        label = base.expand(worlds, -1).contiguous()
        for _ in range(2 * math.ceil(math.log2(max(users, 2))) + 4):
            a, b = label.gather(1, source), label.gather(1, target)
            low = torch.minimum(a, b)
            label = label.scatter_reduce(1, a, low, "amin").scatter_reduce(1, b, low, "amin")
            label = label.scatter_reduce(1, source, low, "amin").scatter_reduce(1, target, low, "amin")
            label = label.gather(1, label)
            label = label.gather(1, label)
    size = torch.zeros((worlds, users), dtype=torch.int64, device=options.device)
    size = size.scatter_add(1, label, torch.ones_like(label))
    return size.amax(-1).float() / users


def _kinds(options: Tensor) -> Tensor:
    """A number below the number of people for each distinct vector, [worlds, people, Q] -> [worlds, people] int64."""
    worlds, users, width = options.shape
    kind = torch.zeros((worlds, users), dtype=torch.int64, device=options.device)
    for q in range(width):  # refine by one feature at a time: exact, no hashing
        joint = kind * 256 + options[..., q]
        ordered, order = joint.sort(dim=-1, stable=True)
        new = torch.zeros_like(ordered)
        new[:, 1:] = (ordered[:, 1:] != ordered[:, :-1]).cumsum(-1)
        kind = torch.zeros_like(kind).scatter(1, order, new)
    return kind


def _listeners(ties: Ties) -> Tensor:
    """Who listens along each edge, [graphs, edges]; the number of people marks padding."""
    edges = ties.source.shape[1]
    marks = torch.zeros((len(ties.first), edges + 1), dtype=torch.int64, device=ties.first.device)
    ends = ties.first + ties.count
    marks = marks.scatter_add(1, ends.clamp(max=edges), torch.ones_like(ends))
    return marks.cumsum(1)[:, :edges]
