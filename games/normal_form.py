"""Games from names, lists, nashpy and OpenSpiel, as tensors [acts of player 1, ..., acts of player n, n] float64."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import Tensor

from populace.errors import PopulaceError, UnknownName

if TYPE_CHECKING:
    import numpy as np


def symmetric(reward: float, sucker: float, temptation: float, punishment: float) -> Tensor:
    """The symmetric 2 x 2 game with these payoffs; act 0 cooperates: [2, 2, 2]."""
    return from_bimatrix([[reward, sucker], [temptation, punishment]], [[reward, temptation], [sucker, punishment]])


class Bimatrix(Protocol):
    """A game of two players as nashpy has it."""

    @property
    def payoff_matrices(self) -> "Sequence[np.ndarray[Any, Any]]":
        """The payoffs of the row player and of the column player, each [m, k]."""


class MatrixGame(Protocol):
    """A game of two players as OpenSpiel has it."""

    def num_rows(self) -> int:
        """Acts of the row player."""

    def num_cols(self) -> int:
        """Acts of the column player."""

    def row_utility(self, row: int, column: int, /) -> float:
        """Payoff of the row player."""

    def col_utility(self, row: int, column: int, /) -> float:
        """Payoff of the column player."""


class TensorGame(Protocol):
    """A game of n players as OpenSpiel has it."""

    def shape(self) -> Sequence[int]:
        """Acts of every player."""

    def player_utilities(self, player: int, /) -> "np.ndarray[Any, Any]":
        """Payoffs of a player, [acts of player 1, ..., acts of player n]."""


PRESETS: dict[str, tuple[list[list[float]], list[list[float]]]] = {
    "prisoners_dilemma": ([[3, 0], [5, 1]], [[3, 5], [0, 1]]),
    "stag_hunt": ([[4, 0], [3, 2]], [[4, 3], [0, 2]]),
    "harmony": ([[4, 3], [2, 1]], [[4, 2], [3, 1]]),
    "chicken": ([[6, 2], [7, 0]], [[6, 7], [2, 0]]),
    "matching_pennies": ([[1, -1], [-1, 1]], [[-1, 1], [1, -1]]),
    "battle_of_sexes": ([[2, 0], [0, 1]], [[1, 0], [0, 2]]),
    "rock_paper_scissors": ([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], [[0, 1, -1], [-1, 0, 1], [1, -1, 0]]),
    # The example in GTAlign's prompt (commit 1e353602): asks clear, vague; acts direct, clarify, both.
    "gtalign_example": ([[4.3, 3.5, 1.9], [1.8, 1.2, 2.1]], [[4.2, 3.1, 2.2], [2.0, 1.3, 2.0]]),
}
"""Name -> payoffs of the row player and of the column player; the numbers are the usual textbook ones."""


def preset(name: str) -> Tensor:
    """A game by name.

    Raises:
        UnknownName: There is no such preset.
    """
    if name not in PRESETS:
        raise UnknownName("game", name, PRESETS)
    return from_bimatrix(*PRESETS[name])


def from_bimatrix(rows: Sequence[Sequence[float]], columns: Sequence[Sequence[float]]) -> Tensor:
    """A two-player game from the row player's and the column player's payoffs, both [m][k]: [m, k, 2].

    Raises:
        PopulaceError: A matrix is ragged or empty, they differ in shape, or an entry is not a finite number; the text
            names row and column.
    """
    first = _matrix(rows, "rows, the row player's payoffs")
    second = _matrix(columns, "columns, the column player's payoffs")
    if first.shape != second.shape:
        raise PopulaceError(
            f"rows, columns: the row player's payoffs are {_size(first)} and the column player's {_size(second)}: "
            "both need one entry for every pair of acts"
        )
    return torch.stack((first, second), -1)


def from_payoffs(payoffs: object) -> Tensor:
    """A game of n players from nested lists payoffs[act 1]...[act n] = [payoff 1, ..., payoff n].

    Raises:
        PopulaceError: It is not so nested, ragged, or an entry is not a finite number; the text names the acts.
    """
    shape: list[int] = []
    level: object = payoffs
    while isinstance(level, (list, tuple)) and level:
        shape.append(len(level))
        level = level[0]
    if len(shape) < 2 or shape[-1] != len(shape) - 1:
        raise PopulaceError(
            f"payoffs nested {len(shape)} deep with {shape[-1] if shape else 0} numbers per cell: a game of n players "
            "is nested n deep in acts and holds a list of n payoffs in every cell"
        )
    flat: list[float] = []
    _collect(payoffs, tuple(shape), (), flat)
    return torch.tensor(flat, dtype=torch.float64).reshape(shape)


def from_nashpy(game: Bimatrix) -> Tensor:
    """A nashpy game (anything with `payoff_matrices`, two arrays [m, k]) as [m, k, 2]."""
    rows, columns = (matrix.tolist() for matrix in game.payoff_matrices)
    return from_bimatrix(rows, columns)


def from_openspiel(game: MatrixGame | TensorGame) -> Tensor:
    """An OpenSpiel matrix game or tensor game as a tensor.

    A matrix game answers `num_rows()`, `num_cols()`, `row_utility(i, j)` and `col_utility(i, j)`; a tensor game
    `shape()` and `player_utilities(player)`. OpenSpiel itself is not needed.

    Raises:
        PopulaceError: The object answers neither.
    """
    if hasattr(game, "row_utility"):
        game = cast("MatrixGame", game)
        acts = range(game.num_rows()), range(game.num_cols())
        sides = (game.row_utility, game.col_utility)
        return from_bimatrix(*[[[float(side(i, j)) for j in acts[1]] for i in acts[0]] for side in sides])
    if hasattr(game, "player_utilities"):
        shape = tuple(game.shape())
        parts = [torch.as_tensor(game.player_utilities(player)).double().reshape(shape) for player in range(len(shape))]
        found = torch.stack(parts, -1)
        return from_payoffs(found.tolist())
    raise PopulaceError(
        f"a {type(game).__name__} is neither an OpenSpiel matrix game (row_utility, col_utility) nor a tensor game "
        "(player_utilities): convert it with pyspiel.extensive_to_matrix_game or pyspiel.load_tensor_game"
    )


def is_symmetric(game: Tensor) -> bool:
    """Whether two players have the same acts and swap payoffs when they swap places."""
    return game.dim() == 3 and game.shape[0] == game.shape[1] and torch.equal(game[..., 0], game[..., 1].T)


def checked(game: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    """`game` [..., m, k, 2] itself, after a look at its shape and entries.

    Raises:
        PopulaceError: The shape is wrong or an entry is not finite; the text names game, row and column.
    """
    if game.dim() < 3 or game.shape[-1] != 2 or (shape is not None and tuple(game.shape[-3:-1]) != shape):
        wanted = "[..., rows, columns, 2]" if shape is None else f"[..., {shape[0]}, {shape[1]}, 2]"
        raise PopulaceError(f"a batch of two-player games must be {wanted}, got {list(game.shape)}")
    bad = (~torch.isfinite(game)).nonzero()
    if len(bad):
        *lead, row, column, player = bad[0].tolist()
        at = f"game {lead if len(lead) != 1 else lead[0]}, " if lead else ""
        raise PopulaceError(
            f"{at}row {row + 1}, column {column + 1}: the {('row', 'column')[player]} player's payoff is "
            f"{game[tuple(bad[0])].item()}; payoffs must be finite numbers"
        )
    return game


def _matrix(rows: Sequence[Sequence[float]], what: str) -> Tensor:
    if not isinstance(rows, (list, tuple)) or not rows or not all(isinstance(r, (list, tuple)) and r for r in rows):
        raise PopulaceError(f"{what}: expected a list of rows, each a list of numbers")
    for i, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise PopulaceError(
                f"{what}: row {i} has {len(row)} entries, row 1 has {len(rows[0])}; rows must be equally long"
            )
        for j, entry in enumerate(row, 1):
            _finite(entry, f"{what}: row {i}, column {j}")
    return torch.tensor(rows, dtype=torch.float64)


def _collect(level: Any, shape: tuple[int, ...], place: tuple[int, ...], flat: list[float]) -> None:
    here = f"payoffs at {_where(place)}" if place else "payoffs"
    if not shape:
        _finite(level, f"payoffs at {_where(place[:-1])}, player {place[-1]}")
        flat.append(float(level))
        return
    if not isinstance(level, (list, tuple)) or len(level) != shape[0]:
        given = f"{len(level)} entries" if isinstance(level, (list, tuple)) else repr(level)
        raise PopulaceError(f"{here}: expected a list of {shape[0]}, as in the first one; got {given}")
    for i, entry in enumerate(level, 1):
        _collect(entry, shape[1:], (*place, i), flat)


def _where(place: tuple[int, ...]) -> str:
    """1-based acts in words: row and column for the first two players."""
    names = ("row", "column")
    return ", ".join(f"{names[k] if k < 2 else f'act of player {k + 1}'} {act}" for k, act in enumerate(place))


def _finite(entry: Any, where: str) -> None:
    if isinstance(entry, bool) or not isinstance(entry, (int, float)) or not math.isfinite(entry):
        raise PopulaceError(f"{where}: {entry!r} is not a finite number; every payoff must be one")


def _size(matrix: Tensor) -> str:
    return f"{matrix.shape[0]} x {matrix.shape[1]}"
