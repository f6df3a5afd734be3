"""Define a study: its checked configuration, its files, its jobs, and the checks before any job; compute nothing."""
