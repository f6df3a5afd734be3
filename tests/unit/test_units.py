"""What variables and statistics are called and measured in."""

import pytest

from zonalflow.common import columns
from zonalflow.report import quantities
from zonalflow.report.colours import NEUTRAL
from zonalflow.sources.catalogue.prism import VARIABLES


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_of_prism_has_a_unit_and_a_name(variable):
    known = quantities.quantity_of(variable, {})
    assert known.unit and known.label != variable and known.palette != NEUTRAL


def test_only_precipitation_adds_up_over_the_year():
    assert [v for v in VARIABLES if quantities.quantity_of(v, {}).adds_up] == ["ppt"]


def test_the_configuration_overrides_a_known_unit():
    assert quantities.quantity_of("ppt", {"ppt": "inch"}).unit == "inch"
    assert quantities.quantity_of("ppt", {"tmin": "K"}).unit == "mm"
    assert quantities.quantity_of("ndvi", {}).unit == ""
    assert quantities.stat_unit("mean", quantities.quantity_of("ndvi", {"ndvi": "1"})) == ""  # dimensionless


@pytest.mark.parametrize(
    ("variable", "annual"),
    [("ppt", "annual precipitation"), ("tmean", "annual mean temperature"), ("ndvi", "NDVI"), ("soil", "soil"),
     ("tmin", "annual mean of the minimum temperature")],
)  # fmt: skip
def test_a_year_is_called_by_what_it_is(variable, annual):
    assert quantities.quantity_of(variable, {}).annual_label == annual


@pytest.mark.parametrize(
    ("stat", "label", "unit"),
    [("mean", "mean", "mm"), ("std", "standard deviation", "mm"), ("count", "number of cells", "cells"),
     ("nodata", "number of cells without data", "cells"), ("unique", "number of different values", ""),
     ("percentile_90", "90th percentile", "mm"), ("percentile_1", "1st percentile", "mm"),
     ("percentile_12", "12th percentile", "mm"), ("percentile_2.5", "2.5th percentile", "mm"),
     ("class_11", "cells of class 11", "cells"), ("share_11", "share of class 11", ""),
     ("variance", "variance", "mm²"), ("cv", "coefficient of variation", "")],
)  # fmt: skip
def test_statistics_have_names_and_units(stat, label, unit):
    assert quantities.stat_label(stat) == label
    assert quantities.stat_unit(stat, quantities.quantity_of("ppt", {})) == unit


def test_the_statistic_that_is_drawn():
    assert columns.main_stat(["min", "mean"]) == "mean"
    assert columns.main_stat(["count", "median"]) == "median"
    assert columns.main_stat(["categorical"]) == "count"
    assert columns.main_stat(["count"]) == "count"
