"""Present a study's results as maps (PNG) and as a page (HTML); the statistics themselves are computed elsewhere."""
