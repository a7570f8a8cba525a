"""Loading: from a file in the inbox to a delivery that is stored whole, and how it is released or undone."""
