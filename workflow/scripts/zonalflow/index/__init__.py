"""Which cells of a grid each zone holds, found once, stored and found again; what the cells hold is not its concern."""
