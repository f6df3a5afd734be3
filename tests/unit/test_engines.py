"""The other engines that verify asks, on cells that can be counted by hand."""

import dataclasses

import numpy as np
import pytest
import shapely

from zonalflow.geometry.grid import Grid
from zonalflow.verify.engines import Raster, second_opinion

THREE = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 3.0), 3, 3)


def test_the_other_engine_by_hand():
    values = np.arange(1.0, 10).reshape(3, 3)
    raster = Raster(values, values == 5, THREE)
    zone = [shapely.box(0.25, 0.25, 2.75, 2.75)]  # all nine centres; corners to 9/16, sides to 3/4
    [whole] = second_opinion(zone, raster, "center", ["mean", "count", "nodata"])
    assert {name: value[0] for name, value in whole.items()} == {"mean": 40 / 8, "count": 8, "nodata": 1}
    [parts] = second_opinion(zone, raster, "coverage", ["sum", "count"])
    assert parts["count"][0] == pytest.approx(4 * 9 / 16 + 4 * 3 / 4)
    assert parts["sum"][0] == pytest.approx(9 / 16 * (1 + 3 + 7 + 9) + 3 / 4 * (2 + 4 + 6 + 8))
    south_up = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 3, 3)
    turned = Raster(values[::-1], values[::-1] == 5, south_up)
    assert second_opinion(zone, turned, "center", ["mean", "count", "nodata"]) == [whole]
    weights = np.array([[1.0], [2.0], [3.0]]) * np.ones(3)
    [weighted] = second_opinion(zone, dataclasses.replace(raster, weights=weights), "center", ["mean", "count"])
    # (1 · (1+2+3) + 2 · (4+6) + 3 · (7+8+9)) / (1 · 3 + 2 · 2 + 3 · 3)
    assert (weighted["mean"][0], weighted["count"][0]) == (pytest.approx(98 / 16), 8)


def test_touched_cells_by_the_other_engine_by_hand():
    # x 0.9 … 2, y 1 … 2 overlaps cells 4 and 5 of the middle row, a tenth of the former, and shares borders with others
    values = np.arange(1.0, 10).reshape(3, 3)
    raster = Raster(values, np.zeros((3, 3), bool), THREE)
    answers = second_opinion([shapely.box(0.9, 1, 2, 2)], raster, "all_touched", ["mean", "count", "std", "unique"])
    for answer in answers:
        assert {name: value[0] for name, value in answer.items()} == {"mean": 4.5, "count": 2, "std": 0.5, "unique": 2}


def test_a_fraction_by_rounding_gives_two_answers():
    # cells of 0.1 degree, whose borders are not exact in binary: with a cell beside it or without, none is wrong
    grid = Grid("EPSG:4269", (0.1, 0, -0.3, 0, -0.1, 0.7), 9, 5)
    raster = Raster(np.arange(45.0).reshape(5, 9), np.zeros((5, 9), bool), grid)
    along = [shapely.box(-0.3 + 0.1 * c, 0.7 - 0.1 * (r + 1), -0.3 + 0.1 * (c + 1), 0.7 - 0.1 * r)
             for c in range(1, 8) for r in range(1, 4)]  # fmt: skip
    answers = second_opinion(along, raster, "all_touched", ["count", "max"])
    assert len(answers) == 2 and answers[1]["count"].tolist() == [1] * 21
    assert answers[1]["max"].tolist() == [9 * r + c for c in range(1, 8) for r in range(1, 4)]


def test_percentiles_of_equal_values_by_the_other_engine():
    # fractions 1, 1, 1/2 of the values 0, 0, 10: cells stand at 0, 1 + 2 = 3 and 2 · 1/2 + 2 · 2 = 5 of
    # 2 · 2.5 = 5; the 90th percentile is sought at 4.5, three quarters of the way from 3 to 5
    raster = Raster(np.array([[0.0, 0.0, 10.0]]), np.zeros((1, 3), bool), THREE.window(0, 1, 0, 3))
    [answer] = second_opinion([shapely.box(0, 2, 2.5, 3)], raster, "coverage", ["percentile_90", "median"])
    assert (answer["percentile_90"][0], answer["median"][0]) == (7.5, 0)


@pytest.mark.parametrize("method", ["center", "all_touched", "coverage"])
def test_variance_and_its_coefficient_by_the_other_engine(method):
    # of 1 … 9 the mean is 5 and the variance 60 / 9; of −1, 0 and 1 the mean is 0
    values = np.arange(1.0, 10).reshape(3, 3)
    for shift, coefficient in ((0, np.sqrt(60 / 9) / 5), (5, np.nan)):
        raster = Raster(values - shift, np.zeros((3, 3), bool), THREE)
        [answer] = second_opinion([shapely.box(0, 0, 3, 3)], raster, method, ["variance", "cv"])
        assert answer["variance"][0] == pytest.approx(60 / 9)
        assert answer["cv"][0] == pytest.approx(coefficient, nan_ok=True)


def test_a_least_coverage_by_the_other_engine():
    # of three cells 1/2, 1 and 1/4 are covered; by 0.2500001 or more, the last one is in doubt
    raster = Raster(np.array([[1.0, 2.0, 4.0]]), np.zeros((1, 3), bool), THREE.window(0, 1, 0, 3))
    zone = [shapely.box(0.5, 2, 2.25, 3)]
    for least, counts in ((0.25, [1.75]), (0.3, [1.5]), (0.5, [1.5]), (0.2500001, [1.75, 1.5])):
        answers = second_opinion(zone, raster, "coverage", ["count"], min_coverage=least)
        assert [answer["count"][0] for answer in answers] == counts


@pytest.mark.parametrize("method", ["center", "all_touched", "coverage"])
def test_a_zone_without_data_has_no_weighted_numbers(method):
    weights = np.ones((3, 3))
    raster = Raster(np.full((3, 3), 7.0), np.ones((3, 3), bool), THREE, weights)
    for answer in second_opinion([shapely.box(0, 0, 3, 3)], raster, method, ["sum", "mean", "std", "cv", "count"]):
        assert answer.pop("count")[0] == 0
        assert all(np.isnan(value[0]) for value in answer.values())
