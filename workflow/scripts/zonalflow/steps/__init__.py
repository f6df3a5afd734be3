"""Do the work of the rules, one module each, in the order of the data's way; only here everything meets."""
