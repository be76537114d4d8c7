"""git-par: a branch and a directory for every parallel piece of work, and one safe way home."""

__version__ = "0.1.0"
