"""A year's vector files: names of columns, shapefiles and other formats; the statistics are computed elsewhere."""
