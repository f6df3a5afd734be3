"""A results folder belongs to one configuration: an edit moves aside what it leaves behind, another file is
refused."""

import copy
import json
from pathlib import Path

import pytest

from zonalflow.common.errors import ConfigError
from zonalflow.study.ownership import check_owner, config_changes, left_behind, move_aside, record_config, recorded
from zonalflow.study.resolve import resolve
from zonalflow.study.schema import load_schema
from zonalflow.study.study import Study

SCHEMA = load_schema(Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml")
BASE = {
    "run": "a", "years": "2000:2001", "bbox": [-88, 30, -80, 35],
    "zones": {"source": "file", "path": "zones.gpkg", "id": "GEOID"},
    "raster": {"source": "demo", "variables": ["ppt"]},
}  # fmt: skip


def study(**keys):
    config = copy.deepcopy(BASE) | keys
    return Study(resolve(config, SCHEMA))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def filled(of):
    """Make every product of a study."""
    for path in [*of.products, *of.year_tables]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def test_a_new_folder_belongs_to_no_configuration():
    check_owner(study(), "config/config.yaml")
    assert recorded(study()) is None


def all_right(variable, year):
    return True


def all_wrong(variable, year):
    return False


def test_the_same_configuration_again_moves_nothing():
    assert move_aside(study(), all_wrong) == []
    filled(study())
    check_owner(study(), "a.yaml")
    assert move_aside(study(), all_wrong) == []


def test_another_configuration_file_is_refused_with_the_keys_that_differ():
    record_config(study(), "a.yaml")
    with pytest.raises(ConfigError) as caught:
        check_owner(study(method="coverage"), "b.yaml")
    text = str(caught.value)
    assert "results/a/ holds the results of a.yaml, which differs from b.yaml" in text
    assert 'method: "center" there, "coverage" here' in text
    assert "run: a-2, or move results/a/ away" in text


def test_another_file_with_the_same_content_is_the_same_study():
    record_config(study(), "a.yaml")
    check_owner(study(), "copy.yaml")


@pytest.mark.parametrize(
    "keys",
    [
        {"fetch": {"attempts": 2}},
        {"output": {"formats": ["gpkg"]}},
        {"baseline": "2000:2001"},
        {"raster": {**BASE["raster"], "url": "http://mirror:8000"}},
    ],
)
def test_what_leaves_the_numbers_alone_is_no_difference(keys):
    assert config_changes(study().config, study(**keys).config) == {}


def test_changes_are_named_by_their_dotted_keys():
    assert config_changes(study().config, study(bbox=None, raster={**BASE["raster"], "grain": "daily"}).config) == {
        "bbox": ([-88.0, 30.0, -80.0, 35.0], None),
        "raster.grain": ("annual", "daily"),
    }


def test_an_edit_moves_aside_what_it_leaves_behind(tmp_path):
    filled(study())
    edited = study(years=2000, method="coverage")
    moved = move_aside(edited, all_wrong)
    assert sorted(Path(path).name for path in moved) == sorted(
        ["2001.npz", "ppt_2001.png", *(f"stats_2001.{suffix}" for suffix in ("shp", "shx", "dbf", "prj", "cpg", "qml"))]
    )
    aside = {path.name for path in (tmp_path / "results/a/superseded").rglob("*") if path.is_file()}
    assert aside == {Path(path).name for path in moved}
    assert left_behind(edited) == []


def test_fewer_years_alone_leave_the_others_in_place():
    filled(study())
    assert move_aside(study(years=2000), all_right) == []
    assert Path("results/a/ppt/stats_2001.shp").exists()


def test_a_table_no_longer_asked_for_is_moved_aside():
    everything = {"formats": ["shp", "csv", "parquet", "wide"]}
    filled(study(output=everything))
    moved = move_aside(study(output={"formats": ["parquet"]}, years="2000:2002"), all_right)
    assert sorted(Path(path).name for path in moved) == ["zonal_stats.csv", "zonal_stats_wide.csv"]
    assert Path("results/a/ppt/stats_2001.shp").exists()  # still right: its year is its own


@pytest.mark.parametrize("content", ["", "{", "null", "[]", '{"config": 1}', '{"configfile": 2, "config": {}}', "\0"])
def test_a_damaged_record_is_as_none(content):
    record_config(study(), "a.yaml")
    Path("results/a/config.json").write_text(content)
    assert recorded(study()) is None
    check_owner(study(), "b.yaml")
    record_config(study(), "b.yaml")
    assert json.loads(Path("results/a/config.json").read_text())["configfile"] == "b.yaml"


def test_edited_files_of_one_second_are_kept_beside_each_other(tmp_path):
    filled(study())
    table = Path("results/a/zonal_stats.parquet")
    for content in ("one", "two"):
        table.write_text(content)
        assert move_aside(study(), all_right, [str(table)]) == [str(table)]
    kept = {path.read_text() for path in (tmp_path / "results/a/superseded").rglob("zonal_stats.parquet")}
    assert kept == {"one", "two"}
