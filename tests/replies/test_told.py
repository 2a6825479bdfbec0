"""A seat of a world without matter is told what a script in it may use: every field that it sees changes its prompt."""

from dataclasses import replace

import pytest
import torch

from populace.builder import build
from populace.observation import Observation
from populace.run import advance, see, start

WORLDS = {
    "payoff": {"conflict": 0.4, "harm": {"share": 0.3}, "pricing": {"policy": "per_token"}},
    "drift": {"audit_budget": 0.25, "topics": ["therapy", "booking"]},
    "culture": {"asked": 2, "rounds": 1, "layers": [{"name": "neighbours"}, {"name": "work"}]},
}
UNTOLD = {
    ("payoff", "assistant"): {"over"},  # then it is not asked
    ("culture", "agent"): {"round", "sizes"},  # the options are listed; what others answered shows the round
    ("culture", "synthesiser"): {"round", "sizes"},
}
"""What a prompt need not say."""


def changed(field, value: torch.Tensor) -> list[torch.Tensor]:
    """Other legal values of a field, of all seats."""
    if value.dtype == torch.bool:
        return [~value]
    if not value.is_floating_point():
        top = len(field.labels or field.names) - 1 if field.labels or field.names else field.high
        return [torch.where(value + 1 <= top, value + 1, (value - 1).clamp(min=max(field.low, 0)))]
    return [(value + step).clamp(field.low, field.high) for step in (0.5, -0.5, 100.0, 1e5)] + [value.flip(-1)]


@pytest.mark.parametrize("world", WORLDS)
def test_every_field_that_a_seat_sees_changes_what_it_is_told(world):
    made = build(f"populace/{world}-v0", options=WORLDS[world], users=4)
    stage, policies = made.world, made.policies
    run, untold = start(stage, policies, made.population, seed=3, worlds=2), []
    for step in range(2 * len(stage.phases)):
        phase = stage.phases[run.phase]
        for role in stage.acting[phase] if step >= len(stage.phases) else ():
            seen = see(stage, run, role)
            say = seen.dialogue().say
            base, fields = say(seen), {f.name: f for f in role.seen_in(phase)}
            for name, value in seen.items():
                if name not in fields or name in UNTOLD.get((world, role.name), ()):
                    continue
                others = (
                    Observation({**seen, name: other}, role, phase, seen.present, seen.dialogue, seen.reader)
                    for other in changed(fields[name], value)
                )
                if all(say(other) == base for other in others):
                    untold.append((role.name, phase, name))
        run, _ = advance(stage, policies, replace(run))
    assert untold == []
