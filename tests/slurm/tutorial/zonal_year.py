"""One year as the tutorial's per-year script does it: clip the counties to the raster, rasterstats, a shapefile."""

import sys

import geopandas as gpd
import pandas as pd
import rasterio
from rasterstats import zonal_stats

zones, raster, target = sys.argv[1:]
with rasterio.open(raster) as source:
    box, crs = source.bounds, source.crs
counties = gpd.read_file(zones).to_crs(crs).cx[box.left : box.right, box.bottom : box.top]
counties = counties.clip(tuple(box)).reset_index(drop=True)
table = pd.DataFrame(zonal_stats(counties, raster, stats="mean"))
counties.join(table).to_file(target)
