"""Users' own measures, recorded like those of the world: `record: {measures: [my_module:disagreement]}`.

Such a measure is a function with an attribute `measures`, the declarations of what it gives:

    def disagreement(world, state):
        return {"disagreement": state.values.var(1).mean(-1)}

    disagreement.measures = (Measure(name="disagreement", about="variance of values over users", low=0.0),)

It is read off the state whenever the world's own are, so it is pure, works on all worlds at once, and copies nothing to
the host. A package announces measures under the entry point group `populace.recorded`.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from populace import registry
from populace.errors import PopulaceError
from populace.measures import Measure, find, index
from populace.run import Run
from populace.world import AnyWorld

Function = Callable[[AnyWorld, Any], Mapping[str, Tensor]]
"""(world, state) -> name -> [worlds]; the state is `Any`, as a function is written for the states of its own world."""


@dataclass(frozen=True)
class OwnMeasure:
    """A function that measures, and what it declares.

    Attributes:
        name: As the scenario names it.
        function: (world, state) -> name -> [worlds].
        declared: Name -> its declaration, all of kind `stock`, as they are read off a state.
    """

    name: str
    function: Function
    declared: dict[str, Measure]

    def of(self, world: AnyWorld, state: object) -> dict[str, Tensor]:
        """Name -> [worlds] of a state.

        Raises:
            PopulaceError: The function failed; the text names it and the line.
        """
        try:
            return dict(self.function(world, state))
        except PopulaceError:
            raise
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            raise PopulaceError(
                f"the recorded measure {self.name!r} failed: {type(error).__name__}: {error} "
                f"({last.filename}:{last.lineno})"
            ) from error


def own_measure(name: str) -> OwnMeasure:
    """The measure of a registered name, or of `module:function`.

    Raises:
        UnknownName: Nothing has this name.
        NeedsWord: Its code is not installed, and a stranger's file names it.
        PopulaceError: It is no function with declarations, or a declaration is none that can be read off a state.
    """
    function = registry.recorded.get(name)
    declared = getattr(function, "measures", None)
    if not callable(function) or not isinstance(declared, (tuple, list)) or not declared:
        raise PopulaceError(
            f"{name!r} is no recorded measure: that is a function (world, state) -> name -> [worlds], whose attribute "
            "`measures` is a tuple of populace.measures.Measure"
        )
    for one in declared:
        if not isinstance(one, Measure):
            raise PopulaceError(f"{name!r}: its attribute `measures` holds {one!r}; expected populace.measures.Measure")
        if one.kind == "count":
            raise PopulaceError(f"{name!r}: {one.name!r} is declared a count, but a measure of a state is a stock")
    return OwnMeasure(name, function, index(replace(one, kind="stock") for one in declared))


def own_measures(names: Iterable[str]) -> tuple[OwnMeasure, ...]:
    """All of these; see `own_measure`."""
    return tuple(own_measure(name) for name in names)


def check(own: Iterable[OwnMeasure], world: AnyWorld, run: Run) -> None:
    """Compute each measure once, so that mistakes are reported before anything is played.

    Raises:
        PopulaceError: A measure fails, gives what it does not declare or what is not [worlds], or has the name of
            another one.
    """
    ours = f"the world {world.id}"
    taken = dict.fromkeys((*world.declared, *world.measure(run.state)), ours)
    for one in own:
        found = _read(one, world, run)
        who = f"the recorded measure {one.name!r}"
        for name in found:
            if find(one.declared, name) is None:
                raise PopulaceError(f"{who} gives {name!r}, which it does not declare: add it to its `measures`")
        for name in dict.fromkeys((*found, *one.declared)):
            owner = taken.get(name) or (ours if find(world.declared, name) is not None else "")
            if owner not in ("", who):
                raise PopulaceError(f"{who} gives {name!r}, which {owner} measures too: choose another name")
            taken[name] = who


def measured(own: Iterable[OwnMeasure], world: AnyWorld, run: Run) -> dict[str, Tensor]:
    """What all of them read off a run's state, name -> [worlds] float64.

    Raises:
        PopulaceError: A measure fails, or gives what is not [worlds].
    """
    return {
        name: value.to(run.worlds.device, torch.float64)
        for one in own
        for name, value in _read(one, world, run).items()
    }


def _read(one: OwnMeasure, world: AnyWorld, run: Run) -> dict[str, Tensor]:
    found = one.of(world, run.state)
    for name, value in found.items():
        if not isinstance(value, Tensor) or value.shape != run.worlds.shape or value.is_complex():
            form = f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise PopulaceError(
                f"the recorded measure {one.name!r} gives {name!r} as {form}; expected one number for each world, "
                f"[{len(run.worlds)}]"
            )
    return found
