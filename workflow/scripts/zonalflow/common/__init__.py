"""What every other package needs: files, errors, dates, column names, states; nothing about geometry or rasters."""
