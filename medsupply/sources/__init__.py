"""Sources: what a delivery of each kind is, how its bytes become rows, which rows are accepted. Pure."""
