// Room for the target's first file.
