"""What is no mistake and should be known before a scenario runs.

Notes of worlds, rows of people that are left out, and which columns reach a language model.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from populace.builder import Built
from populace.fields import Role
from populace.options import Options
from populace.population import Population
from populace.scenarios.inputs import hub_models
from populace.scenarios.schema import Scenario

HERE = "this machine"


def told(scenario: Scenario, built: Mapping[str, Built]) -> list[str]:
    """Sentences about a scenario whose arms are built, each once, with the arms that it holds of unless it is all."""
    met: dict[str, list[str]] = {}
    for cell in scenario.cells:
        made = built[cell.arm]
        for note in (*made.world.notes(), *_rows(made.population), *_prompts(made, cell.agents, cell.population)):
            met.setdefault(note, []).append(cell.arm)
    for name, there in hub_models(scenario).items():
        if there is None:
            met[
                f"model: {name} is not in this machine's cache, so which of its files are played cannot be recorded. "
                "Load it once before the run, or name a commit as revision"
            ] = [cell.arm for cell in scenario.cells]
    many = len(scenario.cells)
    return [note if len(arms) == many else f"{_some(arms)}: {note}" for note, arms in met.items()]


def _some(arms: list[str]) -> str:
    return ", ".join(arms[:3]) + (f" and {len(arms) - 3} more arms" if len(arms) > 3 else "")


def _rows(population: Population) -> Iterator[str]:
    """Rows of files of people that are left out, and entries that were filled in: how many, and why."""
    provenance: Mapping[str, Any] = getattr(population, "provenance", {})
    for key, about in provenance.items():
        if "used_rows" not in about:
            continue
        column = f" (column {about['columns'][0]!r})" if key.startswith("column/") else ""
        name = f"{about['file'] or 'the table of people'}{column}"
        if left := about["rows"] - about["used_rows"]:
            why = ", ".join(f"{count:,} with {reason}" for reason, count in about["dropped"].items())
            yield f"people: {left:,} of {about['rows']:,} rows of {name} are left out: {why}"
        if about["missing"] and about["missing_policy"] == "mean":
            yield f"people: {about['missing']:,} missing entries of {name} are replaced by the mean of their column"


def _prompts(made: Built, agents: Mapping[str, tuple[str, Options]], spec: Any) -> Iterator[str]:
    """Which columns of a file of people enter prompts, by role, and to which host they go."""
    data = getattr(spec, "data", None)
    if data is None:
        return
    from populace.agents.llm.seats.options import SeatOptions

    columns = {f"values.{name}": column for name, column in data.values.items()}
    columns |= {f"traits.{name}": column for name, column in data.traits.items()}
    columns |= {"segment": data.segment} if data.segment is not None else {}
    for role, (name, options) in agents.items():
        seats = [inner for inner in _all(options) if isinstance(inner, SeatOptions)]
        for seat in seats:
            yield _sentence(made.world.cast[role], name, seat, data.file.name, columns)


def _sentence(role: Role, policy: str, seat: Any, file: str, columns: Mapping[str, str]) -> str:
    from populace.agents.llm.seats.profiles import uses

    used = uses(seat.persona) if seat.persona and role.seats_are_users else {}
    by_persona = []
    for name, column in columns.items():
        kind, _, single = name.partition(".")
        parts = used.get(kind, frozenset())
        if parts is None or single in parts:
            by_persona.append(column)
    if "segment" in used and "segment" in columns and columns["segment"] not in by_persona:
        by_persona.append(columns["segment"])
    first = (
        f"its persona tells {', '.join(dict.fromkeys(by_persona))} of {file}, respondent by respondent"
        if by_persona
        else f"its persona contains no column of {file}"
    )
    seen = ", ".join(field.name for field in role.sees if not field.private) or "nothing"
    return (
        f"people: {role.name} ({policy}) is prompted at {_host(seat)}: {first}; the world's prompts contain {seen}, "
        "which may follow from users' values and traits"
    )


def _all(options: Options) -> Iterator[Options]:
    yield options
    for inner in options.inner().values():
        yield from _all(inner)


def _host(seat: Any) -> str:
    if seat.replay:
        return f"{HERE} (from its tape)"
    if "base_url" not in type(seat).model_fields:
        return HERE
    return (urlsplit(seat.base_url).netloc if seat.base_url else "") or "api.openai.com"
