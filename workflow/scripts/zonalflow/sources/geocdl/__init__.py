"""Fetching rasters from GeoCDL: the requests of a year, their answers, and what the server says that it holds."""
