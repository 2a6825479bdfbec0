"""The base of every options model: frozen, and unknown keys are refused."""

from pydantic import BaseModel, ConfigDict, ValidationError


class Options(BaseModel):
    """Typed options of a world, policy or part of a scenario; give each field a docstring, it becomes its help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def faults(error: ValidationError) -> str:
    """What pydantic found wrong, in one line: `option: what is wrong; ...`."""
    return "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
