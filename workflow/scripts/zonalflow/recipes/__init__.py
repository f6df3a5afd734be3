"""Record what each result was made from, and tell whether it would be made from the same now."""
