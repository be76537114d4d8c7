"""What can be wrong with a repository and with what git-par knows of it: each check looks, and says how it can be mended.

A check only reads, and reads files where git itself would die.  What mends looks again under the right lock first.
"""
