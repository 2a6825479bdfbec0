"""What verifiers finds under the id `populace-verifiers`: it looks for tasksets by the name of a top-level package."""

from populace.envs.bridges.verifiers import SeatEnv, SeatTaskset

__all__ = ["SeatEnv", "SeatTaskset"]
