"""Start users' commands and background work.  Nothing outside of this package starts anything but git.

A user's command is one shell text that came from that user; names reach it through its environment only.
"""
