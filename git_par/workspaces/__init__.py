"""Where work happens: making, reading and removing workspaces."""
