"""Control a run and report on it: who controls it, its jobs, its log, its end; not what the jobs compute."""
