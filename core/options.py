"""The base of every options model: frozen, and unknown keys are refused."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Typed options of a world, policy or part of a scenario; give each field a docstring, it becomes its help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
