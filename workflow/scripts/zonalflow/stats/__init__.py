"""The engine: an index and a raster's values give numbers for each zone; it neither reads rasters nor writes tables."""
