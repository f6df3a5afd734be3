"""Check that a finished study's results are unchanged and right; nothing here changes or repairs them."""
