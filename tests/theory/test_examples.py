import pytest

from pbench.theory.examples import EXAMPLES


def test_the_travel_city():
    city = EXAMPLES["city"]
    assert city.marginals()[0] == {"New": 0.5, "Mexico": 0.25, "Panama": 0.25}
    assert city.marginals()[1] == {"York": 0.25, "Orleans": 0.25, "City": 0.5}
    mixtures = city.mixtures()
    assert mixtures[0].words == ("New", "City")
    assert not mixtures[0].valid
    assert mixtures[0].probability == 0.25
    assert len(mixtures) == 9
    assert sum(one.probability for one in mixtures) == pytest.approx(1)
    assert sum(one.probability for one in mixtures if one.valid) == pytest.approx(city.one_step_accuracy)
    assert city.one_step_accuracy == pytest.approx(0.5)
    assert city.total_correlation == pytest.approx(1)
    assert city.best_bits() == pytest.approx([1, 0])
