"""Task files: read, put into levels, carried out."""
