"""Measurements of git-par beside plain git.  Not a part of the tests: figures depend on the machine, ratios less so."""
