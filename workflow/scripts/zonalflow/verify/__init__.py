"""Whether a finished study's results are still what was computed, and right; nothing here changes or repairs them."""
