"""A scenario's world as an environment of chat messages, its other seats played by the scenario's policies."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from populace.agents.llm.seats.field_face import FieldsDialogue
from populace.envs.views.stage import Stage, share
from populace.envs.views.text import TextEnv
from populace.errors import PopulaceError, UnknownName
from populace.scenarios.building import build
from populace.scenarios.loader import load
from populace.scenarios.schema import Cell, Scenario


def text_env(
    scenario: str | Path | Mapping[str, object],
    role: str | None = None,
    seat: int = 0,
    *,
    arm: str | None = None,
    sets: Sequence[str] = (),
    num_envs: int = 1,
    max_turns: int | None = 20,
    seed: int | None = None,
    device: str = "cpu",
) -> TextEnv:
    """One seat of a scenario's world, asked in words and answering in words; see `TextEnv`.

    Args:
        scenario: A library scenario's name, a file, or a mapping of the same keys.
        role: Whose seat; None for the assistant's.
        seat: Its number.
        arm: Which arm's world and policies; the first one's if None.
        sets: Overrides, `dotted.key=value`.
        num_envs: Worlds.
        max_turns: Turns of the seat after which an episode is truncated; None for no limit.
        seed: The seed; None for the scenario's.
        device: Where the tensors live.

    Raises:
        ScenarioError: The scenario holds a mistake.
        UnknownName: There is no such arm or role.
        PopulaceError: The seat does not act, or there is no such seat.
    """
    cell = _cell(load(scenario, sets), arm)
    built = build(cell)
    who = built.world.role(role or ("assistant" if "assistant" in built.world.cast else list(built.world.cast)[-1]))
    if not 0 <= seat < who.seats:
        raise PopulaceError(f"seat {seat}: {who.name} has the seats 0 to {who.seats - 1}")
    policies = {name: policy for name, policy in built.policies.items() if name != who.name}
    if who.seats > 1:
        policies[who.name] = share(built.policies[who.name], seat)
    stage = Stage(built.world, built.population, policies, (who.name,), (who.name, seat), device, words=True)
    face = FieldsDialogue() if built.world.dialogue() is None else None
    return TextEnv(stage, num_envs, max_turns=max_turns, seed=cell.seed if seed is None else seed, face=face)


def _cell(scenario: Scenario, arm: str | None) -> Cell:
    if arm is None:
        return scenario.cells[0]
    for cell in scenario.cells:
        if arm in (cell.arm, cell.base_arm):
            return cell
    raise UnknownName("arm", arm, [cell.arm for cell in scenario.cells])
