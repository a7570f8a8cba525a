"""Every table and view, declared once; warehouse, checks, dictionary and comments derive from here."""
