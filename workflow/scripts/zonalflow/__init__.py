"""zonalflow: zonal statistics of gridded data, as plain functions on plain data.

Its packages form layers, which pyproject.toml states (import-linter): each imports only packages of lower layers. The
modules of ``steps`` have the names of the workflow's rules. Nothing here imports Snakemake, and importing a module has
no side effects.
"""

__version__ = "0.1.0"
