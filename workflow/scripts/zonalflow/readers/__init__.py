"""The one way in which cells of rasters are read: strips of whole blocks, for several time steps of a file together."""
