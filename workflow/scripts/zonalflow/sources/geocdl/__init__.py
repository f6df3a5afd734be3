"""Fetching rasters from GeoCDL: a year's requests, what comes of each, and what the server says that it holds."""
