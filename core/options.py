"""The base of every options model: frozen, and unknown keys are refused."""

from pydantic import BaseModel, ConfigDict, ValidationError

from populace.errors import did_you_mean


class Options(BaseModel):
    """Typed options of a world, policy or part of a scenario; give each field a docstring, it becomes its help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


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
