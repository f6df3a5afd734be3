"""The numbers on disk: a year's table and the tidy and wide tables of all years, not how they are computed."""
