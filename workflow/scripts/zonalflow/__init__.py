"""zonalflow: zonal statistics of gridded data, as plain functions on plain data.

The modules follow the data: :mod:`years`, :mod:`config` and :mod:`study` say what is asked for; :mod:`census`,
:mod:`geocdl`, :mod:`prism`, :mod:`download` and :mod:`archive` fetch it; :mod:`zones`, :mod:`grid`, :mod:`slices` and
:mod:`index` bring polygons and cells together; :mod:`stats`, :mod:`tables`, :mod:`vectors`, :mod:`maps` and
:mod:`manifest` turn them into results. Nothing here imports Snakemake, and importing a module does nothing else.
"""

__version__ = "0.1.0"
