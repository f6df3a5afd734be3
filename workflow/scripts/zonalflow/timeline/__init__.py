"""Which files, bands and time steps hold the dates of a year."""
