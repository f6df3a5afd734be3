"""Do the work of the rules, one module for each; only these modules combine all other packages."""
