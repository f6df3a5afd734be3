"""Fetch zones and rasters, verified and recorded, or make synthetic ones; nothing here interprets their values."""
