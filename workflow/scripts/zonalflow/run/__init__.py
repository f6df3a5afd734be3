"""Control a run and report on it: its controlling process, jobs, logs and end; not what the jobs compute."""
