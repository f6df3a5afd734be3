"""Fetching zones and rasters, verified and recorded, or making synthetic ones; nothing here interprets what came."""
