"""zonalflow: zonal statistics of gridded data, as plain functions on plain data.

A package imports only packages of lower floors, from the lowest: :mod:`common`; :mod:`geometry`, :mod:`tables`,
:mod:`report` and :mod:`run`; :mod:`sources`, :mod:`rasters`, :mod:`zones` and :mod:`vectors`; :mod:`index`;
:mod:`stats`; :mod:`study` and :mod:`steps`; :mod:`verify`. The steps have the names of the workflow's rules. Nothing
here imports Snakemake, and importing a module does nothing else.
"""

__version__ = "0.1.0"
