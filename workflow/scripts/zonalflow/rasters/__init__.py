"""The rasters: which files and bands hold which dates, and reading windows of them; no statistics and no downloads."""
