"""People with cultural traits on several networks, one agent a culture, and a synthesiser whose answers they hear."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.envs.culture.options import CultureOptions, Layer, SurveyOptions
    from populace.envs.culture.survey import Survey
    from populace.envs.culture.surveys import load
    from populace.envs.culture.world import Culture

__all__ = ["Culture", "CultureOptions", "Layer", "Survey", "SurveyOptions", "load"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Culture": "populace.envs.culture.world",
        "CultureOptions": "populace.envs.culture.options",
        "Layer": "populace.envs.culture.options",
        "Survey": "populace.envs.culture.survey",
        "SurveyOptions": "populace.envs.culture.options",
        "load": "populace.envs.culture.surveys",
    },
)
