"""Submit jobs to SLURM and follow them: its commands and its queue, and what keeps jobs from running."""
