"""The base of every options model: frozen, and unknown keys are refused."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from typing_extensions import TypeVar  # its default is in typing from Python 3.13 on

from populace.errors import did_you_mean
from populace.names import fault


def _checked(name: str) -> str:
    if wrong := fault(name):
        raise ValueError(f"the name {name!r} holds {wrong}; leave it out")
    return name


Name = Annotated[str, AfterValidator(_checked)]
"""A name in options: text without control characters, lone surrogates and direction overrides."""


class Options(BaseModel):
    """Typed options of a world, policy or part of a scenario; give each field a docstring, it becomes its help.

    Attributes:
        changeable: Names of the options that a resumed run may change: they set what a run may use or spend, and no
            result depends on them.
    """

    changeable: ClassVar[frozenset[str]] = frozenset()

    # Inputs stay out of pydantic's own messages: a key that stands in the wrong place would be shown.
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    def inner(self) -> "dict[str, Options]":
        """Options inside these, by the place where they stand: `name` or `name.<number>`."""
        found: dict[str, Options] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            items = {f"{name}.{i}": item for i, item in enumerate(value)} if isinstance(value, tuple) else {name: value}
            found.update({place: item for place, item in items.items() if isinstance(item, Options)})
        return found

    def bearing(self) -> dict[str, object]:
        """The options on which results depend, including nested ones: place -> value."""
        inner = self.inner()
        passed = {*self.changeable, *(place.split(".")[0] for place in inner)}
        own = {name: getattr(self, name) for name in type(self).model_fields if name not in passed}
        return {**own, **{place: options.bearing() for place, options in inner.items()}}


OptionsT = TypeVar("OptionsT", bound=Options, default=Any)
"""The options of a world or policy, for type checkers: `World[State, MyOptions]`, `Policy[MyOptions]`."""


def faults(error: ValidationError, model: type[Options]) -> str:
    """What pydantic found wrong with options, in one line: `option: what is wrong; ...`, then the options there are."""
    known = tuple(model.model_fields)
    texts = []
    for found in error.errors():
        unknown = found["type"] == "extra_forbidden" and len(found["loc"]) == 1
        keys, said = ".".join(map(str, found["loc"])), found["msg"]
        if found["type"] in ("value_error", "assertion_error"):
            said = str(found["ctx"]["error"])  # without pydantic's "Value error, "; it names its keys itself
        what = f"unknown{did_you_mean(str(found['loc'][0]), known)}" if unknown else said
        texts.append(f"{keys}: {what}" if keys else what)
    return f"{'; '.join(texts)} (there are: {', '.join(known) or 'none'})"
