"""Who may ask, how often, and how much may come at once."""
