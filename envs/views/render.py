"""A world to look at: a few lines, or a picture of its measures over time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from populace.envs.views.lazy import Array
from populace.envs.views.stage import Stage
from populace.errors import PopulaceError
from populace.fields import Field
from populace.observation import Observation
from populace.run import Run
from populace.world import AnyWorld

SEATS = 3
"""Seats of a role shown in words."""

LINES = 8
"""Measures drawn in a picture."""


def _shown(seen: Observation, f: Field, seat: int) -> str:
    """A field of one seat of world 0, as it reads."""
    if f.kind == "text":
        return repr(seen.text(f.name)[0][seat])
    return f.render(seen[f.name][0, seat].cpu())


@dataclass
class History:
    """Measures of world 0 by tick, kept only while a picture may be asked for: name -> (ticks, values)."""

    series: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)

    def note(self, world: AnyWorld, run: Run, measures: Mapping[str, Tensor]) -> None:
        """Take what was measured in the latest step."""
        for name, value in {**measures, **world.measure(run.state)}.items():
            ticks, values = self.series.setdefault(name, ([], []))
            ticks.append(int(run.tick[0]))
            values.append(float(value[0]))


MODES = ("human", "ansi", "rgb_array")
"""Ways to look at a world."""


def check(mode: str | None) -> None:
    """Raise PopulaceError unless `mode` is one of MODES, or None."""
    if mode is not None and mode not in MODES:
        raise PopulaceError(f"render_mode {mode!r}; expected None or one of {', '.join(MODES)}")


def show(mode: str, stage: Stage, run: Run, measures: Mapping[str, Tensor], history: History) -> str | Array | None:
    """World 0 as lines (`ansi`) or a picture (`rgb_array`); None for `human`, which prints the lines."""
    if mode == "rgb_array":
        return picture(stage, run, history)
    text = lines(stage, run, measures)
    if mode == "ansi":
        return text
    print(text)
    return None


def lines(stage: Stage, run: Run, measures: Mapping[str, Tensor]) -> str:
    """Where world 0 stands, its measures, and what the first seats of each focal role see."""
    world, phase = stage.world, stage.world.phases[run.phase]
    out = [
        f"{world.id}  world {int(run.worlds[0])}  episode {int(run.episode[0])}  tick {int(run.tick[0])}  phase {phase}"
    ]
    out += [f"  {name} {float(value[0]):.3f}" for name, value in {**measures, **world.measure(run.state)}.items()]
    for role in world.acting[phase]:
        if role.name not in stage.focal:
            continue
        seen = stage.see(run, role.name)
        for seat in range(min(role.seats, SEATS)):
            words = [f"{f.name} {_shown(seen, f, seat)}" for f in role.seen_in(phase) if f.name in seen]
            out.append(f"  {role.name}_{seat}: " + ", ".join(words))
        if role.seats > SEATS:
            out.append(f"  ... {role.seats - SEATS} more")
    return "\n".join(out)


def picture(stage: Stage, run: Run, history: History) -> Array:
    """Measures over ticks, or before there are any the panel's values; uint8 [height, width, 3]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), dpi=80, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if history.series:
        for name, (ticks, values) in list(history.series.items())[:LINES]:
            axes.plot(ticks, values, label=name)
        axes.set_xlabel("tick")
        axes.legend(fontsize="small")
    else:
        for name, value in stage.world.panel(run.state).items():
            x = value[0].float().cpu().numpy().reshape(-1)
            x = x[np.isfinite(x)]  # what is undefined before the first tick has no bar
            if x.size:
                axes.hist(x, bins=30, histtype="step", label=name)
        axes.set_ylabel("users")
    axes.set_title(f"{stage.world.id}, tick {int(run.tick[0])}")
    canvas.draw()
    return np.array(np.asarray(canvas.buffer_rgba())[..., :3], dtype=np.uint8)
