"""People with cultural traits on several networks, one agent a culture, and a synthesiser whose answers they hear."""

from populace.envs.culture.options import CultureOptions, Layer, SurveyOptions
from populace.envs.culture.survey import Survey
from populace.envs.culture.surveys import load
from populace.envs.culture.world import Culture

__all__ = ["Culture", "CultureOptions", "Layer", "Survey", "SurveyOptions", "load"]
