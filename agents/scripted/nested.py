"""A policy named in the options of another one: found as a scenario of the same world means it, and checked with it."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, PrivateAttr, ValidationError, ValidationInfo, model_validator

from populace import registry
from populace.errors import PopulaceError
from populace.options import Options
from populace.policy import Learner, Policy


class Nested(Options):
    """A policy by name, with its options."""

    policy: str
    """Its name."""
    params: dict[str, object] = Field(default_factory=dict)
    """The policy's own options."""
    _checked: Options = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, data: Any, info: ValidationInfo) -> Any:
        """The policy's full name, as a scenario of some world means it."""
        if not isinstance(data, Mapping):
            return data
        name, within = data.get("policy"), (info.context or {}).get("within", "")
        if not isinstance(name, str):
            return data
        name = registry.policies.current(name, within)
        full = f"{within}/{name}"
        return {**data, "policy": full if full in registry.policies.names() else name}

    @model_validator(mode="after")
    def _there(self, info: ValidationInfo) -> Self:
        try:
            kind = registry.policies.get(self.policy)
        except PopulaceError as error:
            raise ValueError(str(error)) from None
        if not (isinstance(kind, type) and issubclass(kind, Policy)):
            raise ValueError(f"{self.policy!r} is no policy")
        if issubclass(kind, Learner):
            raise ValueError(f"{self.policy} learns, and a learner must have its role to itself")
        try:
            self._checked = kind.Options.model_validate(self.params, context=info.context)
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
            raise ValueError(f"params of {self.policy}: {'; '.join(faults)}") from None
        return self

    def inner(self) -> dict[str, Options]:
        """The policy's own options."""
        return {"params": self._checked}

    def made(self) -> Policy:
        """The policy."""
        kind: type[Policy] = registry.policies.get(self.policy)
        return kind(self._checked)
