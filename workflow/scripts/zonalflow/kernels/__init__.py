"""The innermost loops over cells, compiled where numba is installed and much is to be reduced."""
