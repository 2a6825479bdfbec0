"""Fitted moments of real surveys, shipped as figures so that a population needs no file."""

from populace.agents.users.distributions import Correlated, Distribution

HUMAN_VALUES_DE_SOURCE = (
    "Gansser, O. (2017), survey of human values in Germany, 1,000 respondents, 15 items answered from 1 to 7, "
    "osf.io/zg89r, CC BY 4.0; means, standard deviations (n - 1) and Pearson correlations fitted by us"
)

# In the order of the file: Spass, Freude, Aufregung, Fuehrung, Entscheidung, Religioesitaet, Respekt, Demut,
# Gefahrenvermeidung, Sicherheit, Ordentlichkeit, Unabhaengigkeit, Zuhoeren, Umweltbewusstsein, Interesse.
_MEANS = (5.233, 5.123, 4.179, 3.612, 3.714, 2.955, 4.783, 3.684, 4.996, 5.651, 5.198, 5.556, 5.031, 4.894, 5.244)
_SDS = (
    1.4896,
    1.4711,
    1.6964,
    1.8007,
    1.7673,
    1.9598,
    1.6795,
    1.6694,
    1.5807,
    1.4097,
    1.5695,
    1.3269,
    1.4994,
    1.495,
    1.4417,
)
_BELOW_DIAGONAL: tuple[tuple[float, ...], ...] = (
    (0.5501,),
    (0.4616, 0.4388),
    (0.0677, 0.1348, 0.2095),
    (0.0573, 0.1252, 0.2194, 0.7992),
    (-0.1233, -0.1047, -0.0464, -0.0265, -0.0037),
    (0.1303, 0.0647, 0.1018, 0.0681, 0.0381, 0.2668),
    (-0.0267, -0.051, -0.0097, -0.0332, -0.0771, 0.3414, 0.3365),
    (0.0068, 0.011, -0.0535, 0.0012, -0.0255, 0.2103, 0.3096, 0.3075),
    (0.1007, 0.1028, 0.0065, 0.0298, -0.0072, 0.0657, 0.2551, 0.1254, 0.5407),
    (0.0556, 0.0861, -0.0261, -0.0298, -0.0398, 0.1295, 0.2035, 0.1878, 0.3849, 0.3407),
    (0.2043, 0.2875, 0.1728, 0.1561, 0.184, -0.154, 0.0043, -0.0779, 0.0999, 0.1895, 0.2461),
    (0.2217, 0.1821, 0.1493, -0.1779, -0.11, 0.0519, 0.1052, 0.0891, 0.0672, 0.0856, 0.1254, 0.174),
    (0.1001, 0.1302, 0.0229, -0.1387, -0.0998, 0.0742, 0.0765, 0.143, 0.1739, 0.1577, 0.1532, 0.1191, 0.4051),
    (0.2527, 0.2218, 0.1442, -0.0109, 0.0223, -0.0911, -0.0066, 0.0262, 0.0641, 0.1326, 0.0804, 0.2759, 0.447, 0.3427),
)


def _matrix(below: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
    """The full correlation matrix of what stands below its diagonal."""
    n = len(below) + 1
    return tuple(tuple(1.0 if i == j else below[max(i, j) - 1][min(i, j)] for j in range(n)) for i in range(n))


def moments(survey: str) -> Distribution:
    """The survey's values as correlated normals with its means, standard deviations and correlations.

    Assumed: the normal form. Answers were whole numbers from 1 to 7; samples are real numbers and may lie
    outside, as cutting them off would change the moments.
    """
    assert survey == "human-values-de"
    return Distribution(correlated=Correlated(means=_MEANS, sds=_SDS, correlation=_matrix(_BELOW_DIAGONAL)))


SURVEYS: dict[str, str] = {"human-values-de": HUMAN_VALUES_DE_SOURCE}
"""Name -> source of the surveys whose moments are here."""
