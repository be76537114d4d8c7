"""One module a verb: the story of that verb, in the order it happens."""
