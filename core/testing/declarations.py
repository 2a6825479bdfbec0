"""The part of `check_world` that looks at what a world declares, before anything is played."""

import re

from populace.errors import did_you_mean
from populace.fields import Field, Role
from populace.measures import Measure
from populace.testing.tools import CheckFailed, blame, out_of_range
from populace.world import AnyWorld

_ID = re.compile(r"[\w.-]+/[\w.-]+-v\d+")


def check_declarations(world: AnyWorld) -> None:
    """Check what a world says of itself before anything is played: id, roles, fields, defaults, measures."""
    name = type(world).__name__
    if not _ID.fullmatch(getattr(world, "id", "")):
        raise CheckFailed(f"{name}.id is {getattr(world, 'id', None)!r}; expected 'namespace/name-v0'")
    with blame(f"{name}.roles"):
        roles = tuple(world.roles())
    if not roles or not all(isinstance(role, Role) for role in roles):
        raise CheckFailed(f"{name}.roles gives {roles!r}; expected one populace.fields.Role or more")
    if len({role.name for role in roles}) != len(roles):
        raise CheckFailed(f"{name} has two roles of the same name: {[role.name for role in roles]}")
    for role in roles:
        _role(world, role)
    _defaults(world)
    with blame(f"{name}.measures"):
        declared = world.declared
    if strange := [measure for measure in declared.values() if not isinstance(measure, Measure)]:
        raise CheckFailed(f"{name}.measures gives {strange[0]!r}; expected populace.measures.Measure")


def _defaults(world: AnyWorld) -> None:
    """Every default policy is of a role that is there, or that other options bring."""
    name, known = type(world).__name__, (*world.cast, *world.optional)
    for role in world.defaults:
        if role not in known:
            raise CheckFailed(
                f"{name}.defaults has a policy for {role!r}, who is no role{did_you_mean(role, world.cast)}: the roles "
                f"are {', '.join(world.cast)}. Correct the name, or list it in {name}.optional if there is such a role "
                "with other options"
            )


def _role(world: AnyWorld, role: Role) -> None:
    if strange := set(role.phases) - set(world.phases):
        raise CheckFailed(f"the role {role.name!r} acts in {sorted(strange)}, but the phases are {world.phases}")
    if role.seats < 1:
        raise CheckFailed(f"the role {role.name!r} has {role.seats} seats: a role needs one at least")
    for fields in (role.sees, role.does):
        names = [f.name for f in fields]
        if len(set(names)) != len(names):
            raise CheckFailed(f"the role {role.name!r} has two fields of the same name: {names}")
    for f in (*role.sees, *role.does):
        if f.kind == "choice" and not f.labels:
            raise CheckFailed(f"{role.name}'s choice {f.name!r} has no labels: name its options")
        _said(role, f)
        if strange := set(f.phases or ()) - set(role.phases):
            raise CheckFailed(f"{role.name}'s {f.name!r} is for {sorted(strange)}, when the role does not act")
    for phase in role.phases:
        if not role.done_in(phase):
            raise CheckFailed(f"the role {role.name!r} acts in {phase!r} but has nothing to do there")
    for f in role.does:
        _repeats(role, f)
        for what, value in (("forfeit", f.empty(1, 1)), ("default", f.omitted(1, 1))):
            if fault := out_of_range(f, value):
                raise CheckFailed(f"the {what} of {role.name}'s {f.name!r} is {fault}: set {what}= to a legal value")


def _said(role: Role, f: Field) -> None:
    """What is said of a field fits it: a meaning for each label, a name for each entry, and a flag that is seen."""
    called = f.names or (f.labels if f.kind == "choice" else ())
    if f.meanings and len(f.meanings) != len(called):
        raise CheckFailed(
            f"{role.name}'s {f.name!r} has {len(f.meanings)} meanings for {len(called)} labels: give one for each"
        )
    if len(f.axes) > len(f.shape):
        raise CheckFailed(f"{role.name}'s {f.name!r} has {len(f.axes)} axes for the shape {f.shape}: remove some")
    for names, size in zip(f.axes, f.shape, strict=False):
        if not isinstance(names, str) and len(names) != size:
            raise CheckFailed(
                f"{role.name}'s {f.name!r} has {len(names)} names for a dimension of {size}: give one for each entry"
            )
    flag = {s.name: s for s in role.sees if s.kind == "flag"}.get(f.given.removeprefix("not "))
    if f.given not in ("", "never") and (flag is None or flag.shape != f.shape[: len(flag.shape)]):
        raise CheckFailed(
            f"{role.name}'s {f.name!r} is given where {f.given!r} says: name a flag that the role sees, whose "
            f"shape is {f.shape} or its beginning, with `not ` before it where it says the opposite; or `never`"
        )


def _repeats(role: Role, f: Field) -> None:
    """A default that repeats what is seen must be seen whenever the field is done, in the same form."""
    if not isinstance(f.default, str):
        return
    for phase in (phase for phase in role.phases if f.in_phase(phase)):
        seen = {s.name: s for s in role.seen_in(phase)}.get(f.default)
        if seen is None or (seen.shape, seen.dtype) != (f.shape, f.dtype):
            raise CheckFailed(
                f"the default of {role.name}'s {f.name!r} is {f.default!r}: name a field it sees in phase {phase!r}, "
                f"of shape {f.shape} and {f.dtype}, or set a number"
            )
