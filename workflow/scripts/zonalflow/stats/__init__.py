"""The engine: an index and the strips of rasters give numbers for each zone; it neither opens nor writes files."""
