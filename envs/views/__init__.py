"""Worlds as PettingZoo and Gymnasium environments, and as a plain batch of tensors.

Observations, actions and infos are `Any` in the annotations, as they are in PettingZoo and Gymnasium: the spaces of an
environment say what they are, and spaces follow from the world and from arguments such as `flat`. So are arguments that
are handed on as they came.
"""

from populace.envs.views.action_space import ActionSpace
from populace.envs.views.aec import AECView
from populace.envs.views.build import build
from populace.envs.views.check import check_vector_env
from populace.envs.views.make import env, parallel_env, raw_env, seat_env, text_env, vector_env, world
from populace.envs.views.parallel import ParallelView
from populace.envs.views.seat import SeatEnv
from populace.envs.views.stage import Stage
from populace.envs.views.tensor import TensorWorld, Turn
from populace.envs.views.text import Prompt, TextEnv, TextStep
from populace.envs.views.vector import VectorView

__all__ = [
    "AECView",
    "ActionSpace",
    "ParallelView",
    "Prompt",
    "SeatEnv",
    "Stage",
    "TensorWorld",
    "TextEnv",
    "TextStep",
    "Turn",
    "VectorView",
    "build",
    "check_vector_env",
    "env",
    "parallel_env",
    "raw_env",
    "seat_env",
    "text_env",
    "vector_env",
    "world",
]
