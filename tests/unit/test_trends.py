"""Years, trends and their significance, against arithmetic by hand and against scipy."""

import numpy as np
import pytest
import scipy.stats

from zonalflow.report import trends
from zonalflow.report.quantities import quantity_of

RAIN, HEAT = quantity_of("ppt", {}), quantity_of("tmean", {})
RNG = np.random.Generator(np.random.PCG64(7))


@pytest.mark.parametrize(
    ("quantity", "stat", "expected"),
    [
        (RAIN, "mean", 6),
        (RAIN, "sum", 6),
        (RAIN, "max", 3),
        (RAIN, "min", 1),
        (RAIN, "std", 2),
        (HEAT, "mean", 2),
    ],
)
def test_dates_become_a_year(quantity, stat, expected):
    year = trends.annual([[1, 1], [2, np.nan], [3, 3]], quantity, stat)
    assert year[0] == expected
    assert np.isnan(year[1])  # a year with a hole is no year


def test_one_date_is_the_year_itself():
    np.testing.assert_array_equal(trends.annual([[5, np.nan]], RAIN, "std"), [5, np.nan])


def test_slopes_by_hand():
    # Pairs of (2000, 1), (2001, 2), (2003, 10): 1/1 = 1, 9/3 = 3, 8/2 = 4; the median is 3.
    assert trends.theil_sen([2000, 2001, 2003], [[1], [2], [10]]) == [3]
    # Without the middle year one pair is left: 9/3.
    assert trends.theil_sen([2000, 2001, 2003], [[1], [np.nan], [10]]) == [3]
    # Four years: slopes 1, 1, 1, 1, 1, 1 but for the last value: 1, 1, 1, 9, 5, 11/3: median (1 + 11/3) / 2.
    assert trends.theil_sen([0, 1, 2, 3], [[0], [1], [2], [11]]) == pytest.approx((1 + 11 / 3) / 2)


def test_too_few_years_have_no_slope():
    assert np.isnan(trends.theil_sen([2000], [[1.0]])).all()
    assert np.isnan(trends.theil_sen([2000, 2001], [[1.0], [np.nan]])).all()


def test_slopes_and_significance_agree_with_scipy():
    years = np.array([*range(1990, 2010), 2012])
    table = RNG.normal(size=(21, 40)).round(1) + np.linspace(0, 2, 21)[:, None]  # rounding makes ties
    slopes, p = trends.theil_sen(years, table), trends.mann_kendall(table)
    for zone, series in enumerate(table.T):
        assert slopes[zone] == pytest.approx(scipy.stats.theilslopes(series, years).slope)
        # Kendall's S from scipy's tau-b, then Gilbert's formulas written out for one series.
        s = sum(np.sign(b - a) for i, a in enumerate(series) for b in series[i + 1 :])
        ties = np.unique(series, return_counts=True)[1]
        variance = (21 * 20 * 47 - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
        assert p[zone] == pytest.approx(2 * scipy.stats.norm.sf((abs(s) - (s != 0)) / np.sqrt(variance)))


def test_the_approximation_is_near_the_exact_test_without_ties():
    table = RNG.normal(size=(21, 40)) + np.linspace(0, 1, 21)[:, None]
    exact = [scipy.stats.kendalltau(range(21), series, method="exact").pvalue for series in table.T]
    np.testing.assert_allclose(trends.mann_kendall(table), exact, atol=0.005)


def test_slopes_do_not_depend_on_how_many_fit_in_memory(monkeypatch):
    table = RNG.normal(size=(12, 9))
    whole = trends.theil_sen(range(12), table)
    monkeypatch.setattr(trends, "_PAIRS_AT_ONCE", 100)
    np.testing.assert_array_equal(trends.theil_sen(range(12), table), whole)


def test_significance_by_hand():
    # 1 … 5 rise throughout: S = 10, variance = 5·4·15/18 = 16.67, z = 9/4.082 = 2.2045, p = 0.02748.
    p = trends.mann_kendall(np.array([[1, 1, 7], [2, 2, 7], [3, 3, 7], [4, np.nan, 7], [5, np.nan, 7]]))
    assert p[0] == pytest.approx(0.02748, abs=1e-5)
    assert np.isnan(p[1])  # three years are too few
    assert np.isnan(p[2])  # a constant has no variance


def test_false_discovery_rate_by_hand():
    # Sorted 0.01 0.02 0.03 0.5, four tests: 0.04 0.04 0.04 0.5.
    q = trends.false_discovery_rate([0.5, 0.01, np.nan, 0.03, 0.02])
    np.testing.assert_allclose(q, [0.5, 0.04, np.nan, 0.04, 0.04])
    p = RNG.uniform(size=50)
    np.testing.assert_allclose(trends.false_discovery_rate(p), scipy.stats.false_discovery_control(p))


def test_the_baseline_is_limited_to_the_study():
    assert trends.baseline_years(None, [2000, 2001]) == [2000, 2001]
    assert trends.baseline_years([*range(1991, 2001)], [1999, 2000, 2001]) == [1999, 2000]


def test_the_interval_of_a_slope_is_scipys():
    years = [2000, 2001, 2003, 2004, 2005, 2008, 2009, 2011]
    table = RNG.normal(size=(8, 30)).round(1)  # rounded, so that there are ties
    low, high = trends.slope_interval(years, table)
    for zone in range(30):
        expected = scipy.stats.theilslopes(table[:, zone], years, 0.95)
        assert (low[zone], high[zone]) == pytest.approx((expected.low_slope, expected.high_slope))


def test_the_interval_of_a_slope_needs_five_years():
    # Of a straight line every slope between two years is 2. Four years have 4! orders: their whole range of slopes
    # holds the true one in all but 2 of 24, which is 92 % and not 95 %.
    table = np.array([[0, 0], [2, np.nan], [4, 4], [6, 6], [8, 8.0]])
    low, high = trends.slope_interval([2000, 2001, 2002, 2003, 2004], table)
    assert low[0] == high[0] == 2 and np.isnan(low[1]) and np.isnan(high[1])
    assert np.isnan(trends.slope_interval([2000, 2001, 2002, 2003], table[:4])[0]).all()
