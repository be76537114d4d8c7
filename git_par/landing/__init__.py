"""How work comes back: plan, audit, publish, and what counts as integrated."""
