"""A model whose weights can be stood in for: loaded once, and shared by all learners that start from it."""

from functools import cached_property, lru_cache
from pathlib import Path

from populace.agents.llm.backends.loading import Loaded, load
from populace.agents.llm.backends.local import Local
from populace.agents.llm.backends.local_options import LocalOptions, base_of
from populace.agents.llm.learning.adapters import Shape, prepare
from populace.errors import PopulaceError
from populace.files import changed


class Base(Local):
    """A local model with adapters that are zero until weights stand in for them.

    Args:
        options: Which model.
        shape: What adapters are like.
    """

    def __init__(self, options: LocalOptions, shape: Shape) -> None:
        super().__init__(options)
        if base := base_of(Path(options.model)):
            raise PopulaceError(
                f"model: {options.model} is an adapter of {base}; to go on from it, set model: {base} and "
                f"adapter: {options.model}"
            )
        self.shape = shape

    @cached_property
    def loaded(self) -> Loaded:
        """The model, with room for weights of one's own."""
        return self._prepared[0]

    @cached_property
    def trained(self) -> tuple[str, ...]:
        """Names of the parameters that are trained."""
        return self._prepared[1]

    @cached_property
    def _prepared(self) -> tuple[Loaded, tuple[str, ...]]:
        o = self.options
        files = sorted(Path(o.model).glob("*.safetensors")) if Path(o.model).is_dir() else []
        stamp = tuple(changed(file) for file in files)
        return _loaded(o.model, o.revision, o.device, o.dtype, o.attention, self.shape, stamp)


@lru_cache(maxsize=2)
def _loaded(
    model: str,
    revision: str | None,
    device: str | None,
    dtype: str,
    attention: str | None,
    shape: Shape,
    stamp: tuple[int, ...],
) -> tuple[Loaded, tuple[str, ...]]:
    """Its own weights never change, so that arms may share it; `stamp` tells a folder whose files changed."""
    found = load(LocalOptions.model_construct(
        model=model, revision=revision, device=device, dtype=dtype, attention=attention
    ))  # fmt: skip
    return found, prepare(found.model, shape)
