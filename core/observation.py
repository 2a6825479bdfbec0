"""What a role sees in one phase: its fields, who is present, and the way to the world's text face."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from populace.fields import Role

if TYPE_CHECKING:
    from populace.dialogue import Dialogue  # which reads observations


def _wordless() -> None:
    """No text face; a function of the module, so that observations can be pickled."""


class Observation(dict[str, Tensor]):
    """What a role sees in one phase: field -> [worlds, seats, *shape].

    Attributes:
        role: The role that sees it.
        phase: The phase it is seen in.
        present: [worlds, seats] bool, seats that are taken, or None for all.
        dialogue: Makes the world's text face, or None; only policies that read and write ask for it.
    """

    def __init__(
        self,
        fields: Mapping[str, Tensor],
        role: Role,
        phase: str,
        present: Tensor | None = None,
        dialogue: "Callable[[], Dialogue | None]" = _wordless,
    ) -> None:
        super().__init__(fields)
        self.role, self.phase, self.present, self.dialogue = role, phase, present, dialogue

    def only(self, present: Tensor, privileged: bool = True) -> "Observation":
        """The same, of the seats `present` [worlds, seats] alone; without ground truth unless `privileged`."""
        taken = present if self.present is None else present & self.present
        hidden = {f.name for f in self.role.sees if f.private and not privileged}
        fields = {name: value for name, value in self.items() if name.removesuffix("_mask") not in hidden}
        return Observation(fields, self.role, self.phase, taken, self.dialogue)
