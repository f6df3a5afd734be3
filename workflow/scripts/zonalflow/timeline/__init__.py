"""Find the files, bands and time steps that hold the dates of a year."""
